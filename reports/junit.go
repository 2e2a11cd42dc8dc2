package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// The elements of a JUnit file, as CI systems read it.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`

		ms float64
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		Time      string       `xml:"time,attr"`
		Failure   *junitDetail `xml:"failure"`
		Error     *junitDetail `xml:"error"`
		Skipped   *junitDetail `xml:"skipped"`
		SystemOut *junitText   `xml:"system-out"`
	}
	junitDetail struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a test suite for each area, a test case for each spec, with the
// requirement's id as its class name. A fail is a failure, untestable and error are errors, not-applicable is skipped,
// and a warning passes with its text as output. Each error of the run as a whole is a test case of the suite "run", so
// that no run that came to nothing looks green.
func WriteJUnit(w io.Writer, r Redacted) error { return encodeJUnit(w, junit(r.report)) }

func junit(r Report) junitSuites {
	all := junitSuites{Name: xmlText(r.Tool.Name)}
	byName := make(map[string]*junitSuite)
	suite := func(name string) *junitSuite {
		if byName[name] == nil {
			byName[name] = &junitSuite{Name: name, Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Properties: properties(r)}
			all.Suites = append(all.Suites, byName[name])
		}
		return byName[name]
	}
	for _, line := range r.Errors {
		detail := &junitDetail{Message: xmlText(line), Type: string(Error), Text: xmlText(line)}
		if r.Outcome == Unreachable {
			detail.Type = string(Unreachable)
		}
		suite("run").add(junitCase{Name: "the run as a whole", ClassName: "run", Error: detail}, 0)
	}
	for _, req := range r.Requirements {
		for _, spec := range req.Specs {
			suite(fmt.Sprintf("%s.%s", r.Target.Role, req.Area)).add(testCase(req, spec, r.Target.Edition), spec.DurationMS)
		}
	}
	for _, s := range all.Suites {
		s.Time = seconds(s.ms)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	all.Time = seconds(r.DurationMS)
	return all
}

func properties(r Report) []junitProperty {
	all := []junitProperty{
		{"outcome", string(r.Outcome)},
		{"headline", xmlText(r.Headline)},
		{"target", xmlText(r.Target.Name)},
		{"url", xmlText(r.Target.URL)},
		{"edition", xmlText(r.Target.Edition)},
		{"version", xmlText(r.Tool.Version)},
		{"seed", fmt.Sprint(r.Tool.Seed)},
	}
	if c := r.SelfCheck; c != nil {
		all = append(all, junitProperty{"self-check", fmt.Sprintf("mutants killed: %d of %d; false alarms: %d of %d correct variants; record %s",
			c.Figures.Killed, c.Figures.Mutants, c.Figures.FalseAlarms, c.Figures.Correct, c.Digest)})
	}
	return all
}

func (s *junitSuite) add(c junitCase, ms float64) {
	c.Time = seconds(ms)
	s.Cases = append(s.Cases, c)
	s.ms += ms
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func testCase(req RequirementResult, spec SpecResult, edition string) junitCase {
	c := junitCase{Name: xmlText(cmp.Or(spec.Name, req.ID)), ClassName: xmlText(req.ID)}
	detail := &junitDetail{Message: xmlText(spec.Reason), Type: string(spec.Verdict), Text: xmlText(details(req, spec, edition))}
	switch spec.Verdict {
	case Pass:
	case Fail:
		c.Failure = detail
	case Warn:
		c.SystemOut = &junitText{Text: xmlText("warning: " + spec.Reason + "\n" + details(req, spec, edition))}
	case NotApplicable:
		c.Skipped = &junitDetail{Message: xmlText(spec.Reason)}
	default:
		c.Error = detail
	}
	return c
}

// details writes what a reader of a CI log needs, a line for each fact that is known.
func details(req RequirementResult, spec SpecResult, edition string) string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name+":", text)
		}
	}
	line("requirement", fmt.Sprintf("%s (%s)", req.ID, req.Level))
	line("sentence", req.Sentence)
	line("source", citations(req.Source))
	line("reading", req.Reading)
	line("expected", spec.Expected)
	line("seen", spec.Seen)
	line("cause", spec.Cause)
	line("repeat", spec.Repeat)
	line("rerun", spec.Rerun)
	for _, proof := range req.ProvenOn.lines(edition) {
		line("proven on", proof)
	}
	return b.String()
}

func citations(source []contract.Citation) string {
	return contract.Requirement{Source: source}.Citations()
}

func seconds(ms float64) string {
	return fmt.Sprintf("%.3f", time.Duration(ms*float64(time.Millisecond)).Seconds())
}

// xmlText replaces the characters that XML 1.0 forbids even when escaped (section 2.2, Char). An answer's body may hold
// any of them, and one makes the whole file unreadable.
func xmlText(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t', c == '\n', c == '\r',
			c >= 0x20 && c <= 0xD7FF, c >= 0xE000 && c <= 0xFFFD, c >= 0x10000 && c <= 0x10FFFF:
			return c
		}
		return '\uFFFD'
	}, s)
}
