package suites

import (
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

func TestContentIsWhatABodySaysAndNotHowItIsWritten(t *testing.T) {
	for name, c := range map[string]struct{ want, got string }{
		"the same bytes":            {`{"a":1}`, `{"a":1}`},
		"another order":             {`{"a":1,"b":[{"c":2,"d":3}]}`, `{"b":[{"d":3,"c":2}],"a":1}`},
		"blanks":                    {"{ \"a\" :\r\n[ ] }\n", `{"a":[]}`},
		"escapes":                   {`{"a":"caf\u00e9 \/ \ud83d\ude4f"}`, `{"a":"café / 🙏"}`},
		"escaped names":             {`{"\u0061":1}`, `{"a":1}`},
		"an annotation":             {`{"a":1}`, `{"a":1,"kirim":{"b":2}}`},
		"an annotation of any kind": {`{"a":1}`, `{"kirim":null,"a":1}`},
		"forms of numbers":          {`[1.0,100,1E+2,-0,0.10,5e-324]`, `[1,1e2,100.0,0,0.1,0.5e-323]`},
		"a number as jsonb has it":  {`[1.7976931348623157e308]`, `[17976931348623157` + strings.Repeat("0", 292) + `]`},
		"the last of several":       {`{"a":1,"a":2}`, `{"a":2}`},
	} {
		if at := contentDifference([]byte(c.want), []byte(c.got)); at != nil {
			t.Errorf("%s: %+v", name, at)
		}
	}
}

func TestTheFirstDifferenceInContentIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ want, got, wanted, seen string }{
		"a member is missing":      {`{"a":{"b~/c":null}}`, `{"a":{}}`, "with null at /a/b~0~1c", "no such member"},
		"a member is added":        {`{"a":{}}`, `{"a":{"kirim":1}}`, "with nothing at /a/kirim", "1 there"},
		"another at the top":       {`{}`, `{"kirimcheck":1}`, "with nothing at /kirimcheck", "1 there"},
		"another value":            {`{"a":["x","y"]}`, `{"a":["x","z"]}`, `with "y" at /a/1`, `"z" there`},
		"another order of a list":  {`[1,2]`, `[2,1]`, "with 1 at /0", "2 there"},
		"an item is missing":       {`{"a":[1,2]}`, `{"a":[1]}`, "with 2 items at /a", "1"},
		"an item is added":         {`[1]`, `[1,2]`, "with 1 items at the top", "2"},
		"null became missing":      {`{"a":null}`, `{}`, "with null at /a", "no such member"},
		"an empty list is null":    {`{"a":[]}`, `{"a":null}`, "with [] at /a", "null there"},
		"an empty object a list":   {`{"a":{}}`, `{"a":[]}`, "with {} at /a", "[] there"},
		"a number became text":     {`{"a":1}`, `{"a":"1"}`, "with 1 at /a", `"1" there`},
		"text became a number":     {`{"a":"1"}`, `{"a":1}`, `with "1" at /a`, "1 there"},
		"a large number, rounded":  {`[9007199254740993]`, `[9007199254740992]`, "with 9007199254740993 at /0", "9007199254740992 there"},
		"the sign of a number":     {`[1]`, `[-1]`, "with 1 at /0", "-1 there"},
		"a number beyond all":      {`[1]`, `[1e999999999]`, "with 1 at /0", "1e999999999 there"},
		"a letter, composed":       {`["é"]`, `["e\u0301"]`, `with "é" at /0`, "there"},
		"upper case in a name":     {`{"a":1}`, `{"A":1}`, "with 1 at /a", "no such member"},
		"no JSON":                  {`{}`, `{`, "as JSON", "1 bytes"},
		"something behind the end": {`{}`, `{}{}`, "as JSON", "4 bytes"},
		"nothing":                  {`{}`, ``, "as JSON", "0 bytes"},
		"a long text, cut":         {`["` + strings.Repeat("é", 100) + `"]`, `[""]`, "é…", `"" there`},
	} {
		at := contentDifference([]byte(c.want), []byte(c.got))
		if at == nil || !strings.Contains(at.want, c.wanted) || !strings.Contains(at.seen, c.seen) {
			t.Errorf("%s: %+v, want %q and %q", name, at, c.wanted, c.seen)
		}
	}
}

// The comparison must find every change that a decoder can see, in every fixture. One letter in so many is enough, others
// in each.
func TestAChangedLetterIsADifference(t *testing.T) {
	ed, err := contract.LoadEdition("kirimdev")
	if err != nil {
		t.Fatal(err)
	}
	g, err := fixtures.NewMetaGenerator(ed, 1, func() time.Time { return time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	variants, err := fixtures.MetaVariants(ed)
	if err != nil {
		t.Fatal(err)
	}
	const share = 13
	for n, v := range variants {
		ev, err := g.Event(v.Event, v.Name)
		if err != nil {
			t.Fatal(err)
		}
		annotated, err := fixtures.Annotate(ev.Body, fixtures.Annotation{MessageID: "msg_1"})
		if err != nil {
			t.Fatal(err)
		}
		if at := contentDifference(fixtures.EscapeMeta(ev.Body), annotated); at != nil {
			t.Errorf("%s/%s: %+v", v.Event, v.Name, at)
		}
		// Not in the annotation itself, which stands last.
		end := strings.LastIndex(string(annotated), `,"kirim":`)
		for i := n % share; i < end; i += share {
			if c := annotated[i]; c < 'a' || c > 'y' || i > 0 && annotated[i-1] == '\\' {
				continue
			}
			annotated[i]++
			if contentDifference(ev.Body, annotated) == nil {
				t.Errorf("%s/%s: a letter at %d is another one: %s", v.Event, v.Name, i, annotated)
			}
			annotated[i]--
		}
	}
}

func TestOnlyTheAnnotationIsTakenOff(t *testing.T) {
	for body, want := range map[string]string{
		`{"kirim":{"a":1},"b":1.50}`: `{"b":1.50}`, `{"b":{"kirim":1}}`: `{"b":{"kirim":1}}`, `[1]`: `[1]`, `{`: `{`,
	} {
		if got := withoutAnnotation([]byte(body)); string(got) != want {
			t.Errorf("%s became %s", body, got)
		}
	}
}
