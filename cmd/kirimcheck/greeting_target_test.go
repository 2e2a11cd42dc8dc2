package main

import (
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/reports"
)

func TestAMutantOfARelayIsCertifiedWithTheLinesThatItPrints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		red  string
		code int
	}{
		"in virtual time": {[]string{"--virtual-clock", "--mutant", "retry-after-ignored"}, "relay.retry.retry-after-seconds", exitNonConformant},
		"over https":      {[]string{"--tls", "--mutant", "keys-of-all-organisations"}, "relay.api.idempotent-organisation", exitNonConformant},
		"in its edition":  {[]string{"--virtual-clock", "--mutant", "terminal-word-dead"}, "relay.replay.status-failed", exitConformant},
		"with limits, and a number of its own": {
			[]string{"--rate-limits", "6000/60000", "--account", "1234567890=+62 811-000", "--mutant", "front-token-by-prefix"},
			"relay.front.handshake-token", exitNonConformant,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := t.TempDir() + "/ca.pem"
			args := append([]string{"serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "error", "--ca-out", ca}, c.args...)
			r := startTried(t, args...)
			run := kirimcheck(t, r.env, "certify", "--target", r.target, "--label-filter", c.red)
			if run.code != c.code {
				t.Errorf("exit %d, want %d\n%s%s", run.code, c.code, run.stdout, run.stderr)
			}
			for _, req := range run.report(t).Requirements {
				if req.ID != c.red || (req.Verdict != reports.Fail && req.Verdict != reports.Warn) {
					t.Errorf("%s is %s", req.ID, req.Verdict)
				}
			}
			if code := r.interrupt(t); code != exitConformant {
				t.Errorf("SIGINT ended it with %d", code)
			}
		})
	}
}

func TestAMutantOfARelayThatNobodyHereCanSubscribeToSaysSo(t *testing.T) {
	t.Parallel()
	p := greeting{flags: &serveFlags{mutant: "no-jitter"}, wrong: "WRONG"}
	var out strings.Builder
	if err := p.write(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "start it with --dev") || strings.Contains(text, "relay.yaml") {
		t.Errorf("it says\n%s", text)
	}
}

// The documented limits are fewer calls than a run makes: that says nothing of what the relay owes.
func TestARelayThatLimitsCallsIsNotBlamedForIt(t *testing.T) {
	t.Parallel()
	r := startTried(t, "serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "error", "--virtual-clock", "--rate-limits", "60/600",
		"--mutant", "no-jitter")
	run := kirimcheck(t, r.env, "certify", "--target", r.target, "--label-filter", "subscriptions || api")
	if run.code != exitIncomplete {
		t.Errorf("exit %d, want %d\n%s%s", run.code, exitIncomplete, run.stdout, run.stderr)
	}
	limited := 0
	for _, req := range run.report(t).Requirements {
		switch req.Verdict {
		case reports.Fail, reports.Warn:
			t.Errorf("%s is %s", req.ID, req.Verdict)
		case reports.Error:
			limited++
		}
	}
	if limited == 0 || !strings.Contains(run.stdout, "give the harness's key a higher limit") {
		t.Errorf("%d requirements met the limit:\n%s", limited, run.stdout)
	}
	if code := r.interrupt(t); code != exitConformant {
		t.Errorf("SIGINT ended it with %d", code)
	}
}
