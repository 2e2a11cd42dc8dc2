package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// failing is a service that cannot find out who calls.
type failing struct {
	api.Service
	panics bool
}

func (failing) NewID(prefix string) string { return prefix + "_01HXYZABCDEFGHJKMNPQRSTVWX" }

func (f failing) Authenticate(context.Context, string) (relay.Org, error) {
	if f.panics {
		panic("the key kdv_live_hush")
	}
	return relay.Org{}, errors.New("the file /srv/kirim.db of kdv_live_hush is locked")
}

func doorOf(t *testing.T, service api.Service, log *slog.Logger) http.Handler {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	_, inside := api.NewBoth(api.Config{Service: service, Edition: edition, Clock: clock.Real(), ClockMode: clock.Mode(clock.Real()), Log: log})
	return New(Config{Service: service, Inside: inside, Edition: edition, Log: log})
}

// What goes wrong inside is for the log; the client learns that it did, and by which request the log tells it.
func TestInnerTroubleIsNotTold(t *testing.T) {
	for name, c := range map[string]struct {
		panics bool
		key    string
	}{
		"an error": {}, "a panic": {panics: true}, "an error under an Idempotency-Key": {key: "k"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			door := doorOf(t, failing{panics: c.panics}, slog.New(slog.NewTextHandler(&log, nil)))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, strings.NewReader(`{"query":"mutation { delete_webhook_subscription(id: \"a\") { id } }"}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer kdv_live_hush")
			if c.key != "" {
				r.Header.Set("Idempotency-Key", c.key)
			}
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			var answer struct {
				Errors []struct {
					Message    string
					Extensions struct {
						Code      string
						RequestID string `json:"request_id"`
						HTTP      struct{ Status int }
					}
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer.Errors) != 1 {
				t.Fatalf("%v: %s", err, w.Body)
			}
			e := answer.Errors[0]
			if e.Extensions.Code != "internal_error" || e.Extensions.HTTP.Status != 500 || e.Extensions.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("told %+v", e)
			}
			if strings.Contains(w.Body.String(), "hush") || strings.Contains(w.Body.String(), "kirim.db") {
				t.Errorf("too much is told: %s", w.Body)
			}
			if !strings.Contains(log.String(), e.Extensions.RequestID) {
				t.Errorf("the log is %q", log.String())
			}
		})
	}
}

// The fields of a query are resolved side by side; each is a call with a place of its own in the answer.
func TestFieldsOfAQueryAreResolvedSideBySide(t *testing.T) {
	door := doorOf(t, failing{}, nil)
	var query strings.Builder
	for i := range 40 {
		query.WriteString(" h" + strings.Repeat("x", i) + ": health { status }")
		query.WriteString(" w" + strings.Repeat("x", i) + ": webhook_subscriptions { has_more }")
	}
	body, err := json.Marshal(map[string]string{"query": "{" + query.String() + "}"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	if n := strings.Count(w.Body.String(), "internal_error"); n != 40 {
		t.Errorf("%d errors of 40: %.300s", n, w.Body)
	}
}
