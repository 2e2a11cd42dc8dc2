package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

type syscallConn = syscall.RawConn

// script is a resolver that gives its answers in turn, the last one for ever.
type script struct {
	answers [][]netip.Addr
	asked   atomic.Int32
}

func (s *script) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n := int(s.asked.Add(1)) - 1
	if len(s.answers) == 0 {
		return nil, errors.New("lookup: rahasia.example has no address")
	}
	return s.answers[min(n, len(s.answers)-1)], nil
}

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	public   = netip.MustParseAddr("93.184.216.34")
)

// refused returns an address that nobody listens on.
func refused(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestEveryKindOfTroubleIsTold(t *testing.T) {
	s := listen(t, subscriber.Config{})
	good, goodRoots := listenTLS(t, subscriber.NoFlaw, false)
	h2, h2Roots := listenTLS(t, subscriber.NoFlaw, true)
	self, selfRoots := listenTLS(t, subscriber.SelfSigned, true)
	expired, expiredRoots := listenTLS(t, subscriber.Expired, true)
	wrong, wrongRoots := listenTLS(t, subscriber.WrongHost, true)
	chatty := subscriber.Answer{Raw: []byte("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 100))}
	for name, c := range map[string]struct {
		server  *subscriber.Server
		url     string // in the place of an endpoint of the server
		answer  subscriber.Answer
		config  outbound.Config
		short   bool
		trouble pipeline.Trouble
		status  int
		text    string
	}{
		"refused":                        {url: "http://" + refused(t) + "/?token=rahasia", trouble: pipeline.Refused, text: "refused"},
		"reset":                          {server: s, answer: subscriber.Reset(), trouble: pipeline.Reset, text: "reset"},
		"reset over TLS":                 {server: good, config: outbound.Config{Roots: goodRoots}, answer: subscriber.Reset(), trouble: pipeline.Reset, text: "reset"},
		"stream reset":                   {server: h2, config: outbound.Config{Roots: h2Roots}, answer: subscriber.Reset(), trouble: pipeline.Reset, text: "reset"},
		"closed":                         {server: s, answer: subscriber.Close(), trouble: outbound.Closed, text: "closed before the answer"},
		"closed over TLS":                {server: good, config: outbound.Config{Roots: goodRoots}, answer: subscriber.Close(), trouble: outbound.Closed, text: "closed"},
		"closed within the body":         {server: s, answer: subscriber.CutShort(200), trouble: outbound.Closed, status: 200, text: "after the status 200"},
		"reset within the body":          {server: s, answer: subscriber.Answer{Fill: 1000, Fault: subscriber.ResetFault, After: 500}, trouble: pipeline.Reset, status: 200},
		"hangs":                          {server: s, answer: subscriber.Hang(), short: true, trouble: pipeline.TimedOut, text: "in time"},
		"hangs over HTTP/2":              {server: h2, config: outbound.Config{Roots: h2Roots}, answer: subscriber.Hang(), short: true, trouble: pipeline.TimedOut, text: "in time"},
		"late":                           {server: s, answer: subscriber.Delayed(patience), short: true, trouble: pipeline.TimedOut},
		"hangs within the body":          {server: s, answer: subscriber.Answer{Fill: 1000, Fault: subscriber.HangFault, After: 500}, short: true, trouble: pipeline.TimedOut, status: 200},
		"slow body":                      {server: s, answer: subscriber.Slow(200, 1000, short/10), short: true, trouble: pipeline.TimedOut, status: 200},
		"not trusted":                    {server: good, trouble: pipeline.TLS, text: "certificate"},
		"self-signed":                    {server: self, config: outbound.Config{Roots: selfRoots}, trouble: pipeline.TLS, text: "certificate"},
		"expired":                        {server: expired, config: outbound.Config{Roots: expiredRoots}, trouble: pipeline.TLS, text: "expired"},
		"for another host":               {server: wrong, config: outbound.Config{Roots: wrongRoots}, trouble: pipeline.TLS},
		"https to a server without TLS":  {url: "https://" + s.Addr() + "/", trouble: pipeline.TLS},
		"http to a server with TLS":      {url: "http://" + good.Addr() + "/", trouble: outbound.Closed},
		"not HTTP":                       {server: s, answer: subscriber.Answer{Raw: []byte("220 \x1b[31mmail\r\nready\r\n")}, trouble: pipeline.Other},
		"a head without an end":          {server: s, answer: chatty, trouble: pipeline.Other},
		"unknown host":                   {url: "http://rahasia.example/", config: outbound.Config{Policy: &guard.Policy{Dev: true, Resolver: &script{}}}, trouble: pipeline.DNS, text: "cannot be resolved"},
		"a name without addresses":       {url: "http://rahasia.example/", config: outbound.Config{Policy: &guard.Policy{Dev: true, Resolver: &script{answers: [][]netip.Addr{{}}}}}, trouble: pipeline.DNS},
		"loopback":                       {url: "https://" + s.Addr() + "/", config: outbound.Config{Policy: &guard.Policy{}}, trouble: pipeline.Blocked, text: "loopback"},
		"http":                           {server: s, config: outbound.Config{Policy: &guard.Policy{}}, trouble: pipeline.Blocked, text: "scheme"},
		"private":                        {url: "http://10.0.0.1:9/", trouble: pipeline.Blocked, text: "RFC 1918"},
		"metadata":                       {url: "http://169.254.169.254/", trouble: pipeline.Blocked, text: "link-local"},
		"mapped":                         {url: "http://[::ffff:10.0.0.1]/", trouble: pipeline.Blocked},
		"a name that now leads inward":   {url: "https://hook.example:1/", config: outbound.Config{Policy: &guard.Policy{Resolver: &script{answers: [][]netip.Addr{{loopback}}}}}, trouble: pipeline.Blocked, text: "loopback"},
		"a URL that cannot be read":      {url: "http://127.0.0.1:port/?token=rahasia", trouble: pipeline.Other},
		"TLS handshake that never comes": {url: "https://" + silent(t) + "/", short: true, trouble: pipeline.TimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			url := c.url
			if url == "" {
				e := c.server.Endpoint()
				e.Default(c.answer)
				url = e.URL() + "?token=rahasia"
			}
			limit := patience
			if c.short {
				limit = short
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			r := newClient(t, c.config).Send(ctx, pipeline.Request{URL: url, Header: header, Body: []byte("{}")})
			if r.Trouble != c.trouble || r.Status != c.status {
				t.Errorf("trouble %q with status %d: %v", r.Trouble, r.Status, r.Err)
			}
			if r.Err == nil {
				t.Fatal("no error")
			}
			text := r.Err.Error()
			if !strings.Contains(text, c.text) || strings.Contains(text, "token") || len(text) > 200 ||
				strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("not a good line: %q", text)
			}
		})
	}
}

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestOneAllowedAddressDoesNotExcuseAnother(t *testing.T) {
	s := listen(t, subscriber.Config{})
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	resolver := &script{answers: [][]netip.Addr{{public}, {loopback}}}
	policy := &guard.Policy{Resolver: resolver}
	url := "https://hook.example:" + port + "/"
	if err := policy.CheckURL(t.Context(), url); err != nil {
		t.Fatal("the name led outward when it was checked:", err)
	}
	if r := send(t, newClient(t, outbound.Config{Policy: policy}), url, nil); r.Trouble != pipeline.Blocked {
		t.Errorf("%s: %v", r.Trouble, r.Err)
	}
	if n := s.Stats().Connections; n != 0 {
		t.Errorf("%d connections after rebinding", n)
	}
}

func TestTheSecondAddressIsTriedWhereTheFirstIsDead(t *testing.T) {
	s := listen(t, subscriber.Config{})
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	// Nobody listens on the second address of loopback.
	resolver := &script{answers: [][]netip.Addr{{netip.MustParseAddr("127.0.0.2"), loopback}}}
	c := newClient(t, outbound.Config{Policy: &guard.Policy{Dev: true, Resolver: resolver}})
	s.EndpointAt("/")
	taken(t, c, "http://hook.example:"+port+"/", 200)
}

func TestAClocksOwnDeadlineIsATimeout(t *testing.T) {
	s := listen(t, subscriber.Config{})
	for name, c := range map[string]struct {
		cause   error
		trouble pipeline.Trouble
	}{"deadline": {context.DeadlineExceeded, pipeline.TimedOut}, "called off": {errors.New("the end"), outbound.Stopped}} {
		for kind, answer := range map[string]subscriber.Answer{
			"no answer": subscriber.Hang(), "half an answer": {Fill: 1000, Fault: subscriber.HangFault, After: 500},
		} {
			e := s.Endpoint()
			e.Default(answer)
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan pipeline.Response)
			client := newClient(t, outbound.Config{})
			go func() {
				done <- client.Send(ctx, pipeline.Request{URL: e.URL(), Header: []wire.Field{{Name: "A", Value: "b"}}})
			}()
			if err := e.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			cancel(c.cause)
			if r := <-done; r.Trouble != c.trouble || r.Err == nil {
				t.Errorf("%s, %s: %s: %v", name, kind, r.Trouble, r.Err)
			}
		}
	}
}
