package mutants

import (
	"fmt"
	"strings"
)

// Family is a systematic way to make mutants.
type Family struct {
	// Name is a slug.
	Name string
	// What says in a sentence what the family changes.
	What string
	// make makes those of the mutants whose names, without that of the family, are wanted.
	make func(wanted) ([]Mutant, error)
}

// wanted is the name of one mutant within its family; empty stands for all of them. To make a whole family takes longer than
// to run one of its mutants.
type wanted string

func (w wanted) is(name string) bool { return w == "" || string(w) == name }

// begins reports whether a name that begins so may be wanted.
func (w wanted) begins(prefix string) bool { return w == "" || strings.HasPrefix(string(w), prefix) }

// done reports whether nothing else is wanted.
func (w wanted) done(made []Mutant) bool { return w != "" && len(made) > 0 }

// Families returns the systematic ones.
func Families() []Family {
	return []Family{
		{"number", "a number of the edition, or of Meta's contract, is off by a little in either direction", numberMutants},
		{"header", "a header of a delivery is dropped, renamed or has a wrong value", headerNameMutants},
		{"outcome", "a row of the outcome table, or one status of it, means what another row means", outcomeMutants},
		{"field", "a required member of an event is dropped, null, or of another type", fieldMutants},
		{"variant", "a receiver chokes on, or drops, one variant of one event", variantMutants},
	}
}

// Generated returns the mutants of the systematic families.
func Generated() ([]Mutant, error) {
	var all []Mutant
	for _, f := range Families() {
		made, err := f.mutants("")
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return all, nil
}

// mutants makes those of the family that are wanted. The name of each begins with that of the family and a dot.
func (f Family) mutants(want wanted) ([]Mutant, error) {
	made, err := f.make(want)
	if err != nil {
		return nil, fmt.Errorf("family %s: %w", f.Name, err)
	}
	for i := range made {
		made[i].Family = f.Name
		made[i].Name = f.Name + "." + made[i].Name
	}
	return made, nil
}
