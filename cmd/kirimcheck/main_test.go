package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/schemas"
)

// childVar makes this test binary the program itself: Ginkgo runs specs once in a process, and exit codes are the
// program's to give.
const childVar = "KIRIMCHECK_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "":
	case patientChild:
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, patient))
	default:
		main()
	}
	os.Exit(m.Run())
}

// result is what a run of the program left behind.
type result struct {
	code           int
	stdout, stderr string
	dir            string
}

// command prepares the program in an empty folder of its own, with no Go on the PATH.
func command(ctx context.Context, t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{childVar + "=1", "PATH=/nowhere", "HOME=" + cmd.Dir}, env...)
	return cmd
}

// kirimcheck runs the program to its end.
func kirimcheck(t testing.TB, env []string, args ...string) result {
	t.Helper()
	cmd := command(t.Context(), t, env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), cmd.Dir}
}

// report reads the report of a run, after holding it to its schema.
func (r result) report(t testing.TB) reports.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, "reports", "out", reports.JSONFile))
	if err != nil {
		t.Fatalf("%v\nstderr: %s", err, r.stderr)
	}
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Validate("report", data); err != nil {
		t.Errorf("the report is not of its schema: %v", err)
	}
	var out reports.Report
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// wroteNothing fails the test when a report was written.
func (r result) wroteNothing(t testing.TB) {
	t.Helper()
	for _, name := range []string{reports.JSONFile, reports.JUnitFile, reports.HTMLFile} {
		if _, err := os.Stat(filepath.Join(r.dir, "reports", "out", name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// oneLine fails the test unless stderr is exactly one line that holds all the parts.
func (r result) oneLine(t testing.TB, parts ...string) {
	t.Helper()
	if n := strings.Count(r.stderr, "\n"); n != 1 {
		t.Errorf("%d lines on stderr, want 1:\n%s", n, r.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("stderr lacks %q: %s", part, r.stderr)
		}
	}
}

// write puts a file into a new folder and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
