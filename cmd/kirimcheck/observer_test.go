package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// observed starts the reference behind a handler and returns its target file; observe changes the observer's URL.
func observed(t *testing.T, wrap func(http.Handler) http.Handler, observe func(base string) string) string {
	t.Helper()
	ed, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	server, err := reference.Listen(t.Context(), wrap(reference.NewReceiver(reference.Correct(ed, reference.Secret))), nil)
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
	if observe != nil {
		config.Observe.HTTP.URL = observe(strings.TrimSuffix(config.URL, reference.WebhookPath))
	}
	data, err := yaml.Dump(config)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "target.yaml", string(data))
}

func asItIs(next http.Handler) http.Handler { return next }

// counting answers /total with the number of deliveries so far.
func counting(next http.Handler) http.Handler {
	var deliveries atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/total" {
			// The harness sees a broken answer for itself.
			_, _ = fmt.Fprintf(w, `{"count": %d}`, deliveries.Load())
			return
		}
		if r.Method == http.MethodPost {
			deliveries.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

// mustBeIncomplete fails the test unless the run blamed the observer, once, and the target not at all.
func mustBeIncomplete(t *testing.T, r result, reason string) {
	t.Helper()
	report := r.report(t)
	if r.code != exitIncomplete || report.Counts[reports.Fail] > 0 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], reason) {
		t.Errorf("exit code %d, counts %v, errors %q; want one error with %q", r.code, report.Counts, report.Errors, reason)
	}
	for _, req := range report.Requirements {
		if strings.HasSuffix(req.ID, ".effect") && req.Verdict != reports.Untestable {
			t.Errorf("%s is %s", req.ID, req.Verdict)
		}
	}
}

// An observer that counts everything would show twice the work, and work for forgeries, where there is none.
func TestObserverThatCountsEverythingIsNotBelieved(t *testing.T) {
	file := observed(t, counting, func(base string) string { return base + "/total?event_id={event_id}&item={item_id}" })
	mustBeIncomplete(t, kirimcheck(t, secretEnv, "certify", "--target", file), "never sent")
}

// The same seed makes the same ids; a target that remembers them has effects to show that this run did not cause.
func TestEffectsOfAnEarlierRunAreNotBelieved(t *testing.T) {
	file := observed(t, asItIs, nil)
	if r := kirimcheck(t, secretEnv, "certify", "--target", file, "--seed", "7"); r.code != exitConformant {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	mustBeIncomplete(t, kirimcheck(t, secretEnv, "certify", "--target", file, "--seed", "7"), "before it was sent")
}

func TestObserverThatFailsIsOneError(t *testing.T) {
	broken := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == reference.EffectsPath {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	mustBeIncomplete(t, kirimcheck(t, secretEnv, "certify", "--target", observed(t, broken, nil)), "answered 500")
}

// byEvent answers /by-event with the number of deliveries under an event id, whatever item is asked for.
func byEvent(next http.Handler) http.Handler {
	var mu sync.Mutex
	counts := map[string]int{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/by-event" {
			// The harness sees a broken answer for itself.
			_, _ = fmt.Fprintf(w, `{"count": %d}`, counts[r.URL.Query().Get("event_id")])
			return
		}
		if r.Method == http.MethodPost {
			counts[r.Header.Get("X-Kirim-Event-Id")]++
		}
		next.ServeHTTP(w, r)
	})
}

// An observer that has an item id in its URL and does not look at it would show every item of a batch as processed.
func TestObserverThatIgnoresTheItemCannotSeeBatches(t *testing.T) {
	file := observed(t, byEvent, func(base string) string { return base + "/by-event?event_id={event_id}&item={item_id}" })
	report := kirimcheck(t, secretEnv, "certify", "--target", file, "--label-filter", "receiver.delivery.batch").report(t)
	if len(report.Requirements) != 1 || report.Requirements[0].Verdict != reports.Untestable {
		t.Errorf("%+v", report.Requirements)
	}
}
