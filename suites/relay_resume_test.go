package suites

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// resumed is a run with --resume, as it is before any spec has run: an earlier one saw attempts 1 and 2 of an event at
// /hooks/1.
func resumed(t *testing.T, change func(*savedSchedule), made ...target.HandMade) *Session {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	tgt := &target.Target{}
	tgt.URL, tgt.State = "http://127.0.0.1:1/meta", filepath.Join(t.TempDir(), "state.json")
	server, err := subscriber.Listen(t.Context(), subscriber.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	clock, err := tgt.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{target: tgt, edition: edition, relay: &relaySide{subscribers: server, clock: clock}}
	if len(made) > 0 {
		s.relay.byHand = newByHand(made, server)
	}
	at := time.Now().Add(-time.Minute)
	saved := savedSchedule{
		Version: stateVersion, Target: tgt.URL, Edition: edition.ID, Unended: -1,
		Subscriptions: []savedSubscription{{
			ID: "wbs_1", URL: server.URL("/hooks/1"), Path: "/hooks/1", Secret: "whsec_x",
			Deliveries: []*course{{Event: "wamid.1", Arrivals: []arrival{{Number: 1, At: at}, {Number: 2, At: at.Add(10 * time.Second)}}}},
		}},
	}
	if change != nil {
		change(&saved)
	}
	if err := writeState(tgt.StatePath(), saved); err != nil {
		t.Fatal(err)
	}
	s.relay.earlier, s.relay.earlierErr = s.resumeSchedule()
	return s
}

// A retry that comes before the specs of the schedule have their turn must find its subscriber: a 200 would end its
// delivery as taken, a 404 as refused for good, and nobody could ever see the rest of the schedule.
func TestRetryThatComesBeforeTheSpecsFindsItsSubscriber(t *testing.T) {
	hand := target.HandMade{Path: "/hooks/1", Events: []string{messageReceived}}
	for name, made := range map[string][]target.HandMade{"over an API": nil, "by hand": {hand}} {
		t.Run(name, func(t *testing.T) {
			s := resumed(t, nil, made...)
			if s.relay.earlierErr != nil {
				t.Fatal(s.relay.earlierErr)
			}
			for event, want := range map[string]int{"wamid.1": 500, "wamid.of_a_spec": 200} {
				if status := retry(t, s.relay.subscribers.URL("/hooks/1"), event, 5); status != want {
					t.Errorf("%s was answered %d, not %d", event, status, want)
				}
			}
			if made != nil {
				if h, err := s.relay.byHand.take([]string{messageReceived}, false); err == nil {
					t.Errorf("%s is given to another spec", h.Path)
				}
			}
			if err := s.keepSchedule(s.relay.earlier); err != nil {
				t.Fatal(err)
			}
			saved, err := readState(s.target.StatePath())
			if err != nil {
				t.Fatal(err)
			}
			if all := saved.Subscriptions[0].Deliveries[0].Arrivals; len(all) != 3 || all[2].Number != 5 {
				t.Errorf("kept for a later run: %+v", all)
			}
		})
	}
}

func retry(t *testing.T, url, event string, attempt int) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Kirim-Event-Id", event)
	req.Header.Set("X-Kirim-Attempt", strconv.Itoa(attempt))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestObservationThatCannotBeResumed(t *testing.T) {
	hand := target.HandMade{Path: "/hooks/2", Events: []string{messageReceived}}
	for name, tc := range map[string]struct {
		change func(*savedSchedule)
		made   []target.HandMade
		want   string
	}{
		"of another target":                   {func(s *savedSchedule) { s.Target = "http://127.0.0.1:2/meta" }, nil, "and not about this target"},
		"of another edition":                  {func(s *savedSchedule) { s.Edition = "kirim.chat" }, nil, "and not about this target"},
		"at another address":                  {func(s *savedSchedule) { s.Subscriptions[0].URL = "http://127.0.0.1:3/hooks/1" }, nil, "give subscriber.listen a fixed port"},
		"of a subscription that is not named": {nil, []target.HandMade{hand}, "the subscription at /hooks/1, which management.static names no more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := resumed(t, tc.change, tc.made...)
			if s.relay.earlier != nil || s.relay.earlierErr == nil || !strings.Contains(s.relay.earlierErr.Error(), tc.want) {
				t.Errorf("%v, error %v, want %q", s.relay.earlier, s.relay.earlierErr, tc.want)
			}
		})
	}
}
