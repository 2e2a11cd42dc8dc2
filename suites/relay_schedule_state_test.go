package suites

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestAnObservationComesBackFromItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	at := time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC)
	want := savedSchedule{
		Version: stateVersion, Target: "https://relay.example/meta", Edition: "kckit", Unended: -1,
		Subscriptions: []savedSubscription{{
			ID: "wbs_1", URL: "https://hooks.example/abc", Path: "/abc", Secret: "whsec_x",
			Deliveries: []*course{{Event: "wamid.1", Arrivals: []arrival{{Number: 1, At: at, Signed: at.Unix()}}}},
		}},
	}
	// Twice, because a file that is there is replaced.
	for range 2 {
		if err := writeState(path, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readState(path)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; it holds secrets", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStateFilesThatCannotBeUsed(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"not JSON":           {"role: relay", "no state file"},
		"of another version": {`{"version":99}`, "version 99"},
		"far too long":       {strings.Repeat(" ", maxState+1), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := readState(path); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v", err)
			}
		})
	}
}

// While nobody listens attempts are missed, and only the header tells how many. As long as the harness listens it counts
// for itself, whatever the header says.
func TestAttemptsAreNumberedAcrossAGap(t *testing.T) {
	clock, err := (&target.Target{}).NewClock()
	if err != nil {
		t.Fatal(err)
	}
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	names := edition.Headers
	f := &followed{
		side: &relaySide{clock: clock}, answer: fails, changed: make(chan struct{}, 1), secret: "whsec_right",
		eventID: names.EventID, attempt: names.Attempt, scheme: kirimScheme{names.Signature},
	}
	f.expect("wamid.1")
	co := f.courses[0]
	come := func(event, attempt, secret string) {
		t.Helper()
		d := subscriber.Delivery{Arrived: time.Now(), Body: []byte("{}"), Header: []wire.Field{
			{Name: names.EventID, Value: event}, {Name: names.Attempt, Value: attempt},
			{Name: names.Signature, Value: signature.Header(1_700_000_000, []byte("{}"), secret)},
		}}
		if a := f.receive(t.Context(), d); (a.Status == 500) != (event == "wamid.1") {
			t.Errorf("%s was answered %d", event, a.Status)
		}
	}
	come("wamid.other", "1", "whsec_right")
	come("wamid.1", "1", "whsec_right")
	come("wamid.1", "1", "whsec_wrong")
	co.gap = true
	come("wamid.1", "5", "whsec_right")
	come("wamid.1", "no number", "whsec_right")
	var numbers []int
	var signed []bool
	for _, a := range co.Arrivals {
		numbers, signed = append(numbers, a.Number), append(signed, a.Signed == 1_700_000_000)
	}
	if want := []int{1, 2, 5, 6}; !reflect.DeepEqual(numbers, want) {
		t.Errorf("numbers %v, want %v", numbers, want)
	}
	if want := []bool{true, false, true, true}; !reflect.DeepEqual(signed, want) {
		t.Errorf("signed %v, want %v: a t counts where its signature verifies", signed, want)
	}
	// A wait is known where both of its ends were seen.
	sch := &schedule{subs: []*followed{f}}
	for attempt, want := range map[int]int{2: 1, 5: 0, 6: 1} {
		if got := len(sch.waits(attempt)); got != want {
			t.Errorf("%d waits before attempt %d, want %d", got, attempt, want)
		}
	}
}
