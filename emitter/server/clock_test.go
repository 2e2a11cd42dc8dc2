package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// clockDoor calls the test's control of the clock.
func (r *rig) clockDoor(method, path, body string, status int) (answer struct {
	Now   time.Time
	Mode  string
	Fired int
	Error string
}) {
	r.Helper()
	raw := r.do(method, r.server.URL()+"/test/clock"+path, http.Header{}, []byte(body), status)
	if err := json.Unmarshal(raw, &answer); err != nil {
		r.Fatalf("%v: %s", err, raw)
	}
	return answer
}

func TestTimePassesOnlyByTheTestsDoor(t *testing.T) {
	is, r := NewWithT(t), newRig(t, "", nil)
	start := time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC)
	is.Expect(r.clockDoor(http.MethodGet, "", "", http.StatusOK).Now).To(Equal(start))
	is.Expect(r.clockDoor(http.MethodGet, "", "", http.StatusOK).Mode).To(Equal("virtual"))
	r.subscribe("contact.created")
	r.answer(http.StatusServiceUnavailable)
	r.call(http.MethodPost, "/contacts", map[string]any{"phone_number": "+6281234567"}, http.StatusCreated)
	got := r.clockDoor(http.MethodPost, "/advance", `{"by":"1ns"}`, http.StatusOK)
	is.Expect(got.Now).To(Equal(start.Add(1)), "to the nanosecond")
	got = r.clockDoor(http.MethodPost, "/advance", `{"by":"12s","settle":"5s"}`, http.StatusOK)
	is.Expect(got.Fired).To(BeNumerically(">=", 1), "the second attempt")
	is.Expect(r.taken()).To(HaveLen(2))
	is.Expect(r.clockDoor(http.MethodGet, "", "", http.StatusOK).Now).To(Equal(start.Add(12*time.Second + 1)))
}

func TestWhatCannotBeUnderstoodMovesNoClock(t *testing.T) {
	r := newRig(t, "", nil)
	for body, says := range map[string]string{
		"": "by", "{": "by", "[]": "by", `{}`: "by", `{"by":""}`: "by", `{"by":"a day"}`: "by", `{"by":"-1s"}`: "by", `{"by":3600}`: "by",
		`{"by":"1h","settle":"0s"}`: "settle", `{"by":"1h","settle":"-1s"}`: "settle", `{"by":"1h","settle":"x"}`: "settle",
		`{"by":"1h","until":"x"}`: "until", `{"by":"` + strings.Repeat("1", 5000) + `h"}`: "by",
	} {
		if got := r.clockDoor(http.MethodPost, "/advance", body, http.StatusBadRequest); !strings.Contains(got.Error, says) {
			t.Errorf("%.50s: %q does not name %s", body, got.Error, says)
		}
	}
	if now := r.clock.Now(); !now.Equal(time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("the clock moved to %s", now)
	}
}

func TestOtherClocksCannotBeMoved(t *testing.T) {
	for mode, c := range map[string]clock.Clock{"real": clock.Real(), "scaled": scaled(t)} {
		is := NewWithT(t)
		r := newRig(t, "", func(config *server.Config) { config.Clock = c })
		is.Expect(r.clockDoor(http.MethodGet, "", "", http.StatusOK).Mode).To(Equal(mode))
		resp, err := http.Post(r.server.URL()+"/test/clock/advance", "application/json", strings.NewReader(`{"by":"1h"}`))
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(resp.Body.Close()).To(Succeed())
		is.Expect(resp.StatusCode).To(BeElementOf(http.StatusNotFound, http.StatusMethodNotAllowed))
	}
}

// Advance must go on without a subscriber that hangs, and end its attempt when its ten seconds are up.
func TestAnAttemptThatHangsTimesOutByTheClock(t *testing.T) {
	is := NewWithT(t)
	release := make(chan struct{})
	r := newRig(t, "", nil)
	defer close(release)
	hanging := listen(t, func(http.ResponseWriter, *http.Request) { <-release })
	made := r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": hanging, "events": []string{"contact.created"}}, http.StatusCreated)
	r.call(http.MethodPost, "/contacts", map[string]any{"phone_number": "+6281234567"}, http.StatusCreated)
	r.clockDoor(http.MethodPost, "/advance", `{"by":"11s","settle":"50ms"}`, http.StatusOK)
	list := r.call(http.MethodGet, "/webhook_deliveries?subscription_id="+made["id"].(string), nil, http.StatusOK)["data"].([]any)
	is.Expect(list).To(HaveLen(1))
	is.Expect(list[0]).To(HaveKeyWithValue("attempts", BeNumerically("==", 1)))
	is.Expect(list[0]).To(HaveKeyWithValue("error", ContainSubstring("10s")))
}
