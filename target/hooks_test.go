package target

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hooked resolves a target file in a folder of its own.
func hooked(t *testing.T, hooks string) *Target {
	t.Helper()
	t.Setenv("KIRIM_TEST_SECRET", hush)
	path := filepath.Join(t.TempDir(), "target.yaml")
	file := "url: http://127.0.0.1:1/\nsecret: {env: KIRIM_TEST_SECRET}\nhooks:\n  recover: {command: [\"true\"]}\n  fail: " + hooks + "\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

func TestCommandRunsInTheFolderOfTheTargetFile(t *testing.T) {
	tgt := hooked(t, `{command: [./fail.sh, "a b", "$HOME", "*"]}`)
	script := "#!/bin/sh\npwd > where\nprintf '%s|' \"$@\" > arguments\n"
	if err := os.WriteFile(filepath.Join(tgt.dir, "fail.sh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := tgt.Run(t.Context(), "fail", *tgt.Hooks.Fail); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"where": tgt.dir + "\n", "arguments": "a b|$HOME|*|"} {
		got, err := os.ReadFile(filepath.Join(tgt.dir, file))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", file, got, err, want)
		}
	}
}

// A file that is edited by one person and run by another's CI must not be a program in disguise.
func TestCommandIsNoShellLine(t *testing.T) {
	tgt := hooked(t, `{command: ["touch here; touch there"]}`)
	err := tgt.Run(t.Context(), "fail", *tgt.Hooks.Fail)
	isError(t, err, "hook fail: touch here; touch there: ", "not found")
	if left, err := filepath.Glob(filepath.Join(tgt.dir, "*here*")); err != nil || left != nil {
		t.Errorf("a shell has run: %v %v", left, err)
	}
}

func TestCommandThatFailsIsToldWithItsOutput(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"both outputs":       {"echo out; echo err >&2; exit 3", []string{"hook fail: sh: exit status 3; it printed: out err"}},
		"no output":          {"exit 1", []string{"hook fail: sh: exit status 1"}},
		"killed":             {"kill -9 $$", []string{"hook fail: sh: signal: killed"}},
		"several lines":      {"printf 'a\\n\\n  b\\n'; exit 1", []string{"it printed: a b"}},
		"the end of a lot":   {"yes x | head -c 1000000; echo end; exit 1", []string{"it printed: x x", "x end"}},
		"a program not here": {"", []string{"hook fail: ./absent: ", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			tgt := hooked(t, "{command: [./absent]}")
			hook := *tgt.Hooks.Fail
			if c.script != "" {
				hook.Command = []string{"sh", "-c", c.script}
			}
			err := tgt.Run(t.Context(), "fail", hook)
			isError(t, err, c.want...)
			if len(err.Error()) > maxHookOutput+200 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestHookThatDoesNotEndIsEnded(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	const long = 30 * time.Second
	for name, hook := range map[string]Hook{
		"a command":                {Command: []string{"sleep", "60"}},
		"a command that has begun": {Command: []string{"sh", "-c", "echo begun; sleep 60; true"}},
		"a call":                   {HTTP: &Call{URL: server.URL + "/?token=" + hush}},
	} {
		t.Run(name, func(t *testing.T) {
			tgt := hooked(t, `{command: ["true"]}`)
			hook.Timeout = 100 * time.Millisecond
			started := time.Now()
			isError(t, tgt.Run(t.Context(), "fail", hook), "hook fail: ", "it did not end within 100ms")
			if took := time.Since(started); took > long {
				t.Errorf("it took %s", took)
			}
		})
		t.Run(name+", the run interrupted", func(t *testing.T) {
			tgt := hooked(t, `{command: ["true"]}`)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			hook.Timeout = long
			isError(t, tgt.Run(ctx, "fail", hook), "hook fail: ", "context deadline exceeded")
		})
	}
}

// A hook that restarts a service leaves a process behind. Its output must not hold the run up, and closing that output
// would end the service at its next line, so the hook is told to send it elsewhere.
func TestHookThatLeavesAProcessBehindIsTold(t *testing.T) {
	tgt := hooked(t, `{command: ["true"]}`)
	const leave = "sleep 60 %s & echo $! > pid"
	t.Cleanup(func() {
		// The processes that the two hooks left.
		if err := tgt.Run(context.Background(), "end", Hook{Command: []string{"sh", "-c", "kill $(cat pid pid2)"}}); err != nil {
			t.Error(err)
		}
	})
	err := tgt.Run(t.Context(), "fail", Hook{Command: []string{"sh", "-c", fmt.Sprintf(leave, "")}})
	isError(t, err, "hook fail: sh: ", "send that one's output to a file")
	if err := tgt.Run(t.Context(), "fail", Hook{Command: []string{"sh", "-c", fmt.Sprintf(leave, ">log 2>&1") + "2"}}); err != nil {
		t.Error(err)
	}
}

func TestCallSucceedsWith2xxAlone(t *testing.T) {
	t.Setenv("HOOK_TOKEN", hush)
	for status := 200; status < 600; status += 25 {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "PUT" || r.Header.Get("Authorization") != hush || r.URL.RawQuery != "token="+hush || r.ContentLength != 0 {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				w.WriteHeader(status)
			}))
			defer server.Close()
			tgt := hooked(t, fmt.Sprintf("{http: {method: PUT, url: '%s/test/f%%2Fl?token=%s', header: {Authorization: {env: HOOK_TOKEN}}}}", server.URL, hush))
			err := tgt.Run(t.Context(), "fail", *tgt.Hooks.Fail)
			if status < 300 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			isError(t, err, fmt.Sprintf("hook fail: PUT %s/test/f%%2Fl answered %d; a 2xx is expected", strings.TrimPrefix(server.URL, "http://"), status))
		})
	}
}

func TestCallIsAPostWithoutABodyByDefault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}))
	defer server.Close()
	tgt := hooked(t, "{http: {url: '"+server.URL+"'}}")
	if err := tgt.Run(t.Context(), "fail", *tgt.Hooks.Fail); err != nil {
		t.Error(err)
	}
	server.Close()
	isError(t, tgt.Run(t.Context(), "fail", Hook{HTTP: &Call{URL: server.URL + "?token=" + hush}}), "hook fail: ", "refused")
}

func TestHookThatCouldNotWorkIsRefused(t *testing.T) {
	for want, hook := range map[string]Hook{
		"write command":              {},
		"keep one":                   {Command: []string{"a"}, HTTP: &Call{URL: "http://x/"}},
		"timeout: -1s is negative":   {Command: []string{"a"}, Timeout: -time.Second},
		"http.url: is missing":       {HTTP: &Call{}},
		"http.url: \"ftp://x/\" doe": {HTTP: &Call{URL: "ftp://x/?token=" + hush}},
		"http.header.A: the environment variable NOT_SET_BY_ANYBODY": {
			HTTP: &Call{URL: "http://x/", Header: map[string]Value{"A": {Env: "NOT_SET_BY_ANYBODY"}}},
		},
	} {
		isError(t, hook.check(), want)
	}
}
