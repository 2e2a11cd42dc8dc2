package mockmeta

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Deviation is one way in which a POST differs from what Meta sends.
type Deviation struct {
	// Name is a slug.
	Name string
	// Does says in a phrase what is different.
	Does string
	// Authentic says that X-Hub-Signature-256 is nevertheless the signature of the bytes that are sent, in Meta's form.
	Authentic bool

	change func(Plan) (Plan, error)
}

// Apply changes a plan. The error is a body in which there is nothing that this deviation could change.
func (d Deviation) Apply(p Plan) (Plan, error) {
	out, err := d.change(p)
	if err != nil {
		return Plan{}, fmt.Errorf("deviation %s: %w", d.Name, err)
	}
	return out, nil
}

// Deviations returns every deviation: those of the signature, of the bytes, and of what the body says.
func Deviations() []Deviation {
	all := []Deviation{
		{"no-signature", "sends neither signature header", false, func(p Plan) (Plan, error) {
			p.NoSignature, p.NoSignatureSHA1 = true, true
			return p, nil
		}},
		{"sha1-alone", "sends X-Hub-Signature without X-Hub-Signature-256", false, func(p Plan) (Plan, error) {
			p.NoSignature = true
			return p, nil
		}},
		{"sha256-alone", "sends X-Hub-Signature-256 without X-Hub-Signature", true, func(p Plan) (Plan, error) {
			p.NoSignatureSHA1 = true
			return p, nil
		}},
		signed("empty-signature", "sends an empty X-Hub-Signature-256", EmptySignature),
		signed("wrong-secret", "signs under another app's secret", "sha256={sha256 key=wrong}"),
		signed("empty-secret", "signs under the empty key", "sha256={sha256 key=empty}"),
		signed("decoded-secret", "signs under the bytes that the app secret's digits encode", "sha256={sha256 key=decoded}"),
		signed("upper-case-digest", "writes the digest in upper case", "sha256={sha256 upper}"),
		signed("truncated-digest", "sends the first half of the digest", "sha256={sha256 first=32}"),
		signed("no-digest", "sends the prefix alone", "sha256="),
		signed("extended-digest", "sends two digits behind the digest", "sha256={sha256}00"),
		signed("no-prefix", "leaves sha256= out", "{sha256}"),
		signed("sha1-prefix", "puts the prefix sha1= before the SHA-256 digest", "sha1={sha256}"),
		signed("sha1-value", "sends the SHA-1 signature in X-Hub-Signature-256", "sha1={sha1}"),
		signed("sha1-digest", "sends the SHA-1 digest as a SHA-256 one", "sha256={sha1}"),
		signed("kirim-scheme", "writes the header as Kirim does", "t=1779530400,v1={sha256}"),
		signed("not-ascii", "sends letters outside ASCII for a digest", "sha256=éééééééééééééééééééééééééééééééé"),
		{"tampered-body", "changes a timestamp after signing", false, func(p Plan) (Plan, error) {
			return sentAs(p, changeTimestamp)
		}},
		{"reencoded-body", "signs Meta's bytes and sends the JSON encoded again", false, func(p Plan) (Plan, error) {
			return sentAs(p, reencode)
		}},
		{"reserialised-signature", "sends Meta's bytes and signs the JSON encoded again", false, signReencoded},
		{"unescaped-body", "sends UTF-8 instead of escapes, and signs that", true, func(p Plan) (Plan, error) {
			return rewritten(p, reencode)
		}},
		{"byte-order-mark", "puts a byte order mark before the body, and signs it too", true, func(p Plan) (Plan, error) {
			return rewritten(p, func(b []byte) ([]byte, error) { return append([]byte("\xef\xbb\xbf"), b...), nil })
		}},
		{"trailing-newline", "ends the body with a newline, and signs it too", true, func(p Plan) (Plan, error) {
			return rewritten(p, func(b []byte) ([]byte, error) { return append(bytes.Clone(b), '\n'), nil })
		}},
		{"spaced-body", "puts blanks between the tokens, and signs them too", true, func(p Plan) (Plan, error) {
			return rewritten(p, func(b []byte) ([]byte, error) { return fixtures.Spaced(b), nil })
		}},
		{"reversed-members", "reverses the order of the members, and signs that", true, func(p Plan) (Plan, error) {
			return rewritten(p, fixtures.ReverseKeys)
		}},
		{"gzip-body", "compresses the body, says so, and signs the compressed bytes", true, func(p Plan) (Plan, error) {
			p.Extra = append(p.Extra[:len(p.Extra):len(p.Extra)], wire.Field{Name: "Content-Encoding", Value: "gzip"})
			return rewritten(p, compress)
		}},
		typed("charset", "names a charset in Content-Type", "application/json; charset=utf-8"),
		typed("text-content-type", "calls the body plain text", "text/plain"),
		typed("form-content-type", "calls the body a form", "application/x-www-form-urlencoded"),
	}
	return append(all, bodyDeviations()...)
}

// signed is a deviation of the signature header alone. X-Hub-Signature is left out: a receiver that falls back on it
// would not be wrong about the request.
func signed(name, does string, tpl Template) Deviation {
	return Deviation{name, does, false, func(p Plan) (Plan, error) {
		p.Signature, p.NoSignatureSHA1 = tpl, true
		return p, nil
	}}
}

// typed is a deviation of the content type alone.
func typed(name, does, contentType string) Deviation {
	return Deviation{name, does, true, func(p Plan) (Plan, error) {
		p.ContentType = contentType
		return p, nil
	}}
}

// sentAs signs the genuine body and sends what change makes of it.
func sentAs(p Plan, change func([]byte) ([]byte, error)) (Plan, error) {
	body, err := p.body()
	if err != nil {
		return p, err
	}
	p.SignedBody = body
	p.Body, err = change(body)
	return p, err
}

// signReencoded sends the genuine body and signs what encoding it again makes of it.
func signReencoded(p Plan) (Plan, error) {
	body, err := p.body()
	if err != nil {
		return p, err
	}
	p.Body = body
	p.SignedBody, err = reencode(body)
	return p, err
}

// rewritten sends and signs what change makes of the genuine body.
func rewritten(p Plan, change func([]byte) ([]byte, error)) (Plan, error) {
	body, err := p.body()
	if err != nil {
		return p, err
	}
	p.SignedBody = nil
	p.Body, err = change(body)
	return p, err
}

// reencode is reserialise where that makes a difference.
func reencode(body []byte) ([]byte, error) {
	out, err := reserialise(body)
	if err == nil && bytes.Equal(out, body) {
		err = errors.New("the body has no escape that encoding it again would drop")
	}
	return out, err
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
