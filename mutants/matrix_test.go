package mutants_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/suites"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Ginkgo runs specs once in a process, so each mutant is certified by a child process: this very test binary, told by
// these variables to be a harness instead.
const (
	childTarget   = "KIRIMCHECK_TEST_CHILD_TARGET"
	childFilter   = "KIRIMCHECK_TEST_CHILD_FILTER"
	childOut      = "KIRIMCHECK_TEST_CHILD_OUT"
	childMutant   = "KIRIMCHECK_TEST_CHILD_MUTANT"
	childUnusual  = "KIRIMCHECK_TEST_CHILD_UNUSUAL"
	secretVar     = "KIRIMCHECK_TEST_SECRET"
	tokenVar      = "KIRIMCHECK_TEST_TOKEN"
	editionChecks = contract.DefaultEdition
)

func TestMain(m *testing.M) {
	if os.Getenv(childOut) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// matrixSeed makes the same texts every time: which of them a mutant stumbles over must not be left to chance.
const matrixSeed = 1

// child certifies the target and writes the report.
func child() error {
	opts := suites.Options{Version: "test", Command: "test", Seed: matrixSeed}
	if name := os.Getenv(childMutant); name != "" {
		m, err := mutants.Get(contract.RoleRelay, name)
		if err != nil {
			return err
		}
		opts.Role, opts.Edition, opts.Mutate = contract.RoleRelay, m.Edition, m.Mutate
	} else if name := os.Getenv(childUnusual); name != "" {
		c, err := mutants.GetCorrectRelay(name)
		if err != nil {
			return err
		}
		opts.Role, opts.Edition, opts.Mutate, opts.HTTP2 = contract.RoleRelay, c.Edition, c.Mutate, c.HTTP2
	} else {
		tgt, err := target.ReadFile(os.Getenv(childTarget))
		if err != nil {
			return err
		}
		opts.Target = tgt
	}
	session, err := suites.NewSession(opts)
	if err != nil {
		return err
	}
	report, err := session.Run(os.Getenv(childFilter))
	if err != nil {
		return err
	}
	f, err := os.Create(os.Getenv(childOut))
	if err != nil {
		return err
	}
	return errors.Join(reports.WriteJSON(f, session.Redactor().Report(report)), f.Close())
}

// certify runs the suite against a target in a child process.
func certify(ctx context.Context, t *testing.T, config target.Config, filter string) reports.Report {
	t.Helper()
	dir := t.TempDir()
	secret := reference.Secret
	config.Secret = target.SecretRef{Env: secretVar}
	// The references do their work before they answer, so an effect that is not there at once never comes.
	config.Observe.Timeout = 300 * time.Millisecond
	if config.Role == contract.RoleMetaReceiver {
		secret, config.VerifyToken = reference.MetaSecret, target.SecretRef{Env: tokenVar}
	}
	data, err := yaml.Dump(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "target.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return inChild(ctx, t, filter, childTarget+"="+file, secretVar+"="+secret, tokenVar+"="+reference.MetaToken)
}

// inChild runs the suite in a child process and returns its report.
func inChild(ctx context.Context, t *testing.T, filter string, env ...string) reports.Report {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report.json")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(append(os.Environ(), childFilter+"="+filter, childOut+"="+out), env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report reports.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// ledger returns the requirements of a role in an edition; an empty one is the default.
func ledger(t *testing.T, role contract.Role, edition string) contract.Ledger {
	t.Helper()
	all, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	return all.For(role, cmp.Or(edition, editionChecks))
}

// byVerdict lists the requirements that have one of the verdicts.
func byVerdict(r reports.Report, verdicts ...reports.Verdict) []string {
	var ids []string
	for _, req := range r.Requirements {
		if slices.Contains(verdicts, req.Verdict) {
			ids = append(ids, req.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Each mutant turns exactly the specs red that it names, and the others stay as they are.
func TestEachMutantIsCaughtByTheSpecsItNamesAndByNoOther(t *testing.T) {
	chosen := choose(t)
	for i, m := range mutants.All() {
		t.Run(string(m.Role)+"/"+m.Name, func(t *testing.T) {
			if testing.Short() && i%shortShare != 0 {
				t.Skipf("one mutant in %d is enough for a short run", shortShare)
			}
			if !chosen[string(m.Role)+"/"+m.Name] {
				t.Skipf("what it breaks is shown by an earlier mutant; %s=1 runs it too", fullMatrix)
			}
			t.Parallel()
			rows := ledger(t, m.Role, m.Edition)
			want, err := mutants.Expand(rows, m.Breaks)
			if err != nil {
				t.Fatal(err)
			}
			report := run(t, m)
			may, err := mutants.Expand(rows, m.May)
			if err != nil {
				t.Fatal(err)
			}
			red := slices.DeleteFunc(byVerdict(report, reports.Fail, reports.Warn), func(id string) bool {
				return slices.Contains(may, id) && !slices.Contains(want, id)
			})
			if !slices.Equal(red, want) {
				t.Errorf("red are\n  %s\nwant\n  %s", strings.Join(red, "\n  "), strings.Join(want, "\n  "))
				logSurprises(t, report, want)
			}
			checkUndecided(t, rows, m, report, want)
			if m.Cause != "" && !hasCause(report, m.Cause) {
				t.Errorf("no failure names a cause with %q", m.Cause)
			}
		})
	}
}

// fullMatrix is the environment variable that has every relay mutant run, against the whole suite where it names no
// filter: that takes ten minutes and more. Without it, a relay mutant runs if it breaks something that no earlier one
// does, against the areas that it breaks something in; so each spec is still seen to go red.
const fullMatrix = "KIRIMCHECK_FULL_MATRIX"

// choose returns the mutants that are run.
func choose(t *testing.T) map[string]bool {
	t.Helper()
	chosen, broken := map[string]bool{}, map[string]bool{}
	for _, m := range mutants.All() {
		ids, err := mutants.Expand(ledger(t, m.Role, m.Edition), m.Breaks)
		if err != nil {
			t.Fatal(err)
		}
		fresh := slices.ContainsFunc(ids, func(id string) bool { return !broken[id] })
		if m.Role != contract.RoleRelay || fresh || os.Getenv(fullMatrix) != "" {
			chosen[string(m.Role)+"/"+m.Name] = true
			for _, id := range ids {
				broken[id] = true
			}
		}
	}
	return chosen
}

// areas is the label filter for the areas of the requirements that a mutant breaks.
func areas(t *testing.T, m mutants.Mutant) string {
	t.Helper()
	rows := ledger(t, m.Role, m.Edition)
	ids, err := mutants.Expand(rows, m.Breaks)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, id := range ids {
		if row, ok := rows.Get(id); ok && !slices.Contains(names, row.Area()) {
			names = append(names, row.Area())
		}
	}
	return strings.Join(names, " || ")
}

// run certifies a mutant.
func run(t *testing.T, m mutants.Mutant) reports.Report {
	t.Helper()
	if m.Role == contract.RoleRelay {
		filter := m.Filter
		if filter == "" && os.Getenv(fullMatrix) == "" {
			filter = areas(t, m)
		}
		return inChild(t.Context(), t, filter, childMutant+"="+m.Name)
	}
	server, config, err := m.Start(t.Context(), editionChecks)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	return certify(t.Context(), t, config, m.Filter)
}

// shortShare thins the matrix in short runs: under the race detector, where every mutant exercises the same code.
const shortShare = 12

// maxLogged bounds the specs that are told when a mutant surprises.
const maxLogged = 5

func logSurprises(t *testing.T, report reports.Report, want []string) {
	t.Helper()
	logged := 0
	for _, req := range report.Requirements {
		for _, s := range req.Specs {
			if (s.Verdict == reports.Fail || s.Verdict == reports.Warn) && !slices.Contains(want, req.ID) && logged < maxLogged {
				t.Logf("%s %s: %s: %s", s.Verdict, req.ID, s.Name, s.Reason)
				logged++
			}
		}
	}
}

// checkUndecided allows untestable specs only where the mutant blinds them, and errors nowhere.
func checkUndecided(t *testing.T, rows contract.Ledger, m mutants.Mutant, report reports.Report, red []string) {
	t.Helper()
	var blind []string
	if len(m.Blinds) > 0 {
		var err error
		if blind, err = mutants.Expand(rows, m.Blinds); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range byVerdict(report, reports.Untestable) {
		if !slices.Contains(blind, id) {
			t.Errorf("%s is untestable", id)
		}
	}
	if errs := byVerdict(report, reports.Error); len(errs) > 0 || len(report.Errors) > 0 {
		t.Errorf("errors: %v %v", errs, report.Errors)
	}
	wantOutcome := reports.Conformant
	for _, id := range red {
		if r, _ := rows.Get(id); r.Level == contract.Must {
			wantOutcome = reports.NonConformant
		}
	}
	if report.Outcome != wantOutcome {
		t.Errorf("outcome %s, want %s", report.Outcome, wantOutcome)
	}
}

func hasCause(r reports.Report, part string) bool {
	for _, req := range r.Requirements {
		for _, s := range req.Specs {
			if s.Verdict == reports.Fail && strings.Contains(s.Cause, part) {
				return true
			}
		}
	}
	return false
}

// A receiver that refuses everything must not pass a single refusal spec.
func TestRefusingEverythingPassesNoRefusal(t *testing.T) {
	for _, name := range []string{"refuses-everything-401", "refuses-everything-500"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := mutants.Get(contract.RoleReceiver, name)
			if err != nil {
				t.Fatal(err)
			}
			server, config, err := m.Start(t.Context(), editionChecks)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			}()
			if passed := byVerdict(certify(t.Context(), t, config, ""), reports.Pass); len(passed) > 0 {
				t.Errorf("passed: %s", strings.Join(passed, ", "))
			}
		})
	}
}

// Every requirement that a spec checks is broken by some mutant: a spec that nothing turns red proves nothing.
func TestEveryRequirementHasAMutant(t *testing.T) {
	broken := map[string]bool{}
	for _, m := range mutants.All() {
		ids, err := mutants.Expand(ledger(t, m.Role, m.Edition), m.Breaks)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		for _, id := range ids {
			broken[id] = true
		}
	}
	all, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Spec != "" && !broken[r.ID] {
			t.Errorf("no mutant breaks %s", r.ID)
		}
	}
}

func TestMutantsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants.All() {
		if m.Defect == "" || len(m.Breaks) == 0 || m.Role == "" {
			t.Errorf("%q is not described: %+v", m.Name, m)
		}
		name := string(m.Role) + "/" + m.Name
		if seen[name] {
			t.Errorf("%q occurs twice", name)
		}
		seen[name] = true
	}
}

func TestPatternsThatMatchNothingAreErrors(t *testing.T) {
	for _, pattern := range []string{"receiver.signature.no-such-thing", "receiver.signature.constant-time", "relay.*"} {
		if ids, err := mutants.Expand(ledger(t, contract.RoleReceiver, ""), []string{pattern}); err == nil {
			t.Errorf("%q matched %v", pattern, ids)
		}
	}
}
