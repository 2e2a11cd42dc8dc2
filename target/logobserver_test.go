package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/target/follow"
)

const stored = `  log: {file: x.log, pattern: 'stored (?P<event>\S+) (?P<event_id>\S*) (?P<item_id>\S+)(?: as (?P<status>\S+))?$'}` + "\n"

// counts fails the test unless the observer counts this many.
func counts(t *testing.T, obs Observer, e Effect, want int) {
	t.Helper()
	if n, err := obs.Count(t.Context(), e); n != want || err != nil {
		t.Errorf("%s: %d, %v; want %d", e, n, err, want)
	}
}

func TestLinesThatMatchAreEffects(t *testing.T) {
	obs, dir := watching(t, stored, nil)
	log := filepath.Join(dir, "x.log")
	message, status, metas := Effect{Event: "message.received", EventID: "e", ItemID: "i"}, Effect{"message.status", "e", "i", "read"}, Effect{Event: "messages", ItemID: "i"}
	counts(t, obs, message, 0)
	add(t, log, "12:00 INFO received message.received e i\n12:00 INFO stored message.received e i\n")
	counts(t, obs, message, 1)
	counts(t, obs, status, 0)
	add(t, log, "12:01 INFO stored message.received e i\n12:01 INFO stored message.status e i as read\n12:01 stored messages  i\n12:02 stored")
	counts(t, obs, message, 2)
	counts(t, obs, status, 1)
	counts(t, obs, metas, 1)
	add(t, log, " message.status e i as read\n")
	counts(t, obs, status, 2)
}

func TestWhatWasLoggedBeforeIsNoEffect(t *testing.T) {
	tgt, err := observing(t, stored)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(tgt.dir, "x.log")
	add(t, log, "stored a e i\n")
	obs := observe(t, tgt.Observe)
	counts(t, obs, Effect{Event: "a", EventID: "e", ItemID: "i"}, 0)
	add(t, log, "stored a e i\n")
	counts(t, obs, Effect{Event: "a", EventID: "e", ItemID: "i"}, 1)
}

// The follower itself is tested in its package; here, that the observer counts on through each kind of rotation.
func TestCountsGoOnThroughRotation(t *testing.T) {
	obs, dir := watching(t, stored, nil)
	log, e := filepath.Join(dir, "x.log"), Effect{Event: "a", EventID: "e", ItemID: "i"}
	add(t, log, "")
	counts(t, obs, e, 0)
	for i := range 3 {
		add(t, log, "stored a e i\n")
		if err := os.Rename(log, fmt.Sprintf("%s.%d", log, i)); err != nil {
			t.Fatal(err)
		}
		counts(t, obs, e, 2*i+1)
		add(t, log, "stored a e i\n")
		counts(t, obs, e, 2*i+2)
	}
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	counts(t, obs, e, 6)
	add(t, log, "stored a e i\n")
	counts(t, obs, e, 7)
}

func TestJSONLinesAreEffectsWhereTheySaySo(t *testing.T) {
	obs, dir := watching(t, "  log: {file: x.log, json: {event: /e/event, event_id: /e/id, item_id: /e/items/0, status: /e/status}, where: {/msg: stored}}\n", nil)
	log, e := filepath.Join(dir, "x.log"), Effect{Event: "a", EventID: "e", ItemID: "i"}
	add(t, log, "listening on :8080\n{\"msg\":\"received\",\"e\":{\"event\":\"a\",\"id\":\"e\",\"items\":[\"i\"]}}\n{broken\n[]\n{}\n")
	counts(t, obs, e, 0)
	add(t, log, `{"msg":"stored","e":{"event":"a","id":"e","items":["i"]}}`+"\n"+`{"e":{"status":null,"items":["i"],"id":"e","event":"a"},"msg":"stored","level":30}`+"\n")
	counts(t, obs, e, 2)
	add(t, log, `{"msg":"stored","e":{"event":"a","id":"e","items":[]}}`+"\n")
	_, err := obs.Count(t.Context(), e)
	isError(t, err, "observer log: a line has nothing at /e/items/0, so an effect may be missing")
}

// Without where, a line that lacks a member is taken for something else.
func TestJSONLinesWithoutWhereAreEffectsWhenTheyAreWhole(t *testing.T) {
	obs, dir := watching(t, "  log: {file: x.log, json: {}}\n", nil)
	add(t, filepath.Join(dir, "x.log"), `{"event":"a","event_id":"e"}`+"\n"+`{"event":"a","event_id":"e","item_id":7}`+"\n"+`{"event":"a","event_id":"e","item_id":"i","status":"read"}`+"\n")
	counts(t, obs, Effect{"a", "e", "i", "read"}, 1)
	counts(t, obs, Effect{"a", "e", "i", ""}, 0)
}

func TestLineThatIsTooLongSpoilsTheCounts(t *testing.T) {
	obs, dir := watching(t, stored, nil)
	add(t, filepath.Join(dir, "x.log"), strings.Repeat("x", follow.MaxLine+1)+"\nstored a e i\n")
	for range 2 {
		_, err := obs.Count(t.Context(), Effect{Event: "a", EventID: "e", ItemID: "i"})
		isError(t, err, "observer log: a line is longer than 16777216 bytes, so an effect may be missing")
	}
}

// What a log says where no effect is seen is where its reader looks first.
func TestLogTellsWhatItSaw(t *testing.T) {
	obs, dir := watching(t, stored, nil)
	log, e := filepath.Join(dir, "x.log"), Effect{Event: "a", EventID: "e", ItemID: "i"}
	for _, step := range []struct{ added, want string }{
		{"", "there is no file " + log},
		{"listening\n", "of 1 lines that were added since the run began, 0 are effects"},
		{"stored a e i\nstored a e j\n", "of 3 lines that were added since the run began, 2 are effects"},
	} {
		if step.added != "" {
			add(t, log, step.added)
		}
		if _, err := obs.Count(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if got := obs.(*logObserver).Saw(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}

func TestLogThatCannotBeReadIsAnError(t *testing.T) {
	tgt, err := observing(t, "  log: {file: folder, json: {}}\n")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(tgt.dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err = NewObserver(t.Context(), tgt.Observe, nil)
	isError(t, err, "observer log: file: "+folder+" is not a file that can be followed (a folder)")
}

// A command's output is read as it comes. From the second line on, so that nothing hangs on when tail has started.
func TestOutputOfACommandIsFollowed(t *testing.T) {
	for name, command := range map[string]string{
		"without a shell": "[tail, -n, +2, -F, x.log]",
		"by a shell":      "['tail -n +2 -F x.log | cat'], shell: true",
	} {
		t.Run(name, func(t *testing.T) {
			tgt, err := observing(t, "  log: {command: "+command+", warmup: 1ms, pattern: 'stored (?P<event_id>\\S+)'}\n")
			if err != nil {
				t.Fatal(err)
			}
			log := filepath.Join(tgt.dir, "x.log")
			add(t, log, "stored e\n")
			obs := observe(t, tgt.Observe)
			add(t, log, "stored e\nstored f\n")
			// The end of the lines is the last to come, so what came before it is there too.
			for n := 0; n == 0; {
				if n, err = obs.Count(t.Context(), Effect{EventID: "f"}); err != nil {
					t.Fatal(err)
				}
			}
			counts(t, obs, Effect{EventID: "e"}, 1)
		})
	}
}

func TestCommandThatEndsIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ command, want string }{
		"at once":       {"['true']", "observer log: command: true no longer follows: it ended with exit status 0"},
		"with a reason": {"['echo no such unit >&2; exit 3'], shell: true", "observer log: command: the shell line no longer follows: exit status 3; it printed: no such unit"},
	} {
		t.Run(name, func(t *testing.T) {
			tgt, err := observing(t, "  log: {command: "+c.command+", warmup: 20s, json: {}}\n")
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = NewObserver(t.Context(), tgt.Observe, nil)
			isError(t, err, c.want)
		})
	}
	t.Run("in the middle", func(t *testing.T) {
		tgt, err := observing(t, "  log: {command: ['until [ -e stop ]; do sleep 0.01; done'], shell: true, warmup: 1ms, json: {}}\n")
		if err != nil {
			t.Fatal(err)
		}
		obs := observe(t, tgt.Observe)
		counts(t, obs, Effect{}, 0)
		add(t, filepath.Join(tgt.dir, "stop"), "")
		<-obs.(*logObserver).running.Done()
		_, err = obs.Count(t.Context(), Effect{})
		isError(t, err, "observer log: command: the shell line no longer follows: it ended with exit status 0")
	})
}
