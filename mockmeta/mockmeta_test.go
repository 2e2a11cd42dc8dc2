package mockmeta_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

const (
	appSecret   = "0123456789abcdef0123456789abcdef"
	verifyToken = "meaty & ham+hock $HOME `id` \"'"
	// everything holds each character that Meta escapes, and some that shells and encoders treat in their own ways.
	everything = "a/b <c> @d 100% Ayú 👍 \\ \"q\" 'r' $HOME `id` \u2028"
)

func loadMeta(t testing.TB) contract.Meta {
	t.Helper()
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

func newGenerator(t testing.TB) *fixtures.Generator {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Unix(1779530400, 0) }
	g, err := fixtures.NewGenerator(edition, 1, now)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// message is an event in which the customer writes this text.
func message(t testing.TB, text string) fixtures.Event {
	t.Helper()
	ev, err := newGenerator(t).Text(text)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func build(t testing.TB, callback string, p mockmeta.Plan) mockmeta.Attempt {
	t.Helper()
	a, err := mockmeta.Build(loadMeta(t), callback, appSecret, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// header returns the values of a header of a request that was built.
func header(r wire.Request, name string) []string {
	var out []string
	for _, f := range r.Header {
		if f.Name == name {
			out = append(out, f.Value)
		}
	}
	return out
}

func newClient(t testing.TB, ca string, options ...wire.Option) *wire.Client {
	t.Helper()
	client, err := wire.NewClient(loadMeta(t).Timeout.Value, ca, false, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// received is a request as an HTTP server saw it.
type received struct {
	method, uri string
	query       map[string][]string
	header      http.Header
	body        []byte
}

// receiver is an HTTP server that answers 200 and keeps what it was sent.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	all []received
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("reading the request: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, received{req.Method, req.RequestURI, req.URL.Query(), req.Header.Clone(), body})
	}))
	t.Cleanup(r.Close)
	return r
}

// take returns what was received since the last time.
func (r *receiver) take() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.all
	r.all = nil
	return out
}

// overTheWire returns the bytes that a request consists of, from a server that knows no HTTP but this much: a head ends
// at an empty line.
func overTheWire(t *testing.T, client *wire.Client, r func(callback string) wire.Request) (head, body []byte) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	request := r("http://" + listener.Addr().String() + "/webhooks/meta?tenant=7")
	got := make(chan []byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			got <- nil
			return
		}
		var all []byte
		buffer := make([]byte, 4096)
		for !complete(all, len(request.Body)) {
			n, err := conn.Read(buffer)
			all = append(all, buffer[:n]...)
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = conn.Close()
		got <- all
	}()
	if x := client.Send(context.Background(), request); x.Status != http.StatusOK {
		t.Fatalf("no answer: %v", x.Err)
	}
	head, body, _ = bytes.Cut(<-got, []byte("\r\n\r\n"))
	return head, body
}

func complete(all []byte, body int) bool {
	_, got, ok := bytes.Cut(all, []byte("\r\n\r\n"))
	return ok && len(got) >= body
}

// lines returns the lines of a head, the header lines sorted.
func lines(head []byte) []string {
	out := []string{}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		out = append(out, string(line))
	}
	slices.Sort(out[1:])
	return out
}

// writeFile writes a file for the test and returns its path.
func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := t.TempDir() + "/" + name
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
