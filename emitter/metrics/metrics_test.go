package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

func TestAttemptsAreCountedByWhatCameOfThem(t *testing.T) {
	m := New()
	received, created := pipeline.Event{Name: "message.received", ID: "wamid.x"}, pipeline.Event{Name: "contact.created", ID: "evt_x"}
	for _, r := range []pipeline.Record{
		{Event: received, Outcome: pipeline.Delivered, Took: 3 * time.Millisecond},
		{Event: received, Outcome: pipeline.Delivered, Took: 4 * time.Millisecond},
		{Event: created, Outcome: pipeline.Retry, Trouble: pipeline.Refused, Took: time.Second, Error: "refused 10.0.0.1"},
		{Event: created, Outcome: pipeline.Terminal, Disabled: true, Took: 11 * time.Second},
	} {
		m.Attempt(r)
	}
	text := scrape(m)
	for _, line := range []string{
		`kirimcheck_attempts_total{event="message.received",outcome="delivered",trouble=""} 2`,
		`kirimcheck_attempts_total{event="contact.created",outcome="retry",trouble="refused"} 1`,
		`kirimcheck_attempts_total{event="contact.created",outcome="terminal",trouble=""} 1`,
		`kirimcheck_subscriptions_disabled_total 1`,
		`kirimcheck_attempt_duration_seconds_bucket{le="0.005"} 2`,
		`kirimcheck_attempt_duration_seconds_bucket{le="10"} 3`,
		`kirimcheck_attempt_duration_seconds_count 4`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line\n%s", line)
		}
	}
	for _, unbounded := range []string{"wamid", "evt_", "10.0.0.1"} {
		if strings.Contains(text, unbounded) {
			t.Errorf("%s makes a series of its own", unbounded)
		}
	}
}

func TestTwoEmittersCountApart(t *testing.T) {
	a, b := New(), New()
	a.Attempt(pipeline.Record{Event: pipeline.Event{Name: "contact.created"}, Outcome: pipeline.Delivered})
	if strings.Contains(scrape(b), "kirimcheck_attempts_total{") {
		t.Error("one emitter counts the other's attempts")
	}
}

func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}
