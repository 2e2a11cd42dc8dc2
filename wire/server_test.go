package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"github.com/kirimcheck/kirimcheck/wire"
)

// patience is a timeout that no test waits for.
const patience = 30 * time.Second

// listen serves every connection with raw bytes, so that a test decides what comes back down to the last byte. The
// server ends with the test.
func listen(t *testing.T, serve func(conn *net.TCPConn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				// The test looks at what the client saw; how the server's end closed is no matter.
				defer func() { _ = conn.Close() }()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return l.Addr().String()
}

// answering reads one request and writes these bytes; then it closes the connection.
func answering(t *testing.T, answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		if _, err := readRequest(conn); err != nil {
			t.Errorf("the server read no request: %v", err)
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			t.Errorf("the server could not write: %v", err)
		}
	}
}

// holding reads one request, writes these bytes, and keeps the connection until the client gives up.
func holding(answer string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		if _, err := readRequest(conn); err != nil {
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
		// It ends when the client closes its end, by an error or without.
		_, _ = io.Copy(io.Discard, conn)
	}
}

// readRequest reads one request off a connection and returns its bytes as they came.
func readRequest(conn io.Reader) ([]byte, error) {
	var raw bytes.Buffer
	req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return raw.Bytes(), err
}

func client(t *testing.T, timeout time.Duration, ca string, insecure bool) *wire.Client {
	t.Helper()
	c, err := wire.NewClient(timeout, ca, insecure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func post(url, body string) wire.Request {
	return wire.Request{Method: http.MethodPost, URL: url, Header: []wire.Field{{Name: "User-Agent", Value: "test"}}, Body: []byte(body)}
}

// noLeaks fails the test when goroutines are left after it. Called first, it looks last.
func noLeaks(t *testing.T) {
	t.Helper()
	before := gleak.Goroutines()
	t.Cleanup(func() {
		gomega.NewWithT(t).Eventually(gleak.Goroutines, "5s").ShouldNot(gleak.HaveLeaked(before))
	})
}

func refusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
