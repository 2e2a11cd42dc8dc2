package subscriber_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

func TestEveryAnswerThatIsOne(t *testing.T) {
	for _, tr := range transports(t) {
		for name, c := range map[string]struct {
			answer  subscriber.Answer
			status  int
			length  int
			header  map[string]string
			atLeast time.Duration
		}{
			"by default":     {subscriber.Answer{}, 200, 0, nil, 0},
			"no content":     {subscriber.Status(204), 204, 0, nil, 0},
			"a failure":      {subscriber.Status(503), 503, 0, nil, 0},
			"an odd status":  {subscriber.Status(599), 599, 0, nil, 0},
			"a body":         {subscriber.Answer{Status: 201, Body: []byte("taken")}, 201, 5, map[string]string{"Content-Length": "5"}, 0},
			"a redirect":     {subscriber.Redirect(302, "http://10.0.0.1/"), 302, 0, map[string]string{"Location": "http://10.0.0.1/"}, 0},
			"Retry-After":    {subscriber.RetryAfter(429, "120"), 429, 0, map[string]string{"Retry-After": "120"}, 0},
			"a huge body":    {subscriber.Huge(200, 3<<20+7), 200, 3<<20 + 7, nil, 0},
			"a delay":        {subscriber.Delayed(50 * time.Millisecond), 200, 0, nil, 50 * time.Millisecond},
			"a slow body":    {subscriber.Slow(200, 5, 10*time.Millisecond), 200, 5, nil, 50 * time.Millisecond},
			"in slow pieces": {subscriber.Answer{Fill: 1000, Pace: 10 * time.Millisecond, Piece: 300}, 200, 1000, nil, 40 * time.Millisecond},
			"the last one":   {subscriber.Answer{Last: true}, 200, 0, nil, 0},
		} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				e := tr.server.Endpoint()
				e.Default(c.answer)
				began := time.Now()
				a := post(within(t), tr.client, e.URL(), "{}")
				if a.err != nil || a.status != c.status || len(a.body) != c.length {
					t.Fatalf("%d with %d bytes: %v", a.status, len(a.body), a.err)
				}
				if took := time.Since(began); took < c.atLeast {
					t.Errorf("after %s already", took)
				}
				for name, value := range c.header {
					if a.header.Get(name) != value {
						t.Errorf("%s: %q", name, a.header.Get(name))
					}
				}
				if err := e.WaitFor(within(t), func(got []subscriber.Delivery) bool { return got[0].Status == c.status }); err != nil {
					t.Error(err)
				}
				if d := e.Received()[0]; d.Answered.Before(d.Arrived) || d.Arrived.Before(d.Began) || !d.Left.IsZero() || d.Began.Before(began) {
					t.Errorf("times %v", d)
				}
			})
		}
	}
}

func TestEveryFailureThatIsNoAnswer(t *testing.T) {
	for _, tr := range transports(t) {
		for name, c := range map[string]struct {
			answer subscriber.Answer
			err    error
			status int
		}{
			"reset":                 {subscriber.Reset(), syscall.ECONNRESET, 0},
			"close":                 {subscriber.Close(), io.EOF, 0},
			"reset within the body": {subscriber.Answer{Fill: 1000, After: 500, Fault: subscriber.ResetFault}, syscall.ECONNRESET, 200},
			"close within the body": {subscriber.CutShort(201), io.ErrUnexpectedEOF, 201},
			"not HTTP":              {subscriber.Answer{Raw: []byte("hello\r\n\r\n")}, nil, 0},
		} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				e := tr.server.Endpoint()
				e.Script(c.answer)
				a := post(within(t), tr.client, e.URL(), "{}")
				if a.err == nil || a.status != c.status {
					t.Fatalf("status %d: %v", a.status, a.err)
				}
				// HTTP/2 knows one kind of end alone.
				if tr.name != "HTTP/2" && c.err != nil && !errors.Is(a.err, c.err) {
					t.Errorf("%v, want %v", a.err, c.err)
				}
				if a = post(within(t), tr.client, e.URL(), "{}"); a.err != nil || a.status != 200 {
					t.Errorf("afterwards %d: %v", a.status, a.err)
				}
				if err := e.WaitFor(within(t), func(got []subscriber.Delivery) bool { return !got[0].Answered.IsZero() }); err != nil {
					t.Error(err)
				}
				got := e.Received()
				if len(got) != 2 || got[0].Status != c.status {
					t.Errorf("%d requests, the first with %d", len(got), got[0].Status)
				}
				if tr.name == "HTTP/1.1" && got[0].Conn == got[1].Conn {
					t.Error("the connection was kept")
				}
			})
		}
	}
}

func TestAHangEndsWithItsReleaseOrItsClientOrTheServer(t *testing.T) {
	for _, tr := range transports(t) {
		t.Run(tr.name, func(t *testing.T) {
			e := tr.server.Endpoint()
			e.Default(subscriber.Hang())
			done := make(chan answer)
			ctx, leave := context.WithCancel(within(t))
			go func() { done <- post(ctx, tr.client, e.URL(), "1") }()
			if err := e.Wait(within(t), 1); err != nil {
				t.Fatal(err)
			}
			go func() { done <- post(within(t), tr.client, e.URL(), "2") }()
			if err := e.Wait(within(t), 2); err != nil {
				t.Fatal(err)
			}
			leave()
			if a := <-done; !errors.Is(a.err, context.Canceled) {
				t.Errorf("the client that left got %d: %v", a.status, a.err)
			}
			if err := e.WaitFor(within(t), func(got []subscriber.Delivery) bool { return !got[0].Left.IsZero() }); err != nil {
				t.Fatal("nobody saw the client leave:", err)
			}
			e.Release()
			if a := <-done; a.err != nil || a.status != 200 {
				t.Errorf("the released request got %d: %v", a.status, a.err)
			}
			if d := e.Received()[1]; !d.Left.IsZero() {
				t.Error("the released one left")
			}
			go func() { done <- post(within(t), tr.client, e.URL(), "3") }()
			if err := e.Wait(within(t), 3); err != nil {
				t.Fatal(err)
			}
			if err := tr.server.Close(); err != nil {
				t.Error(err)
			}
			if a := <-done; a.err == nil {
				t.Errorf("after the end %d", a.status)
			}
			if err := e.Wait(within(t), 99); !errors.Is(err, subscriber.ErrClosed) {
				t.Errorf("waiting after the end: %v", err)
			}
		})
	}
}

func TestAScriptIsFollowedInOrderThenTheDefault(t *testing.T) {
	s := listen(t, subscriber.Config{})
	c := client(t, nil)
	e := s.Endpoint()
	e.Default(subscriber.Status(202))
	e.Script(subscriber.Status(500).Times(2), subscriber.Status(429), subscriber.Status(200).Times(1))
	next := func(want int) {
		t.Helper()
		if a := post(within(t), c, e.URL(), ""); a.status != want {
			t.Errorf("%d, want %d", a.status, want)
		}
	}
	for _, want := range []int{500, 500, 429, 200, 202, 202} {
		next(want)
	}
	e.Script(subscriber.Status(503))
	e.Choose(func(d subscriber.Delivery) subscriber.Answer { return subscriber.Status(200 + d.Number) })
	next(503)
	next(208)
	e.Default(subscriber.Status(204))
	next(204)
	e.Forget()
	if total, dropped := e.Count(); total != 0 || dropped != 0 || len(e.Received()) != 0 {
		t.Errorf("%d and %d remembered", total, dropped)
	}
	next(204)
	if got := e.Received(); len(got) != 1 || got[0].Number != 1 {
		t.Errorf("%v", got)
	}
}

func TestAnswersByAttempt(t *testing.T) {
	s := listen(t, subscriber.Config{})
	c := client(t, nil)
	e := s.Endpoint()
	e.Choose(subscriber.ByAttempt("x-kirim-attempt", subscriber.Status(500), subscriber.Status(502), subscriber.Status(200)))
	for attempt, want := range map[string]int{"1": 500, "2": 502, "3": 200, "8": 200, "": 500, "x": 500, "-1": 500} {
		req, err := http.NewRequestWithContext(within(t), http.MethodPost, e.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Kirim-Attempt", attempt)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("attempt %q: %d", attempt, resp.StatusCode)
		}
	}
	if a := subscriber.ByAttempt("X")(subscriber.Delivery{}); a.Status != 0 {
		t.Errorf("no answers: %v", a)
	}
}

func TestEndpointsAreApart(t *testing.T) {
	s := listen(t, subscriber.Config{})
	c := client(t, nil)
	a, b := s.Endpoint(), s.Endpoint()
	b.Default(subscriber.Status(500))
	if post(within(t), c, a.URL()+"?x=y", "a").status != 200 || post(within(t), c, b.URL(), "b").status != 500 {
		t.Error("mixed up")
	}
	if post(within(t), c, "http://"+s.Addr()+"/elsewhere", "").status != 404 || s.Stats().Strays != 1 {
		t.Error("a stray was taken")
	}
	s.EndpointAt("/").Default(subscriber.Status(202))
	if post(within(t), c, "http://"+s.Addr()+"/elsewhere", "").status != 202 {
		t.Error("the endpoint at / does not get the rest")
	}
	s.Remove(a)
	if post(within(t), c, a.URL(), "").status != 202 {
		t.Error("a removed endpoint still answers")
	}
	if n, _ := a.Count(); n != 1 || string(a.Received()[0].Body) != "a" {
		t.Errorf("%d", n)
	}
}

func TestPublicURLs(t *testing.T) {
	s := listen(t, subscriber.Config{PublicURL: "https://hooks.example.com/kirim/"})
	e := s.Endpoint()
	path, ok := strings.CutPrefix(e.URL(), "https://hooks.example.com/kirim/")
	if !ok {
		t.Fatal(e.URL())
	}
	c := client(t, nil)
	for _, path := range []string{"/" + path, "/kirim/" + path, "/kirim/" + path + "?a=b"} {
		if a := post(within(t), c, "http://"+s.Addr()+path, ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for _, bad := range []string{"hooks.example.com", "ftp://x/", "https://", "https://x/?a", "https://x/#a", "://"} {
		if _, err := subscriber.Listen(t.Context(), subscriber.Config{PublicURL: bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := subscriber.Listen(t.Context(), subscriber.Config{Address: s.Addr()}); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("an address in use: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := client(t, nil)
	for name, config := range map[string]subscriber.Config{"records": {MaxRecords: 3}, "bytes": {MaxBytes: 3*2000 + 1500}} {
		s := listen(t, config)
		e := s.Endpoint()
		e.Script(subscriber.Status(200).Times(4), subscriber.Status(201))
		for i := range 5 {
			want := 200
			if i == 4 {
				want = 201
			}
			if a := post(within(t), c, e.URL(), strings.Repeat("x", 1500)); a.status != want {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		if total, dropped := e.Count(); total != 5 || dropped != 2 || len(e.Received()) != 3 {
			t.Errorf("%s: %d of %d dropped", name, dropped, total)
		}
		if err := e.Wait(within(t), 5); err != nil {
			t.Error(err)
		}
	}
	s := listen(t, subscriber.Config{MaxBody: 10})
	if a := post(within(t), c, s.Endpoint().URL(), "12345678901"); a.status != 413 || s.Stats().Broken != 1 {
		t.Errorf("a long body: %d", a.status)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	e := listen(t, subscriber.Config{}).Endpoint()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := e.Wait(ctx, 1); !errors.Is(err, why) {
		t.Error(err)
	}
	if err := e.Wait(ctx, 0); err != nil {
		t.Error("what holds already needs no wait:", err)
	}
}

func TestManyAtOnceAreAllThereOnce(t *testing.T) {
	const workers, each = 20, 25
	for _, tr := range transports(t) {
		e := tr.server.Endpoint()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					if a := post(within(t), tr.client, e.URL(), "{}"); a.status != 200 {
						t.Errorf("%s: %d %v", tr.name, a.status, a.err)
					}
				}
			})
		}
		if err := e.WaitFor(within(t), func(got []subscriber.Delivery) bool { return len(got) == workers*each }); err != nil {
			t.Error(err)
		}
		wg.Wait()
		seen := map[int]bool{}
		place := map[[2]int64]bool{}
		for _, d := range e.Received() {
			seen[d.Number], place[[2]int64{d.Conn, int64(d.OnConn)}] = true, true
			if !bytes.Equal(d.Body, []byte("{}")) {
				t.Errorf("body %q", d.Body)
			}
		}
		if len(seen) != workers*each || len(place) != workers*each {
			t.Errorf("%s: %d numbers and %d places for %d requests", tr.name, len(seen), len(place), workers*each)
		}
	}
}

func TestBadCertificates(t *testing.T) {
	for flaw, want := range map[subscriber.Flaw]string{
		subscriber.SelfSigned: "unknown authority", subscriber.Expired: "expired", subscriber.WrongHost: "127.0.0.1",
	} {
		s, config := secured(t, flaw, true)
		c := client(t, config)
		if a := post(within(t), c, s.Endpoint().URL(), ""); a.err == nil || !strings.Contains(a.err.Error(), want) {
			t.Errorf("flaw %d: %v", flaw, a.err)
		}
		if st := s.Stats(); st.Connections != 1 {
			t.Errorf("flaw %d: %+v", flaw, st)
		}
	}
	a, err := subscriber.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Certificate(subscriber.NoFlaw); err == nil {
		t.Error("a certificate for nobody")
	}
	if _, err := a.Certificate(subscriber.Flaw(99), "x"); err == nil {
		t.Error("a flaw that is none")
	}
	if !bytes.Contains(a.PEM(), []byte("BEGIN CERTIFICATE")) {
		t.Error("no PEM")
	}
}

func BenchmarkServer(b *testing.B) {
	for _, tr := range transports(b) {
		b.Run(tr.name, func(b *testing.B) {
			e := tr.server.Endpoint()
			b.SetParallelism(8)
			tr.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 32
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if a := post(b.Context(), tr.client, e.URL(), "{}"); a.status != 200 {
						b.Error(a.err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// What an endpoint does not mind must neither be counted nor spend the script, and a new endpoint in its place must leave
// the old one its records.
func TestEndpointThatMindsSomeRequestsAndIsRenewed(t *testing.T) {
	s := listen(t, subscriber.Config{})
	old := s.EndpointAt("/hooks/1")
	old.Script(subscriber.Status(503))
	old.Only(func(d subscriber.Delivery) bool { return string(d.Body) != "stranger" })
	send := func(body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, old.URL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client(t, nil).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	if got := send("stranger"); got != 200 {
		t.Errorf("a stranger got %d", got)
	}
	if got := send("own"); got != 503 {
		t.Errorf("the first that it minds got %d", got)
	}
	renewed := s.Renew("/hooks/1")
	if got := send("later"); got != 200 {
		t.Errorf("the first to the new one got %d", got)
	}
	for name, e := range map[string]*subscriber.Endpoint{"own": old, "later": renewed} {
		if all := e.Received(); len(all) != 1 || string(all[0].Body) != name || all[0].Number != 1 {
			t.Errorf("of %q: %+v", name, all)
		}
	}
}
