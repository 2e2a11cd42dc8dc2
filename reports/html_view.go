package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxShown bounds the characters of one body on the page; report.json holds what was recorded.
const maxShown = 16 << 10

// view is the report in the order in which the page tells it.
type view struct {
	Report
	// Verdicts are all verdicts with their counts, the worst first.
	Verdicts []tally
	Areas    []area
	// Failed and Warned are told in full, each requirement under its own heading.
	Failed, Warned []finding
	// Unknown and Inapplicable are told by reason, as one reason commonly covers many requirements.
	Unknown, Inapplicable []group
}

// tally is a verdict and how often it was given.
type tally struct {
	Verdict Verdict
	N       int
}

// area is a part of the ledger with its counts, those of zero left out.
type area struct {
	Name    string
	Total   int
	Worst   Verdict
	Tallies []tally
}

// finding is a requirement that is told in full: the specs that gave it its verdict, and the rest.
type finding struct {
	RequirementResult
	Decisive, Others []SpecResult
	// Proofs are the wrong implementations that the requirement was proven on, a line each.
	Proofs []string
}

// group is the requirements that share a verdict and its reason.
type group struct {
	Verdict      Verdict
	Reason       string
	Requirements []RequirementResult
}

// Title names the page.
func (v view) Title() string {
	return fmt.Sprintf("%s: %s (%s), %s report", v.Outcome.Label(), v.Target.Name, v.Target.Edition, v.Tool.Name)
}

func newView(r Report) view {
	v := view{Report: r, Areas: areas(r.Requirements), Verdicts: tallies(r.Counts, true)}
	for _, req := range r.Requirements {
		f := finding{RequirementResult: req, Decisive: req.decisive(), Proofs: req.ProvenOn.lines(r.Target.Edition)}
		for _, spec := range req.Specs {
			if spec.Verdict != req.Verdict {
				f.Others = append(f.Others, spec)
			}
		}
		switch req.Verdict {
		case Fail:
			v.Failed = append(v.Failed, f)
		case Warn:
			v.Warned = append(v.Warned, f)
		}
	}
	v.Unknown = byReason(r.Requirements, Error, Untestable)
	v.Inapplicable = byReason(r.Requirements, NotApplicable)
	return v
}

// areas counts the verdicts of each area, in the order of the ledger.
func areas(requirements []RequirementResult) []area {
	var names []string
	counts := make(map[string]map[Verdict]int)
	for _, req := range requirements {
		if counts[req.Area] == nil {
			counts[req.Area] = make(map[Verdict]int)
			names = append(names, req.Area)
		}
		counts[req.Area][req.Verdict]++
	}
	var all []area
	for _, name := range names {
		a := area{Name: name, Tallies: tallies(counts[name], false)}
		a.Worst = a.Tallies[0].Verdict
		for _, t := range a.Tallies {
			a.Total += t.N
		}
		all = append(all, a)
	}
	return all
}

func tallies(counts map[Verdict]int, zeros bool) []tally {
	var all []tally
	for _, v := range worstFirst() {
		if n := counts[v]; n > 0 || zeros {
			all = append(all, tally{v, n})
		}
	}
	return all
}

// byReason groups the requirements that have one of the verdicts, the largest group of each verdict first. The reason
// is that of the first spec which gave the verdict.
func byReason(requirements []RequirementResult, verdicts ...Verdict) []group {
	var all []group
	for _, verdict := range verdicts {
		var groups []group
		for _, req := range requirements {
			if req.Verdict != verdict {
				continue
			}
			reason := ""
			if specs := req.decisive(); len(specs) > 0 {
				reason = specs[0].Reason
			}
			i := slices.IndexFunc(groups, func(g group) bool { return g.Reason == reason })
			if i < 0 {
				i = len(groups)
				groups = append(groups, group{Verdict: verdict, Reason: reason})
			}
			groups[i].Requirements = append(groups[i].Requirements, req)
		}
		slices.SortStableFunc(groups, func(a, b group) int { return len(b.Requirements) - len(a.Requirements) })
		all = append(all, groups...)
	}
	return all
}

// Detailed reports whether the requirement is told in full above the table, where its anchor then is.
func (r RequirementResult) Detailed() bool { return r.Verdict == Fail || r.Verdict == Warn }

// Status is the answer's status in a word or two, and what took its place where there was no answer.
func (x Exchange) Status() string {
	switch {
	case x.Response != nil:
		return fmt.Sprint(x.Response.Status)
	case x.Error != "":
		return "no answer"
	}
	return "no answer recorded"
}

// Display is the body as the page shows it: JSON is indented, and what is long is cut.
func (b Body) Display() string {
	text := b.Text
	if text == "" {
		text = b.Base64
	}
	if indented, ok := indent(b.Text); ok {
		text = indented
	}
	if cut := cutText(text, maxShown); cut != text {
		return cut + "\n…"
	}
	return text
}

// Note says what Display did to the body.
func (b Body) Note() string {
	var notes []string
	if b.Base64 != "" {
		notes = append(notes, "not UTF-8, shown as base64")
	}
	if _, ok := indent(b.Text); ok {
		notes = append(notes, "indented for reading")
	}
	if b.Truncated || b.Display() != "" && len(b.Display()) > maxShown {
		notes = append(notes, "only the beginning is shown")
	}
	return strings.Join(notes, "; ")
}

// indent formats a JSON object or array, without touching names, numbers and strings.
func indent(text string) (string, bool) {
	trimmed := strings.TrimSpace(text)
	if !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		return "", false
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(trimmed), "", "  "); err != nil {
		return "", false
	}
	return out.String(), true
}

// cutText keeps at most limit bytes of s, and no half of a character.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
