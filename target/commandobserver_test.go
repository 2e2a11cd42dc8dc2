package target

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandPrintsACountOrItIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		run   string
		count int
		err   []string
	}{
		"a number":             {"echo 3", 3, nil},
		"a number and blanks":  {"printf ' 3 \\n\\n'", 3, nil},
		"a number and a note":  {"echo 3; echo looked at 9 rows >&2", 3, nil},
		"nothing":              {":", 0, []string{"it printed nothing, which is not a count"}},
		"a word":               {"echo three", 0, []string{`it printed "three", which is not a count; print a whole number and nothing else`}},
		"two numbers":          {"echo 3 4", 0, []string{`it printed "3 4"`}},
		"a signed number":      {"echo +3", 0, []string{`it printed "+3"`}},
		"below zero":           {"echo -3", 0, []string{`it printed "-3"`}},
		"a fraction":           {"echo 3.0", 0, []string{`it printed "3.0"`}},
		"an exit status":       {"echo 3; echo no such table >&2; exit 1", 0, []string{"exit status 1; it printed: no such table"}},
		"grep that found none": {"echo 0; exit 1", 0, []string{"exit status 1; it printed: 0"}},
		"far too much":         {"head -c 70000 /dev/zero", 0, []string{"it printed more than 65536 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			obs := counting(t, "", "[./count, '{event_id}']", c.run)
			n, err := obs.Count(t.Context(), Effect{EventID: "e"})
			if c.err == nil && err != nil || n != c.count {
				t.Errorf("%d, %v; want %d", n, err, c.count)
			}
			if c.err != nil {
				isError(t, err, append(c.err, "observer command: ./count: ")...)
			}
		})
	}
}

// counting returns a command observer whose program, ./count beside the target file, is this script. keys are further
// keys of the section.
func counting(t *testing.T, keys, run, script string) Observer {
	t.Helper()
	dir := t.TempDir()
	add(t, filepath.Join(dir, "count"), "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(filepath.Join(dir, "count"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KIRIM_TEST_SECRET", hush)
	add(t, filepath.Join(dir, "target.yaml"), "url: http://127.0.0.1:1/\nsecret: {env: KIRIM_TEST_SECRET}\nobserve:\n  command: {run: "+run+keys+"}\n")
	tgt, err := ReadFile(filepath.Join(dir, "target.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return observe(t, tgt.Observe)
}

// weird is a value that a shell would make something of.
var weird = Effect{Event: "message.status", EventID: `wamid.a+b/c== $(touch x)"`, ItemID: "; echo 7 #'", Status: "*"}

func TestValuesReachTheProgramAsTheyAre(t *testing.T) {
	const values = `"$KIRIMCHECK_EVENT" "$KIRIMCHECK_EVENT_ID" "$KIRIMCHECK_ITEM_ID" "$KIRIMCHECK_STATUS"`
	environment := strings.Join([]string{weird.Event, weird.EventID, weird.ItemID, weird.Status, ""}, "|")
	for name, c := range map[string]struct{ keys, run, script, want string }{
		"as arguments": {"", `[./count, "--id={event_id}/{item_id}", "{status}", "{ print }", "$HOME"]`, `printf '%s|' "$@" >seen; echo 1`,
			"--id=" + weird.EventID + "/" + weird.ItemID + "|*|{ print }|$HOME|"},
		"in the environment": {"", `[./count]`, `printf '%s|' ` + values + ` >seen; echo 1`, environment},
		"in a shell line":    {", shell: true", `['printf "%s|" ` + values + ` >seen; echo 1 | cat']`, "", environment},
	} {
		t.Run(name, func(t *testing.T) {
			obs := counting(t, c.keys, c.run, c.script)
			if n, err := obs.Count(t.Context(), weird); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			seen, err := os.ReadFile(filepath.Join(obs.(*commandObserver).dir, "seen"))
			if err != nil || string(seen) != c.want {
				t.Errorf("saw %q, %v; want %q", seen, err, c.want)
			}
		})
	}
}

func TestCommandThatTakesTooLongIsAnError(t *testing.T) {
	obs := counting(t, ", timeout: 50ms", "[./count, '{event_id}']", "sleep 60; echo 3")
	_, err := obs.Count(t.Context(), Effect{})
	isError(t, err, "observer command: ./count: it did not end within 50ms; observe.command.timeout allows more")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = obs.Count(ctx, Effect{})
	isError(t, err, "observer command: ./count: context canceled")
}

func TestCommandIsNamedWithoutItsArguments(t *testing.T) {
	if got := counting(t, "", "[./count, '{event_id}', --token="+hush+"]", "").String(); got != "command, ./count" {
		t.Errorf("described as %q", got)
	}
	if got := counting(t, ", shell: true", "['x --token="+hush+" $KIRIMCHECK_EVENT_ID']", "").String(); got != "command, the shell line" {
		t.Errorf("described as %q", got)
	}
}
