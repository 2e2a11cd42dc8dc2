package reports

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
)

func summaryText(t *testing.T, r Redacted, opts SummaryOptions) string {
	t.Helper()
	var out bytes.Buffer
	NewWithT(t).Expect(WriteSummary(&out, r, opts)).To(Succeed())
	return out.String()
}

// manyReport is a run of n MUSTs that all got one verdict for one reason.
func manyReport(n int, v Verdict) Redacted {
	in := smallInput()
	in.Ledger, in.Selected = nil, nil
	for i := range n {
		r := row(contract.Must, fmt.Sprintf("receiver.area.number-%03d", i), "It holds.")
		in.Ledger, in.Selected = append(in.Ledger, r), append(in.Selected, r.ID)
		in.Results = append(in.Results, SpecResult{Requirement: r.ID, Verdict: v, Reason: "there is no observer"})
	}
	return new(Redactor).Report(Build(in))
}

func TestHundredsOfUntestablesAreFolded(t *testing.T) {
	g := NewWithT(t)
	text := summaryText(t, manyReport(300, Untestable), SummaryOptions{})
	g.Expect(strings.Count(text, "there is no observer")).To(Equal(1))
	g.Expect(text).To(ContainSubstring("UNTESTABLE  300 requirements: there is no observer"))
	g.Expect(text).To(ContainSubstring("and 297 more"))
	g.Expect(strings.Count(text, "\n")).To(BeNumerically("<", 15))
}

func TestNoFailDisappearsFromALongSummary(t *testing.T) {
	g := NewWithT(t)
	text := summaryText(t, manyReport(50, Fail), SummaryOptions{})
	for i := range 50 {
		g.Expect(text).To(ContainSubstring("receiver.area.number-%03d", i))
	}
	g.Expect(strings.Count(text, "It holds.")).To(BeNumerically("<=", 2*maxDetailed))
	g.Expect(text).To(ContainSubstring("30 more"))
}

func TestTheSummaryFitsItsWidth(t *testing.T) {
	for _, width := range []int{0, 40, 60, 80, 120} {
		limit := width
		if width == 0 {
			limit = 80
		}
		for line := range strings.Lines(summaryText(t, sampleReport(), SummaryOptions{Width: width})) {
			line = strings.TrimSuffix(line, "\n")
			fields := strings.Fields(line)
			whole := len(fields) <= 2 || strings.Contains(line, "repeat") || strings.Contains(line, "://") // made to be copied
			if !whole && !strings.Contains(line, "receiver.") {
				NewWithT(t).Expect(utf8.RuneCountInString(line)).To(BeNumerically("<=", limit), "%q", line)
			}
		}
	}
}

func TestATerminalIsGivenNothingToObey(t *testing.T) {
	g := NewWithT(t)
	text := summaryText(t, hostileReport(), SummaryOptions{})
	g.Expect(text).NotTo(MatchRegexp(`[\x00-\x09\x0b-\x1f\x7f\x{80}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`))
	g.Expect(text).To(ContainSubstring(`\x1b[2J`))
	g.Expect(utf8.ValidString(text)).To(BeTrue())
}

func TestColorOnlyWhenAskedFor(t *testing.T) {
	g := NewWithT(t)
	g.Expect(summaryText(t, sampleReport(), SummaryOptions{})).NotTo(ContainSubstring("\x1b"))
	colored := summaryText(t, sampleReport(), SummaryOptions{Color: true})
	g.Expect(colored).To(ContainSubstring("\x1b[1;31mFAIL\x1b[0m"))
	g.Expect(strings.Count(colored, "\x1b[1")).To(Equal(strings.Count(colored, "\x1b[0m")), "every colour ends")
}

func TestWrap(t *testing.T) {
	tests := map[string]struct {
		text         string
		width, limit int
		want         []string
	}{
		"empty":                {"", 10, 0, []string{""}},
		"fits":                 {"one two", 7, 0, []string{"one two"}},
		"does not fit":         {"one two", 6, 0, []string{"one", "two"}},
		"a long word is whole": {"a https://long.example.com/x b", 8, 0, []string{"a", "https://long.example.com/x", "b"}},
		"line ends stay":       {"one\n\ntwo", 20, 0, []string{"one", "two"}},
		"cut at the limit":     {"one two three", 5, 2, []string{"one", "two …"}},
		"characters not bytes": {"äöü äöü", 7, 0, []string{"äöü äöü"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(wrap(test.text, test.width, test.limit)).To(Equal(test.want))
		})
	}
}
