package reports

import (
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// MaxProofs bounds the mutants that a report names for a requirement; `kirimcheck explain` names them all.
const MaxProofs = 3

// SelfCheck is what the suite knows about itself: how many wrong implementations it was run against, and that it caught
// them.
type SelfCheck struct {
	// Record is the version of the record's format, Digest the SHA-256 of the record, by which two reports show that they
	// speak of the same matrix.
	Record string `json:"record"`
	Digest string `json:"digest"`
	// Open says that the gate was open: everything was as declared.
	Open    bool               `json:"open"`
	Figures killmatrix.Figures `json:"figures"`
	// MaxProofs is how many mutants each requirement names at most.
	MaxProofs int `json:"max_proofs"`
}

// ProvenOn is the wrong implementations on which a requirement's specs were seen to turn red.
type ProvenOn struct {
	// Total counts all of them, and Mutants are the first: those made by hand before those that were generated, and the
	// most specific before those that break much.
	Total   int     `json:"total"`
	Mutants []Proof `json:"mutants"`
}

// Proof is one wrong implementation.
type Proof struct {
	Name string `json:"name"`
	// Defect says in a sentence what is wrong with it, and Seen where that was seen in public.
	Defect string `json:"defect"`
	Seen   string `json:"seen,omitempty"`
	// Edition is the one that it was judged in.
	Edition string `json:"edition"`
}

// line is the proof for a run in an edition: the name, the defect, where it was seen, and the edition where it is another.
func (p Proof) line(edition string) string {
	var notes []string
	if p.Seen != "" {
		notes = append(notes, "seen in "+p.Seen)
	}
	if p.Edition != edition {
		notes = append(notes, "judged in edition "+p.Edition)
	}
	s := p.Name + " - " + p.Defect
	if len(notes) > 0 {
		s += " (" + strings.Join(notes, "; ") + ")"
	}
	return s
}

// lines are the proofs, a line each; none where nothing is known.
func (p *ProvenOn) lines(edition string) []string {
	if p == nil {
		return nil
	}
	var all []string
	for _, proof := range p.Mutants {
		all = append(all, proof.line(edition))
	}
	return all
}

// More counts the mutants that are not named.
func (p ProvenOn) More() int { return p.Total - len(p.Mutants) }

// WithSelfCheck returns a report that says what its lines were proven on, by the record of the kill matrix. Of a requirement
// that no mutant broke it says that too. The report given is not changed. With an empty record there is nothing to say.
func WithSelfCheck(r Report, record killmatrix.Record) (Report, error) {
	if record.Empty() {
		return r, nil
	}
	digest, err := record.Digest()
	if err != nil {
		return Report{}, err
	}
	r.SelfCheck = &SelfCheck{
		Record: record.Version, Digest: digest, Open: record.Open(), Figures: record.Figures, MaxProofs: MaxProofs,
	}
	r.Requirements = slices.Clone(r.Requirements)
	for i := range r.Requirements {
		r.Requirements[i].ProvenOn = provenOn(record, r.Requirements[i].ID)
	}
	return r, nil
}

func provenOn(record killmatrix.Record, id string) *ProvenOn {
	all := record.Breaking(id)
	p := &ProvenOn{Total: len(all)}
	for _, m := range all[:min(len(all), MaxProofs)] {
		p.Mutants = append(p.Mutants, Proof{Name: m.Name, Defect: m.Defect, Seen: m.Seen, Edition: m.Edition})
	}
	return p
}
