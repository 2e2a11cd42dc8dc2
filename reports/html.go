package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

// The page is one file without scripts and without references to anything outside of it, so that it can be mailed,
// archived and opened offline.
var (
	//go:embed page/report.html.tmpl
	pageTemplate string
	//go:embed page/report.css
	pageStyle string

	reportPage = template.Must(template.New("report.html").Funcs(template.FuncMap{
		"style":     func() template.CSS { return template.CSS(pageStyle) },
		"label":     func(v Verdict) string { return v.Label() },
		"plural":    plural,
		"citations": citations,
		"duration":  durationText,
		"moment":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"clock":     func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"breakable": breakable,
	}).Parse(pageTemplate))
)

// WriteHTML writes the report as one self-contained page. Every requirement has its id as an anchor, so that
// report.html#receiver.signature.stale.effect leads to what is said about it.
func WriteHTML(w io.Writer, r Redacted) error {
	return reportPage.Execute(w, newView(Shown(r.report)))
}

// durationText writes a length given in milliseconds for a person.
func durationText(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Second).String()
}

// breakable marks the places where an id may break over lines: after its dots, rather than anywhere.
func breakable(id string) template.HTML {
	parts := strings.SplitAfter(id, ".")
	for i := range parts {
		parts[i] = template.HTMLEscapeString(parts[i])
	}
	return template.HTML(strings.Join(parts, "<wbr>"))
}
