package killmatrix

import (
	"fmt"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

// maxTold bounds the problems that the summary tells; the files hold all of them.
const maxTold = 40

// WriteSummary tells a person what a run came to. files are the paths of what was written.
func WriteSummary(w io.Writer, m Matrix, files []string) error {
	f := m.Figures
	var b strings.Builder
	if len(m.Problems)+len(m.Holes) == 0 {
		b.WriteString("The checks hold")
	} else {
		fmt.Fprintf(&b, "The checks do not hold: %d problems, %d holes", len(m.Problems), len(m.Holes))
	}
	if m.Selection != "" {
		fmt.Fprintf(&b, " (a part of the matrix: %s)", m.Selection)
	}
	b.WriteString(".\n")
	fmt.Fprintf(&b, "  requirements  %d of %d broken by two unlike mutants, or declared to have one\n", f.Covered, f.Requirements)
	fmt.Fprintf(&b, "  specs         %d of %d turned red by a mutant\n", f.Proven, f.Specs)
	fmt.Fprintf(&b, "  mutants       %d: %d by hand, %d generated; %d killed (%s), %d survive, each with its reason\n",
		f.Mutants, f.Handmade, f.Generated, f.Killed, page.Percent(f.KillRate()), f.Survivors)
	fmt.Fprintf(&b, "  correct       %d unusual implementations, %d false alarms\n", f.Correct, f.FalseAlarms)
	if m.Probed() {
		fmt.Fprintf(&b, "  holes         %d specs whose deletion or weakening would go unnoticed\n", len(m.Holes))
	} else {
		b.WriteString("  holes         not looked for: that takes the whole matrix, without a problem\n")
	}
	fmt.Fprintf(&b, "  took          %.0f s with %d processes\n", m.DurationMS/1000, m.Jobs)
	tell := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, line := range lines[:min(len(lines), maxTold)] {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if more := len(lines) - maxTold; more > 0 {
			fmt.Fprintf(&b, "  and %d more, in the files\n", more)
		}
	}
	tell("Problems", m.Problems)
	var holes []string
	for _, h := range m.Holes {
		holes = append(holes, fmt.Sprintf("%s: nobody would notice that the spec %q was changed: %s", h.Role, h.Spec, h.Change))
	}
	tell("Holes", holes)
	for i, file := range files {
		label := "        "
		if i == 0 {
			label = "\nreports "
		}
		fmt.Fprintf(&b, "%s %s\n", label, file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
