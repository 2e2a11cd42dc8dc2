package mockmeta_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
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

func newCertificate(
	t *testing.T, from *mockmeta.Authority, name string, o mockmeta.ClientOptions,
) mockmeta.ClientCertificate {
	t.Helper()
	c, err := from.Client(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newTLSReceiver starts a server and returns its URL and the file of the roots that it is to be verified by.
func newTLSReceiver(t *testing.T, config *tls.Config) (url, ca string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 {
			w.Header().Set("X-Client", r.TLS.PeerCertificates[0].Subject.CommonName)
		}
	}))
	server.TLS = config
	// Refused handshakes are what is tested here; the server need not tell of them.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, writeFile(t, "ca.pem", root)
}

func TestClientCertificateIsShownToAReceiverThatDemandsIt(t *testing.T) {
	meta := loadMeta(t)
	name := meta.ClientCertificate.Value
	if name != "client.webhooks.fbclientcerts.com" {
		t.Errorf("Meta's certificate is for %s", name)
	}
	ours, foreign := newAuthority(t), newAuthority(t)
	genuine := newCertificate(t, ours, name, mockmeta.ClientOptions{})
	for version, min := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		config := ours.ServerConfig(name)
		config.MinVersion, config.MaxVersion = min, min
		url, ca := newTLSReceiver(t, config)
		for kind, c := range map[string]struct {
			options []wire.Option
			taken   bool
		}{
			"Meta's":          {[]wire.Option{wire.WithClientCertificate(genuine.TLS)}, true},
			"none":            {nil, false},
			"another name's":  {[]wire.Option{shows(t, ours, "client.example.com", mockmeta.ClientOptions{})}, false},
			"another root's":  {[]wire.Option{shows(t, foreign, name, mockmeta.ClientOptions{})}, false},
			"expired":         {[]wire.Option{shows(t, ours, name, mockmeta.ClientOptions{Expired: true})}, false},
			"half a chain":    {[]wire.Option{shows(t, ours, name, mockmeta.ClientOptions{NoIntermediate: true})}, false},
			"not for clients": {[]wire.Option{shows(t, ours, name, mockmeta.ClientOptions{ServerOnly: true})}, false},
		} {
			t.Run(version+", "+kind, func(t *testing.T) {
				client := newClient(t, ca, c.options...)
				a := build(t, url, mockmeta.Plan{Event: message(t, everything)})
				for how, send := range map[string]func(context.Context, wire.Request) wire.Exchange{
					"a connection of its own": client.Send, "a kept one": client.SendReusing,
				} {
					x := send(t.Context(), a.Request)
					if got := mockmeta.Accepted(meta, x); got != c.taken {
						t.Errorf("%s: taken: %v (%v)", how, got, x.Err)
					}
					if c.taken && x.Header.Get("X-Client") != name {
						t.Errorf("%s: the receiver saw %q", how, x.Header.Get("X-Client"))
					}
					// Where the server's alert and the end of the connection race, either may be seen.
					if seen := []wire.Trouble{wire.BadTLS, wire.BrokenOff}; !c.taken && !slices.Contains(seen, x.Trouble) {
						t.Errorf("%s: a refused certificate is %q (%v)", how, x.Trouble, x.Err)
					}
				}
			})
		}
	}
}

// shows is the option of a client with such a certificate.
func shows(t *testing.T, a *mockmeta.Authority, name string, o mockmeta.ClientOptions) wire.Option {
	t.Helper()
	return wire.WithClientCertificate(newCertificate(t, a, name, o).TLS)
}

func TestCertificateChangesNothingForAReceiverThatDemandsNone(t *testing.T) {
	url, ca := newTLSReceiver(t, &tls.Config{MinVersion: tls.VersionTLS12})
	a := newAuthority(t)
	for name, options := range map[string][]wire.Option{
		"with a certificate": {shows(t, a, "client.example.com", mockmeta.ClientOptions{})},
		"without":            nil,
	} {
		x := newClient(t, ca, options...).Send(t.Context(), build(t, url, plain("{}")).Request)
		if x.Status != http.StatusOK || x.Header.Get("X-Client") != "" {
			t.Errorf("%s: status %d, the receiver saw %q (%v)", name, x.Status, x.Header.Get("X-Client"), x.Err)
		}
	}
}

// Meta takes no self-signed server; wire's client is what keeps to that.
func TestServerWithoutAValidChainIsNotSentAnything(t *testing.T) {
	url, _ := newTLSReceiver(t, &tls.Config{MinVersion: tls.VersionTLS12})
	if x := newClient(t, "").Send(t.Context(), build(t, url, plain("{}")).Request); x.Trouble != wire.BadTLS {
		t.Errorf("trouble %q, status %d", x.Trouble, x.Status)
	}
}

// The PEM forms are what a receiver in another language, or curl, is given.
func TestPEMFormsAreTheSameCertificates(t *testing.T) {
	a := newAuthority(t)
	for name, o := range map[string]mockmeta.ClientOptions{"whole chain": {}, "half": {NoIntermediate: true}} {
		c := newCertificate(t, a, "client.example.com", o)
		pair, err := tls.X509KeyPair(c.CertPEM, c.KeyPEM)
		if err != nil {
			t.Fatal(err)
		}
		if len(pair.Certificate) != len(c.TLS.Certificate) || !slices.Equal(pair.Certificate[0], c.TLS.Certificate[0]) {
			t.Errorf("%s: %d certificates in PEM, %d in TLS", name, len(pair.Certificate), len(c.TLS.Certificate))
		}
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		if !roots.AppendCertsFromPEM(a.PEM()) {
			t.Fatal("the root is no PEM")
		}
		for _, der := range pair.Certificate[1:] {
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			between.AddCert(cert)
		}
		_, err = pair.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if (err == nil) == o.NoIntermediate {
			t.Errorf("%s: verified by the root alone: %v", name, err)
		}
	}
}
