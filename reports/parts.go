package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"time"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

// What follows lets other kinds of reports, such as that of a load run, be redacted, shown and written by the same rules.

// Redact returns a deep copy of a report of any type without the secrets that the redactor knows, and without what
// RedactURL hides in these URLs wherever they are quoted. As in Report, fields with the tag text:"ours" hold what the
// program itself wrote. Fields that hold URLs are for prepare to redact, which is given each struct by pointer.
func Redact[T any](r *Redactor, report T, prepare func(part any), urls ...string) T {
	known := r.knowing(urls)
	return mapStrings(report, prepare, known.replacer().Replace, known.telling().replacer().Replace)
}

// Shown returns a deep copy of a report of any type in which the characters that act instead of showing are written as
// escapes, as pages need it.
func Shown[T any](report T) T {
	show := func(s string) string { return page.Visible(s, "\t\r\n") }
	return mapStrings(report, func(any) {}, show, show)
}

// EncodeJSON writes a report of any type as WriteJSON does.
func EncodeJSON(w io.Writer, report any) error { return encodeJSON(w, report) }

// JUnitSuite is a JUnit file with a single suite.
type JUnitSuite struct {
	// Tool names the file as a whole, Name the suite.
	Tool, Name string
	Started    time.Time
	// DurationMS is the length of the run, in milliseconds.
	DurationMS float64
	// Properties are names with their values.
	Properties [][2]string
	Cases      []JUnitCase
}

// JUnitCase is one test case. At most one of Failure, Error and Skipped is not empty.
type JUnitCase struct {
	Name, Class string
	// Failure, Error or Skipped is the message of a case that did not pass, Kind what it is in a word, Details the whole
	// story.
	Failure, Error, Skipped, Kind, Details string
}

// WriteJUnitSuite writes the suite as JUnit XML.
func WriteJUnitSuite(w io.Writer, s JUnitSuite) error {
	suite := &junitSuite{Name: xmlText(s.Name), Timestamp: s.Started.UTC().Format("2006-01-02T15:04:05")}
	for _, p := range s.Properties {
		suite.Properties = append(suite.Properties, junitProperty{p[0], xmlText(p[1])})
	}
	for _, c := range s.Cases {
		made := junitCase{Name: xmlText(c.Name), ClassName: xmlText(c.Class)}
		switch {
		case c.Failure != "":
			made.Failure = &junitDetail{Message: xmlText(c.Failure), Type: c.Kind, Text: xmlText(c.Details)}
		case c.Error != "":
			made.Error = &junitDetail{Message: xmlText(c.Error), Type: c.Kind, Text: xmlText(c.Details)}
		case c.Skipped != "":
			made.Skipped = &junitDetail{Message: xmlText(c.Skipped)}
		case c.Details != "":
			made.SystemOut = &junitText{Text: xmlText(c.Details)}
		}
		suite.add(made, 0)
	}
	suite.Time = seconds(s.DurationMS)
	return encodeJUnit(w, junitSuites{Name: xmlText(s.Tool), junitCounts: suite.junitCounts, Suites: []*junitSuite{suite}})
}

// encodeJUnit writes the whole file.
func encodeJUnit(w io.Writer, all junitSuites) error {
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	out.WriteString("\n")
	_, err := w.Write(out.Bytes())
	return err
}
