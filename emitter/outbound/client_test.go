package outbound_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// patience is a limit that no test reaches, short one that is waited for.
const (
	patience = 30 * time.Second
	short    = 150 * time.Millisecond
)

var header = []wire.Field{
	{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "Kirim-Webhook/1.0"},
	{Name: "X-Kirim-Source", Value: "kirim"}, {Name: "X-Kirim-Event", Value: "contact.created"},
	{Name: "X-Kirim-Event-Id", Value: "evt_01HZX0000000000000000000AB"},
	{Name: "X-Kirim-Delivery-Id", Value: "wbd_01HZX0000000000000000000AB"}, {Name: "X-Kirim-Attempt", Value: "1"},
	{Name: "X-Kirim-Signature", Value: "t=1716480000,v1=" + strings.Repeat("0123456789abcdef", 4)},
}

func listen(t testing.TB, c subscriber.Config) *subscriber.Server {
	t.Helper()
	s, err := subscriber.Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// listenTLS starts a server with a certificate for 127.0.0.1.
func listenTLS(t testing.TB, flaw subscriber.Flaw, http2 bool) (*subscriber.Server, *x509.CertPool) {
	t.Helper()
	a, err := subscriber.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Certificate(flaw, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return listen(t, subscriber.Config{TLS: subscriber.ServerTLS(cert, http2)}), a.Roots()
}

func newClient(t testing.TB, c outbound.Config) *outbound.Client {
	t.Helper()
	if c.Policy == nil {
		c.Policy = &guard.Policy{Dev: true}
	}
	client := outbound.New(c)
	t.Cleanup(client.Close)
	return client
}

// send makes one attempt with a limit that it must not need.
func send(t testing.TB, c *outbound.Client, url string, body []byte) pipeline.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.Send(ctx, pipeline.Request{URL: url, Header: header, Body: body})
}

// taken makes one attempt that must be answered with this status.
func taken(t testing.TB, c *outbound.Client, url string, status int) pipeline.Response {
	t.Helper()
	r := send(t, c, url, []byte(`{"a": 1}`))
	if r.Err != nil || r.Status != status {
		t.Fatalf("status %d, %s: %v", r.Status, r.Trouble, r.Err)
	}
	return r
}

func TestBytesAndHeaderNamesGoOutAsGivenAndNothingIsAdded(t *testing.T) {
	s := listen(t, subscriber.Config{})
	c := newClient(t, outbound.Config{})
	for name, header := range map[string][]wire.Field{
		"as documented":  header,
		"lower case":     {{Name: "user-agent", Value: "Kirim-Webhook/1.0"}, {Name: "x-kirim-event-id", Value: "e"}},
		"upper case":     {{Name: "USER-AGENT", Value: "Kirim-Webhook/1.0"}, {Name: "X-KIRIM-EVENT-ID", Value: "e"}},
		"one name twice": {{Name: "User-Agent", Value: "u"}, {Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}},
	} {
		for _, body := range [][]byte{[]byte("{\"a\" : \"\\u00e9\xff\"}\n"), {}, bytes.Repeat([]byte("x"), 1<<20)} {
			e := s.Endpoint()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			r := c.Send(ctx, pipeline.Request{URL: e.URL() + "?token=a%2Fb", Header: header, Body: body})
			cancel()
			if r.Err != nil {
				t.Fatal(name, r.Err)
			}
			got := e.Received()
			if len(got) != 1 || got[0].Method != "POST" || !bytes.Equal(got[0].Body, body) ||
				!strings.HasSuffix(got[0].Target, "?token=a%2Fb") {
				t.Fatalf("%s: received %d requests, not this one alone", name, len(got))
			}
			var rest []wire.Field
			for _, f := range got[0].Header {
				if f.Name != "Host" && f.Name != "Content-Length" {
					rest = append(rest, f)
				}
			}
			byName := func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) }
			slices.SortStableFunc(rest, byName)
			if want := slices.SortedStableFunc(slices.Values(header), byName); !slices.Equal(rest, want) {
				t.Errorf("%s: header %q, want %q", name, rest, want)
			}
		}
	}
}

func TestRedirectsAreAnAnswerAndNotFollowed(t *testing.T) {
	s := listen(t, subscriber.Config{})
	from, to := s.Endpoint(), s.Endpoint()
	for _, status := range []int{301, 302, 303, 307, 308} {
		from.Default(subscriber.Redirect(status, to.URL()))
		r := taken(t, newClient(t, outbound.Config{}), from.URL(), status)
		if r.Header.Get("Location") != to.URL() {
			t.Errorf("%d: Location %q", status, r.Header.Get("Location"))
		}
	}
	if n, _ := to.Count(); n != 0 {
		t.Errorf("%d requests followed", n)
	}
}

func TestAnswersAreReadWithinTheLimit(t *testing.T) {
	s := listen(t, subscriber.Config{})
	e := s.Endpoint()
	c := newClient(t, outbound.Config{})
	chunked := []wire.Field{{Name: "Transfer-Encoding", Value: "chunked"}}
	for name, c2 := range map[string]struct {
		answer subscriber.Answer
		length int
		kept   bool
	}{
		"empty":                {subscriber.Status(204), 0, true},
		"short":                {subscriber.Answer{Body: []byte("ok")}, 2, true},
		"at the limit":         {subscriber.Huge(200, 64<<10), 64 << 10, true},
		"over the limit":       {subscriber.Huge(200, 64<<10+2), 64 << 10, false},
		"huge":                 {subscriber.Huge(200, 1<<30), 64 << 10, false},
		"huge and a failure":   {subscriber.Huge(503, 1<<30), 64 << 10, false},
		"in chunks":            {subscriber.Answer{Header: chunked, Body: []byte("5\r\nhello\r\n0\r\n\r\n")}, 5, true},
		"in chunks, and empty": {subscriber.Answer{Header: chunked, Body: []byte("0\r\n\r\n")}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			e.Forget()
			e.Script(c2.answer)
			status := max(c2.answer.Status, 200)
			if r := taken(t, c, e.URL(), status); len(r.Body) != c2.length {
				t.Errorf("%d bytes were read", len(r.Body))
			}
			taken(t, c, e.URL(), 200)
			got := e.Received()
			if kept := got[0].Conn == got[1].Conn; kept != c2.kept {
				t.Errorf("connection kept: %v", kept)
			}
		})
	}
}

func TestConnectionsAreReusedByALane(t *testing.T) {
	s := listen(t, subscriber.Config{})
	e := s.Endpoint()
	c := newClient(t, outbound.Config{})
	const lane, each = 16, 50
	var wg sync.WaitGroup
	for range lane {
		wg.Go(func() {
			for range each {
				if r := send(t, c, e.URL(), []byte("{}")); r.Err != nil || r.Status != 200 {
					t.Errorf("%d %v", r.Status, r.Err)
				}
			}
		})
	}
	wg.Wait()
	if n, _ := e.Count(); n != lane*each {
		t.Errorf("%d requests", n)
	}
	// net/http may begin to connect and then get a connection that came free.
	if n := s.Stats().Connections; n > 3*lane {
		t.Errorf("%d connections for %d requests", n, lane*each)
	}
}

func TestHTTP2WhereItIsOffered(t *testing.T) {
	for name, offered := range map[string]bool{"HTTP/2.0": true, "HTTP/1.1": false} {
		t.Run(name, func(t *testing.T) {
			s, roots := listenTLS(t, subscriber.NoFlaw, offered)
			e := s.Endpoint()
			c := newClient(t, outbound.Config{Roots: roots})
			for range 3 {
				taken(t, c, e.URL(), 200)
			}
			got := e.Received()
			for _, d := range got {
				if d.Proto != name || d.Conn != got[0].Conn || d.Get("X-Kirim-Event") != "contact.created" ||
					d.Get("User-Agent") != "Kirim-Webhook/1.0" || d.Get("Accept-Encoding") != "" {
					t.Errorf("%+v", d)
				}
			}
			if len(got) != 3 || string(got[2].Body) != `{"a": 1}` {
				t.Errorf("%d requests", len(got))
			}
		})
	}
}

func TestTheGuardIsAskedAtEveryConnection(t *testing.T) {
	s := listen(t, subscriber.Config{})
	c := newClient(t, outbound.Config{Control: func(string, string, syscallConn) error {
		return &guard.Refused{Rule: guard.Private, Detail: "not there"}
	}})
	if r := send(t, c, s.Endpoint().URL(), nil); r.Trouble != pipeline.Blocked || r.Err.Error() != "not there" {
		t.Errorf("%s: %v", r.Trouble, r.Err)
	}
	if n := s.Stats().Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

func BenchmarkSend(b *testing.B) {
	plain := listen(b, subscriber.Config{MaxRecords: 1})
	secured, roots := listenTLS(b, subscriber.NoFlaw, true)
	for name, s := range map[string]*subscriber.Server{"http": plain, "https and HTTP2": secured} {
		b.Run(name, func(b *testing.B) {
			url := s.Endpoint().URL()
			client := newClient(b, outbound.Config{Roots: roots})
			body := make([]byte, 600)
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if r := send(b, client, url, body); r.Status != http.StatusOK {
						b.Error(r.Err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
