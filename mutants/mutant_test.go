package mutants_test

import (
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
)

// ledger returns the requirements of a role in the default edition.
func ledger(t *testing.T, role contract.Role) contract.Ledger {
	t.Helper()
	all, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	return all.For(role, contract.DefaultEdition)
}

func TestMutantsAreDescribed(t *testing.T) {
	all, err := mutants.All()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range all {
		if m.Name == "" || m.Defect == "" || m.Role == "" || (len(m.Breaks) == 0) == (m.Survives == "") {
			t.Errorf("%q is not described: %+v", m.Name, m)
		}
		if (m.Family == "") != (m.Kind == "") {
			t.Errorf("%s is of the family %q and the kind %q; a generated mutant has both", m.Name, m.Family, m.Kind)
		}
		name := string(m.Role) + "/" + m.Name
		if seen[name] {
			t.Errorf("%q occurs twice", name)
		}
		seen[name] = true
	}
}

func TestEveryMutantIsFoundByItsName(t *testing.T) {
	for _, f := range mutants.Families() {
		if f.What == "" {
			t.Errorf("the family %s is not described", f.Name)
		}
	}
	for role, name := range map[contract.Role]string{
		contract.RoleReceiver: "no-verify", contract.RoleMetaReceiver: "number.batch-less", contract.RoleRelay: "outcome.304-delivered",
	} {
		if m, err := mutants.Get(role, name); err != nil || m.Name != name || m.Role != role {
			t.Errorf("%s %s: %+v, %v", role, name, m, err)
		}
	}
	for _, name := range []string{"no-such-mutant", "outcome.no-such-mutant", "no-verify"} {
		if _, err := mutants.Get(contract.RoleRelay, name); err == nil || !strings.Contains(err.Error(), "kirimcheck mutants") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCorrectImplementationsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range mutants.AllCorrect() {
		name := string(c.Role) + "/" + c.Name
		if c.Role == "" || len(c.Unusual) == 0 || seen[name] {
			t.Errorf("%q is not described, or occurs twice", name)
		}
		seen[name] = true
		if found, err := mutants.GetCorrect(c.Role, c.Name); err != nil || found.Name != c.Name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mutants.GetCorrect(contract.RoleRelay, "no-such"); err == nil {
		t.Error("a correct relay that does not exist was found")
	}
}

func TestPatternsThatMatchNothingAreErrors(t *testing.T) {
	for _, pattern := range []string{"receiver.signature.no-such-thing", "receiver.signature.constant-time", "relay.*"} {
		if ids, err := mutants.Expand(ledger(t, contract.RoleReceiver), []string{pattern}); err == nil {
			t.Errorf("%q matched %v", pattern, ids)
		}
	}
}
