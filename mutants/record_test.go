package mutants_test

import (
	"slices"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
)

// What the reports quote must be of these mutants and of this ledger. `make mutants` writes the record anew.
func TestTheRecordIsOfTheseMutants(t *testing.T) {
	record, err := mutants.Record()
	if err != nil {
		t.Fatal(err)
	}
	all, err := mutants.All()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range all {
		want = append(want, string(m.Role)+"/"+m.Name+": "+m.Defect)
	}
	for _, m := range record.Mutants {
		got = append(got, string(m.Role)+"/"+m.Name+": "+m.Defect)
	}
	compare(t, "mutant", want, got)
	want, got = nil, nil
	for _, c := range mutants.AllCorrect() {
		want = append(want, string(c.Role)+"/"+c.Name)
	}
	for _, c := range record.Correct {
		got = append(got, string(c.Role)+"/"+c.Name)
	}
	compare(t, "correct implementation", want, got)
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	want, got = nil, nil
	for _, r := range ledger {
		if r.Spec != "" {
			want = append(want, r.ID)
		}
	}
	for _, requirements := range record.Inventory {
		for id := range requirements {
			if !slices.Contains(got, id) {
				got = append(got, id)
			}
		}
	}
	compare(t, "requirement", want, got)
}

// compare tells which names are on one side alone.
func compare(t *testing.T, what string, want, got []string) {
	t.Helper()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("the %s %s is not in mutants/record.json; run `make mutants`", what, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("mutants/record.json has the %s %s, which there is not; run `make mutants`", what, name)
		}
	}
}
