package mutants

import "fmt"

// Family is a systematic way to make mutants.
type Family struct {
	// Name is a slug.
	Name string
	// What says in a sentence what the family changes.
	What string
	make func() ([]Mutant, error)
}

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
		made, err := f.mutants()
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return all, nil
}

// mutants makes the family. The name of each begins with that of the family and a dot.
func (f Family) mutants() ([]Mutant, error) {
	made, err := f.make()
	if err != nil {
		return nil, fmt.Errorf("family %s: %w", f.Name, err)
	}
	for i := range made {
		made[i].Family = f.Name
		made[i].Name = f.Name + "." + made[i].Name
	}
	return made, nil
}
