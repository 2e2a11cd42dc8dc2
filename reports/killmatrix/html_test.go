package killmatrix

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/page/pagetest"
)

func html(t *testing.T, m Matrix) string {
	t.Helper()
	var text bytes.Buffer
	NewWithT(t).Expect(WriteHTML(&text, m)).To(Succeed())
	return text.String()
}

func TestEveryAnchorIsThereOnceAndEveryLinkLeadsSomewhere(t *testing.T) {
	twice := sampleMatrix()
	twice.Mutants = append(twice.Mutants, twice.Mutants[0])
	for name, m := range map[string]Matrix{"open": sampleMatrix(), "shut": shutMatrix(), "many": manyMatrix(), "a mutant in two editions": twice} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text := html(t, m)
			ids := map[string]int{}
			for _, match := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(text, -1) {
				ids[match[1]]++
				g.Expect(match[1]).NotTo(ContainSubstring(" "))
			}
			g.Expect(ids).To(HaveEach(1))
			for _, r := range m.Requirements {
				g.Expect(ids[r.ID]).To(Equal(1), "%s", r.ID)
			}
			for _, one := range m.Mutants {
				g.Expect(ids[anchor(one.Role, one.Name)]).To(Equal(1), "%s", one.Name)
			}
			for _, match := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
				to, local := strings.CutPrefix(match[1], "#")
				g.Expect(local).To(BeTrue(), "%s leads out of the page", match[1])
				g.Expect(ids[to]).To(Equal(1), "%s leads nowhere", to)
			}
		})
	}
}

func TestWhatAChildSaidStaysText(t *testing.T) {
	text := html(t, shutMatrix())
	g := NewWithT(t)
	g.Expect(text).To(ContainSubstring(`the child said \x1b[2J\u202egnp.exe &lt;script&gt;`))
	g.Expect(text).NotTo(ContainSubstring("<script"))
	g.Expect(text).NotTo(MatchRegexp(`[\x00-\x08\x0b\x0c\x0e-\x1f\x{202a}-\x{202e}]`))
}

func TestTheHeadlineSaysWhetherTheGateIsOpen(t *testing.T) {
	change := func(edit func(*Matrix)) Matrix {
		m := sampleMatrix()
		edit(&m)
		return m
	}
	tests := map[string]struct {
		give Matrix
		want string
	}{
		"open": {sampleMatrix(), "Gate open: 5 of 6 mutants killed, 1 for stated reasons not, and no false alarm in 2 correct variants."},
		"a problem": {change(func(m *Matrix) { m.Problems = []string{"x"} }),
			"Gate shut: 1 problem; 5 of 6 mutants killed."},
		"a hole alone shuts it": {change(func(m *Matrix) { m.Holes = make([]Hole, 2) }),
			"Gate shut: 2 holes; 5 of 6 mutants killed."},
		"a false alarm alone shuts it": {change(func(m *Matrix) { m.Figures.FalseAlarms = 1 }),
			"Gate shut: 1 false alarm; 5 of 6 mutants killed."},
		"a part of the matrix": {change(func(m *Matrix) { m.Selection = "role relay" }),
			"As declared: 5 of 6 mutants killed, 1 for stated reasons not, and no false alarm in 2 correct variants (a selection: role relay)."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(headline(test.give)).To(Equal(test.want))
			g.Expect(test.give.Open()).To(Equal(!strings.HasPrefix(test.want, "Gate shut")))
		})
	}
}

func TestSpecsThatNothingProvesAreShownAndNotFolded(t *testing.T) {
	g := NewWithT(t)
	m := sampleMatrix()
	var specs []Spec
	for i := range 20 {
		specs = append(specs, Spec{Name: fmt.Sprintf("case %d", i), Mutants: i % 20 * (19 - i)})
	}
	m.Requirements[0].Specs = specs
	row := newView(m).Areas[0].Rows[0]
	g.Expect(row.Shown).To(HaveExactElements(specRow{Spec: specs[0]}, specRow{Spec: specs[19]}, specRow{Spec: specs[1]}, specRow{Spec: specs[2]}))
	g.Expect(row.Folded).To(HaveLen(16))
	g.Expect(m.Requirements[0].Specs[1]).To(Equal(specs[1]), "the matrix keeps its order")
	g.Expect(html(t, m)).To(ContainSubstring("and 16 more specs"))
}

func TestAPartOfTheMatrixIsNotBlamedForTheRest(t *testing.T) {
	g := NewWithT(t)
	m := shutMatrix()
	m.Selection = ""
	g.Expect(html(t, m)).To(ContainSubstring("1 not covered"))
	m.Selection = "family numbers"
	g.Expect(html(t, m)).NotTo(ContainSubstring("not covered"))
	m.Requirements[0].Specs[0].Mutants = 0
	g.Expect(html(t, m)).To(And(ContainSubstring("no mutant of this selection"), Not(ContainSubstring(`class="broken">no mutant<`))))
	m.Selection = ""
	g.Expect(html(t, m)).To(ContainSubstring(`class="broken">no mutant<`))
}

func TestHolesThatNobodyLookedForAreNotCalledNone(t *testing.T) {
	const found, unknown = "<b>0</b><span>holes: specs that could go unmissed", "holes: not looked for in a part of the matrix"
	g := NewWithT(t)
	m := sampleMatrix()
	g.Expect(html(t, m)).To(And(ContainSubstring(found), Not(ContainSubstring(unknown))))
	m.Selection = "role relay"
	g.Expect(html(t, m)).To(And(ContainSubstring(unknown), Not(ContainSubstring(found))))
	m.Selection, m.Problems = "", []string{"x"}
	g.Expect(html(t, m)).To(ContainSubstring("holes: not looked for in a matrix with problems"))
}

func TestThePageInABrowser(t *testing.T) {
	browser := pagetest.Browser(t)
	for name, test := range map[string]struct {
		matrix Matrix
		widths []int64
		texts  []string
	}{
		"open": {sampleMatrix(), []int64{320, 768, 1400}, []string{
			"Gate open: 5 of 6 mutants killed", "83.3 %", "Why there is no second one: There is one way to be late.", "Seen in public webhook receivers",
		}},
		"shut":             {shutMatrix(), []int64{320, 1400}, []string{"Gate shut: 2 problems, 1 hole, 1 false alarm", "no reason is given", "False alarm"}},
		"of the real size": {manyMatrix(), []int64{360, 1400}, []string{"780 of 800 mutants killed", "and 2 more", "message-received-field-799-dropped"}},
	} {
		dir := t.TempDir()
		_, err := WriteAll(dir, test.matrix)
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		for _, width := range test.widths {
			t.Run(fmt.Sprintf("%s at %d px", name, width), func(t *testing.T) {
				pagetest.Check(browser, t, filepath.Join(dir, HTMLFile), width, test.texts...)
			})
		}
	}
}
