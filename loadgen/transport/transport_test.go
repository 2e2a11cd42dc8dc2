package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/wire"
)

// raw is a server on loopback that answers with what a script says, byte for byte.
type raw struct {
	listener net.Listener
	accepted atomic.Int64
	done     sync.WaitGroup
	mu       sync.Mutex
	requests []string
}

// listen starts a server. answer is called for each request with its number, from 0, on its connection, which it may
// write to; where it returns false, the connection is closed.
func listen(t *testing.T, answer func(n int, c net.Conn) bool) *raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &raw{listener: l}
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			s.done.Go(func() { s.serve(c, answer) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.done.Wait()
	})
	return s
}

func (s *raw) serve(c net.Conn, answer func(int, net.Conn) bool) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		var text bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(oneByOne{r}, &text)))
		if err != nil {
			return
		}
		if req.ContentLength < 1<<20 {
			if _, err := io.CopyN(&text, r, req.ContentLength); err != nil {
				return
			}
		}
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, text.String())
		s.mu.Unlock()
		if !answer(n, c) {
			return
		}
	}
}

// oneByOne keeps a buffered reader from reading ahead.
type oneByOne struct{ *bufio.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

func (s *raw) url() string { return "http://" + s.listener.Addr().String() + "/hook?a=b" }

func (s *raw) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func say(text string, open bool) func(int, net.Conn) bool {
	return func(_ int, c net.Conn) bool {
		_, err := io.WriteString(c, text)
		return err == nil && open
	}
}

// sender is either transport; both have to behave the same.
type sender struct {
	attack.Exchanger
	encode func([]wire.Field, []byte) []byte
}

func (s sender) send(ctx context.Context, body string) attack.Answer {
	header := []wire.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "Kirim-Webhook/1.0"}, {Name: "X-Kirim-Event-Id", Value: "evt_1"}}
	d := &payload.Delivery{Header: header, Body: []byte(body)}
	if s.encode != nil {
		d.Raw = s.encode(header, d.Body)
	}
	return s.Exchange(ctx, d)
}

// both runs a test with each transport.
func both(t *testing.T, timeout time.Duration, test func(t *testing.T, open func(url string) sender)) {
	t.Run("lean", func(t *testing.T) {
		test(t, func(url string) sender {
			h, err := NewHTTP1(t.Context(), url, timeout)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			return sender{h, h.Encode}
		})
	})
	t.Run("net/http", func(t *testing.T) {
		test(t, func(url string) sender {
			s, err := NewStandard(url, timeout, nil, 4, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			return sender{s, nil}
		})
	})
}

const long = 20 * time.Second

func TestAnswersAreReadAsHTTPSaysTheyAre(t *testing.T) {
	cases := []struct {
		name, answer string
		open         bool
		status       int
		body         string
		class        load.Class
		// connections that three requests take.
		connections int64
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, 200, "ok", "", 1},
		{"bare newlines", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", true, 200, "ok", "", 1},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", true, 204, "", "", 1},
		{"not modified with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", true, 304, "", "", 1},
		{"no reason", "HTTP/1.1 202\r\ncontent-length:0\r\n\r\n", true, 202, "", "", 1},
		{"chunks and a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\nay!\r\n0\r\nA: b\r\n\r\n", true, 200, "okay!", "", 1},
		{"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", true, 201, "", "", 1},
		{"connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false, 200, "ok", "", 3},
		{"a body up to the end", "HTTP/1.1 200 OK\r\n\r\nok", false, 200, "ok", "", 3},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 200, "ok", "", 3},
		{"a redirect, which is not followed", "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", true, 302, "", "", 1},
		{"switching protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false, 101, "", "", 3},
		{"a body that is cut off", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", false, 0, "", attack.BrokenOff, 3},
		{"chunks that are cut off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", false, 0, "", attack.BrokenOff, 3},
		{"a head that is cut off", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", false, 0, "", attack.BrokenOff, 3},
		{"nothing", "", false, 0, "", attack.BrokenOff, 3},
		{"garbage", "SSH-2.0-OpenSSH_9.9\r\nand more\r\n\r\n", false, 0, "", attack.NotHTTP, 3},
		{"another protocol", "HTTQ/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 0, "", attack.NotHTTP, 3},
		{"a status in words", "HTTP/1.1 yes OK\r\n\r\n", false, 0, "", attack.NotHTTP, 3},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", false, 0, "", attack.NotHTTP, 3},
		{"a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, 0, "", attack.NotHTTP, 3},
		{"a long head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", false, 0, "", attack.NotHTTP, 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			both(t, long, func(t *testing.T, open func(string) sender) {
				s := listen(t, say(c.answer, c.open))
				sender := open(s.url())
				for range 3 {
					a := sender.send(t.Context(), "{}")
					if a.Status != c.status || a.Class != c.class || (a.Err != nil) != (c.class != "") || a.Class == "" && string(a.Body) != c.body {
						t.Errorf("answer %d %q, class %q, error %v; want %d %q, class %q", a.Status, a.Body, a.Class, a.Err, c.status, c.body, c.class)
					}
				}
				if n := s.accepted.Load(); n != c.connections {
					t.Errorf("%d connections, want %d", n, c.connections)
				}
				if n := s.count(); n != 3 {
					t.Errorf("three deliveries came as %d requests", n)
				}
			})
		})
	}
}

// Bytes that come along behind an answer cost the connection, and are not taken for the answer to the next delivery. net/http
// may do just that, when the next request comes before it has noticed them.
func TestMoreThanWasAnnouncedAnswersNothing(t *testing.T) {
	s := listen(t, say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", true))
	h, err := NewHTTP1(t.Context(), s.url(), long)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for range 3 {
		if a := (sender{h, h.Encode}).send(t.Context(), "{}"); a.Status != 200 || string(a.Body) != "ok" {
			t.Errorf("%+v", a)
		}
	}
	if n := s.accepted.Load(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// The request goes out byte for byte as Kirim sends it, with the header's order and case.
func TestRequestIsWhatWasEncoded(t *testing.T) {
	s := listen(t, say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true))
	h, err := NewHTTP1(t.Context(), s.url(), long)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if a := (sender{h, h.Encode}).send(t.Context(), `{"a":1}`); a.Status != 200 {
		t.Fatalf("%+v", a)
	}
	want := "POST /hook?a=b HTTP/1.1\r\nHost: " + s.listener.Addr().String() + "\r\nContent-Type: application/json\r\n" +
		"User-Agent: Kirim-Webhook/1.0\r\nX-Kirim-Event-Id: evt_1\r\nContent-Length: 7\r\n\r\n" + `{"a":1}`
	if got := s.requests[0]; got != want {
		t.Errorf("sent\n%q, want\n%q", got, want)
	}
}

// A target that takes a delivery on a kept connection and then closes it has seen it: it is not sent again.
func TestWhatWasDeliveredIsNeverSentAgain(t *testing.T) {
	both(t, long, func(t *testing.T, open func(string) sender) {
		s := listen(t, func(n int, c net.Conn) bool {
			return n%2 == 0 && say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)(n, c)
		})
		sender := open(s.url())
		for i := range 6 {
			a := sender.send(t.Context(), "{}")
			if want := []load.Class{"", attack.BrokenOff}[i%2]; a.Class != want {
				t.Errorf("delivery %d: class %q, want %q (%v)", i, a.Class, want, a.Err)
			}
		}
		if s.count() != 6 || s.accepted.Load() != 3 {
			t.Errorf("%d requests on %d connections, want 6 on 3", s.count(), s.accepted.Load())
		}
	})
}

// A kept connection that the target closed while it was unused is not billed to it.
func TestConnectionsThatTheTargetClosedAreNotUsed(t *testing.T) {
	closed := make(chan struct{}, 3)
	s := listen(t, func(n int, c net.Conn) bool {
		defer func() { closed <- struct{}{} }()
		return say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)(n, c) && c.(*net.TCPConn).CloseWrite() == nil
	})
	h, err := NewHTTP1(t.Context(), s.url(), long)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for range 3 {
		if a := (sender{h, h.Encode}).send(t.Context(), "{}"); a.Status != 200 {
			t.Fatalf("%+v", a)
		}
		<-closed
		// As if it had waited for longer than unused connections are trusted.
		h.idle[0].since = time.Time{}
	}
	if n := s.accepted.Load(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

func TestNoAnswerIsATimeout(t *testing.T) {
	for name, begin := range map[string]string{"nothing": "", "half a head": "HTTP/1.1 200 OK\r\n", "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"} {
		t.Run(name, func(t *testing.T) {
			both(t, 50*time.Millisecond, func(t *testing.T, open func(string) sender) {
				over := make(chan struct{})
				s := listen(t, func(n int, c net.Conn) bool {
					say(begin, true)(n, c)
					<-over
					return false
				})
				defer close(over)
				a := open(s.url()).send(t.Context(), "{}")
				if a.Class != attack.Timeout || a.Err.Error() != "no complete answer within 50ms" {
					t.Errorf("class %q, error %v", a.Class, a.Err)
				}
			})
		})
	}
}

func TestNobodyThereIsRefused(t *testing.T) {
	both(t, long, func(t *testing.T, open func(string) sender) {
		s := listen(t, say("", false))
		if err := s.listener.Close(); err != nil {
			t.Fatal(err)
		}
		if a := open(s.url()).send(t.Context(), "{}"); a.Class != attack.Refused {
			t.Errorf("class %q, error %v", a.Class, a.Err)
		}
	})
}

// When the run is stopped, what is under way ends at once and is neither the target's failure nor a timeout.
func TestStopEndsWhatIsUnderWay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	s := listen(t, func(int, net.Conn) bool {
		cancel()
		<-over
		return false
	})
	defer close(over)
	h, err := NewHTTP1(ctx, s.url(), long)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	began := time.Now()
	if a := (sender{h, h.Encode}).send(ctx, "{}"); a.Class != attack.Stopped || time.Since(began) > long/2 {
		t.Errorf("class %q after %s, error %v", a.Class, time.Since(began), a.Err)
	}
}

// A target that refuses a large body without reading it is heard, whether it closes the connection or keeps it.
func TestEarlyAnswerToALargeBodyIsHeard(t *testing.T) {
	for name, open := range map[string]bool{"closes": false, "keeps": true} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			s := listen(t, func(n int, c net.Conn) bool {
				say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", true)(n, c)
				if open {
					<-over
				}
				return false
			})
			defer close(over)
			h, err := NewHTTP1(t.Context(), s.url(), long)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if a := (sender{h, h.Encode}).send(t.Context(), strings.Repeat("x", 16<<20)); a.Status != 413 && !(a.Class == attack.BrokenOff && !open) {
				// A close with unread bytes resets the connection, which may throw the answer away.
				t.Errorf("status %d, class %q, error %v", a.Status, a.Class, a.Err)
			}
		})
	}
}

func TestLongAnswersAreCutAndCount(t *testing.T) {
	both(t, long, func(t *testing.T, open func(string) sender) {
		s := listen(t, say("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"+strings.Repeat("x", 3_000_000), true))
		if a := open(s.url()).send(t.Context(), "{}"); a.Status != 200 || len(a.Body) != kept {
			t.Errorf("status %d with %d bytes, error %v", a.Status, len(a.Body), a.Err)
		}
	})
}

// Over TLS and HTTP/2 the answers are the same, with and without a certificate that can be trusted.
func TestTLSAndHTTP2(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		var proto atomic.Value
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			proto.Store(r.Proto + " " + r.Header.Get("X-Kirim-Event-Id"))
			w.WriteHeader(http.StatusAccepted)
		}))
		server.EnableHTTP2 = true
		// It complains of the client that does not trust it.
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		s, err := NewStandard(server.URL, long, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, 2, http2)
		if err != nil {
			t.Fatal(err)
		}
		a := sender{s, nil}.send(t.Context(), "{}")
		want := map[bool]string{false: "HTTP/1.1 evt_1", true: "HTTP/2.0 evt_1"}[http2]
		if a.Status != http.StatusAccepted || proto.Load() != want {
			t.Errorf("HTTP/2 %t: %+v over %v", http2, a, proto.Load())
		}
		s.Close()
		stranger, err := NewStandard(server.URL, long, &tls.Config{MinVersion: tls.VersionTLS12}, 2, http2)
		if err != nil {
			t.Fatal(err)
		}
		if a := (sender{stranger, nil}).send(t.Context(), "{}"); a.Class != attack.BadTLS {
			t.Errorf("HTTP/2 %t: an unknown authority is class %q, error %v", http2, a.Class, a.Err)
		}
		stranger.Close()
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	s, err := NewStandard(server.URL, long, nil, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if a := (sender{s, nil}).send(t.Context(), "{}"); a.Status != 200 {
		t.Errorf("%+v", a)
	}
}

// A target that knows nothing of HTTP/2 is not measured over HTTP/1.1 in its stead.
func TestHTTP2ThatIsNotOffered(t *testing.T) {
	var seen atomic.Int64
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) })
	// The one answers the list of protocols with HTTP/1.1, the other not at all.
	for _, protocols := range [][]string{{"http/1.1"}, nil} {
		other := httptest.NewUnstartedServer(handler)
		// It complains of the client that goes away.
		other.Config.ErrorLog = log.New(io.Discard, "", 0)
		other.Listener = tls.NewListener(other.Listener, serverTLS(t, protocols))
		other.Start()
		defer other.Close()
		s, err := NewStandard("https://"+other.Listener.Addr().String(), long, &tls.Config{InsecureSkipVerify: true}, 2, true)
		if err != nil {
			t.Fatal(err)
		}
		if a := (sender{s, nil}).send(t.Context(), "{}"); a.Class != attack.BadTLS || seen.Load() != 0 {
			t.Errorf("%q: class %q, status %d, error %v, %d arrived", protocols, a.Class, a.Status, a.Err, seen.Load())
		}
		s.Close()
	}
}

// serverTLS is the TLS of a server that offers these protocols.
func serverTLS(t *testing.T, protocols []string) *tls.Config {
	t.Helper()
	made := httptest.NewTLSServer(http.NotFoundHandler())
	defer made.Close()
	return &tls.Config{Certificates: made.TLS.Certificates, NextProtos: protocols, MinVersion: tls.VersionTLS12}
}
