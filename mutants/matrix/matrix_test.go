package matrix_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/mutants/matrix"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// Each case runs in a process of its own: this very test binary, told by these variables to be one.
const (
	childKey   = "KIRIMCHECK_TEST_MATRIX_CASE"
	childBlunt = "KIRIMCHECK_TEST_MATRIX_BLUNT"
)

func TestMain(m *testing.M) {
	key := os.Getenv(childKey)
	if key == "" {
		os.Exit(m.Run())
	}
	var blunt []string
	if name := os.Getenv(childBlunt); name != "" {
		blunt = append(blunt, name)
	}
	if err := matrix.Serve(context.Background(), key, os.Stdout, blunt...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runner runs cases in processes of their own, with a spec that passes whatever it sees where blunt names one.
func runner(t *testing.T, blunt string) matrix.Runner {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return matrix.Runner{
		Command: func(ctx context.Context, key string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, exe)
			cmd.Env = append(os.Environ(), childKey+"="+key, childBlunt+"="+blunt)
			return cmd
		},
		Jobs: 4 * runtime.NumCPU(), Limit: matrix.DefaultLimit,
	}
}

// judge runs cases and judges them as a part of the matrix.
func judge(t *testing.T, cases []matrix.Case, blunt string) killmatrix.Matrix {
	t.Helper()
	seen, err := runner(t, blunt).Run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	m, err := matrix.Judge(matrix.Input{Cases: cases, Seen: seen, Selection: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// choose returns the cases for which a condition holds.
func choose(t *testing.T, want func(matrix.Case) bool) []matrix.Case {
	t.Helper()
	all, err := matrix.Cases()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c matrix.Case) bool { return !want(c) })
}

// Each mutant made by hand turns exactly the requirements red that it names; the references and the correct implementations
// pass everything.
func TestEveryHandmadeMutantIsCaughtAndNobodyRightIsBlamed(t *testing.T) {
	if testing.Short() {
		t.Skip("the verdicts of all of them take some minutes")
	}
	m := judge(t, choose(t, func(c matrix.Case) bool { return c.Mutant == nil || c.Mutant.Family == "" }), "")
	for _, problem := range m.Problems {
		t.Error(problem)
	}
	if m.Figures.Handmade < 300 || m.Figures.Correct < 30 || m.Figures.Killed != m.Figures.Mutants {
		t.Errorf("figures %+v", m.Figures)
	}
}

// shortShare thins the cases in short runs: under the race detector, where every mutant exercises the same code.
const shortShare = 60

// Cases come to their end; under the race detector one with a finding does not. What they are judged to be is left to the
// test above: with the detector on a busy machine, a relay's time is the machine's.
func TestCasesRunToTheirEnd(t *testing.T) {
	if !testing.Short() {
		t.Skip("all of them are run and judged by another test")
	}
	n := 0
	seen, err := runner(t, "").Run(t.Context(), choose(t, func(c matrix.Case) bool {
		n++
		return (c.Mutant == nil || c.Mutant.Family == "") && n%shortShare == 0
	}))
	if err != nil || len(seen) < 5 {
		t.Fatalf("%d cases, %v", len(seen), err)
	}
	for _, o := range seen {
		if o.Failed != "" || len(o.Specs) == 0 {
			t.Errorf("%s: %s, %d specs", o.Key, o.Failed, len(o.Specs))
		}
	}
}

// A receiver that refuses everything must not pass a single spec.
func TestRefusingEverythingPassesNothing(t *testing.T) {
	cases := choose(t, func(c matrix.Case) bool {
		return c.Mutant != nil && strings.HasPrefix(c.Mutant.Name, "refuses-everything")
	})
	seen, err := runner(t, "").Run(t.Context(), cases)
	if err != nil || len(cases) < 2 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, o := range seen {
		if o.Failed != "" || len(o.Specs) == 0 {
			t.Errorf("%s: %s, %d specs", o.Key, o.Failed, len(o.Specs))
		}
		for _, s := range o.Specs {
			if s.Verdict == reports.Pass {
				t.Errorf("%s passed %s (%s)", o.Key, s.Requirement, s.Spec)
			}
		}
	}
}

// What holes finds by arithmetic over what was seen is what happens: a spec that passes always opens the gate's eyes when its
// mutant is run.
func TestASpecThatCannotFailIsNoticed(t *testing.T) {
	for _, key := range []string{
		"mutant/receiver/first-v1-only", "mutant/relay/content-type-text", "mutant/meta-receiver/status-order-409",
	} {
		t.Run(key, func(t *testing.T) {
			c, err := matrix.Find(key)
			if err != nil {
				t.Fatal(err)
			}
			seen, err := runner(t, "").Run(t.Context(), []matrix.Case{c})
			if err != nil {
				t.Fatal(err)
			}
			if m, err := matrix.Judge(matrix.Input{Cases: []matrix.Case{c}, Seen: seen, Selection: "a test"}); err != nil || len(m.Problems) > 0 {
				t.Fatalf("before: %v, %v", m.Problems, err)
			}
			at := slices.IndexFunc(seen[0].Specs, func(s matrix.Seen) bool { return s.Verdict == reports.Fail || s.Verdict == reports.Warn })
			spec := seen[0].Specs[at].Spec
			if blunt := judge(t, []matrix.Case{c}, spec); len(blunt.Problems) == 0 {
				t.Errorf("nobody noticed that %q passes always", spec)
			}
		})
	}
}
