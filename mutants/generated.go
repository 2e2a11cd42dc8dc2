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
	return []Family{}
}

// Generated returns the mutants of the systematic families.
func Generated() ([]Mutant, error) {
	var all []Mutant
	for _, f := range Families() {
		made, err := f.make()
		if err != nil {
			return nil, fmt.Errorf("family %s: %w", f.Name, err)
		}
		for i := range made {
			made[i].Family = f.Name
			made[i].Name = f.Name + "." + made[i].Name
		}
		all = append(all, made...)
	}
	return all, nil
}
