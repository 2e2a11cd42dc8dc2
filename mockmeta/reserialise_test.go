package mockmeta

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

func TestReserialiseWritesWhatOtherLanguagesWrite(t *testing.T) {
	// The right-hand sides are what JSON.stringify(JSON.parse(...)) of Node prints.
	for in, want := range map[string]string{
		`{"b":"a\/b","a":1}`:                  `{"b":"a/b","a":1}`,
		`{"a":"\u003C\u0040\u0025>&"}`:        `{"a":"<@%>&"}`,
		`{"a":"Ay\u00fa \ud83d\udc4d"}`:       `{"a":"Ayú 👍"}`,
		`{"a":"\" \\ \n \t \u0001"}`:          `{"a":"\" \\ \n \t \u0001"}`,
		"{\n \"a\" : [ 1 , true , null ] }\n": `{"a":[1,true,null]}`,
		`{"\u0061":"\\u003C"}`:                `{"a":"\\u003C"}`,
	} {
		got, err := reserialise([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", in, got, err, want)
		}
	}
	for _, in := range []string{``, `{`, `{"a":"\x"}`, `{} {}`} {
		if got, err := reserialise([]byte(in)); err == nil {
			t.Errorf("%q is not JSON, got %s", in, got)
		}
	}
}

func FuzzReserialiseKeepsTheMeaningAndUndoesEscapeMeta(f *testing.F) {
	f.Add(`{"b":"a\/b","a":"\u003C\u0040\u0025 Ay\u00fa \ud83d\udc4d"}`)
	f.Add(` [ "\\", "\"", "\u2028", 1e2, -0 ] `)
	f.Add(`"\ud800"`)
	f.Fuzz(func(t *testing.T, in string) {
		out, err := reserialise([]byte(in))
		if (err == nil) != json.Valid([]byte(in)) {
			t.Fatalf("error %v for %q", err, in)
		}
		if err != nil {
			return
		}
		again, err := reserialise(out)
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("not stable: %q, then %q (%v)", out, again, err)
		}
		back, err := reserialise(fixtures.EscapeMeta(out))
		if err != nil || !bytes.Equal(back, out) {
			t.Errorf("escaping and encoding again gives %q for %q (%v)", back, out, err)
		}
	})
}
