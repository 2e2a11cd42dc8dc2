package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// BuildInput is everything that is known after a run.
type BuildInput struct {
	Tool     Tool
	Target   Target
	Started  time.Time
	Duration time.Duration
	// Ledger holds the rows of the target's role and edition, those that are excluded among them (see
	// contract.Ledger.For).
	Ledger contract.Ledger
	// Readings are the answers to open questions by their id (see contract.Readings).
	Readings map[string]contract.Reading
	// Filter is the label filter of the run, empty for the whole suite.
	Filter string
	// Selected are the ids of the requirements that the run was to check.
	Selected []string
	// Results are the results of the specs that ran, in any order.
	Results []SpecResult
	// Errors are troubles of the run as a whole, a line each.
	Errors []string
	// Facts are things measured and not judged.
	Facts []Fact
	// Unreachable says that no answer came from the target at all, so that nothing could be checked.
	Unreachable bool
	// Interrupted says that the run was stopped before its end.
	Interrupted bool
}

// Build judges a run: each selected requirement by the worst of its specs, and the run by its requirements.
//
// Whatever does not fit together becomes an error and never disappears: a selected requirement that no spec reported
// on, a result that belongs to no selected requirement, a selected id that the ledger does not check, and a run that
// selected nothing. The exception is an unreachable target, which is one error and no requirements.
func Build(in BuildInput) Report {
	r := Report{
		SchemaVersion: SchemaVersion,
		Tool:          in.Tool,
		Started:       in.Started.UTC(),
		DurationMS:    milliseconds(in.Duration),
		Target:        in.Target,
		Counts:        make(map[Verdict]int),
		Selection:     Selection{Filter: in.Filter},
		Errors:        slices.Clone(in.Errors),
		Facts:         slices.SortedStableFunc(slices.Values(in.Facts), func(a, b Fact) int { return cmp.Compare(a.ID, b.ID) }),
	}
	results := byRequirement(in.Results)
	for _, row := range in.Ledger {
		if row.Excluded != "" {
			r.Excluded = append(r.Excluded, Exclusion{ID: row.ID, Sentence: row.Sentence, Reason: row.Excluded})
			continue
		}
		r.Selection.Total++
		if !slices.Contains(in.Selected, row.ID) {
			continue
		}
		r.Selection.Selected++
		r.Requirements = append(r.Requirements, judge(row, in, results[row.ID]))
	}
	for _, v := range Verdicts() {
		r.Counts[v] = 0
	}
	for _, req := range r.Requirements {
		r.Counts[req.Verdict]++
	}
	if in.Unreachable && r.Counts[Fail] == 0 {
		return conclude(unreachable(r, in), in)
	}
	r.Errors = append(r.Errors, mismatches(in)...)
	return conclude(r, in)
}

// byRequirement sorts the results by requirement and, as specs that run in parallel end in any order, then by name.
func byRequirement(results []SpecResult) map[string][]SpecResult {
	byID := make(map[string][]SpecResult)
	for _, s := range results {
		byID[s.Requirement] = append(byID[s.Requirement], s)
	}
	for _, specs := range byID {
		slices.SortStableFunc(specs, func(a, b SpecResult) int { return cmp.Compare(a.Name, b.Name) })
	}
	return byID
}

// judge makes the result of one requirement. Where no spec reported, an entry that says so stands in its place, so that
// every format shows the gap.
func judge(row contract.Requirement, in BuildInput, specs []SpecResult) RequirementResult {
	result := RequirementResult{
		ID:       row.ID,
		Area:     row.Area(),
		Level:    row.Level,
		Sentence: row.Sentence,
		Source:   row.Source,
		Reading:  reading(row.Reading, in.Readings),
	}
	if len(specs) == 0 {
		reason := "no spec ran for it"
		if in.Interrupted {
			reason = "no spec ran for it: the run was interrupted"
		}
		specs = []SpecResult{{Requirement: row.ID, Name: row.Spec, Verdict: Error, Reason: reason}}
	}
	for _, s := range specs {
		result.Specs = append(result.Specs, settle(s, row))
	}
	result.Verdict = worst(result.Specs)
	return result
}

// reading renders the reading with this id in full: its id, the question and the answer.
func reading(id string, readings map[string]contract.Reading) string {
	answer, ok := readings[id]
	if !ok {
		return id
	}
	return fmt.Sprintf("%s: %s %s", id, answer.Question, answer.Reading)
}

// mismatches says where the run's parts do not fit together.
func mismatches(in BuildInput) []string {
	var lines []string
	if len(in.Selected) == 0 {
		line := "no requirement was selected"
		if in.Filter != "" {
			line = fmt.Sprintf("no requirement was selected: the filter %q matches none", in.Filter)
		}
		lines = append(lines, line)
	}
	selected := slices.Compact(slices.Sorted(slices.Values(in.Selected)))
	for _, id := range selected {
		switch row, ok := in.Ledger.Get(id); {
		case !ok:
			lines = append(lines, fmt.Sprintf("requirement %s was selected, but the ledger of role %s and edition %s does not have it",
				id, in.Target.Role, in.Target.Edition))
		case row.Excluded != "":
			lines = append(lines, fmt.Sprintf("requirement %s was selected, but no spec checks it: %s", id, row.Excluded))
		}
	}
	for _, s := range in.Results {
		if !slices.Contains(in.Selected, s.Requirement) {
			lines = append(lines, fmt.Sprintf("spec %q ended with %s for requirement %q, which was not selected",
				s.Name, cmp.Or(s.Verdict, "no verdict"), s.Requirement))
		}
	}
	return lines
}

// unreachable empties the report of a run that never got an answer: there is one trouble, and it is told once.
func unreachable(r Report, in BuildInput) Report {
	cause := strings.Join(in.Errors, "; ")
	if cause == "" {
		cause = fmt.Sprintf("the target %s could not be reached", in.Target.Name)
	}
	r.Errors = []string{cause}
	r.Requirements = nil
	for v := range r.Counts {
		r.Counts[v] = 0
	}
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
