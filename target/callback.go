package target

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// maxCallback bounds one callback's body; it holds four short strings.
const maxCallback = 64 << 10

// pointers are the JSON pointers of an effect's members, defaults filled in. An empty one is not sent.
type pointers struct{ event, eventID, itemID, status string }

func (f Fields) pointers() pointers {
	or := func(p *string, byDefault string) string {
		if p == nil {
			return byDefault
		}
		return *p
	}
	return pointers{or(f.Event, "/event"), or(f.EventID, "/event_id"), or(f.ItemID, "/item_id"), or(f.Status, "/status")}
}

func (f Fields) check() error {
	p := f.pointers()
	for _, pointer := range []string{p.event, p.eventID, p.itemID, p.status} {
		if pointer != "" && !strings.HasPrefix(pointer, "/") {
			return fmt.Errorf("%q is not a JSON pointer; write one such as /event_id", pointer)
		}
	}
	if p.eventID == "" && p.itemID == "" {
		return errors.New("neither event_id nor item_id is sent, so effects could not be told apart")
	}
	return nil
}

// tells says by what effects of these members can be told apart.
func (p pointers) tells() Tells {
	return Tells{EventID: p.eventID != "", Item: p.itemID != "", Status: p.status != ""}
}

// Callback is an observer that the target reports to: a small server that counts the effects POSTed to it.
type Callback struct {
	fields pointers
	server *http.Server
	addr   string
	token  string
	done   chan struct{}
	tally  *tally
	// path is where callbacks are taken; astray is where the last one came that was sent elsewhere, nil where none was.
	path   string
	astray atomic.Pointer[string]
}

// ListenCallback starts the server. Close ends it.
func ListenCallback(ctx context.Context, c CallbackObserver) (*Callback, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("observer callback: cannot listen on %s: %w", c.Listen, err)
	}
	cb := &Callback{
		fields: c.Fields.pointers(), addr: l.Addr().String(), token: rand.Text(), done: make(chan struct{}),
	}
	cb.tally = newTally(cb.fields.tells(), cb.fields.event != "")
	cb.path = cmp.Or(c.Path, "/effects")
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+cb.path, cb.take)
	mux.HandleFunc("GET /"+cb.token+"/count", cb.answer)
	watched := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path != cb.path {
			cb.astray.Store(&r.URL.Path)
		}
		mux.ServeHTTP(w, r)
	})
	cb.server = &http.Server{Handler: watched, ReadHeaderTimeout: ObserverTimeout, ReadTimeout: ObserverTimeout}
	go func() {
		defer close(cb.done)
		// Serve always returns an error; after Close it is ErrServerClosed, and before it requests simply fail.
		_ = cb.server.Serve(l)
	}()
	return cb, nil
}

// Close ends the server and waits for it.
func (cb *Callback) Close() error {
	err := cb.server.Close()
	<-cb.done
	return err
}

// Addr is the address that the server listens on.
func (cb *Callback) Addr() string { return cb.addr }

// Shared is an observer's configuration with which other processes of the same run read this one's counts.
func (cb *Callback) Shared() HTTPObserver {
	address := "http://" + cb.addr + "/" + cb.token + "/count?event={event}"
	for placeholder, pointer := range map[string]string{
		"event_id": cb.fields.eventID, "item_id": cb.fields.itemID, "status": cb.fields.status,
	} {
		if pointer != "" {
			address += "&" + placeholder + "={" + placeholder + "}"
		}
	}
	return HTTPObserver{URL: address}
}

// take counts one effect.
func (cb *Callback) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
	if err != nil {
		cb.reject(w, fmt.Errorf("a callback's body could not be read: %w", err))
		return
	}
	effect, err := cb.fields.effect(body)
	if err != nil {
		cb.reject(w, err)
		return
	}
	cb.tally.add(effect)
	w.WriteHeader(http.StatusNoContent)
}

func (cb *Callback) reject(w http.ResponseWriter, err error) {
	cb.tally.spoil(err)
	http.Error(w, err.Error(), http.StatusBadRequest)
}

// effect reads the members of one callback.
func (p pointers) effect(body []byte) (Effect, error) {
	doc, err := decodeJSON(body)
	if err != nil {
		return Effect{}, errors.New("a callback's body is not JSON")
	}
	return p.effectOf(doc, "a callback's body")
}

// effectOf reads the members of a decoded document. Only status may be missing or null: most effects have none.
func (p pointers) effectOf(doc any, what string) (Effect, error) {
	var e Effect
	for _, m := range []struct {
		pointer  string
		to       *string
		optional bool
	}{{p.event, &e.Event, false}, {p.eventID, &e.EventID, false}, {p.itemID, &e.ItemID, false}, {p.status, &e.Status, true}} {
		if m.pointer == "" {
			continue
		}
		value, err := walk(doc, m.pointer)
		if (err != nil || value == nil) && m.optional {
			continue
		}
		if err != nil {
			return e, fmt.Errorf("%s has nothing at %s", what, m.pointer)
		}
		text, ok := value.(string)
		if !ok {
			return e, fmt.Errorf("%s has no text at %s", what, m.pointer)
		}
		*m.to = text
	}
	return e, nil
}

// Count returns the number of callbacks for the effect.
func (cb *Callback) Count(_ context.Context, e Effect) (int, error) {
	n, err := cb.tally.count(e)
	if err != nil {
		return 0, fmt.Errorf("observer callback: %w", err)
	}
	return n, nil
}

// answer tells another process a count.
func (cb *Callback) answer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, err := cb.Count(r.Context(), Effect{q.Get("event"), q.Get("event_id"), q.Get("item_id"), q.Get("status")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A reader that went away has no use for the error either.
	_, _ = fmt.Fprintln(w, n)
}

// Tells reports which members the target sends.
func (cb *Callback) Tells() Tells { return cb.fields.tells() }

// Saw tells how many callbacks came, for whoever wonders why it was none.
func (cb *Callback) Saw() string {
	cb.tally.mu.Lock()
	defer cb.tally.mu.Unlock()
	switch astray := cb.astray.Load(); {
	case len(cb.tally.counts) == 0 && astray != nil:
		return fmt.Sprintf("a callback came to %s and none to %s", excerpt([]byte(*astray)), cb.path)
	case len(cb.tally.counts) == 0:
		return "no callback came to " + cb.path
	}
	return fmt.Sprintf("callbacks came for %d effects, and none of them is that", len(cb.tally.counts))
}

// String names the observer and its address.
func (cb *Callback) String() string { return "callback, " + cb.addr }

// NewObserver returns the observer of a target, or nil where it has none. client asks where the observer is http; nil
// means one without a TLS configuration of its own. close is never nil.
func NewObserver(ctx context.Context, o Observe, client *http.Client) (observer Observer, closeObserver func() error, err error) {
	nothing := func() error { return nil }
	switch {
	case o.HTTP != nil:
		obs, err := newHTTPObserver(*o.HTTP, client)
		if err != nil {
			return nil, nothing, fmt.Errorf("observer http: %w", err)
		}
		return obs, nothing, nil
	case o.GraphQL != nil:
		obs, err := newGraphQLObserver(ctx, *o.GraphQL, client)
		if err != nil {
			return nil, nothing, err
		}
		return obs, nothing, nil
	case o.Callback != nil:
		cb, err := ListenCallback(ctx, *o.Callback)
		if err != nil {
			return nil, nothing, err
		}
		return cb, cb.Close, nil
	case o.SQL != nil:
		obs, err := newSQLObserver(*o.SQL, o.dir)
		if err != nil {
			return nil, nothing, fmt.Errorf("observer sql: %w", err)
		}
		return obs, obs.close, nil
	case o.Command != nil:
		obs, err := newCommandObserver(*o.Command, o.dir)
		if err != nil {
			return nil, nothing, fmt.Errorf("observer command: %w", err)
		}
		return obs, nothing, nil
	case o.Log != nil:
		obs, err := newLogObserver(ctx, *o.Log, o.dir)
		if err != nil {
			return nil, nothing, fmt.Errorf("observer log: %w", err)
		}
		return obs, obs.close, nil
	default:
		return nil, nothing, nil
	}
}

// Wait lets d pass on the clock, or returns the context's error when it ends first.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
