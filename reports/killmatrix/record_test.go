package killmatrix

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
)

func sampleRecord(t *testing.T) Record {
	t.Helper()
	r, err := RecordOf(sampleMatrix())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return r
}

func written(t *testing.T, r Record) string {
	t.Helper()
	var text bytes.Buffer
	NewWithT(t).Expect(r.Encode(&text)).To(Succeed())
	return text.String()
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	for name, r := range map[string]Record{"sample": sampleRecord(t), "empty": {Version: RecordVersion}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text := written(t, r)
			got, err := ReadRecord([]byte(text))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(written(t, got)).To(Equal(text))
			g.Expect(got.Mutants).To(HaveLen(len(r.Mutants)))
			g.Expect(got.Figures).To(Equal(r.Figures))
		})
	}
}

func TestARecordThatCannotBeWrittenLeavesTheOldOneAlone(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "record.json")
	g.Expect(WriteRecord(path, sampleRecord(t))).To(Succeed())
	broken := sampleRecord(t)
	broken.Figures.Killed = 6
	g.Expect(WriteRecord(path, broken)).To(MatchError(ContainSubstring("killed is 6")))
	text, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(Equal(written(t, sampleRecord(t))))
}

func TestARecordHasOneMutantOnALineAndNoTimes(t *testing.T) {
	g := NewWithT(t)
	m := sampleMatrix()
	text := written(t, sampleRecord(t))
	for _, one := range m.Mutants {
		with := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.Contains(line, `"`+one.Name+`"`) })
		g.Expect(with).To(HaveLen(1), one.Name)
		g.Expect(with[0]).To(HavePrefix(`{"role":`))
	}
	g.Expect(text).NotTo(ContainSubstring("duration"))
}

func TestTheOrderOfTheRunDoesNotShowInTheRecord(t *testing.T) {
	g := NewWithT(t)
	m := sampleMatrix()
	slices.Reverse(m.Mutants)
	slices.Reverse(m.Correct)
	for i := range m.Mutants {
		slices.Reverse(m.Mutants[i].Red)
	}
	m.DurationMS, m.Jobs, m.Started = 1, 16, m.Started.AddDate(1, 0, 0)
	r, err := RecordOf(m)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(written(t, r)).To(Equal(written(t, sampleRecord(t))))
	one, err := r.Digest()
	g.Expect(err).NotTo(HaveOccurred())
	other, err := sampleRecord(t).Digest()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one).To(Equal(other))
	r.Mutants[0].Defect = "something else"
	g.Expect(r.Digest()).NotTo(Equal(one), "another matrix has another digest")
}

func TestAPartOfTheMatrixMakesNoRecord(t *testing.T) {
	m := sampleMatrix()
	m.Selection = "role relay"
	_, err := RecordOf(m)
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("role relay")))
}

func TestAShutGateStaysShutInTheRecord(t *testing.T) {
	g := NewWithT(t)
	g.Expect(sampleRecord(t).Open()).To(BeTrue())
	for name, shut := range map[string]func(*Matrix){
		"a problem":     func(m *Matrix) { m.Problems = []string{"x"} },
		"a hole":        func(m *Matrix) { m.Holes = make([]Hole, 1) },
		"a false alarm": func(m *Matrix) { m.Figures.FalseAlarms = 1 },
	} {
		m := sampleMatrix()
		shut(&m)
		r, err := RecordOf(m)
		g.Expect(err).NotTo(HaveOccurred())
		read, err := ReadRecord([]byte(written(t, r)))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(read.Open()).To(BeFalse(), name)
	}
}

func TestARecordThatContradictsItselfIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		corrupt func(r *Record)
		want    string
	}{
		"a figure that is better than its list": {func(r *Record) { r.Figures.Killed++ }, "figures: killed is 6, and the list has 5"},
		"a mutant that went missing":            {func(r *Record) { r.Mutants = r.Mutants[1:] }, "figures: mutants is 6, and the list has 5"},
		"a variant that went missing":           {func(r *Record) { r.Correct = nil }, "figures: correct is 2, and the list has 0"},
		"a mutant twice":                        {func(r *Record) { r.Mutants[1] = r.Mutants[0] }, "no-tolerance of receiver/kckit: it is there twice"},
		"a mutant without a defect":             {func(r *Record) { r.Mutants[0].Defect = "" }, "it needs a name, a role, an edition, a family and a defect"},
		"killed, and a survivor": {func(r *Record) { r.Mutants[0].Survives = "equivalent" },
			"it broke receiver.signature.stale.effect, and has a reason to survive"},
		"a requirement that no spec checks": {func(r *Record) { r.Mutants[0].Red = []string{"receiver.signature.gone"} },
			"it broke receiver.signature.gone, of which the inventory has no spec there"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := sampleRecord(t)
			c.corrupt(&r)
			err := r.Encode(&bytes.Buffer{})
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
			g.Expect(err.Error()).NotTo(ContainSubstring("\n"))
		})
	}
}

func TestFilesThatAreNoRecordAreRefused(t *testing.T) {
	good := written(t, sampleRecord(t))
	for name, c := range map[string]struct{ give, want string }{
		"nothing":               {"", "record: EOF"},
		"another major version": {strings.Replace(good, `"version": "1.0"`, `"version": "2.0"`, 1), `version "2.0"; this program reads 1.x`},
		"no version":            {"{}", `version ""`},
		"an unknown member":     {strings.Replace(good, `"holes"`, `"halls"`, 1), `"halls"`},
		"cut off":               {good[:len(good)/2], "record: "},
		"two documents":         {good + good, "something follows"},
		"figures of another":    {strings.Replace(good, `"killed": 5`, `"killed": 6`, 1), "figures: killed is 6"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadRecord([]byte(c.give))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

func TestHandmadeMutantsThatBreakLittleElseComeFirst(t *testing.T) {
	names := func(all []RecordedMutant) (out []string) {
		for _, m := range all {
			out = append(out, m.Name)
		}
		return out
	}
	g := NewWithT(t)
	r := sampleRecord(t)
	g.Expect(names(r.Breaking("receiver.signature.stale.effect"))).To(Equal([]string{"no-tolerance", "no-verify"}))
	g.Expect(names(r.Breaking("relay.retry.delays"))).To(Equal([]string{"no-jitter", "delay-1-shorter"}))
	g.Expect(r.Breaking("receiver.signature.stale")).To(BeEmpty(), "the beginning of an id is not the id")
	g.Expect(InventoryKey(contract.RoleRelay, "kckit")).To(Equal("relay/kckit"))
}
