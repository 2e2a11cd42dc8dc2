package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kirimcheck/kirimcheck/reports"
)

// tried is a receiver, or a relay, that runs, with what it printed to certify it.
type tried struct {
	cmd      *exec.Cmd
	greeting string
	env      []string
	target   string
}

// startReceiver starts kirimcheck receiver on a free port and reads what it prints.
func startReceiver(t *testing.T, args ...string) tried {
	t.Helper()
	return startTried(t, append([]string{"receiver", "--listen", "127.0.0.1:0"}, args...)...)
}

// startTried starts kirimcheck with these arguments, and reads what it prints up to the line that certifies what runs.
func startTried(t *testing.T, args ...string) tried {
	t.Helper()
	// Not the test's context: it is stopped by a signal.
	r := tried{cmd: command(context.Background(), t, nil, args...)}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
		}
	})
	var greeting, target strings.Builder
	inside := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		greeting.WriteString(line + "\n")
		if variable, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			r.env = append(r.env, strings.ReplaceAll(variable, "'", ""))
		}
		switch {
		case strings.HasPrefix(line, "cat >"):
			inside = true
		case line == "END":
			inside = false
		case inside:
			target.WriteString(line + "\n")
		}
		if strings.Contains(line, " certify --target ") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	r.greeting, r.target = greeting.String(), write(t, "target.yaml", target.String())
	return r
}

// interrupt ends it as Ctrl-C does, and returns the exit code.
func (r tried) interrupt(t *testing.T) int {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// The error says no more than the exit code.
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

// What is printed certifies what runs: the reference is conformant, and a mutant is red in what it is known to break.
func TestAReceiverIsCertifiedWithTheLinesThatItPrints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, says []string
		filter     string
		code       int
		red        []string
	}{
		"the reference": {args: nil, says: []string{"the reference receiver, edition kckit"}, filter: "signature && MUST", code: exitConformant},
		"of another edition": {args: []string{"--edition", "kirim.chat"}, says: []string{"edition kirim.chat"},
			filter: "receiver.signature.stale.effect", code: exitConformant},
		"a mutant": {
			args: []string{"--mutant", "no-future"}, says: []string{"WRONG ON PURPOSE: mutant no-future - "},
			filter: "signature && MUST", code: exitNonConformant, red: expectedRed(t, "receiver", "no-future", "receiver.signature."),
		},
		"the reference of Meta's own webhooks": {args: []string{"--role", "meta-receiver"}, says: []string{"the reference meta-receiver"},
			filter: "signature || handshake", code: exitConformant},
		"a mutant of Meta's own webhooks": {
			args: []string{"--role", "meta-receiver", "--mutant", "prefix-compare"}, says: []string{"WRONG ON PURPOSE: mutant prefix-compare - "},
			filter: "signature && MUST", code: exitNonConformant, red: expectedRed(t, "meta-receiver", "prefix-compare", "meta-receiver.signature."),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startReceiver(t, c.args...)
			for _, part := range c.says {
				if !strings.Contains(r.greeting, part) {
					t.Errorf("it does not say %q:\n%s", part, r.greeting)
				}
			}
			if name != "a mutant" && strings.HasPrefix(name, "the reference") && strings.Contains(r.greeting, "WRONG") {
				t.Errorf("the reference is called wrong:\n%s", r.greeting)
			}
			run := kirimcheck(t, r.env, "certify", "--target", r.target, "--label-filter", c.filter)
			if run.code != c.code {
				t.Errorf("exit %d, want %d\n%s%s", run.code, c.code, run.stdout, run.stderr)
			}
			var red []string
			for _, req := range run.report(t).Requirements {
				if req.Verdict == reports.Fail {
					red = append(red, req.ID)
				}
			}
			slices.Sort(red)
			if !slices.Equal(red, c.red) {
				t.Errorf("red are %v, want %v", red, c.red)
			}
			if code := r.interrupt(t); code != exitConformant {
				t.Errorf("SIGINT ended it with %d", code)
			}
		})
	}
}

// expectedRed are the MUSTs of an area that a mutant is listed to break.
func expectedRed(t *testing.T, role, name, area string) []string {
	t.Helper()
	for _, m := range listMutants(t, "--role", role) {
		if m.Name != name {
			continue
		}
		must := slices.DeleteFunc(m.Breaks, func(id string) bool {
			return !strings.HasPrefix(id, area) || !strings.Contains(kirimcheck(t, nil, "explain", id).stdout, "\nMUST: ")
		})
		if len(must) == 0 {
			t.Fatalf("%s breaks no MUST of %s", name, area)
		}
		return must
	}
	t.Fatalf("there is no mutant %s", name)
	return nil
}

func TestAReceiversAddressThatIsTakenIsOneLine(t *testing.T) {
	t.Parallel()
	first := startReceiver(t)
	text, err := os.ReadFile(filepath.Clean(first.target))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "url: http://")
	address, _, _ := strings.Cut(rest, "/")
	r := kirimcheck(t, nil, "receiver", "--listen", address)
	if r.code != exitUsage {
		t.Errorf("exit %d, want %d", r.code, exitUsage)
	}
	r.oneLine(t, "cannot listen on "+address)
	if code := first.interrupt(t); code != exitConformant {
		t.Errorf("SIGINT ended it with %d", code)
	}
}
