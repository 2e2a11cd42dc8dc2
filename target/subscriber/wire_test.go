package subscriber_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// raw writes bytes on a connection of its own and returns what comes back until the server closes it.
func raw(t *testing.T, s *subscriber.Server, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	back, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("after %q: %v", back, err)
	}
	return string(back)
}

func TestRequestsAreKeptAsTheyCame(t *testing.T) {
	s := listen(t, subscriber.Config{})
	const last = "Connection: close\r\n"
	for name, c := range map[string]struct {
		request string
		header  []wire.Field
		body    string
		answer  string
	}{
		"names, order and blanks": {
			"POST / HTTP/1.1\r\nhost: x\r\nX-B:  1 \r\nx-a:2\r\nX-b: 1\r\nEMPTY:\r\ncontent-length: 2\r\n" + last + "\r\n{}",
			[]wire.Field{{Name: "host", Value: "x"}, {Name: "X-B", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "X-b", Value: "1"},
				{Name: "EMPTY"}, {Name: "content-length", Value: "2"}, {Name: "Connection", Value: "close"}},
			"{}", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"bytes of any kind": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n" + last + "\r\n\x00\r\n\r\n\xff",
			nil, "\x00\r\n\r\n\xff", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"chunks and a trailer": {
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + last + "\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
			nil, "abcde", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"two requests at once": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + last + "\r\n2",
			nil, "1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"blank lines first, bare line feeds": {
			"\r\n\nPOST / HTTP/1.1\nHost: x\nContent-Length: 1\nConnection: Close\n\n1",
			nil, "1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"HTTP/1.0": {
			"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n1",
			nil, "1", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"waits for 100": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n" + last + "\r\n1",
			nil, "1", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"HEAD has no body": {
			"HEAD / HTTP/1.1\r\nHost: x\r\n" + last + "\r\n",
			nil, "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		"a target in its absolute form": {
			"POST http://hooks.example.com/ HTTP/1.1\r\nHost: x\r\n" + last + "\r\n",
			nil, "", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := s.EndpointAt("/")
			e.Forget()
			if back := raw(t, s, c.request); back != c.answer {
				t.Errorf("answer %q", back)
			}
			got := e.Received()
			if len(got) == 0 {
				t.Fatal("nothing was received")
			}
			if string(got[0].Body) != c.body || c.header != nil && !slices.Equal(got[0].Header, c.header) {
				t.Errorf("%q with %q", got[0].Header, got[0].Body)
			}
			if d := got[0]; c.header != nil && (d.Get("x-B") != "1" || len(d.Values("x-b")) != 2 || d.Host != "x" || d.Get("nope") != "") {
				t.Errorf("looked up wrongly: %q", d.Header)
			}
		})
	}
}

func TestWhatIsNotARequestIsCountedAndRefused(t *testing.T) {
	s := listen(t, subscriber.Config{MaxBody: 100})
	e := s.EndpointAt("/")
	want := int64(0)
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"not HTTP":              {"hello\r\n\r\n", 400},
		"another version":       {"POST / HTTP/2.0\r\n\r\n", 400},
		"no target":             {"POST HTTP/1.1\r\n\r\n", 400},
		"a nameless header":     {"POST / HTTP/1.1\r\nhello\r\n\r\n", 400},
		"a blank in a name":     {"POST / HTTP/1.1\r\nX-A : b\r\n\r\n", 400},
		"a continued line":      {"POST / HTTP/1.1\r\nX-A: b\r\n c\r\n\r\n", 400},
		"a length that is none": {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
		"two lengths":           {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		"another coding":        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
		"a length too large":    {"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413},
		"TLS on a plain port":   {"\x16\x03\x01\x02\x00\x01", 400},
	} {
		want++
		back := raw(t, s, c.request)
		if !strings.HasPrefix(back, fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
			t.Errorf("%s: %q", name, back)
		}
		if n := s.Stats().Broken; n != want {
			t.Errorf("%s: %d broken", name, n)
		}
	}
	if n, _ := e.Count(); n != 0 {
		t.Errorf("%d were taken for requests", n)
	}
}

func TestARequestThatBreaksOffIsNone(t *testing.T) {
	s := listen(t, subscriber.Config{})
	e := s.EndpointAt("/")
	for i, text := range []string{"POST", "POST / HTTP/1.1\r\nHost: x\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n1234",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(conn); err != nil || len(back) != 0 {
			t.Errorf("%q: answered %q, %v", text, back, err)
		}
		_ = conn.Close()
		if n := s.Stats().Broken; n != int64(i+1) {
			t.Errorf("%q: %d broken", text, n)
		}
	}
	if n, _ := e.Count(); n != 0 {
		t.Errorf("%d were taken for requests", n)
	}
}

func TestAnEndlessHeadIsRefused(t *testing.T) {
	s := listen(t, subscriber.Config{})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	line := "X-A: " + strings.Repeat("a", 1<<10) + "\r\n"
	for range 1024 {
		// The server closes at its limit, and then writing fails.
		if _, err := io.WriteString(conn, line); err != nil {
			break
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	// A reset may overtake the answer.
	if err == nil && resp.StatusCode != http.StatusRequestEntityTooLarge || s.Stats().Broken != 1 {
		t.Errorf("%v %v, %d broken", resp, err, s.Stats().Broken)
	}
}

func TestAHangWithinTheAnswerGoesOnWhereItStopped(t *testing.T) {
	s := listen(t, subscriber.Config{})
	e := s.EndpointAt("/")
	for after := 0; after < 60; after += 7 {
		e.Forget()
		e.Script(subscriber.Answer{Body: []byte("0123456789"), Fault: subscriber.HangFault, After: after, Last: true})
		back := make(chan string, 1)
		go func() { back <- raw(t, s, "POST / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		if err := e.Wait(within(t), 1); err != nil {
			t.Fatal(err)
		}
		e.Release()
		if got := <-back; got != "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789" {
			t.Errorf("after %d bytes: %q", after, got)
		}
	}
}
