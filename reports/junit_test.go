package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// parsedJUnit is a JUnit file as a CI system reads it; the types are not those that wrote it.
type parsedJUnit struct {
	XMLName xml.Name `xml:"testsuites"`
	parsedCounts
	Suites []struct {
		Name string `xml:"name,attr"`
		parsedCounts
		Cases []struct {
			Name      string         `xml:"name,attr"`
			ClassName string         `xml:"classname,attr"`
			Failure   []parsedDetail `xml:"failure"`
			Error     []parsedDetail `xml:"error"`
			Skipped   []parsedDetail `xml:"skipped"`
			SystemOut string         `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type parsedCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type parsedDetail struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// elements counts what the file's attributes claim.
func (p parsedJUnit) elements() (all parsedCounts, bySuite []parsedCounts) {
	for _, s := range p.Suites {
		var c parsedCounts
		for _, tc := range s.Cases {
			c.Tests++
			c.Failures += len(tc.Failure)
			c.Errors += len(tc.Error)
			c.Skipped += len(tc.Skipped)
		}
		bySuite = append(bySuite, c)
		all.Tests, all.Failures = all.Tests+c.Tests, all.Failures+c.Failures
		all.Errors, all.Skipped = all.Errors+c.Errors, all.Skipped+c.Skipped
	}
	return all, bySuite
}

func parseJUnit(t *testing.T, r Redacted) parsedJUnit {
	t.Helper()
	g := NewWithT(t)
	var text bytes.Buffer
	g.Expect(WriteJUnit(&text, r)).To(Succeed())
	dec := xml.NewDecoder(&text)
	var p parsedJUnit
	g.Expect(dec.Decode(&p)).To(Succeed())
	_, err := dec.Token()
	for err == nil {
		_, err = dec.Token()
	}
	g.Expect(err).To(MatchError(io.EOF), "nothing but white space follows")
	return p
}

func TestJUnitCounts(t *testing.T) {
	build := func(change func(*BuildInput)) Redacted {
		in := sampleInput()
		change(&in)
		return new(Redactor).Report(Build(in))
	}
	tests := map[string]struct {
		report Redacted
		want   parsedCounts
	}{
		"every verdict": {sampleReport(), parsedCounts{Tests: 13, Failures: 2, Errors: 5, Skipped: 1}},
		"hostile":       {hostileReport(), parsedCounts{Tests: 13 + len(hostileStrings), Failures: 2, Errors: 5 + len(hostileStrings), Skipped: 1}},
		"unreachable":   {sampleUnreachable(), parsedCounts{Tests: 1, Errors: 1}},
		"nothing selected": {build(func(in *BuildInput) { in.Selected, in.Results = nil, nil }),
			parsedCounts{Tests: 1, Errors: 1}},
		"stopped before the first spec": {build(func(in *BuildInput) { in.Results, in.Interrupted, in.Unreachable = nil, true, true }),
			parsedCounts{Tests: 1, Errors: 1}},
		"stopped after the last spec": {build(func(in *BuildInput) {
			in.Selected, in.Results, in.Interrupted = in.Selected[:1], in.Results[:1], true
		}), parsedCounts{Tests: 2, Errors: 1}},
		"all specs lost": {build(func(in *BuildInput) { in.Results = nil }), parsedCounts{Tests: 12, Errors: 12}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			p := parseJUnit(t, test.report)
			g.Expect(p.parsedCounts).To(Equal(test.want))
			all, bySuite := p.elements()
			g.Expect(all).To(Equal(p.parsedCounts), "the attributes count the elements")
			for i, s := range p.Suites {
				g.Expect(s.parsedCounts).To(Equal(bySuite[i]), s.Name)
			}
		})
	}
}

func TestJUnitTellsWhatHappened(t *testing.T) {
	g := NewWithT(t)
	p := parseJUnit(t, sampleReport())
	var names []string
	details := map[string]parsedDetail{}
	output := map[string]string{}
	for _, s := range p.Suites {
		names = append(names, s.Name)
		for _, tc := range s.Cases {
			output[tc.ClassName] += tc.SystemOut
			for kind, list := range map[string][]parsedDetail{"failure": tc.Failure, "error": tc.Error, "skipped": tc.Skipped} {
				for _, d := range list {
					details[kind+" "+tc.ClassName] = d
				}
			}
		}
	}
	g.Expect(names).To(Equal([]string{
		"receiver.signature", "receiver.duplicates", "receiver.answer", "receiver.batches", "receiver.rotation",
	}), "a suite for each area, in the order of the ledger")

	failure := details["failure receiver.signature.stale.effect"]
	g.Expect(failure.Message).To(Equal("the receiver acted on a delivery that is too old"))
	g.Expect(failure.Type).To(Equal("fail"))
	for _, part := range []string{"no effect for event evt_2f6b", "1 effect for event", "signing, Verification", "curl -sS", "--label-filter"} {
		g.Expect(failure.Text).To(ContainSubstring(part))
	}
	g.Expect(details["error receiver.batches.messages.effect"].Type).To(Equal("untestable"))
	g.Expect(details["error receiver.answer.size"].Type).To(Equal("error"))
	g.Expect(details["skipped receiver.rotation.two-secrets.status"].Message).To(ContainSubstring("one secret only"))
	g.Expect(output["receiver.answer.time"]).To(ContainSubstring("warning: the answer came late"))
	g.Expect(output["receiver.signature.genuine.status"]).To(BeEmpty())

	unreachable := parseJUnit(t, sampleUnreachable()).Suites[0].Cases[0].Error[0]
	g.Expect(unreachable.Type).To(Equal("unreachable"))
	g.Expect(unreachable.Message).To(ContainSubstring("connection refused"))
}

func TestForbiddenCharactersAreReplaced(t *testing.T) {
	tests := map[string]string{
		"\x00\x08\x0b\x1f": "\uFFFD\uFFFD\uFFFD\uFFFD",
		"a\tb\nc\rd":       "a\tb\nc\rd",
		"\uFFFE\uFFFF":     "\uFFFD\uFFFD",
		"\xff":             "\uFFFD",
		"\u007f\u0085😀":    "\u007f\u0085😀",
	}
	for give, want := range tests {
		NewWithT(t).Expect(xmlText(give)).To(Equal(want), "%q", give)
	}
	for _, s := range parseJUnit(t, hostileReport()).Suites {
		for _, tc := range s.Cases {
			for _, d := range append(tc.Failure, tc.Error...) {
				if strings.Contains(d.Text, "expected:") {
					NewWithT(t).Expect(d.Text).To(ContainSubstring("]]></failure><fail>"), "the end of CDATA stays text")
				}
			}
		}
	}
}
