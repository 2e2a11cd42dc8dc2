package killmatrix

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

var (
	//go:embed page/mutants.html.tmpl
	pageTemplate string
	//go:embed page/mutants.css
	pageStyle string
)

// matrixPage is parsed once, when the program starts, so that a mistake in it cannot wait for a matrix to come to light.
var matrixPage = template.Must(page.New("mutants.html", pageTemplate, template.FuncMap{
	"style":        func() template.CSS { return template.CSS(page.Style() + pageStyle) },
	"familyAnchor": func(name string) string { return "family." + strings.ReplaceAll(name, " ", "-") },
	// What a child process said of itself may stand in a problem, and act instead of showing.
	"visible": func(s string) string { return page.Visible(s, "\t\r\n") },
}))

// WriteHTML writes the matrix as one self-contained page. Every requirement has its id as an anchor, every mutant its role
// and name (see anchor), and each leads to the other.
func WriteHTML(w io.Writer, m Matrix) error { return matrixPage.Execute(w, newView(m)) }
