package load

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
)

// WriteJSON writes the report as indented JSON, as schemas/load.schema.json describes it. The same report always gives
// the same bytes.
func WriteJSON(w io.Writer, r Redacted) error { return reports.EncodeJSON(w, r.report) }

// maxReport bounds what ReadJSON takes, in bytes; a report with the longest series is a tenth of it.
const maxReport = 64 << 20

// ReadJSON reads what WriteJSON wrote, and refuses what it would misread: another major version of the format, members
// that it does not know, and anything behind the report.
func ReadJSON(r io.Reader) (Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return Report{}, err
	}
	if len(text) > maxReport {
		return Report{}, fmt.Errorf("the report is longer than %d bytes", maxReport)
	}
	var head struct {
		SchemaVersion string `json:"schema_version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Report{}, fmt.Errorf("no load report: %w", err)
	}
	major, _, _ := strings.Cut(SchemaVersion, ".")
	switch found, minor, _ := strings.Cut(head.SchemaVersion, "."); {
	case head.SchemaVersion == "":
		return Report{}, fmt.Errorf("no load report: schema_version is missing; expected %s", SchemaVersion)
	case found != major || minor == "":
		return Report{}, fmt.Errorf("the load report has version %q of the format; this program reads %s.x", head.SchemaVersion, major)
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	// A later minor version may have members that are new; what is known of it is read.
	if head.SchemaVersion == SchemaVersion {
		dec.DisallowUnknownFields()
	}
	var report Report
	if err := dec.Decode(&report); err != nil {
		return Report{}, fmt.Errorf("no load report: %w", err)
	}
	return report, nil
}
