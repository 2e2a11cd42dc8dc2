package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

// SummaryOptions say how a summary is laid out.
type SummaryOptions struct {
	// Color adds ANSI colours.
	Color bool
	// Width is the number of columns; 0 means 80, and fewer than 40 are taken as 40.
	Width int
	// Files are the paths of the written reports, named at the end.
	Files []string
}

const (
	// maxDetailed bounds the requirements of one verdict that are told in full; the others follow by their ids.
	maxDetailed = 20
	// maxNamed bounds the ids listed for a reason that many requirements share.
	maxNamed = 3
	// maxLines bounds the lines of one fact, so that a long answer does not push the others off the screen.
	maxLines = 3
)

// WriteSummary writes what a person at a terminal wants to know: the headline, the counts, each requirement that is
// broken or warned about, those that could not be checked by their reasons, and where the reports are. Control
// characters in what the target sent are shown as escapes, because a terminal would obey them.
func WriteSummary(w io.Writer, r Redacted, opts SummaryOptions) error {
	s := summary{w: bufio.NewWriter(w), opts: opts, width: 80}
	if opts.Width > 0 {
		s.width = max(opts.Width, 40)
	}
	s.head(r.report)
	v := newView(r.report)
	s.findings(Fail, v.Failed)
	s.findings(Warn, v.Warned)
	for _, g := range v.Unknown {
		s.group(g)
	}
	s.files()
	return s.w.Flush()
}

// summary carries the layout; its writer keeps the first error until it is flushed.
type summary struct {
	w     *bufio.Writer
	opts  SummaryOptions
	width int
}

// line writes one line; an error shows up in the last Flush.
func (s summary) line(parts ...string) {
	_, _ = s.w.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

// paragraph writes text wrapped to the width, at most limit lines of it where limit is not 0. The first line begins with
// head, of which width columns are visible, and the others are indented by as much.
func (s summary) paragraph(head string, indent int, text string, limit int) {
	for i, line := range wrap(printable(text), s.width-indent, limit) {
		if i == 0 {
			s.line(head, line)
			continue
		}
		s.line(strings.Repeat(" ", indent), line)
	}
}

func (s summary) head(r Report) {
	color := map[Outcome]Verdict{Conformant: Pass, NonConformant: Fail, Incomplete: Untestable, Unreachable: Error, Interrupted: Warn}
	for _, line := range wrap(printable(r.Headline), s.width, 0) {
		s.line(s.paint(color[r.Outcome], line))
	}
	s.paragraph("  target   ", 11, fmt.Sprintf("%s (%s, edition %s) %s", r.Target.Name, r.Target.Role, r.Target.Edition, r.Target.URL), 0)
	if len(r.Requirements) > 0 {
		s.paragraph("  counts   ", 11, countsLine(r.Counts), 0)
	}
	s.paragraph("  run      ", 11, fmt.Sprintf("%s %s, seed %d, %s", r.Tool.Name, r.Tool.Version, r.Tool.Seed, page.Duration(r.DurationMS)), 0)
	for _, line := range r.Errors {
		s.paragraph(s.paint(Error, "  error    "), 11, line, 0)
	}
}

func (s summary) findings(verdict Verdict, all []finding) {
	for i, f := range all {
		if i == maxDetailed {
			s.line()
			s.line(s.word(verdict), fmt.Sprintf("%d more, in full in the reports:", len(all)-i))
			for _, rest := range all[i:] {
				s.line(margin, printable(rest.ID))
			}
			return
		}
		s.finding(verdict, f)
	}
}

// finding tells one requirement by the first of its specs that decided.
func (s summary) finding(verdict Verdict, f finding) {
	s.line()
	s.line(s.word(verdict), s.bold(printable(f.ID)), " ", string(f.Level))
	s.paragraph(margin, len(margin), f.Sentence, 0)
	fact := func(name, text string) {
		if text != "" {
			s.paragraph(fmt.Sprintf("%s%-9s ", margin, name), len(margin)+10, text, maxLines)
		}
	}
	spec := f.Decisive[0]
	fact("expected", spec.Expected)
	fact("seen", spec.Seen)
	fact("cause", spec.Cause)
	fact("source", citations(f.Source))
	if spec.Rerun != "" {
		// A command is never wrapped or cut: it is there to be copied.
		s.line(margin, "repeat    ", printable(spec.Rerun))
	}
	if n := len(f.Decisive) - 1; n > 0 {
		fact("and", page.Plural(n, "more spec")+" of this requirement")
	}
}

// group tells many requirements that share a reason in a few lines.
func (s summary) group(g group) {
	s.line()
	reason := fmt.Sprintf("%s: %s", page.Plural(len(g.Requirements), "requirement"), g.Reason)
	s.paragraph(s.word(g.Verdict), len(words[g.Verdict])+2, reason, 0)
	for i, req := range g.Requirements {
		if i == maxNamed && len(g.Requirements) > maxNamed+1 {
			s.line(margin, fmt.Sprintf("and %d more", len(g.Requirements)-i))
			return
		}
		s.line(margin, printable(req.ID))
	}
}

func (s summary) files() {
	if len(s.opts.Files) == 0 {
		return
	}
	s.line()
	for i, path := range s.opts.Files {
		head := "reports  "
		if i > 0 {
			head = "         "
		}
		s.line(head, printable(path))
	}
}

// words are the verdicts as the first word of an entry.
var words = map[Verdict]string{Fail: "FAIL", Warn: "WARN", Error: "ERROR", Untestable: "UNTESTABLE"}

// margin stands before the lines of an entry after its first; it is as wide as the commonest first word.
const margin = "      "

func (s summary) word(v Verdict) string { return s.paint(v, words[v]) + "  " }

// paint sets text in the verdict's colour. The colours are the basic ones, so that they follow the terminal's theme.
func (s summary) paint(v Verdict, text string) string {
	colors := map[Verdict]string{Pass: "32", Fail: "31", Warn: "33", Error: "35", Untestable: "36"}
	if !s.opts.Color || colors[v] == "" {
		return text
	}
	return "\x1b[1;" + colors[v] + "m" + text + "\x1b[0m"
}

func (s summary) bold(text string) string {
	if !s.opts.Color {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}
