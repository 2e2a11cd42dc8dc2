package reports

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the report as indented JSON, as schemas/report.schema.json describes it. The same report always
// gives the same bytes.
func WriteJSON(w io.Writer, r Redacted) error { return encodeJSON(w, r.report) }

func encodeJSON(w io.Writer, report any) error {
	enc := json.NewEncoder(w)
	// The file is no part of a page, and evidence is easier to read with its < and > as they were.
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
