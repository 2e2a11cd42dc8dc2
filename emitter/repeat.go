package emitter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// SecretVariable is the environment variable from which a repeat line takes the secret.
const SecretVariable = "KIRIM_SECRET"

// Repeat returns a line for a POSIX shell that makes the attempt again with curl. Its signature is made afresh with
// openssl, so that the line still works when the signature in the evidence has grown stale; the secret comes from the
// environment variable KIRIM_SECRET. It returns "" where the body is too long for a line.
func (a Attempt) Repeat() string {
	if len(a.Body) > wire.MaxRepeatBody || len(a.signedBody) > wire.MaxRepeatBody {
		return ""
	}
	var b strings.Builder
	assign, body, inline := wire.ShellVariable("B", a.Body)
	b.WriteString(assign)
	made := map[int]string{}
	if commands, value, ok := a.shellSignature(body); ok {
		b.WriteString(commands)
		for i, f := range a.Header {
			if strings.EqualFold(f.Name, a.sigHeader) {
				made[i] = value
			}
		}
	}
	// --data-raw takes a word as it is, a leading @ included; what no shell word can hold comes through a pipe.
	data := `--data-raw "$B"`
	if !inline {
		b.WriteString(body + " | ")
		data = "--data-binary @-"
	}
	b.WriteString(a.Curl(data, made))
	return b.String()
}

// errLiteral says that the shell tools cannot make a MAC.
var errLiteral = errors.New("no shell command for this key")

// shellSignature returns the commands that make the signature, and the header's value in terms of their variables.
// body is the command that prints the attempt's body. ok is false where the header is sent as it stands in the attempt:
// it has no placeholder, or one that shell tools cannot make.
func (a Attempt) shellSignature(body string) (commands, value string, ok bool) {
	if a.plan.NoSignature || !placeholder.MatchString(string(a.template)) {
		return "", "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "T=$(($(date +%%s)%+d)); ", -int64(a.plan.Age/time.Second))
	signed := body
	if !bytes.Equal(a.Body, a.signedBody) {
		var assign string
		assign, signed, _ = wire.ShellVariable("S", a.signedBody)
		b.WriteString(assign)
	}
	macs := 0
	value, err := a.template.expand(wire.ShellEscape, func(words []string) (string, error) {
		switch words[0] {
		case "t":
			return "$T", nil
		case "t+1":
			return "$((T+1))", nil
		case "t*1000":
			return "${T}000", nil
		}
		m, err := parseMAC(words[1:])
		if err != nil {
			return "", err
		}
		if m.key == "base64" {
			return "", errLiteral
		}
		macs++
		fmt.Fprintf(&b, "M%d=$(%s); ", macs, m.shell(signed, a.prefix))
		return fmt.Sprintf("${M%d}", macs), nil
	})
	return b.String(), value, err == nil
}

// shell returns the pipeline that prints the MAC over what the command signed prints. prefix is that of secrets.
func (m macOptions) shell(signed, prefix string) string {
	message := `{ printf %s. "$T"; ` + signed + "; }"
	switch m.over {
	case "body":
		message = signed
	case "ms":
		message = `{ printf %s000. "$T"; ` + signed + "; }"
	}
	key := `"$` + SecretVariable + `"`
	switch m.key {
	case "wrong":
		key = wire.ShellQuote(WrongSecret)
	case "empty":
		key = "''"
	case "stripped":
		key = `"${` + SecretVariable + "#" + prefix + `}"`
	}
	// cut takes no range that ends at 0.
	if m.first == 0 {
		return "printf ''"
	}
	line := message + " | openssl dgst -sha256 -hmac " + key + " -hex | sed 's/.* //'"
	if m.first > 0 {
		line += fmt.Sprintf(" | cut -c1-%d", m.first)
	}
	if m.upper {
		line += " | tr a-f A-F"
	}
	return line
}
