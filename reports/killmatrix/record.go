package killmatrix

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
)

// RecordVersion is the version of the record's format. Its major part changes when a reader of an older record would misread
// a newer one.
const RecordVersion = "1.0"

// Record is what stays of a matrix when it is kept with the program, so that every report can say what its red lines were
// proven on. It holds no times: the same verdicts give the same bytes.
type Record struct {
	// Version is the version of this format.
	Version string  `json:"version"`
	Figures Figures `json:"figures"`
	// Problems and Holes count the reasons for which the gate was shut; both are 0 where it was open.
	Problems  int               `json:"problems"`
	Holes     int               `json:"holes"`
	Correct   []RecordedCorrect `json:"correct"`
	Mutants   []RecordedMutant  `json:"mutants"`
	Inventory Inventory         `json:"inventory"`
}

// RecordedMutant is a mutant and what it broke.
type RecordedMutant struct {
	Role   contract.Role `json:"role"`
	Name   string        `json:"name"`
	Family string        `json:"family"`
	// Edition is the one that it was judged in.
	Edition string `json:"edition"`
	Defect  string `json:"defect"`
	Seen    string `json:"seen,omitempty"`
	// Red are the requirements that it broke, sorted.
	Red []string `json:"red"`
	// Survives is the reason why nothing turned red.
	Survives string `json:"survives,omitempty"`
}

// RecordedCorrect is an unusual and right implementation that was not blamed, or was: see Figures.FalseAlarms.
type RecordedCorrect struct {
	Role contract.Role `json:"role"`
	Name string        `json:"name"`
}

// RecordOf keeps what a whole run of the matrix showed. A run of a part of it makes no record: its figures would say nothing
// about the rest.
func RecordOf(m Matrix) (Record, error) {
	if m.Selection != "" {
		return Record{}, fmt.Errorf("a part of the matrix (%s) makes no record; run all of it", m.Selection)
	}
	r := Record{
		Version: RecordVersion, Figures: m.Figures, Problems: len(m.Problems), Holes: len(m.Holes), Inventory: m.Inventory,
	}
	for _, one := range m.Mutants {
		r.Mutants = append(r.Mutants, RecordedMutant{
			Role: one.Role, Name: one.Name, Family: one.Family, Edition: one.Edition, Defect: one.Defect, Seen: one.Seen,
			Red: list(slices.Sorted(slices.Values(one.Red))), Survives: one.Survives,
		})
	}
	for _, one := range m.Correct {
		r.Correct = append(r.Correct, RecordedCorrect{Role: one.Role, Name: one.Name})
	}
	r = r.ordered()
	return r, r.Validate()
}

// ordered returns the record in the order in which it is written: by role, name and edition.
func (r Record) ordered() Record {
	r.Mutants = slices.SortedFunc(slices.Values(r.Mutants), func(a, b RecordedMutant) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Edition, b.Edition))
	})
	r.Correct = slices.SortedFunc(slices.Values(r.Correct), func(a, b RecordedCorrect) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name))
	})
	return r
}

// Validate reports every way in which the record contradicts itself: figures that are not those of its mutants, a mutant
// that is there twice or lacks its description, one that is both killed and a survivor, and one that broke a requirement
// which the inventory does not have in its edition.
func (r Record) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	killed, handmade, seen := 0, 0, map[string]bool{}
	for _, m := range r.Mutants {
		key := InventoryKey(m.Role, m.Edition)
		name := fmt.Sprintf("mutant %s of %s", m.Name, key)
		switch {
		case m.Name == "" || m.Role == "" || m.Edition == "" || m.Family == "" || m.Defect == "":
			fault("%s: it needs a name, a role, an edition, a family and a defect", name)
		case seen[name]:
			fault("%s: it is there twice", name)
		case len(m.Red) > 0 && m.Survives != "":
			fault("%s: it broke %s, and has a reason to survive", name, m.Red[0])
		}
		seen[name] = true
		if m.Killed() {
			killed++
		}
		if m.Family == Handmade {
			handmade++
		}
		for _, id := range m.Red {
			if len(r.Inventory[key][id]) == 0 {
				fault("%s: it broke %s, of which the inventory has no spec there", name, id)
			}
		}
	}
	for what, n := range map[string][2]int{
		"mutants": {r.Figures.Mutants, len(r.Mutants)}, "killed": {r.Figures.Killed, killed},
		"survivors": {r.Figures.Survivors, len(r.Mutants) - killed}, "handmade": {r.Figures.Handmade, handmade},
		"generated": {r.Figures.Generated, len(r.Mutants) - handmade}, "correct": {r.Figures.Correct, len(r.Correct)},
	} {
		if n[0] != n[1] {
			fault("figures: %s is %d, and the list has %d", what, n[0], n[1])
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// Killed reports whether some spec turned red.
func (m RecordedMutant) Killed() bool { return len(m.Red) > 0 }

// Empty reports whether the record holds nothing, as that of a build without a matrix.
func (r Record) Empty() bool { return len(r.Mutants) == 0 }

// Open reports whether the gate was open.
func (r Record) Open() bool { return r.Problems == 0 && r.Holes == 0 && r.Figures.FalseAlarms == 0 }

// Breaking returns the mutants that turned a requirement red: those made by hand first, of them those that broke the least
// else, because they show it most clearly, and then by name.
func (r Record) Breaking(requirement string) []RecordedMutant {
	var all []RecordedMutant
	for _, m := range r.Mutants {
		if slices.Contains(m.Red, requirement) {
			all = append(all, m)
		}
	}
	generated := func(m RecordedMutant) int {
		if m.Family == Handmade {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b RecordedMutant) int {
		return cmp.Or(cmp.Compare(generated(a), generated(b)), cmp.Compare(len(a.Red), len(b.Red)), cmp.Compare(a.Name, b.Name))
	})
	return all
}
