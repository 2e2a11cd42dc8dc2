package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// judged is a case with what was seen of it.
type judged struct {
	Case
	seen   Observation
	ledger contract.Ledger
	// breaks, may, blinds and warns are what was declared, as ids.
	breaks, may, blinds, warns []string
	// broken are the requirements that are red, and notPassed the specs that did not pass.
	broken    []string
	notPassed []Seen
	// problems are where the declaration and what was seen part.
	problems []string
}

// declare finds out what a case declares.
func declare(c Case, all contract.Ledger) (*judged, error) {
	j := &judged{Case: c, ledger: all.For(c.Role, c.Edition)}
	expand := func(into *[]string, patterns []string) error {
		ids, err := mutants.Expand(j.ledger, patterns)
		*into = ids
		if err != nil {
			return fmt.Errorf("%s: %w", c.Key(), err)
		}
		return nil
	}
	switch {
	case c.Mutant != nil:
		if (len(c.Mutant.Breaks) == 0) != (c.Mutant.Survives != "") {
			return nil, fmt.Errorf("%s: a mutant breaks something or says why it survives, and not both", c.Key())
		}
		for into, patterns := range map[*[]string][]string{&j.breaks: c.Mutant.Breaks, &j.may: c.Mutant.May, &j.blinds: c.Mutant.Blinds} {
			if err := expand(into, patterns); err != nil {
				return nil, err
			}
		}
	case c.Correct != nil:
		if err := expand(&j.warns, c.Correct.Warns); err != nil {
			return nil, err
		}
		for _, id := range j.warns {
			// A MUST that somebody right does not keep is none.
			if r, _ := j.ledger.Get(id); r.Level != contract.Should {
				return nil, fmt.Errorf("%s: it may not be warned of %s, which is no SHOULD", c.Key(), id)
			}
		}
	}
	return j, nil
}

func (j *judged) problem(format string, args ...any) {
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

// judge compares what was seen with what was declared.
func (j *judged) judge() {
	j.problems, j.broken, j.notPassed = nil, j.seen.byVerdict(red), nil
	for _, s := range j.seen.Specs {
		if s.Verdict != reports.Pass {
			j.notPassed = append(j.notPassed, s)
		}
	}
	if j.seen.Failed != "" {
		j.problem("it was not seen: %s", j.seen.Failed)
		return
	}
	if len(j.seen.Requirements) == 0 {
		j.problem("no requirement was selected by %q", j.Filter)
	}
	for _, text := range j.seen.Errors {
		j.problem("an error of the run: %s", text)
	}
	want := j.breaks
	if j.Correct != nil {
		want = j.warns
	}
	for _, id := range want {
		if !slices.Contains(j.broken, id) {
			j.problem("%s is not red", id)
		}
	}
	for _, id := range j.broken {
		if !slices.Contains(want, id) && !slices.Contains(j.may, id) {
			j.problem("%s is red: %s", id, j.seen.reasonOf(id))
		}
	}
	for _, id := range j.seen.byVerdict(func(v reports.Verdict) bool { return v != reports.Pass && !red(v) }) {
		if j.seen.Requirements[id] == reports.Error || !slices.Contains(j.blinds, id) {
			j.problem("%s is %s: %s", id, j.seen.Requirements[id], j.seen.reasonOf(id))
		}
	}
	if outcome := outcomeOf(j.seen.Requirements); j.seen.Outcome != outcome && len(j.seen.Errors) == 0 {
		j.problem("the outcome is %s where it should be %s", j.seen.Outcome, outcome)
	}
	if m := j.Mutant; m != nil && m.Cause != "" && !slices.ContainsFunc(j.seen.Causes, func(c string) bool { return strings.Contains(c, m.Cause) }) {
		j.problem("no failure names a cause with %q", m.Cause)
	}
}

// specID is a spec in the matrix: a role, a requirement and a text.
type specID struct {
	role              contract.Role
	requirement, spec string
}

// board is everything that the gate looks at.
type board struct {
	cases []*judged
	// single says, by requirement, why no second mutant can exist.
	single map[string]string
	// complete says that all cases are there; of a part, nothing is known about what they prove together.
	complete bool
	// expected is the inventory of specs of the committed record, by role and edition; nil where there is none yet.
	expected Inventory
}

// Inventory is every spec there is.
type Inventory = killmatrix.Inventory

// inventory is that of what the references ran.
func (b *board) inventory() Inventory {
	all := Inventory{}
	for _, j := range b.cases {
		if j.Mutant != nil || j.Correct != nil {
			continue
		}
		specs := map[string][]string{}
		for _, s := range j.seen.Specs {
			specs[s.Requirement] = append(specs[s.Requirement], s.Spec)
		}
		for _, names := range specs {
			slices.Sort(names)
		}
		all[string(j.Role)+"/"+j.Edition] = specs
	}
	return all
}

// problems are the reasons why the gate is shut.
func (b *board) problems() (all []string) {
	for _, j := range b.cases {
		for _, p := range j.problems {
			all = append(all, j.Key()+": "+p)
		}
	}
	if !b.complete {
		return all
	}
	return slices.Concat(all, b.missing(), b.unproven(), b.alike())
}

// missing are the differences between the specs that ran and those of the record.
func (b *board) missing() (all []string) {
	if b.expected == nil {
		return nil
	}
	there := b.inventory()
	tell := func(what string, a, b Inventory) {
		for key, requirements := range a {
			for id, names := range requirements {
				for _, name := range names {
					if !slices.Contains(b[key][id], name) {
						all = append(all, fmt.Sprintf("%s: the spec %q of %s %s", key, name, id, what))
					}
				}
			}
		}
	}
	tell("is in the record and did not run", b.expected, there)
	tell("ran and is not in the record", there, b.expected)
	slices.Sort(all)
	return all
}

// proofs are the mutants that turned each spec red.
func (b *board) proofs() map[specID][]*mutants.Mutant {
	all := map[specID][]*mutants.Mutant{}
	for _, j := range b.cases {
		if j.Mutant == nil {
			continue
		}
		for _, s := range j.notPassed {
			if red(s.Verdict) {
				id := specID{j.Role, s.Requirement, s.Spec}
				all[id] = append(all[id], j.Mutant)
			}
		}
	}
	return all
}

// specs are all specs that the references ran, each once although several editions have it.
func (b *board) specs() (all []specID) {
	seen := map[specID]bool{}
	for _, j := range b.cases {
		if j.Mutant != nil || j.Correct != nil {
			continue
		}
		for _, s := range j.seen.Specs {
			if id := (specID{j.Role, s.Requirement, s.Spec}); !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		}
	}
	return all
}

// unproven are the specs that no mutant turned red: nobody knows whether they can.
func (b *board) unproven() (all []string) {
	proofs := b.proofs()
	for _, id := range b.specs() {
		if len(proofs[id]) == 0 {
			all = append(all, fmt.Sprintf("%s: no mutant turns the spec %q of %s red", id.role, id.spec, id.requirement))
		}
	}
	return all
}

// kindOf is what sort of mistake a mutant is.
func kindOf(m *mutants.Mutant) string {
	if m.Family == "" {
		return m.Name
	}
	return m.Family + "/" + m.Kind
}

// breakers are the mutants that turned each requirement red, those made by hand first.
func (b *board) breakers() map[string][]*mutants.Mutant {
	all := map[string][]*mutants.Mutant{}
	for _, generated := range []bool{false, true} {
		for _, j := range b.cases {
			if j.Mutant == nil || (j.Mutant.Family != "") != generated {
				continue
			}
			for _, id := range j.broken {
				all[id] = append(all[id], j.Mutant)
			}
		}
	}
	return all
}

// covered reports whether two mutants of different kinds broke a requirement.
func covered(by []*mutants.Mutant) bool {
	return len(by) > 0 && slices.ContainsFunc(by, func(m *mutants.Mutant) bool { return kindOf(m) != kindOf(by[0]) })
}

// alike are the requirements that no two unlike mutants break, and the exceptions that are none any more.
func (b *board) alike() (all []string) {
	breakers := b.breakers()
	for _, id := range b.requirements() {
		reason, single := b.single[id]
		switch {
		case covered(breakers[id]) && single:
			all = append(all, fmt.Sprintf("%s is declared to have one mutant (%s), and has more", id, reason))
		case !covered(breakers[id]) && !single:
			all = append(all, fmt.Sprintf("%s is broken by fewer than two mutants of different kinds: %s", id, strings.Join(names(breakers[id]), ", ")))
		}
	}
	return all
}

// requirements are those that specs check, in the order in which the references ran them.
func (b *board) requirements() (ids []string) {
	seen := map[string]bool{}
	for _, id := range b.specs() {
		if !seen[id.requirement] {
			seen[id.requirement] = true
			ids = append(ids, id.requirement)
		}
	}
	return ids
}

func names(all []*mutants.Mutant) (out []string) {
	for _, m := range all {
		out = append(out, m.Name)
	}
	return out
}
