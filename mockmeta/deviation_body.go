package mockmeta

import (
	"bytes"
	"errors"
	"regexp"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

// bodyDeviations are well signed, and say something that Meta does not say, or not yet.
func bodyDeviations() []Deviation {
	says := func(name, does string, change func([]byte) ([]byte, error)) Deviation {
		return Deviation{name, does, true, func(p Plan) (Plan, error) { return rewritten(p, change) }}
	}
	nothing := func(name, does, body string) Deviation {
		return Deviation{name, does, true, func(p Plan) (Plan, error) {
			p.Event.Items = nil
			return rewritten(p, func([]byte) ([]byte, error) { return []byte(body), nil })
		}}
	}
	return []Deviation{
		says("lower-case-escape", "writes the escape of < in lower case", lowerEscapes),
		says("unknown-member", "adds a member that is not known yet", func(b []byte) ([]byte, error) {
			return fixtures.AddField(b, "/entry/0/changes/0/value/kirimcheck_new", `{"a":[1,null,"\u00e9"]}`)
		}),
		says("number-timestamps", "sends timestamps as numbers", func(b []byte) ([]byte, error) {
			return changed(b, timestamp.ReplaceAll(b, []byte(`${1}${2}${3}`)), "timestamp")
		}),
		nothing("empty-entry", "sends an entry array without elements",
			`{"object":"whatsapp_business_account","entry":[]}`),
		nothing("empty-changes", "sends an entry without changes",
			`{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[]}]}`),
		nothing("unknown-field", "sends a change of a field that is not known yet",
			`{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"value":{},"field":"kirimcheck_new"}]}]}`),
		nothing("unknown-object", "sends a notification of another product",
			`{"object":"page","entry":[{"id":"0","time":1779530400,"messaging":[]}]}`),
	}
}

// timestamp finds the timestamps of compact JSON: the name with its colon, the digits but for the last, the last.
var timestamp = regexp.MustCompile(`("timestamp":)"(\d+)(\d)"`)

// changeTimestamp changes the last digit of the first timestamp, so that the body says something else about the same
// things.
func changeTimestamp(body []byte) ([]byte, error) {
	span := timestamp.FindSubmatchIndex(body)
	if span == nil {
		return nil, errors.New("the body has no timestamp")
	}
	out := bytes.Clone(body)
	last := &out[span[6]]
	*last = '0' + (*last-'0'+1)%10
	return out, nil
}

// upperEscape finds the only escape with a letter that Meta writes in upper case, and escaped backslashes, so that the
// second half of one is not taken for the beginning of an escape.
var upperEscape = regexp.MustCompile(`\\\\|\\u003C`)

// lowerEscapes writes it in lower case. Meta's older pages show upper case, and no capture of one is known.
func lowerEscapes(body []byte) ([]byte, error) {
	out := upperEscape.ReplaceAllFunc(body, bytes.ToLower)
	return changed(body, out, "escaped <")
}

// changed returns out, or an error where it is no different.
func changed(body, out []byte, what string) ([]byte, error) {
	if bytes.Equal(body, out) {
		return nil, errors.New("the body has no " + what)
	}
	return out, nil
}
