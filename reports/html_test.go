package reports

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

func html(t *testing.T, r Redacted) string {
	t.Helper()
	var text bytes.Buffer
	NewWithT(t).Expect(WriteHTML(&text, r)).To(Succeed())
	return text.String()
}

// tag finds the elements of a page. Escaped text holds no < and so none of them.
var tag = regexp.MustCompile(`<[a-zA-Z][^>]*>`)

func TestHostileStringsStayText(t *testing.T) {
	g := NewWithT(t)
	text := html(t, hostileReport())
	known := map[string]bool{}
	for _, element := range tag.FindAllString(html(t, sampleReport()), -1) {
		known[strings.Fields(strings.Trim(element, "<>"))[0]] = true
	}
	g.Expect(known).NotTo(HaveKey("script"))
	for _, element := range tag.FindAllString(text, -1) {
		name := strings.Fields(strings.Trim(element, "<>"))[0]
		g.Expect(known).To(HaveKey(name), "no element but those of the template: %s", element)
		g.Expect(element).NotTo(MatchRegexp(`(?i)\son[a-z]+\s*=`), "no handlers")
		g.Expect(element).NotTo(MatchRegexp(`(?i)(href|src|action)\s*=\s*["']?\s*javascript:`))
	}
	g.Expect(text).To(ContainSubstring("&lt;script&gt;window.pwned=1&lt;/script&gt;"), "the text itself is shown")
	g.Expect(text).To(ContainSubstring("{{.Tool}}"))
	g.Expect(text).NotTo(MatchRegexp(`[\x00-\x08\x0b\x0c\x0e-\x1f\x{202a}-\x{202e}]`), "no control acts on the reader")
	g.Expect(text).To(ContainSubstring(`\u202egnp.exe`))
}

func TestThePageRefersToNothingOutside(t *testing.T) {
	g := NewWithT(t)
	for _, element := range tag.FindAllString(html(t, sampleReport()), -1) {
		g.Expect(element).NotTo(MatchRegexp(`\s(src|srcset|action|data|poster)=`))
		if strings.Contains(element, "href=") {
			g.Expect(element).To(ContainSubstring(`href="#`))
		}
	}
	g.Expect(page.Style()).NotTo(ContainSubstring("url("))
	g.Expect(page.Style()).NotTo(ContainSubstring("@import"))
}

func TestEveryIdIsAnAnchorOnce(t *testing.T) {
	g := NewWithT(t)
	text := html(t, sampleReport())
	ids := map[string]int{}
	for _, match := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		ids[match[1]]++
	}
	g.Expect(ids).To(HaveEach(1))
	for _, row := range sampleLedger() {
		g.Expect(ids).To(HaveKey(row.ID))
	}
	for _, match := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(text, -1) {
		g.Expect(ids).To(HaveKey(match[1]), "links lead somewhere")
	}
}

func TestBodiesAsShown(t *testing.T) {
	long := strings.Repeat("ä", maxShown)
	tests := map[string]struct {
		body          Body
		display, note string
	}{
		"empty":           {Body{}, "", ""},
		"text":            {Body{Size: 3, Text: "OK\n"}, "OK\n", ""},
		"JSON":            {Body{Size: 9, Text: `{"a":1e2}`}, "{\n  \"a\": 1e2\n}", "indented for reading"},
		"JSON cut short":  {Body{Size: 90, Text: `{"a":1`, Truncated: true}, `{"a":1`, "only the beginning is shown"},
		"not UTF-8":       {Body{Size: 2, Base64: "//4="}, "//4=", "not UTF-8, shown as base64"},
		"a long one":      {Body{Size: len(long), Text: long}, long[:maxShown] + "\n…", "only the beginning is shown"},
		"a bare word":     {Body{Size: 4, Text: "null"}, "null", ""},
		"half a rune cut": {Body{Size: len(long) + 1, Text: "x" + long}, ("x" + long)[:maxShown-1] + "\n…", "only the beginning is shown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(test.body.Display()).To(Equal(test.display))
			g.Expect(test.body.Note()).To(Equal(test.note))
		})
	}
}
