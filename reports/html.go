package reports

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

//go:embed page/report.html.tmpl
var pageTemplate string

// reportPage is parsed once, when the program starts, so that a mistake in it cannot wait for a report to come to light.
var reportPage = template.Must(page.New("report.html", pageTemplate, template.FuncMap{
	"label":     func(v Verdict) string { return v.Label() },
	"citations": citations,
}))

// WriteHTML writes the report as one self-contained page. Every requirement has its id as an anchor, so that
// report.html#receiver.signature.stale.effect leads to what is said about it.
func WriteHTML(w io.Writer, r Redacted) error {
	return reportPage.Execute(w, newView(Shown(r.report)))
}
