package contract

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Level is how strongly a requirement binds (RFC 2119).
type Level string

// The levels. A broken MUST makes a run non-conformant, a broken SHOULD is a warning.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Role is what a target is to Kirim's webhooks.
type Role string

// The roles that a target can have.
const (
	RoleReceiver     Role = "receiver"
	RoleRelay        Role = "relay"
	RoleMetaReceiver Role = "meta-receiver"
)

// Requirement is one normative sentence of the contract.
type Requirement struct {
	// ID is a slug: role, area, then what is required, such as receiver.signature.tampered-body.effect.
	ID       string     `yaml:"id"`
	Level    Level      `yaml:"level"`
	Sentence string     `yaml:"sentence"`
	Source   []Citation `yaml:"source"`
	// Editions limits the requirement to some editions; empty means all.
	Editions []string `yaml:"editions,omitempty"`
	// Reading names the open question whose reading the requirement rests on; empty means the text itself.
	Reading string `yaml:"reading,omitempty"`
	// Spec is the text of the spec that checks the requirement.
	Spec string `yaml:"spec,omitempty"`
	// Excluded says why no spec checks the requirement.
	Excluded string `yaml:"excluded,omitempty"`
}

// Role is the first part of the id.
func (r Requirement) Role() Role { return Role(r.part(0)) }

// Area is the second part of the id.
func (r Requirement) Area() string { return r.part(1) }

func (r Requirement) part(i int) string {
	parts := strings.SplitN(r.ID, ".", 3)
	if i >= len(parts) {
		return ""
	}
	return parts[i]
}

// In reports whether the requirement holds for an edition.
func (r Requirement) In(edition string) bool {
	return len(r.Editions) == 0 || slices.Contains(r.Editions, edition)
}

// Citations renders the sources on one line.
func (r Requirement) Citations() string {
	var all []string
	for _, c := range r.Source {
		all = append(all, c.String())
	}
	return strings.Join(all, "; ")
}

// Ledger is every requirement, in the order of the files.
type Ledger []Requirement

// LoadLedger reads the ledger of all roles and checks it (see Ledger.Validate).
func LoadLedger() (Ledger, error) {
	entries, err := files.ReadDir("requirements")
	if err != nil {
		return nil, err
	}
	var ledger Ledger
	for _, entry := range entries {
		var rows Ledger
		if err := load("requirements/"+entry.Name(), &rows); err != nil {
			return nil, err
		}
		ledger = append(ledger, rows...)
	}
	return ledger, ledger.Validate()
}

// Get looks a requirement up by its id.
func (l Ledger) Get(id string) (Requirement, bool) {
	i := slices.IndexFunc(l, func(r Requirement) bool { return r.ID == id })
	if i < 0 {
		return Requirement{}, false
	}
	return l[i], true
}

// For returns the requirements of a role that hold in an edition.
func (l Ledger) For(role Role, edition string) Ledger {
	var out Ledger
	for _, r := range l {
		if r.Role() == role && r.In(edition) {
			out = append(out, r)
		}
	}
	return out
}

// As returns the ledger as an edition has it: a requirement that names no edition and rests on no other reading rests on
// the edition's.
func (l Ledger) As(edition Edition) Ledger {
	out := slices.Clone(l)
	for i := range out {
		if len(out[i].Editions) == 0 && out[i].Reading == "" {
			out[i].Reading = edition.Reading
		}
	}
	return out
}

var slug = regexp.MustCompile(`^(receiver|relay|meta-receiver)(\.[a-z0-9]+(-[a-z0-9]+)*){2,3}$`)

// Validate reports every row that is not complete: a malformed or repeated id, a level that is not MUST or SHOULD, no
// sentence, no source, an unknown edition or reading, and neither or both of spec and exclusion.
func (l Ledger) Validate() error {
	editions, err := Editions()
	if err != nil {
		return err
	}
	readings, err := Readings()
	if err != nil {
		return err
	}
	var errs []error
	seen := map[string]bool{}
	for _, r := range l {
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("requirement %q: %s", r.ID, fmt.Sprintf(format, args...)))
		}
		if !slug.MatchString(r.ID) {
			complain("the id is not of the form role.area.what")
		}
		if seen[r.ID] {
			complain("the id occurs twice")
		}
		seen[r.ID] = true
		if r.Level != Must && r.Level != Should {
			complain("level is %q; it is MUST or SHOULD", r.Level)
		}
		if r.Sentence == "" {
			complain("no sentence")
		}
		if len(r.Source) == 0 {
			complain("no source")
		}
		for _, c := range r.Source {
			if c.Document == "" {
				complain("a source without a document")
			}
		}
		for _, id := range r.Editions {
			if !slices.ContainsFunc(editions, func(e Edition) bool { return e.ID == id }) {
				complain("unknown edition %q", id)
			}
		}
		if _, ok := readings[r.Reading]; r.Reading != "" && !ok {
			complain("unknown reading %q", r.Reading)
		}
		if (r.Spec == "") == (r.Excluded == "") {
			complain("it needs either a spec or an exclusion with its reason")
		}
	}
	return errors.Join(errs...)
}
