package reports

import (
	"errors"
	"io"

	"github.com/kirimcheck/kirimcheck/reports/staging"
)

// The names of the files in a report folder.
const (
	JSONFile  = "report.json"
	JUnitFile = "junit.xml"
	HTMLFile  = "report.html"
)

// CheckWritable creates the folder where it is missing and proves that reports can be written there (see staging.Check).
func CheckWritable(dir string) error { return staging.Check(dir, JSONFile, JUnitFile, HTMLFile) }

// WriteAll writes report.json, junit.xml and report.html into the folder, which it creates where it is missing, and
// returns their paths. The files appear only once all of them have been written (see staging.Write).
func WriteAll(dir string, r Redacted) ([]string, error) {
	if r.report.SchemaVersion == "" {
		return nil, errors.New("report is empty: it was not made by a Redactor from a built report")
	}
	return staging.Write(dir, []staging.File{
		{Name: JSONFile, Write: func(w io.Writer) error { return WriteJSON(w, r) }},
		{Name: JUnitFile, Write: func(w io.Writer) error { return WriteJUnit(w, r) }},
		{Name: HTMLFile, Write: func(w io.Writer) error { return WriteHTML(w, r) }},
	})
}
