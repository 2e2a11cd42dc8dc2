package suites

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

// In parallel, a spec's result comes from another process, as JSON.
func TestResultOfAnotherProcessIsTheSame(t *testing.T) {
	want := entry{reports.SpecResult{Requirement: "r", Name: "n", Verdict: reports.Fail, Reason: "é<>"}, []reports.Fact{{ID: "f", Text: "t"}}}
	local := types.ReportEntries{{Name: "another", Value: types.WrapEntryValue(7)}, {Name: entryName, Value: types.WrapEntryValue(want)}}
	asJSON, err := json.Marshal(local)
	if err != nil {
		t.Fatal(err)
	}
	var remote types.ReportEntries
	if err := json.Unmarshal(asJSON, &remote); err != nil {
		t.Fatal(err)
	}
	for name, entries := range map[string]types.ReportEntries{"of this process": local, "of another": remote} {
		got, filed := filedBy(types.SpecReport{ReportEntries: entries})
		if !filed || got.Result.Reason != want.Result.Reason || got.Result.Verdict != want.Result.Verdict || !slices.Equal(got.Facts, want.Facts) {
			t.Errorf("%s: %+v, %v", name, got, filed)
		}
	}
	for name, entries := range map[string]types.ReportEntries{
		"none": nil, "another's": {{Name: "another", Value: types.WrapEntryValue(want)}},
		"empty": {{Name: entryName, Value: types.ReportEntryValue{AsJSON: "{}"}}},
		"odd":   {{Name: entryName, Value: types.ReportEntryValue{AsJSON: "7"}}},
	} {
		if got, filed := filedBy(types.SpecReport{ReportEntries: entries}); filed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The report's outcome must not depend on what went on around the specs.
func TestTroubleAroundTheSpecsIsInTheReport(t *testing.T) {
	failed := func(node types.NodeType) types.SpecReport {
		return types.SpecReport{LeafNodeType: node, State: types.SpecStateFailed, Failure: types.Failure{Message: "oh"}}
	}
	for name, c := range map[string]struct {
		change  func(s *Session, r *ginkgo.Report)
		outcome reports.Outcome
		errors  []string
	}{
		"a node before the specs": {func(_ *Session, r *ginkgo.Report) {
			r.SpecReports = append(r.SpecReports, failed(types.NodeTypeSynchronizedBeforeSuite))
		}, reports.Incomplete, []string{"oh"}},
		"a node after the specs": {func(_ *Session, r *ginkgo.Report) {
			r.SpecReports = append(r.SpecReports, failed(types.NodeTypeSynchronizedAfterSuite))
		}, reports.Incomplete, []string{"oh"}},
		"unreachable": {func(s *Session, r *ginkgo.Report) {
			s.unreachable = "cannot be reached"
			r.SpecReports = append(r.SpecReports, failed(types.NodeTypeSynchronizedBeforeSuite))
		}, reports.Unreachable, []string{"cannot be reached"}},
		"lost": {func(s *Session, _ *ginkgo.Report) { s.lost = "no longer" }, reports.Incomplete, []string{"no longer"}},
		"interrupted": {func(s *Session, _ *ginkgo.Report) {
			s.interrupts = make(chan os.Signal, 1)
			s.interrupts <- os.Interrupt
		}, reports.Interrupted, []string{"the run was interrupted"}},
		"no spec ran": {func(*Session, *ginkgo.Report) {}, reports.Incomplete, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := session(t, Options{})
			var r ginkgo.Report
			c.change(s, &r)
			report := s.build(r, time.Now())
			if report.Outcome != c.outcome || !slices.Equal(report.Errors, c.errors) {
				t.Errorf("%s, errors %q; want %s, %q", report.Outcome, report.Errors, c.outcome, c.errors)
			}
			if verdictProblem(report) == "" {
				t.Error("Ginkgo's run would be green")
			}
		})
	}
}

// A filter by text leaves open what it meant to check, so only what ran counts.
func TestFilterByTextSelectsWhatRan(t *testing.T) {
	s := session(t, Options{})
	for name, c := range map[string]struct {
		config types.SuiteConfig
		all    bool
	}{
		"no filter":   {types.SuiteConfig{}, true},
		"focus":       {types.SuiteConfig{FocusStrings: []string{"x"}}, false},
		"skip":        {types.SuiteConfig{SkipStrings: []string{"x"}}, false},
		"focus files": {types.SuiteConfig{FocusFiles: []string{"x"}}, false},
		"skip files":  {types.SuiteConfig{SkipFiles: []string{"x"}}, false},
	} {
		if got := len(s.selected(c.config)) > 0; got != c.all {
			t.Errorf("%s selects by the ledger: %v", name, got)
		}
	}
	for id := range s.selected(types.SuiteConfig{LabelFilter: "parser && MUST"}) {
		if row, _ := s.ledger.Get(id); row.Area() != "parser" || row.Level != contract.Must {
			t.Errorf("parser && MUST selects %s", id)
		}
	}
}
