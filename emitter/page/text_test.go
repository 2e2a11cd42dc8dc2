package page

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
)

func TestDistancesInTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                     "now",
		-900 * time.Millisecond:               "now",
		time.Second:                           "in 1 s",
		59*time.Second + 600*time.Millisecond: "in 1 min",
		90 * time.Second:                      "in 1 min 30 s",
		time.Hour + 59*time.Second:            "in 1 h",
		26*time.Hour + time.Minute:            "in 1 d 2 h",
		-3 * time.Minute:                      "3 min ago",
		-48*time.Hour - time.Hour:             "2 d 1 h ago",
	} {
		NewWithT(t).Expect(away(noon.Add(d), noon)).To(Equal(want))
	}
}

func TestBodies(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for name, c := range map[string]struct {
		body string
		raw  bool
		text string
		note string
	}{
		"JSON is indented, its numbers and escapes kept": {`{"a":1.50,"b":"\u00e9"}`, false,
			"{\n  \"a\": 1.50,\n  \"b\": \"\\u00e9\"\n}", "indented for reading"},
		"raw JSON stays as it is":           {`{"a":1}`, true, `{"a":1}`, ""},
		"a form stays as it is":             {"a=1&b=2", false, "a=1&b=2", ""},
		"half of a JSON document":           {`{"a":`, false, `{"a":`, ""},
		"nothing":                           {"", false, "", ""},
		"bytes that are no text":            {"\xff\x00", false, "\uFFFD\\u0000", "not all of it is UTF-8"},
		"a depth that indenting would blow": {deep, false, deep, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			v := newBodyView([]byte(c.body), c.raw)
			g.Expect(v.Size).To(Equal(len(c.body)))
			g.Expect(v.Text).To(Equal(c.text))
			g.Expect(v.Note).To(Equal(c.note))
		})
	}
}

func TestALongBodyIsCutBetweenCharacters(t *testing.T) {
	g := NewWithT(t)
	v := newBodyView([]byte("x"+strings.Repeat("é", maxBody)), false)
	g.Expect(v.Size).To(Equal(1 + 2*maxBody))
	g.Expect(len(v.Text)).To(BeNumerically("<=", maxBody+len("…")))
	g.Expect(utf8.ValidString(v.Text)).To(BeTrue())
	g.Expect(v.Text).To(HaveSuffix("é…"))
	g.Expect(v.Note).To(ContainSubstring("only the beginning"))
}
