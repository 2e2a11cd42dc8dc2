package mockmeta

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Repeat returns a line for a POSIX shell that makes the attempt again with curl. Its signatures are made with openssl
// and the app secret in the environment variable META_APP_SECRET, so the line shows how they come about and works
// under another secret too. It returns "" where a body is too long for a line.
func (a Attempt) Repeat() string {
	if len(a.Body) > wire.MaxRepeatBody || len(a.signedBody) > wire.MaxRepeatBody {
		return ""
	}
	var b strings.Builder
	assign, body, inline := wire.ShellVariable("B", a.Body)
	b.WriteString(assign)
	signed := body
	if !bytes.Equal(a.Body, a.signedBody) && len(a.templates) > 0 {
		assign, signed, _ = wire.ShellVariable("S", a.signedBody)
		b.WriteString(assign)
	}
	macs := 0
	fresh := map[int]string{}
	for i := range a.Header {
		tpl, ok := a.templates[i]
		if !ok || !placeholder.MatchString(string(tpl)) {
			continue
		}
		value, err := tpl.expand(wire.ShellEscape, func(d digest) (string, error) {
			macs++
			fmt.Fprintf(&b, "M%d=$(%s); ", macs, d.shell(signed))
			return fmt.Sprintf("${M%d}", macs), nil
		})
		if err != nil {
			// Build rendered the same template, so this cannot be.
			return ""
		}
		fresh[i] = value
	}
	// --data-raw takes a word as it is, a leading @ included.
	data := `--data-raw "$B"`
	if !inline {
		b.WriteString(body + " | ")
		data = "--data-binary @-"
	}
	b.WriteString(a.Curl(data, fresh))
	return b.String()
}
