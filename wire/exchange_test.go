package wire_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

func TestHeaderNamesKeepTheirCaseAndNothingIsAdded(t *testing.T) {
	for name, c := range map[string]struct {
		header []wire.Field
		want   string
	}{
		"as documented": {
			[]wire.Field{{Name: "User-Agent", Value: "Kirim-Webhook/1.0"}, {Name: "X-Kirim-Event-Id", Value: "e"}},
			"User-Agent: Kirim-Webhook/1.0\nX-Kirim-Event-Id: e",
		},
		"lower case": {
			[]wire.Field{{Name: "user-agent", Value: "Kirim-Webhook/1.0"}, {Name: "x-kirim-event-id", Value: "e"}},
			"user-agent: Kirim-Webhook/1.0\nx-kirim-event-id: e",
		},
		"upper case": {
			[]wire.Field{{Name: "USER-AGENT", Value: "Kirim-Webhook/1.0"}, {Name: "X-KIRIM-EVENT-ID", Value: "e"}},
			"USER-AGENT: Kirim-Webhook/1.0\nX-KIRIM-EVENT-ID: e",
		},
		"one name twice": {
			[]wire.Field{{Name: "User-Agent", Value: "u"}, {Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}},
			"User-Agent: u\nX-A: 1\nX-A: 2",
		},
		"an empty value": {[]wire.Field{{Name: "User-Agent", Value: "u"}, {Name: "X-A", Value: " "}}, "User-Agent: u\nX-A:"},
	} {
		for way, send := range map[string]func(*wire.Client, wire.Request) wire.Exchange{
			"Send":    func(c *wire.Client, r wire.Request) wire.Exchange { return c.Send(t.Context(), r) },
			"SendCut": func(c *wire.Client, r wire.Request) wire.Exchange { return c.SendCut(t.Context(), r, len(r.Body)) },
		} {
			t.Run(name+" by "+way, func(t *testing.T) {
				raw := make(chan []byte, 1)
				address := listen(t, func(conn *net.TCPConn) {
					got, err := readRequest(conn)
					if err != nil {
						t.Errorf("the server read no request: %v", err)
					}
					raw <- got
					// SendCut reads no answer and has closed its end.
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				})
				send(client(t, patience, "", false), wire.Request{Method: "POST", URL: "http://" + address + "/a%2Fb?c=d", Header: c.header, Body: []byte("{}")})
				head, body, _ := strings.Cut(string(<-raw), "\r\n\r\n")
				lines := strings.Split(head, "\r\n")
				if lines[0] != "POST /a%2Fb?c=d HTTP/1.1" || body != "{}" {
					t.Errorf("request line %q, body %q", lines[0], body)
				}
				var got, added []string
				for _, line := range lines[1:] {
					if strings.HasPrefix(line, "Host: ") || strings.HasPrefix(line, "Content-Length: ") {
						added = append(added, line)
						continue
					}
					got = append(got, strings.TrimRight(line, " "))
				}
				if strings.Join(got, "\n") != c.want {
					t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
				}
				if want := []string{"Host: " + address, "Content-Length: 2"}; fmt.Sprint(added) != fmt.Sprint(want) {
					t.Errorf("sent %q, want %q", added, want)
				}
			})
		}
	}
}

func TestRedirectIsAnAnswerAndNotFollowed(t *testing.T) {
	noLeaks(t)
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	x := client(t, patience, "", false).Send(t.Context(), post(server.URL, "{}"))
	if x.Status != http.StatusTemporaryRedirect || x.Trouble != wire.None || x.Header.Get("Location") != "/elsewhere" {
		t.Errorf("status %d, trouble %q, location %q", x.Status, x.Trouble, x.Header.Get("Location"))
	}
	if n := requests.Load(); n != 1 || x.Acknowledged() {
		t.Errorf("%d requests, acknowledged %v", n, x.Acknowledged())
	}
}

func TestOnlyACompleteAnswerIn2xxAcknowledges(t *testing.T) {
	for status := 100; status < 600; status++ {
		if got, want := (wire.Exchange{Status: status}).Acknowledged(), status/100 == 2; got != want {
			t.Errorf("%d acknowledges: %v", status, got)
		}
	}
	if (wire.Exchange{Status: 200, Trouble: wire.BrokenOff}).Acknowledged() {
		t.Error("a 200 that broke off acknowledges")
	}
}

func TestHugeAnswerIsCutAndNotReadToItsEnd(t *testing.T) {
	noLeaks(t)
	const limit = 1 << 20
	for name, c := range map[string]struct {
		size int
		cut  bool
	}{"just within": {limit, false}, "one byte more": {limit + 1, true}, "endless": {-1, true}} {
		t.Run(name, func(t *testing.T) {
			written := make(chan int64, 1)
			address := listen(t, func(conn *net.TCPConn) {
				if _, err := readRequest(conn); err != nil {
					t.Errorf("the server read no request: %v", err)
				}
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\n")
				var n int64
				if c.size >= 0 {
					n, _ = io.Copy(conn, bytes.NewReader(make([]byte, c.size)))
				} else {
					n, _ = io.Copy(conn, endless{})
				}
				written <- n
			})
			x := client(t, patience, "", false).Send(t.Context(), post("http://"+address, "{}"))
			if x.Trouble != wire.None || x.BodyCut != c.cut || len(x.Body) != limit {
				t.Errorf("trouble %q (%v), cut %v, %d bytes", x.Trouble, x.Err, x.BodyCut, len(x.Body))
			}
			// It must end: an endless answer does because the client closes the connection.
			<-written
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestKeptConnectionIsReportedAndSendHasItsOwn(t *testing.T) {
	noLeaks(t)
	var mu sync.Mutex
	conns := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		conns[r.RemoteAddr]++
		mu.Unlock()
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
	}))
	server.Start()
	defer server.Close()
	c := client(t, patience, "", false)
	var reused []bool
	send := func(x wire.Exchange) {
		t.Helper()
		if x.Trouble != wire.None {
			t.Fatalf("%s: %v", x.Trouble, x.Err)
		}
		reused = append(reused, x.Reused)
	}
	send(c.SendReusing(t.Context(), post(server.URL, "1")))
	send(c.SendReusing(t.Context(), post(server.URL, "2")))
	send(c.Send(t.Context(), post(server.URL, "3")))
	send(c.SendReusing(t.Context(), post(server.URL+"/close", "4")))
	send(c.SendReusing(t.Context(), post(server.URL, "5")))
	if want := []bool{false, true, false, true, false}; fmt.Sprint(reused) != fmt.Sprint(want) {
		t.Errorf("reused %v, want %v", reused, want)
	}
	if len(conns) != 3 {
		t.Errorf("%d connections, want 3: the kept one, Send's own, and one after the close", len(conns))
	}
}

func TestTogetherKeepsTheOrderAndSendsAllAtOnce(t *testing.T) {
	noLeaks(t)
	const n = 8
	var arrived sync.WaitGroup
	arrived.Add(n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// No answer before every request is there: a client that sends one after another would wait for ever.
		arrived.Done()
		arrived.Wait()
		// The copy cannot fail but for a client that went away, which the test would see.
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	var requests []wire.Request
	for i := range n {
		requests = append(requests, post(server.URL, fmt.Sprintf("body %d", i)))
	}
	for i, x := range client(t, patience, "", false).SendTogether(t.Context(), requests) {
		if want := fmt.Sprintf("body %d", i); string(x.Body) != want || string(x.Request.Body) != want || x.Reused {
			t.Errorf("exchange %d: answer %q, request %q, reused %v (%v)", i, x.Body, x.Request.Body, x.Reused, x.Err)
		}
	}
}

func TestCutAnnouncesTheWholeAndSendsABeginning(t *testing.T) {
	noLeaks(t)
	for _, scheme := range []string{"http", "https"} {
		for _, n := range []int{0, 1, 9, 10} {
			t.Run(fmt.Sprintf("%s, %d of 10", scheme, n), func(t *testing.T) {
				type arrival struct {
					announced int64
					body      []byte
					err       error
				}
				got := make(chan arrival, 1)
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					got <- arrival{r.ContentLength, body, err}
				}))
				if scheme == "https" {
					s.StartTLS()
				} else {
					s.Start()
				}
				defer s.Close()
				x := client(t, patience, "", true).SendCut(t.Context(), post(s.URL, "0123456789"), n)
				if x.Trouble != wire.BrokenOff || !strings.Contains(x.Err.Error(), fmt.Sprintf("%d of 10 bytes", n)) || x.Status != 0 {
					t.Errorf("trouble %q, error %v, status %d", x.Trouble, x.Err, x.Status)
				}
				a := <-got
				if a.announced != 10 || string(a.body) != "0123456789"[:n] || (a.err == nil) != (n == 10) {
					t.Errorf("announced %d, got %q, error %v", a.announced, a.body, a.err)
				}
			})
		}
	}
}

func TestCAFileThatIsNoneIsTold(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	good := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"missing":         {nil, "no such file"},
		"empty":           {[]byte{}, "holds no PEM certificate"},
		"not PEM":         {[]byte("hello"), "holds no PEM certificate"},
		"no certificate":  {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "holds no PEM certificate"},
		"the right roots": {good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ca.pem")
			if c.content != nil {
				if err := os.WriteFile(path, c.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cl, err := wire.NewClient(time.Minute, path, false)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v, want the file and %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			if x := cl.Send(t.Context(), post(server.URL, "")); x.Status != http.StatusNotFound {
				t.Errorf("status %d: %v", x.Status, x.Err)
			}
			if x := cl.SendReusing(t.Context(), post(server.URL, "")); x.Status != http.StatusNotFound || x.Proto != "HTTP/1.1" {
				t.Errorf("status %d by %s: %v", x.Status, x.Proto, x.Err)
			}
		})
	}
}
