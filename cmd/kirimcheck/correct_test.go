package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// queue is a receiver's work done later than its answer: each delivery is taken over at once, and worked on after a
// while, again and again until it succeeds.
type queue struct {
	sync.WaitGroup
	delay time.Duration
}

func (q *queue) process(s *reference.Store, d reference.Delivery, items []reference.Item, key func(reference.Delivery, reference.Item) string) int {
	s.Lock()
	defer s.Unlock()
	for _, it := range items {
		k := key(d, it)
		if s.Seen(k) {
			continue
		}
		s.Remember(k)
		q.Go(func() { q.work(s, d, it) })
	}
	return http.StatusAccepted
}

func (q *queue) work(s *reference.Store, d reference.Delivery, it reference.Item) {
	for done := false; !done; {
		<-time.After(q.delay)
		s.Lock()
		done = s.Work(d, it) == nil
		s.Unlock()
	}
}

// Receivers that are unusual and right pass everything: a red line on one of them is a lie.
func TestUnusualButCorrectReceiversAreConformant(t *testing.T) {
	wrapped := func(wrap func(http.ResponseWriter, *http.Request, http.Handler)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { wrap(w, r, next) })
		}
	}
	for name, c := range map[string]struct {
		wrap  func(http.Handler) http.Handler
		queue *queue
	}{
		"stores first and works later": {queue: &queue{delay: 30 * time.Millisecond}},
		"closes after each answer": {wrap: wrapped(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("Connection", "close")
			next.ServeHTTP(w, r)
		})},
		"sends long headers": {wrap: wrapped(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
			next.ServeHTTP(w, r)
		})},
		"answers 204": {wrap: wrapped(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(&noContent{w}, r)
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ed, err := contract.LoadEdition("")
			if err != nil {
				t.Fatal(err)
			}
			policy := reference.Correct(ed, reference.Secret)
			if c.queue != nil {
				policy.Process = c.queue.process
				t.Cleanup(c.queue.Wait)
			}
			var handler http.Handler = reference.NewReceiver(policy)
			if c.wrap != nil {
				handler = c.wrap(handler)
			}
			server, err := reference.Listen(t.Context(), handler, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			config := server.Config(contract.RoleReceiver, ed.ID)
			config.Secret = target.SecretRef{Env: secretVar}
			config.Observe.Timeout = 5 * time.Second
			data, err := yaml.Dump(config)
			if err != nil {
				t.Fatal(err)
			}
			r := kirimcheck(t, secretEnv, "certify", "--target", write(t, "target.yaml", string(data)))
			if report := r.report(t); r.code != exitConformant || report.Counts[reports.Pass] != len(report.Requirements) {
				t.Errorf("exit code %d, counts %v\n%s", r.code, report.Counts, r.stdout)
			}
		})
	}
}

// noContent answers 204 where the receiver answers 200 without a body.
type noContent struct{ http.ResponseWriter }

func (w *noContent) WriteHeader(status int) {
	if status == http.StatusOK {
		status = http.StatusNoContent
	}
	w.ResponseWriter.WriteHeader(status)
}
