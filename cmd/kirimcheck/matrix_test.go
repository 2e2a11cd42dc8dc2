package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

func TestAPartOfTheMatrixIsRunAndWritten(t *testing.T) {
	r := kirimcheck(t, nil, "matrix", "--only", "receiver/charset-415", "--only", "receiver/variant.message-received-text-500",
		"--only", "receiver/answers-202", "--times", "2")
	if r.code != exitConformant || !strings.Contains(r.stdout, "2: 1 by hand, 1 generated; 2 killed (100.0 %)") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "reports", "out", killmatrix.JSONFile))
	if err != nil {
		t.Fatal(err)
	}
	var m killmatrix.Matrix
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Mutants) != 2 || len(m.Correct) != 1 || m.Selection == "" || m.Figures.FalseAlarms != 0 {
		t.Errorf("%+v", m.Figures)
	}
	for _, mutant := range m.Mutants {
		if !mutant.Killed() || len(mutant.Problems) > 0 {
			t.Errorf("%s: red %v, problems %v", mutant.Name, mutant.Red, mutant.Problems)
		}
	}
}

func TestTheMatrixRefusesWhatItCannotRun(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		parts []string
	}{
		"an unknown mutant":      {[]string{"--only", "relay/no-such"}, []string{`--only "relay/no-such"`, "kirimcheck mutants"}},
		"a pattern that is none": {[]string{"--only", "relay/[a"}, []string{`--only "relay/[a"`, "ROLE/NAME"}},
		"a record of a part":     {[]string{"--by-hand", "--record", "record.json"}, []string{"--record", "whole matrix"}},
		"no jobs":                {[]string{"--jobs", "0"}, []string{"--jobs"}},
		"a folder that is a file": {[]string{"--only", "receiver/charset-415", "--out", "/dev/null"},
			[]string{"report folder /dev/null"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := kirimcheck(t, nil, append([]string{"matrix"}, c.args...)...)
			if r.code != exitUsage {
				t.Errorf("exit code %d\n%s", r.code, r.stdout)
			}
			r.oneLine(t, c.parts...)
		})
	}
}

func TestAnInterruptedMatrixWritesNothing(t *testing.T) {
	cmd := command(t.Context(), t, nil, "matrix", "--by-hand")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(cmd.Dir, "reports", "out")
	NewWithT(t).Eventually(func() error { _, err := os.Stat(out); return err }).WithTimeout(time.Minute).Should(Succeed())
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// Its error is the exit code, which is looked at below.
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "interrupted; nothing was written") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
