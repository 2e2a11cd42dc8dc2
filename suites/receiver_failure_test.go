package suites

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
)

// specContext stands in for Ginkgo's where no spec runs.
type specContext struct{ context.Context }

func (c specContext) WrappedContext() context.Context           { return c.Context }
func (specContext) SpecReport() types.SpecReport                { return types.SpecReport{} }
func (specContext) AttachProgressReporter(func() string) func() { return func() {} }

// A target that is left failing would fail every spec that follows.
func TestTargetIsNeverLeftFailing(t *testing.T) {
	if !inChild(t) {
		return
	}
	for name, c := range map[string]struct {
		// The statuses of the webhook and of the two hooks, and the effects that are seen.
		webhook, fail, recover int
		count                  string
		interrupt              bool
		verdict                reports.Verdict
		reasons                []string
	}{
		"the work fails":                   {500, 204, 204, "0", false, "", nil},
		"the work is queued":               {200, 204, 204, "0", false, "", nil},
		"the hook did nothing":             {200, 204, 204, "1", false, reports.Untestable, []string{"did not make the work fail"}},
		"the hook failed half-way":         {500, 503, 204, "0", false, reports.Error, []string{"hook fail", "answered 503"}},
		"the work does not come back":      {500, 204, 503, "0", false, reports.Error, []string{"hook recover", "answered 503"}},
		"neither":                          {500, 503, 503, "0", false, reports.Error, []string{"hook fail", "; then: hook recover"}},
		"untestable, and not back":         {200, 204, 503, "1", false, reports.Untestable, []string{"did not make the work fail", "; then: hook recover"}},
		"the observer fails":               {200, 204, 204, "none", false, reports.Error, []string{"observer http"}},
		"interrupted during the delivery":  {500, 204, 204, "0", true, reports.Error, []string{"interrupted"}},
		"interrupted, and it is not heard": {500, 204, 503, "0", true, reports.Error, []string{"interrupted", "; then: hook recover"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var mu sync.Mutex
			var calls []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/fail", "/recover":
					mu.Lock()
					calls = append(calls, r.URL.Path)
					mu.Unlock()
					w.WriteHeader(map[string]int{"/fail": c.fail, "/recover": c.recover}[r.URL.Path])
				case "/effects":
					// A reader that went away is the test's own.
					_, _ = io.WriteString(w, c.count)
				default:
					if c.interrupt {
						// The server sees that a client has gone only after the body was read.
						_, _ = io.Copy(io.Discard, r.Body)
						cancel()
						<-r.Context().Done()
					}
					w.WriteHeader(c.webhook)
				}
			}))
			defer server.Close()
			s := session(t, Options{})
			config := target.Config{
				URL:     server.URL,
				Observe: target.Observe{Settle: time.Millisecond, Interval: time.Millisecond, HTTP: &target.HTTPObserver{URL: server.URL + "/effects?id={event_id}"}},
				Hooks: target.Hooks{
					Fail: &target.Hook{HTTP: &target.Call{URL: server.URL + "/fail"}}, Recover: &target.Hook{HTTP: &target.Call{URL: server.URL + "/recover"}},
				},
			}
			var err error
			if s.opts.Target, err = config.WithSecret("whsec_x").Resolve("test"); err != nil {
				t.Fatal(err)
			}
			if err := s.open(t.Context(), 1, nil); err != nil {
				t.Fatal(err)
			}
			got := verdictOf(s, contract.Must, func(check *Check) {
				check.ctx = specContext{ctx}
				check.deliverWhileFailing(check.Event(anyShape))
			})
			if err := s.close(); err != nil {
				t.Error(err)
			}
			if got.Verdict != c.verdict {
				t.Errorf("verdict %q: %s", got.Verdict, got.Reason)
			}
			for _, part := range c.reasons {
				if !strings.Contains(got.Reason, part) {
					t.Errorf("reason %q, want %q in it", got.Reason, part)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(calls, []string{"/fail", "/recover"}) {
				t.Errorf("the hooks were called as %q", calls)
			}
		})
	}
}
