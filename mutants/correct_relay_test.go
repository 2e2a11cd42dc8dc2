package mutants_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
)

// Relays that are unusual and right pass everything: a red line on one of them is a lie. Where one reads a SHOULD in
// another way, it is told so by a warning, and nothing else.
func TestUnusualButCorrectRelaysAreConformant(t *testing.T) {
	for i, c := range mutants.CorrectRelays() {
		t.Run(c.Name, func(t *testing.T) {
			if testing.Short() && i >= shortRelays {
				t.Skipf("%d of them are enough for a short run", shortRelays)
			}
			if i >= fewRelays && os.Getenv(fullMatrix) == "" {
				t.Skipf("%s=1 runs them all", fullMatrix)
			}
			t.Parallel()
			rows := ledger(t, contract.RoleRelay, c.Edition)
			want, err := mutants.Expand(rows, c.Warns)
			if err != nil {
				t.Fatal(err)
			}
			report := inChild(t.Context(), t, c.Filter, childUnusual+"="+c.Name)
			if red := byVerdict(report, reports.Fail, reports.Warn); !slices.Equal(red, want) {
				t.Errorf("red are\n  %s\nwant\n  %s", strings.Join(red, "\n  "), strings.Join(want, "\n  "))
				logSurprises(t, report, want)
			}
			if undecided := byVerdict(report, reports.Untestable, reports.NotApplicable, reports.Error); len(undecided) > 0 || len(report.Errors) > 0 {
				t.Errorf("undecided are %v, and errors %v", undecided, report.Errors)
			}
			if passed := byVerdict(report, reports.Pass); len(passed) < fewestPassed {
				t.Errorf("only %d requirements passed", len(passed))
			}
			if report.Outcome != reports.Conformant {
				t.Errorf("outcome %s", report.Outcome)
			}
		})
	}
}

const (
	// shortRelays is how many are run under -short.
	shortRelays = 1
	// fewRelays is how many are run with the tests.
	fewRelays = 3
	// fewestPassed keeps a filter, or a run that ended early, from passing for one in which all went well.
	fewestPassed = 100
)

func TestUnusualRelaysAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range mutants.CorrectRelays() {
		if len(c.Unusual) == 0 || seen[c.Name] {
			t.Errorf("%q is not described, or occurs twice", c.Name)
		}
		seen[c.Name] = true
		rows := ledger(t, contract.RoleRelay, c.Edition)
		for _, id := range c.Warns {
			// A MUST that somebody right does not keep is none.
			if r, ok := rows.Get(id); !ok || r.Level != contract.Should {
				t.Errorf("%s may not warn of %s, which is no SHOULD", c.Name, id)
			}
		}
	}
}
