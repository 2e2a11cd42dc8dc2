package contract

import (
	"strings"
	"testing"
	"time"
)

func TestEditionsThatNobodyCanFollowAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edition Edition
		want    string
	}{
		"unknown passthrough":      {Edition{Passthrough: "rewritten"}, `"rewritten"`},
		"unknown precision":        {Edition{TimePrecision: time.Microsecond}, "1µs"},
		"unseen without a reason":  {Edition{Unseen: []Unseen{{Name: "a.b"}}}, "a.b"},
		"unseen and seen":          {Edition{Events: []Event{{Name: "a.b"}}, Unseen: []Unseen{{"a.b", "r"}}}, "a.b"},
		"evidence of no reading":   {Edition{Standing: "evidence"}, "reading"},
		"as the authority, in all": {Edition{}, ""},
	} {
		err := c.edition.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
