package mutants

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/wire"
)

// sender is a pipeline.Sender made of a function.
type sender func(ctx context.Context, r pipeline.Request) pipeline.Response

func (s sender) Send(ctx context.Context, r pipeline.Request) pipeline.Response { return s(ctx, r) }

// onWire changes every attempt when it is signed and about to be sent.
func onWire(change func(r *pipeline.Request)) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Sender = func(next pipeline.Sender) pipeline.Sender {
			return sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
				r.Header = slices.Clone(r.Header)
				change(&r)
				return next.Send(ctx, r)
			})
		}
	}
}

// rewrites changes the value of one header line of every attempt.
func rewrites(name string, change func(value string) string) func(*server.Parts) {
	return onWire(func(r *pipeline.Request) {
		for i := range r.Header {
			if strings.EqualFold(r.Header[i].Name, name) {
				r.Header[i].Value = change(r.Header[i].Value)
			}
		}
	})
}

// drops leaves header lines out of every attempt.
func drops(drop func(f wire.Field, r *pipeline.Request) bool) func(*server.Parts) {
	return onWire(func(r *pipeline.Request) {
		r.Header = slices.DeleteFunc(r.Header, func(f wire.Field) bool { return drop(f, r) })
	})
}

// get returns the value of a header line.
func get(r *pipeline.Request, name string) string {
	for _, f := range r.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// swallows acknowledges those of Meta's POSTs for which a condition holds, and does nothing about them.
func swallows(when func(body gjson.Result) bool) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.Method == http.MethodPost && req.URL.Path == server.MetaPath {
					body, err := io.ReadAll(req.Body)
					if err == nil && when(gjson.ParseBytes(body)) {
						w.WriteHeader(http.StatusOK)
						return
					}
					req.Body = io.NopCloser(bytes.NewReader(body))
				}
				next.ServeHTTP(w, req)
			})
		}
	}
}

// values are what stands at a path below each value of a body of Meta's.
func values(body gjson.Result, path string) (out []string) {
	for _, entry := range body.Get("entry").Array() {
		for _, change := range entry.Get("changes").Array() {
			for _, found := range change.Get("value." + path).Array() {
				out = append(out, found.String())
			}
		}
	}
	return out
}

// memory remembers what it was told, for defects that show the second time.
type memory[K comparable, V any] struct {
	mu   sync.Mutex
	kept map[K]V
}

// first returns what was kept first under a key.
func (m *memory[K, V]) first(key K, value V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept, there := m.kept[key]; there {
		return kept
	}
	if m.kept == nil {
		m.kept = map[K]V{}
	}
	m.kept[key] = value
	return value
}

// other returns what is kept under any other key; ok is false where nothing is.
func (m *memory[K, V]) other(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, v := range m.kept {
		if k != key {
			return v, true
		}
	}
	return value, false
}

// again reports whether it was asked about the key before.
func (m *memory[K, V]) again(key K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.kept[key]; there {
		return true
	}
	if m.kept == nil {
		m.kept = map[K]V{}
	}
	m.kept[key] = *new(V)
	return false
}
