package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// Input is what a matrix is made from.
type Input struct {
	Version, Command string
	Started          time.Time
	Duration         time.Duration
	Jobs             int
	// Selection says which part of the cases were run; empty for all of them.
	Selection string
	Cases     []Case
	// Seen are the observations of the cases, in their order.
	Seen []Observation
	// Expected is the inventory of the committed record; nil where there is none. Recording says that what was seen is to
	// become the record, so that its own inventory is expected; its difference to the last one is for people to read.
	Expected  Inventory
	Recording bool
}

// Judge compares what was seen with what is declared. An error is one of the declarations themselves.
func Judge(in Input) (killmatrix.Matrix, error) {
	b, err := newBoard(in)
	if err != nil {
		return killmatrix.Matrix{}, err
	}
	m := killmatrix.Matrix{
		SchemaVersion: killmatrix.SchemaVersion, Version: in.Version, Command: in.Command, Started: in.Started.UTC(),
		DurationMS: float64(in.Duration) / float64(time.Millisecond), Jobs: in.Jobs, Selection: in.Selection,
		Problems: b.problems(),
	}
	if b.complete && len(m.Problems) == 0 {
		m.Holes = b.holes()
	}
	m.Requirements = b.requirementRows()
	for _, j := range b.cases {
		switch {
		case j.Mutant != nil:
			m.Mutants = append(m.Mutants, mutantRow(j))
		case j.Correct != nil:
			m.Correct = append(m.Correct, correctRow(j))
		}
	}
	m.Families = familyRows(m.Mutants)
	m.Figures = figures(m)
	m.Inventory = b.inventory()
	return m, nil
}

// Check reports declarations that cannot hold, such as of requirements that do not exist, before anything is run.
func Check(cases []Case) error {
	_, err := newBoard(Input{Cases: cases, Seen: make([]Observation, len(cases))})
	return err
}

func newBoard(in Input) (*board, error) {
	if len(in.Cases) != len(in.Seen) {
		return nil, fmt.Errorf("%d cases and %d observations", len(in.Cases), len(in.Seen))
	}
	ledger, err := contract.LoadLedger()
	if err != nil {
		return nil, err
	}
	single, err := mutants.Single()
	if err != nil {
		return nil, err
	}
	b := &board{single: single, complete: in.Selection == "", expected: in.Expected}
	for i, c := range in.Cases {
		j, err := declare(c, ledger)
		if err != nil {
			return nil, err
		}
		j.seen = in.Seen[i]
		j.judge()
		b.cases = append(b.cases, j)
	}
	if in.Recording {
		b.expected = b.inventory()
	}
	return b, nil
}

// requirementRows are the requirements with what proves them.
func (b *board) requirementRows() (rows []killmatrix.Requirement) {
	breakers, proofs := b.breakers(), b.proofs()
	specs := map[string][]killmatrix.Spec{}
	for _, id := range b.specs() {
		specs[id.requirement] = append(specs[id.requirement], killmatrix.Spec{Name: id.spec, Mutants: len(proofs[id])})
	}
	levels := map[string]contract.Level{}
	for _, j := range b.cases {
		for _, r := range j.ledger {
			levels[r.ID] = r.Level
		}
	}
	for _, id := range b.requirements() {
		row := killmatrix.Requirement{ID: id, Level: levels[id], Mutants: names(breakers[id]), Specs: specs[id], Unlike: covered(breakers[id])}
		if !row.Unlike {
			row.Alone = b.single[id]
		}
		rows = append(rows, row)
	}
	return rows
}

func mutantRow(j *judged) killmatrix.Mutant {
	m := j.Mutant
	return killmatrix.Mutant{
		Name: m.Name, Role: j.Role, Edition: j.Edition, Family: cmp.Or(m.Family, killmatrix.Handmade), Defect: m.Defect, Seen: m.Seen,
		Scope: j.Filter, Red: j.broken, Survives: m.Survives, Problems: j.problems, DurationMS: j.seen.DurationMS,
	}
}

func correctRow(j *judged) killmatrix.Correct {
	c := j.Correct
	return killmatrix.Correct{
		Name: c.Name, Role: j.Role, Edition: j.Edition, Unusual: c.Unusual, Passed: len(j.seen.Requirements) - len(j.broken),
		Warns: j.warns, Problems: j.problems,
	}
}

// familyRows count the mutants of each family, those made by hand first.
func familyRows(all []killmatrix.Mutant) []killmatrix.Family {
	rows := []killmatrix.Family{{Name: killmatrix.Handmade, What: "seen in public, or thought up, one by one"}}
	for _, f := range mutants.Families() {
		rows = append(rows, killmatrix.Family{Name: f.Name, What: f.What})
	}
	for _, m := range all {
		at := slices.IndexFunc(rows, func(f killmatrix.Family) bool { return f.Name == m.Family })
		if at < 0 {
			continue
		}
		rows[at].Mutants++
		if m.Killed() {
			rows[at].Killed++
		} else {
			rows[at].Survivors++
		}
	}
	return rows
}

// figures counts.
func figures(m killmatrix.Matrix) (f killmatrix.Figures) {
	for _, r := range m.Requirements {
		f.Requirements++
		if r.Covered() {
			f.Covered++
		}
		for _, s := range r.Specs {
			f.Specs++
			if s.Mutants > 0 {
				f.Proven++
			}
		}
	}
	for _, row := range m.Families {
		f.Mutants, f.Killed, f.Survivors = f.Mutants+row.Mutants, f.Killed+row.Killed, f.Survivors+row.Survivors
		if row.Name == killmatrix.Handmade {
			f.Handmade = row.Mutants
		} else {
			f.Generated += row.Mutants
		}
	}
	for _, c := range m.Correct {
		f.Correct++
		if len(c.Problems) > 0 {
			f.FalseAlarms++
		}
	}
	return f
}
