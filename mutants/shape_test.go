package mutants

import (
	"testing"

	"github.com/tidwall/gjson"
)

func TestAShapeFitsTheBodiesOfItsVariantAlone(t *testing.T) {
	s := shapeOf(
		[]byte(`{"type":"text","text":{"body":"halo"},"n":1,"list":[],"who":null}`),
		[]byte(`{"type":"text","text":{"body":"apa/kabar"},"n":2,"list":[],"who":null}`),
	)
	for body, want := range map[string]bool{
		`{"who":null,"n":3,"type":"text","list":[],"text":{"body":"lain"}}`:            true,
		`{"type":"text","text":{"body":"lain\/lagi"},"n":3,"list":[],"who":null}`:      true,
		`{"type":"image","text":{"body":"halo"},"n":1,"list":[],"who":null}`:           false,
		`{"type":"text","text":{"body":7},"n":1,"list":[],"who":null}`:                 false,
		`{"type":"text","text":{"body":"halo"},"n":1,"list":[],"who":null,"more":1}`:   false,
		`{"type":"text","text":{"body":"halo"},"n":1,"list":[1],"who":null}`:           false,
		`{"type":"text","text":{"body":"halo"},"n":1,"list":[]}`:                       false,
		`{"type":"text","text":{"body":"halo"},"n":1,"list":[],"who":"somebody else"}`: false,
	} {
		if got := s.fits([]byte(body)); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
}

func TestEveryChangeOfAMemberShows(t *testing.T) {
	const body = `{"a":{"text":"x","digits":"17","zero":"017","n":1,"yes":true,"list":["p"],"empty":[],"o":{"k":1}}}`
	for path, want := range map[string]string{
		"a.text": `["x"]`, "a.digits": `17`, "a.zero": `["017"]`, "a.n": `"1"`, "a.yes": `"true"`, "a.list": `"p"`, "a.empty": `{}`,
		"a.o": `[{"k":1}]`,
	} {
		for _, c := range fieldChanges {
			got, err := c.change([]byte(body), path)
			if err != nil || string(got) == body {
				t.Errorf("%s %s: %s, %v", path, c.kind, got, err)
			}
			if c.kind == "retyped" {
				if value := gjson.GetBytes(got, path).Raw; value != want {
					t.Errorf("%s retyped is %s, want %s", path, value, want)
				}
			}
		}
	}
}
