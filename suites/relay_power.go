package suites

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"sync"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// power is what an embedded relay runs on. When it is cut, nothing leaves the relay any more, although parts of it may
// still be at work in this process: who was told something before the cut was told it by a relay that was alive.
type power struct {
	mu  sync.RWMutex
	off bool
}

// connect puts the switch at the relay's doors and in front of its subscribers.
func (p *power) connect(parts *server.Parts) {
	wrap, sender := parts.Wrap, parts.Sender
	parts.Wrap = func(h http.Handler) http.Handler {
		if wrap != nil {
			h = wrap(h)
		}
		return powered{p, h}
	}
	parts.Sender = func(s pipeline.Sender) pipeline.Sender {
		if sender != nil {
			s = sender(s)
		}
		return poweredSender{p, s}
	}
}

// cut ends it. Whoever gets an answer all the same gets one that was ready before the cut.
func (p *power) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
}

func (p *power) on() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return !p.off
}

// powered holds every answer back until it is whole, and gives it if the power is still on.
type powered struct {
	*power
	http.Handler
}

func (p powered) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	p.Handler.ServeHTTP(held, req)
	if !p.on() {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), held.header)
	w.WriteHeader(held.status)
	// A client that went away has no use for the error.
	_, _ = w.Write(held.body.Bytes())
}

// heldAnswer is an answer that has not left yet.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header { return h.header }

func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// poweredSender begins no attempt after the cut. One that has begun goes on its way, as what is on the wire does.
type poweredSender struct {
	*power
	pipeline.Sender
}

func (p poweredSender) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	if !p.on() {
		// Not a failure of the subscriber: nothing is written down when the relay gives up what is in flight.
		<-ctx.Done()
		return pipeline.Response{Err: ctx.Err()}
	}
	return p.Sender.Send(ctx, r)
}
