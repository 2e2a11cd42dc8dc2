// Package killmatrix is what a run of the mutant matrix comes to, as data, and the files drawn from it: which wrong
// implementation each spec was seen to catch, and that none of the right ones was blamed. It runs nothing.
package killmatrix

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// SchemaVersion is the version of the matrix's format. Its major part changes when a reader of an older matrix would misread
// a newer one.
const SchemaVersion = "1.0"

// Matrix is the whole result of one run.
type Matrix struct {
	// SchemaVersion is the version of this format.
	SchemaVersion string `json:"schema_version"`
	// Version is that of the program, and Command the command line that repeats the run.
	Version string `json:"version"`
	Command string `json:"command"`
	// Started is when the run began, in UTC.
	Started time.Time `json:"started"`
	// DurationMS is the run's length in milliseconds, and Jobs how many processes worked at a time.
	DurationMS float64 `json:"duration_ms"`
	Jobs       int     `json:"jobs"`
	// Selection says which part was run; empty for all of it. Of a part, figures say nothing about what was left out.
	Selection string  `json:"selection,omitempty"`
	Figures   Figures `json:"figures"`
	// Problems are the reasons why the gate is shut, a sentence each; none where everything is as declared.
	Problems []string `json:"problems"`
	// Holes are the specs that could be deleted, or made to pass always, without the gate noticing.
	Holes []Hole `json:"holes"`
	// Families are the systematic ones, those made by hand as one of them.
	Families []Family `json:"families"`
	// Requirements are those that a spec checks, in the order of the ledger.
	Requirements []Requirement `json:"requirements"`
	Mutants      []Mutant      `json:"mutants"`
	Correct      []Correct     `json:"correct"`
	// Inventory are the specs that the mutants were judged by.
	Inventory Inventory `json:"inventory"`
}

// Open reports whether the gate lets the suite pass: nothing is otherwise than declared, and no spec would go missed.
func (m Matrix) Open() bool {
	return len(m.Problems) == 0 && len(m.Holes) == 0 && m.Figures.FalseAlarms == 0
}

// Probed reports whether holes were looked for: that takes the whole matrix, and nothing that shuts the gate anyway.
func (m Matrix) Probed() bool {
	return len(m.Holes) > 0 || m.Selection == "" && len(m.Problems) == 0
}

// Inventory holds the names of the specs: by role and edition (see InventoryKey), and then by requirement.
type Inventory map[string]map[string][]string

// InventoryKey is the key of a role and an edition, such as relay/kckit.
func InventoryKey(role contract.Role, edition string) string { return string(role) + "/" + edition }

// Figures are the headline. Each counts what this run saw.
type Figures struct {
	// Requirements counts those that a spec checks, Covered those that at least two mutants of different kinds break, or
	// that are declared to have one only.
	Requirements int `json:"requirements"`
	Covered      int `json:"covered"`
	// Specs counts the specs of all roles and editions, Proven those that some mutant turned red.
	Specs  int `json:"specs"`
	Proven int `json:"proven"`
	// Mutants counts all, Handmade and Generated its parts; Killed those that turned a spec red; Survivors the rest, each of
	// which has its reason.
	Mutants   int `json:"mutants"`
	Handmade  int `json:"handmade"`
	Generated int `json:"generated"`
	Killed    int `json:"killed"`
	Survivors int `json:"survivors"`
	// Correct counts the unusual and right implementations, FalseAlarms those of them that something was said against which
	// they do not declare themselves.
	Correct     int `json:"correct"`
	FalseAlarms int `json:"false_alarms"`
}

// KillRate is the share of the mutants that were killed, from 0 to 1; 0 where there were none.
func (f Figures) KillRate() float64 {
	if f.Mutants == 0 {
		return 0
	}
	return float64(f.Killed) / float64(f.Mutants)
}

// Hole is a spec that the gate would not miss.
type Hole struct {
	Role contract.Role `json:"role"`
	Spec string        `json:"spec"`
	// Change is what went unnoticed: that the spec was deleted, or that it passes always.
	Change string `json:"change"`
}

// Family is a systematic way to make mutants.
type Family struct {
	// Name is a slug.
	Name string `json:"name"`
	// What says in a sentence what the family changes.
	What      string `json:"what"`
	Mutants   int    `json:"mutants"`
	Killed    int    `json:"killed"`
	Survivors int    `json:"survivors"`
}

// Requirement is a requirement and what proves its specs.
type Requirement struct {
	ID    string         `json:"id"`
	Level contract.Level `json:"level"`
	// Mutants are the names of those that turned it red, those made by hand first.
	Mutants []string `json:"mutants"`
	// Unlike reports whether two of them are of different kinds; Alone says why no second one can exist.
	Unlike bool   `json:"unlike"`
	Alone  string `json:"alone,omitempty"`
	Specs  []Spec `json:"specs"`
}

// Covered reports whether enough mutants break the requirement.
func (r Requirement) Covered() bool { return r.Unlike || (r.Alone != "" && len(r.Mutants) > 0) }

// Spec is a spec and how many mutants turned it red.
type Spec struct {
	Name    string `json:"name"`
	Mutants int    `json:"mutants"`
}

// Mutant is a wrong implementation and what came of it.
type Mutant struct {
	// Name is a slug, unique in the role.
	Name string        `json:"name"`
	Role contract.Role `json:"role"`
	// Edition is the one that it was judged in.
	Edition string `json:"edition"`
	// Family is the systematic family that it belongs to, or "by hand".
	Family string `json:"family"`
	// Defect says in a sentence what is wrong, and Seen where that was seen in public.
	Defect string `json:"defect"`
	Seen   string `json:"seen,omitempty"`
	// Scope is the label filter of the specs that it was judged by; empty means all of the role.
	Scope string `json:"scope,omitempty"`
	// Red are the requirements that it broke, as seen.
	Red []string `json:"red"`
	// Survives is the reason why nothing turns red; empty for one that is to be killed.
	Survives string `json:"survives,omitempty"`
	// Problems say where what was seen is not what was declared.
	Problems []string `json:"problems,omitempty"`
	// DurationMS is how long its run took, in milliseconds.
	DurationMS float64 `json:"duration_ms,omitempty"`
}

// Killed reports whether some spec turned red.
func (m Mutant) Killed() bool { return len(m.Red) > 0 }

// Correct is an implementation that is unusual and right, and what came of it.
type Correct struct {
	Name    string        `json:"name"`
	Role    contract.Role `json:"role"`
	Edition string        `json:"edition"`
	// Unusual are its properties, each with what allows it.
	Unusual []string `json:"unusual"`
	// Passed counts the requirements that it passed.
	Passed int `json:"passed"`
	// Warns are the requirements, each a SHOULD, that it reads otherwise and is told about.
	Warns []string `json:"warns,omitempty"`
	// Problems say what was held against it, or not known about it.
	Problems []string `json:"problems,omitempty"`
}

// Handmade is the family of the mutants that were thought up or seen one by one.
const Handmade = "by hand"
