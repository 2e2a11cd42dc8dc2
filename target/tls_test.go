package target

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

func newAuthority(t *testing.T) *mockmeta.Authority {
	t.Helper()
	a, err := mockmeta.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func writePEM(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A receiver that demands Meta's client certificate is reached with the one in the target file and not without it.
func TestClientCertificateOfTheTargetFileIsShown(t *testing.T) {
	const name = "client.webhooks.fbclientcerts.com"
	authority := newAuthority(t)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = authority.ServerConfig(name)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	cert, err := authority.Client(name, mockmeta.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writePEM(t, filepath.Join(dir, "cert.pem"), cert.CertPEM)
	writePEM(t, filepath.Join(dir, "key.pem"), cert.KeyPEM)
	writePEM(t, filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for label, c := range map[string]struct {
		tls  TLS
		want wire.Trouble
	}{
		"with the certificate":    {TLS{CA: "ca.pem", Cert: "cert.pem", Key: "key.pem"}, wire.None},
		"without it":              {TLS{CA: "ca.pem"}, wire.BadTLS},
		"without the server's CA": {TLS{Cert: "cert.pem", Key: "key.pem"}, wire.BadTLS},
	} {
		t.Run(label, func(t *testing.T) {
			client, err := Config{TLS: c.tls, dir: dir}.Client(5 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			x := client.Send(t.Context(), wire.Request{Method: http.MethodGet, URL: server.URL})
			if x.Trouble != c.want {
				t.Errorf("trouble %q (%v), want %q", x.Trouble, x.Err, c.want)
			}
		})
	}
}
