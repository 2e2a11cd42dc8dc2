package target

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// puppet is a relay that hooks start and end: its doors are a server that comes and goes on one address, and the hooks
// are calls to another.
type puppet struct {
	t       *testing.T
	address string
	hooks   *httptest.Server

	mu     sync.Mutex
	doors  *httptest.Server
	health string
	// deaf makes the hooks do nothing.
	deaf bool
}

func newPuppet(t *testing.T) *puppet {
	t.Helper()
	p := &puppet{t: t, health: `{"data":{"status":"ok"}}`}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	p.open(l)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", func(http.ResponseWriter, *http.Request) { p.up() })
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { p.down() })
	mux.HandleFunc("POST /refuse", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	p.hooks = httptest.NewServer(mux)
	t.Cleanup(p.hooks.Close)
	t.Cleanup(p.down)
	return p
}

func (p *puppet) open(l net.Listener) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		health := p.health
		p.mu.Unlock()
		answerWith(200, health)(w, r)
	}))
	if err := s.Listener.Close(); err != nil {
		p.t.Error(err)
	}
	s.Listener = l
	s.Start()
	p.doors = s
}

func (p *puppet) up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf || p.doors != nil {
		return
	}
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Errorf("starting: %v", err)
		return
	}
	p.open(l)
}

func (p *puppet) down() {
	p.mu.Lock()
	doors := p.doors
	if p.deaf || doors == nil {
		p.mu.Unlock()
		return
	}
	p.doors = nil
	p.mu.Unlock()
	// It waits for requests that are on their way, and those want the lock.
	doors.Close()
}

// set changes what the puppet does from now on.
func (p *puppet) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// driven returns what drives the puppet.
func (p *puppet) driven(timeout, kill string) Lifecycle {
	p.t.Helper()
	tgt := readRelay(p.t, strings.ReplaceAll(relayFile, "127.0.0.1:1", p.address)+strings.ReplaceAll(`lifecycle:
  start: {http: {url: "$S/start"}}
  stop: {http: {url: "$S/stop"}}
  kill: {http: {url: "$S/`+kill+`"}}
  timeout: `+timeout+"\n", "$S", p.hooks.URL))
	m, err := tgt.NewManagement()
	if err != nil {
		p.t.Fatal(err)
	}
	l, err := tgt.NewLifecycle(m)
	if err != nil || l == nil {
		p.t.Fatalf("%v, %v", l, err)
	}
	return l
}

func TestRelayIsWaitedForWhenItStartsAndEnds(t *testing.T) {
	p := newPuppet(t)
	l := p.driven("30s", "stop")
	for _, step := range []struct {
		name string
		run  func(context.Context) error
		up   bool
	}{{"stop", l.Stop, false}, {"start", l.Start, true}, {"kill", l.Kill, false}, {"start again", l.Start, true}} {
		if err := step.run(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		conn, err := net.DialTimeout("tcp", p.address, time.Second)
		if (err == nil) != step.up {
			t.Errorf("after %s: %v", step.name, err)
		}
		if err == nil {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestRelayThatDoesNotObeyIsTold(t *testing.T) {
	p := newPuppet(t)
	l := p.driven("100ms", "refuse")
	isError(t, l.Kill(t.Context()), "hook kill: POST ", "/refuse answered 500")
	p.set(func() { p.deaf = true })
	isError(t, l.Stop(t.Context()), "lifecycle stop: ", "in vain for 100ms", "lifecycle.timeout allows more", "it still answers")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("enough")) })
	isError(t, p.driven("30s", "stop").Stop(ctx), "enough")
	p.set(func() { p.deaf = false })
	if err := p.driven("30s", "stop").Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.set(func() { p.deaf = true })
	isError(t, l.Start(t.Context()), "lifecycle start: ", "in vain for 100ms", "/webhooks/meta is not reached (not-reached)")
	p.set(func() { p.deaf = false })
	// A front that takes connections is not enough: behind it nothing may be ready yet.
	p.set(func() { p.health = `{"error":{"type":"api_error","code":"starting"}}` })
	isError(t, l.Start(t.Context()), "lifecycle start: ", "GET /health was answered with 200, but the answer has the member error")
}

func TestRelayWithoutHooksHasNoLifecycle(t *testing.T) {
	tgt := readRelay(t, relayFile)
	m, err := tgt.NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := tgt.NewLifecycle(m); l != nil || err != nil {
		t.Errorf("%v, %v", l, err)
	}
}
