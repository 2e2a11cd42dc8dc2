package suites

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/kirimcheck/kirimcheck/reports"
)

// build turns Ginkgo's report into ours. What specs filed is taken as it is; what ended without filing anything is an
// error, never a pass.
func (s *Session) build(r ginkgo.Report, started time.Time) reports.Report {
	in := reports.BuildInput{
		Tool:    reports.Tool{Name: "kirimcheck", Version: s.opts.Version, Command: s.opts.Command, Seed: s.opts.Seed},
		Target:  s.describeTarget(),
		Started: started, Duration: time.Since(started),
		Ledger: s.ledger, Readings: s.readings, Filter: r.SuiteConfig.LabelFilter,
		Unreachable: s.unreachable != "",
		Interrupted: len(s.interrupts) > 0,
	}
	selected := s.selected(r.SuiteConfig)
	for _, spec := range r.SpecReports {
		if spec.LeafNodeType != types.NodeTypeIt {
			if spec.Failed() && s.unreachable == "" {
				in.Errors = append(in.Errors, spec.Failure.Message)
			}
			continue
		}
		e, filed := filedBy(spec)
		switch {
		case filed:
			in.Facts = append(in.Facts, e.Facts...)
			if e.Result.Requirement == "" {
				// It recorded facts and judged nothing.
				continue
			}
			in.Results = append(in.Results, e.Result)
			selected[e.Result.Requirement] = true
		case spec.State.Is(types.SpecStateSkipped | types.SpecStatePending):
			// Not selected, or never started.
		default:
			id := s.requirementOf(spec)
			in.Results = append(in.Results, reports.SpecResult{
				Requirement: id, Name: spec.LeafNodeText, Verdict: reports.Error,
				Reason:     fmt.Sprintf("the spec ended without a verdict (%s): %s", spec.State, spec.Failure.Message),
				DurationMS: float64(spec.RunTime) / float64(time.Millisecond),
			})
			selected[id] = true
		}
	}
	for _, row := range s.ledger {
		if selected[row.ID] {
			in.Selected = append(in.Selected, row.ID)
		}
	}
	switch {
	case s.unreachable != "":
		in.Errors = []string{s.unreachable}
	case s.lost != "":
		in.Errors = append(in.Errors, s.lost)
	case s.setup != "":
		in.Errors = append(in.Errors, s.setup)
	case s.observerError != "":
		in.Errors = append(in.Errors, s.observerError)
	}
	if differences := s.differences(); differences != "" {
		in.Facts = append(in.Facts, reports.Fact{
			ID: "own-deliveries", Text: "The target declares that its deliveries are not Kirim's: " + differences + ".",
		})
	}
	in.Facts = uniqueFacts(in.Facts)
	return reports.Build(in)
}

// selected are the requirements that the run was to check, as far as the label filter tells: one that is selected and
// has no spec is then missed. Where specs are chosen by text, only those that ran are known.
func (s *Session) selected(c types.SuiteConfig) map[string]bool {
	out := map[string]bool{}
	if len(c.FocusStrings)+len(c.SkipStrings)+len(c.FocusFiles)+len(c.SkipFiles) > 0 {
		return out
	}
	filter, err := types.ParseLabelFilter(c.LabelFilter)
	if err != nil {
		return out
	}
	for _, row := range s.ledger {
		if row.Spec != "" && filter(append(labels(row), string(s.role))) {
			out[row.ID] = true
		}
	}
	return out
}

// filedBy returns what a spec filed. In another process the value arrives as JSON.
func filedBy(spec types.SpecReport) (entry, bool) {
	for _, e := range spec.ReportEntries {
		if e.Name != entryName {
			continue
		}
		if raw, ok := e.GetRawValue().(entry); ok {
			return raw, true
		}
		var decoded entry
		if err := json.Unmarshal([]byte(e.Value.AsJSON), &decoded); err == nil && decoded.Result.Verdict != "" {
			return decoded, true
		}
	}
	return entry{}, false
}

// requirementOf finds the id among a spec's labels.
func (s *Session) requirementOf(spec types.SpecReport) string {
	for _, label := range spec.LeafNodeLabels {
		if _, ok := s.ledger.Get(label); ok {
			return label
		}
	}
	return ""
}

func uniqueFacts(facts []reports.Fact) []reports.Fact {
	var out []reports.Fact
	for _, f := range facts {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

func (s *Session) describeTarget() reports.Target {
	out := reports.Target{Role: s.role, Edition: s.edition.ID, Name: "reference", Observer: "none"}
	if t := s.target; t != nil {
		out.Name, out.URL = t.Name, reports.RedactURL(t.URL)
	}
	if s.observer != nil {
		out.Observer = s.observer.String()
	}
	return out
}

// verdictProblem says why Ginkgo's own run must not be green; empty where it may. Skipped specs are green to Ginkgo,
// and what was not observed is not.
func verdictProblem(r reports.Report) string {
	if r.Outcome == reports.Conformant {
		return ""
	}
	return fmt.Sprintf("%s: %s", r.Outcome, r.Headline)
}
