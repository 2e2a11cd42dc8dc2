package matrix

import (
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// The requirements of the tests: two that are MUSTs, one that is a SHOULD.
const (
	first  = "receiver.signature.valid"
	second = "receiver.delivery.key-order"
	should = "receiver.delivery.charset"
)

// run is an observation in which these specs have these verdicts; a spec is written as requirement, colon, name.
func run(verdicts map[string]reports.Verdict) Observation {
	o := Observation{Requirements: map[string]reports.Verdict{}}
	for _, id := range []string{first, second, should} {
		specs := []string{id + ":plain"}
		if id == second {
			specs = append(specs, id+":nested")
		}
		var all []reports.Verdict
		for _, spec := range specs {
			v, ok := verdicts[spec]
			if !ok {
				v = reports.Pass
			}
			_, name, _ := strings.Cut(spec, ":")
			o.Specs = append(o.Specs, Seen{id, name, v, "because"})
			all = append(all, v)
		}
		o.Requirements[id] = worst(all)
	}
	o.Outcome = outcomeOf(o.Requirements)
	return o
}

func mutantOf(name string, breaks ...string) *mutants.Mutant {
	return &mutants.Mutant{Name: name, Role: contract.RoleReceiver, Defect: "wrong", Breaks: breaks}
}

func caseOf(m *mutants.Mutant) Case {
	return Case{Role: contract.RoleReceiver, Edition: contract.DefaultEdition, Mutant: m}
}

// whole is a matrix of a suite with four specs that holds.
func whole(t *testing.T) Input {
	t.Helper()
	fail := func(specs ...string) Observation {
		v := map[string]reports.Verdict{}
		for _, s := range specs {
			v[s] = reports.Fail
		}
		return run(v)
	}
	in := Input{}
	add := func(c Case, o Observation) { in.Cases, in.Seen = append(in.Cases, c), append(in.Seen, o) }
	add(Case{Role: contract.RoleReceiver, Edition: contract.DefaultEdition}, run(nil))
	add(caseOf(mutantOf("a", first)), fail(first+":plain"))
	add(caseOf(mutantOf("b", first, second)), fail(first+":plain", second+":plain"))
	add(caseOf(mutantOf("c", second)), fail(second+":nested"))
	add(caseOf(mutantOf("d", should)), run(map[string]reports.Verdict{should + ":plain": reports.Warn}))
	add(caseOf(mutantOf("e", should)), run(map[string]reports.Verdict{should + ":plain": reports.Warn}))
	add(Case{Role: contract.RoleReceiver, Edition: contract.DefaultEdition,
		Correct: &mutants.Correct{Name: "odd", Role: contract.RoleReceiver, Unusual: []string{"odd"}}}, run(nil))
	return in
}

func problemsOf(t *testing.T, in Input) []string {
	t.Helper()
	m, err := Judge(in)
	if err != nil {
		t.Fatal(err)
	}
	return m.Problems
}

func TestAMatrixThatHoldsHasNoProblemAndNoHole(t *testing.T) {
	in := whole(t)
	b, err := newBoard(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Expected = b.inventory()
	m, err := Judge(in)
	if err != nil || len(m.Problems) > 0 || len(m.Holes) > 0 {
		t.Fatalf("problems %v, holes %v, %v", m.Problems, m.Holes, err)
	}
	f := m.Figures
	if f.Requirements != 3 || f.Covered != 3 || f.Specs != 4 || f.Proven != 4 || f.Mutants != 5 || f.Killed != 5 || f.Correct != 1 || f.FalseAlarms != 0 {
		t.Errorf("figures %+v", f)
	}
}

func TestTheGateIsShut(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"a mutant that survives": {func(in *Input) { in.Seen[1] = run(nil) }, "mutant/receiver/a: " + first + " is not red"},
		"a mutant that breaks more than it says": {func(in *Input) {
			in.Seen[1] = run(map[string]reports.Verdict{first + ":plain": reports.Fail, should + ":plain": reports.Warn})
		}, "mutant/receiver/a: " + should + " is red"},
		"a reference that is blamed": {func(in *Input) {
			in.Seen[0] = run(map[string]reports.Verdict{second + ":plain": reports.Fail})
		}, "reference/receiver/kckit: " + second + " is red"},
		"a correct implementation that is blamed": {func(in *Input) {
			in.Seen[6] = run(map[string]reports.Verdict{second + ":plain": reports.Fail})
		}, "correct/receiver/odd: " + second + " is red"},
		"a correct implementation of which something is not known": {func(in *Input) {
			in.Seen[6] = run(map[string]reports.Verdict{second + ":plain": reports.Untestable})
		}, "correct/receiver/odd: " + second + " is untestable"},
		"an untestable spec that was not declared": {func(in *Input) {
			in.Seen[1] = run(map[string]reports.Verdict{first + ":plain": reports.Fail, second + ":plain": reports.Untestable})
		}, "mutant/receiver/a: " + second + " is untestable"},
		"a process that died":         {func(in *Input) { in.Seen[1] = Observation{Failed: "exit status 2"} }, "mutant/receiver/a: it was not seen: exit status 2"},
		"an error of a run":           {func(in *Input) { in.Seen[1].Errors = []string{"no observer"} }, "mutant/receiver/a: an error of the run: no observer"},
		"a spec that was deleted":     {func(in *Input) { in.Seen[0].Specs = slices.Delete(in.Seen[0].Specs, 1, 2) }, "is in the record and did not run"},
		"a spec that nobody recorded": {func(in *Input) { in.Expected = Inventory{"receiver/kckit": {}} }, "ran and is not in the record"},
		"a spec that no mutant turns red": {func(in *Input) { in.Seen[3] = run(map[string]reports.Verdict{second + ":plain": reports.Fail}) },
			`receiver: no mutant turns the spec "nested" of ` + second + " red"},
		"a requirement with one mutant": {func(in *Input) {
			in.Cases, in.Seen = slices.Delete(in.Cases, 5, 6), slices.Delete(in.Seen, 5, 6)
		}, should + " is broken by fewer than two mutants of different kinds: d"},
		"a requirement with two mutants that are alike": {func(in *Input) {
			for i, name := range []string{"d", "e"} {
				m := mutantOf(name, should)
				m.Family, m.Kind = "number", "less"
				in.Cases[4+i] = caseOf(m)
			}
		}, should + " is broken by fewer than two mutants of different kinds: d, e"},
		"a cause that is not named": {func(in *Input) {
			m := mutantOf("a", first)
			m.Cause = "a body limit"
			in.Cases[1] = caseOf(m)
		}, `no failure names a cause with "a body limit"`},
		"an outcome that does not fit": {func(in *Input) { in.Seen[1].Outcome = reports.Conformant }, "the outcome is conformant where it should be non-conformant"},
	} {
		t.Run(name, func(t *testing.T) {
			in := whole(t)
			b, err := newBoard(in)
			if err != nil {
				t.Fatal(err)
			}
			in.Expected = b.inventory()
			c.change(&in)
			problems := problemsOf(t, in)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("problems %q, want one with %q", problems, c.want)
			}
		})
	}
}

func TestDeclarationsThatCannotHoldAreErrors(t *testing.T) {
	for name, m := range map[string]*mutants.Mutant{
		"an unknown requirement":         mutantOf("a", "receiver.signature.no-such-thing"),
		"neither breaks nor survives":    mutantOf("a"),
		"a survivor that breaks":         {Name: "a", Role: contract.RoleReceiver, Breaks: []string{first}, Survives: "reason"},
		"an unknown tolerance":           {Name: "a", Role: contract.RoleReceiver, Breaks: []string{first}, May: []string{"receiver.no.such"}},
		"something blinded that is none": {Name: "a", Role: contract.RoleReceiver, Breaks: []string{first}, Blinds: []string{"receiver.no.such"}},
	} {
		if err := Check([]Case{caseOf(m)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	must := Case{Role: contract.RoleReceiver, Edition: contract.DefaultEdition,
		Correct: &mutants.Correct{Name: "odd", Role: contract.RoleReceiver, Warns: []string{first}}}
	if err := Check([]Case{must}); err == nil || !strings.Contains(err.Error(), "no SHOULD") {
		t.Errorf("a correct implementation that breaks a MUST: %v", err)
	}
}

// Without an inventory nobody misses one of two specs of a requirement, where the mutants that it caught are caught by the
// other as well.
func TestHolesAreFound(t *testing.T) {
	in := whole(t)
	in.Seen[3] = run(map[string]reports.Verdict{second + ":plain": reports.Fail, second + ":nested": reports.Fail})
	b, err := newBoard(in)
	if err != nil {
		t.Fatal(err)
	}
	if problems := b.problems(); len(problems) > 0 {
		t.Fatalf("problems %v", problems)
	}
	want := killmatrix.Hole{Role: contract.RoleReceiver, Spec: "nested", Change: deleted}
	if holes := b.holes(); !slices.Equal(holes, []killmatrix.Hole{want}) {
		t.Errorf("holes %v, want %v", holes, want)
	}
	b.expected = b.inventory()
	if holes := b.holes(); len(holes) > 0 {
		t.Errorf("with an inventory: holes %v", holes)
	}
}

func TestDifferencesBetweenRoundsAreTold(t *testing.T) {
	one := []Observation{{Key: "mutant/receiver/a", Specs: []Seen{{first, "plain", reports.Fail, ""}, {second, "plain", reports.Pass, ""}}}}
	other := []Observation{{Key: "mutant/receiver/a", Specs: []Seen{{first, "plain", reports.Pass, ""}}}}
	if got := Differences([][]Observation{one, one}); len(got) != 0 {
		t.Errorf("between equal rounds: %v", got)
	}
	got := Differences([][]Observation{one, one, other})
	if len(got) != 2 || !strings.Contains(got[0], "is pass in round 1 and not there in round 3") || !strings.Contains(got[1], "is fail in round 1 and pass in round 3") {
		t.Errorf("differences %q", got)
	}
}
