package reports

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

func requirement(t *testing.T, r Report, id string) RequirementResult {
	t.Helper()
	for _, req := range r.Requirements {
		if req.ID == id {
			return req
		}
	}
	t.Fatalf("no requirement %s in the report", id)
	return RequirementResult{}
}

func TestEachLineNamesWhatItWasProvenOn(t *testing.T) {
	g := NewWithT(t)
	r := checked(Build(sampleInput()), sampleRecord())
	stale := requirement(t, r, "receiver.signature.stale.effect").ProvenOn
	g.Expect(stale.Total).To(Equal(4))
	g.Expect(stale.lines("kckit")).To(Equal([]string{
		"future-accepted - compares the age without its sign",
		"no-tolerance - takes a signature of any age (seen in public webhook receivers)",
		"no-verify - takes any POST without looking at the signature (seen in public webhook receivers)",
	}), "by hand before generated, the specific before those that break much")
	retry := requirement(t, r, "receiver.duplicates.retry.effect").ProvenOn
	g.Expect(retry.lines("kckit")).To(ContainElement("no-dedupe - runs every copy of an event (judged in edition kirim.chat)"))
	nothing := requirement(t, r, "receiver.answer.size").ProvenOn
	g.Expect(*nothing).To(Equal(ProvenOn{}), "that nothing proved it is said, not left out")
	g.Expect(r.SelfCheck.Figures).To(Equal(sampleRecord().Figures))
	g.Expect(r.SelfCheck.Open).To(BeTrue())
	digest, err := sampleRecord().Digest()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.SelfCheck.Digest).To(Equal(digest))
}

func TestASelfCheckChangesNoVerdictAndNotTheReportGiven(t *testing.T) {
	g := NewWithT(t)
	given := Build(sampleInput())
	r := checked(given, sampleRecord())
	g.Expect(given).To(Equal(Build(sampleInput())))
	r.SelfCheck = nil
	for i := range r.Requirements {
		r.Requirements[i].ProvenOn = nil
	}
	g.Expect(r).To(Equal(given))
}

func TestWithoutARecordNothingIsClaimed(t *testing.T) {
	g := NewWithT(t)
	given := Build(sampleInput())
	r, err := WithSelfCheck(given, killmatrix.Record{Version: killmatrix.RecordVersion})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r).To(Equal(given))
	g.Expect(html(t, NewRedactor().Report(r))).NotTo(ContainSubstring("roven on"))
}

func TestARecordThatContradictsItselfIsNotQuoted(t *testing.T) {
	record := sampleRecord()
	record.Figures.Killed = 6
	_, err := WithSelfCheck(Build(sampleInput()), record)
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("killed is 6")))
}

func TestASuiteThatFailedItsOwnCheckSaysSoOnThePage(t *testing.T) {
	g := NewWithT(t)
	record := sampleRecord()
	record.Problems = 1
	g.Expect(html(t, NewRedactor().Report(checked(Build(sampleInput()), record)))).To(ContainSubstring("did not pass its own check"))
	g.Expect(html(t, sampleReport())).NotTo(ContainSubstring("did not pass its own check"))
}

func TestASecretThatIsAWordDoesNotHideAProof(t *testing.T) {
	r := NewRedactor("signature").Report(checked(Build(sampleInput()), sampleRecord())).Report()
	NewWithT(t).Expect(requirement(t, r, "receiver.signature.stale.effect").ProvenOn.Mutants).To(
		ContainElement(HaveField("Defect", "takes any POST without looking at the signature")))
}

func TestARedLineShowsItsProofOnThePage(t *testing.T) {
	g := NewWithT(t)
	text := html(t, sampleReport())
	g.Expect(text).To(ContainSubstring("no-tolerance - takes a signature of any age (seen in public webhook receivers)"))
	g.Expect(text).To(ContainSubstring("and 1 more; <code>kirimcheck explain receiver.signature.stale.effect</code> names them"))
	g.Expect(text).To(ContainSubstring("Proven on</b> nothing"), "of a warning that no mutant proves")
	g.Expect(text).To(ContainSubstring("5 of 6 killed (83.3 %)"))
}

func TestJUnitNamesWhatAFailureWasProvenOn(t *testing.T) {
	g := NewWithT(t)
	p := parseJUnit(t, sampleReport())
	texts := map[string]string{}
	for _, s := range p.Suites {
		for _, c := range s.Cases {
			for _, f := range c.Failure {
				texts[c.ClassName] = f.Text
			}
		}
	}
	g.Expect(texts).To(HaveKeyWithValue("receiver.signature.stale.effect",
		ContainSubstring("proven on:   no-tolerance - takes a signature of any age (seen in public webhook receivers)\n")))
}
