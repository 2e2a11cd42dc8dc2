package killmatrix

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports/page"
)

// maxLinks bounds the mutants of a requirement, and the requirements of a mutant, that are shown unfolded, maxSpecs the specs.
const (
	maxLinks = 6
	maxSpecs = 4
)

// view is the matrix in the order in which the page tells it.
type view struct {
	Matrix
	Title, Headline string
	// Inventories say how many specs each role and edition has.
	Inventories []string
	// Groups are the mutants by family, in the order of the matrix.
	Groups []group
	// Survivors are those that nothing turned red, by the reason: those without one first, then the most common.
	Survivors []reason
	// Areas are the requirements by role and area, in the order of the ledger.
	Areas []area
}

// group is the mutants of a family.
type group struct {
	Family
	Rows []mutantRow
	// Odd counts those of them that have problems.
	Odd int
}

// mutantRow is a mutant with its anchor, empty where an earlier row has the same, and links to what it broke.
type mutantRow struct {
	Mutant
	Anchor string
	// Links are the first of what it broke, and More the rest.
	Links, More []link
}

// link is a name and where it leads; To is empty where the page has no such row.
type link struct{ Name, To string }

// reason is a reason to survive, empty where none is given, and the mutants that share it.
type reason struct {
	Why  string
	Rows []link
}

// first is 1 for what is no reason.
func first(r reason) int {
	if r.Why == "" {
		return 1
	}
	return 0
}

// area is a part of the ledger.
type area struct {
	Role contract.Role
	Name string
	Rows []requirementRow
	// Thin counts the requirements that are not covered.
	Thin int
}

// requirementRow is a requirement with links to the mutants that broke it.
type requirementRow struct {
	Requirement
	// Thin says that the requirement is not covered; of a part of the matrix that is not known.
	Thin bool
	// Shown are the first of the specs, those without a mutant before the others, and Folded the rest.
	Shown, Folded []specRow
	// Links are the first of the mutants, and More the rest.
	Links, More []link
}

// specRow is a spec. Part says that a part of the matrix was run, so that a spec without a mutant is nobody's fault.
type specRow struct {
	Spec
	Part bool
}

// anchor is the place of a mutant on the page.
func anchor(role contract.Role, name string) string { return "mutant." + string(role) + "." + name }

// newView arranges a matrix.
func newView(m Matrix) view {
	v := view{Matrix: m, Headline: headline(m)}
	state, _, _ := strings.Cut(v.Headline, ":")
	v.Title = fmt.Sprintf("%s: the kill matrix of kirimcheck %s", state, m.Version)
	for _, key := range slices.Sorted(maps.Keys(m.Inventory)) {
		n := 0
		for _, names := range m.Inventory[key] {
			n += len(names)
		}
		v.Inventories = append(v.Inventories, fmt.Sprintf("%s (%d)", key, n))
	}
	ids, anchors := map[string]bool{}, map[string]bool{}
	for _, r := range m.Requirements {
		ids[r.ID] = true
	}
	for _, f := range m.Families {
		v.Groups = append(v.Groups, group{Family: f})
	}
	for _, one := range m.Mutants {
		row := mutantRow{Mutant: one}
		if a := anchor(one.Role, one.Name); !anchors[a] {
			row.Anchor, anchors[a] = a, true
		}
		var links []link
		for _, id := range one.Red {
			l := link{Name: id}
			if ids[id] {
				l.To = id
			}
			links = append(links, l)
		}
		row.Links, row.More = cut(links, maxLinks)
		v.add(row)
		if !one.Killed() {
			v.survives(one)
		}
	}
	slices.SortStableFunc(v.Survivors, func(a, b reason) int { return cmp.Or(first(b)-first(a), len(b.Rows)-len(a.Rows)) })
	for _, r := range m.Requirements {
		v.require(m, r, anchors)
	}
	return v
}

// add puts a row to its family; one that the matrix does not describe gets its own group all the same.
func (v *view) add(row mutantRow) {
	for i := range v.Groups {
		if v.Groups[i].Name == row.Family {
			v.Groups[i].Rows = append(v.Groups[i].Rows, row)
			if len(row.Problems) > 0 {
				v.Groups[i].Odd++
			}
			return
		}
	}
	v.Groups = append(v.Groups, group{Family: Family{Name: row.Family}})
	v.add(row)
}

func (v *view) survives(m Mutant) {
	why := m.Survives
	l := link{Name: m.Name, To: anchor(m.Role, m.Name)}
	for i := range v.Survivors {
		if v.Survivors[i].Why == why {
			v.Survivors[i].Rows = append(v.Survivors[i].Rows, l)
			return
		}
	}
	v.Survivors = append(v.Survivors, reason{Why: why, Rows: []link{l}})
}

func (v *view) require(m Matrix, r Requirement, anchors map[string]bool) {
	row := requirementRow{Requirement: r}
	of := contract.Requirement{ID: r.ID}
	var links []link
	for _, name := range r.Mutants {
		l := link{Name: name}
		if to := anchor(of.Role(), name); anchors[to] {
			l.To = to
		}
		links = append(links, l)
	}
	row.Links, row.More = cut(links, maxLinks)
	proven := func(s Spec) int { return min(s.Mutants, 1) }
	var specs []specRow
	for _, s := range slices.SortedStableFunc(slices.Values(r.Specs), func(a, b Spec) int { return proven(a) - proven(b) }) {
		specs = append(specs, specRow{s, m.Selection != ""})
	}
	row.Shown, row.Folded = cut(specs, maxSpecs)
	if n := len(v.Areas); n == 0 || v.Areas[n-1].Role != of.Role() || v.Areas[n-1].Name != of.Area() {
		v.Areas = append(v.Areas, area{Role: of.Role(), Name: of.Area()})
	}
	last := &v.Areas[len(v.Areas)-1]
	last.Rows = append(last.Rows, row)
	if row.Thin = m.Selection == "" && !row.Covered(); row.Thin {
		last.Thin++
	}
}

// cut parts what is shown from what is folded away; one more is not worth the folding.
func cut[T any](all []T, limit int) (shown, more []T) {
	if len(all) <= limit+1 {
		return all, nil
	}
	return all[:limit], all[limit:]
}

// headline is the outcome in a sentence.
func headline(m Matrix) string {
	f := m.Figures
	killed := fmt.Sprintf("%d of %s killed", f.Killed, page.Plural(f.Mutants, "mutant"))
	if m.Open() {
		state := "Gate open"
		if m.Selection != "" {
			// Whether the gate is open, a part cannot say.
			state = "As declared"
		}
		s := fmt.Sprintf(state+": %s, %d for stated reasons not, and no false alarm in %s", killed, f.Survivors,
			page.Plural(f.Correct, "correct variant"))
		return s + selection(m)
	}
	var causes []string
	if n := len(m.Problems); n > 0 {
		causes = append(causes, page.Plural(n, "problem"))
	}
	if n := len(m.Holes); n > 0 {
		causes = append(causes, page.Plural(n, "hole"))
	}
	if f.FalseAlarms > 0 {
		causes = append(causes, page.Plural(f.FalseAlarms, "false alarm"))
	}
	return fmt.Sprintf("Gate shut: %s; %s", strings.Join(causes, ", "), killed) + selection(m)
}

func selection(m Matrix) string {
	if m.Selection == "" {
		return "."
	}
	return " (a selection: " + m.Selection + ")."
}
