package load

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/page"
)

var (
	//go:embed page/load.html.tmpl
	pageTemplate string
	//go:embed page/load.css
	pageStyle string

	loadPage = template.Must(page.New("load.html", pageTemplate, template.FuncMap{
		"style":        func() template.CSS { return template.CSS(page.Style() + pageStyle) },
		"span":         span,
		"quantity":     Quantity,
		"figure":       figure,
		"milli":        milli,
		"number":       Number,
		"inc":          func(i int) int { return i + 1 },
		"holds":        func(t Threshold) bool { return t.Verdict == reports.Pass },
		"shareOf":      shareOf,
		"outcomeLabel": outcomeLabel,
		"outcomeIcon":  outcomeIcon,
		"kindLabel":    kindLabel,
		"verdictLabel": verdictLabel,
		"change":       changeCell,
		"interval":     intervalCell,
	}))
)

// WriteHTML writes the report as one self-contained page: the verdict and the thresholds first, then the course of the
// run, its distribution, and what it takes to believe and to repeat it.
func WriteHTML(w io.Writer, r Redacted) error {
	v, err := newView(reports.Shown(r.report))
	if err != nil {
		return err
	}
	return loadPage.Execute(w, v)
}

func outcomeLabel(o Outcome) string {
	switch o {
	case Met:
		return "Met"
	case NotMet:
		return "Not met"
	case Measured:
		return "Measured"
	case Invalid:
		return "Invalid"
	case Interrupted:
		return "Interrupted"
	case Unreachable:
		return "Unreachable"
	}
	return string(o)
}

func outcomeIcon(o Outcome) string {
	switch o {
	case Met:
		return "pass"
	case NotMet:
		return "fail"
	case Measured:
		return "info"
	case Interrupted:
		return "warn"
	}
	return "error"
}

func kindLabel(k Kind) string {
	switch k {
	case KindCapacity:
		return "capacity report"
	case KindCompare:
		return "comparison of load runs"
	}
	return "load report"
}

func verdictLabel(v CompareVerdict) string {
	switch v {
	case Faster:
		return "Better"
	case Slower:
		return "Worse"
	case NoDifference:
		return "No difference"
	case Mixed:
		return "Mixed"
	}
	return "No data"
}

// shareOf is the part that a class of failures has of all deliveries whose end is known.
func shareOf(n int64, c Counts) string {
	all := c.Succeeded + c.Refused + c.Failed
	if all == 0 {
		return "–"
	}
	return Quantity(float64(n)/float64(all), Share)
}

func changeCell(f FigureChange) string {
	if f.Change == nil {
		return "–"
	}
	return Signed(*f.Change, f.Unit)
}

func intervalCell(f FigureChange) string {
	if f.Low == nil || f.High == nil {
		return "–"
	}
	return fmt.Sprintf("%s to %s", Signed(*f.Low, f.Unit), Signed(*f.High, f.Unit))
}

// span writes a length given in milliseconds, without the parts that are zero.
func span(ms float64) string {
	text := strings.Replace(page.Duration(ms), ".0 ", " ", 1)
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
