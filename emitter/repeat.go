package emitter

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// SecretVariable is the environment variable from which a repeat line takes the secret.
const SecretVariable = "KIRIM_SECRET"

// maxRepeatBody is the longest body, in bytes, that a repeat line carries. Longer lines are no help to anybody, and
// shells have limits of their own.
const maxRepeatBody = 16 << 10

// Repeat returns a line for a POSIX shell that makes the attempt again with curl. Its signature is made afresh with
// openssl, so that the line still works when the signature in the evidence has grown stale; the secret comes from the
// environment variable KIRIM_SECRET. It returns "" where the body is too long for a line.
func (a Attempt) Repeat() string {
	if len(a.Body) > maxRepeatBody || len(a.signedBody) > maxRepeatBody {
		return ""
	}
	var b strings.Builder
	// --data-raw takes a word as it is, a leading @ included; what no shell word can hold comes through a pipe.
	data := `--data-raw "$B"`
	sigValue, fresh := "", false
	if inline(a.Body) {
		fmt.Fprintf(&b, "B=%s; ", quote(string(a.Body)))
		sigValue, fresh = a.shellSignature(&b)
	} else {
		fmt.Fprintf(&b, "printf %%s %s | base64 -d | ", quote(base64.StdEncoding.EncodeToString(a.Body)))
		data = "--data-binary @-"
	}
	b.WriteString("curl -sS -i -X " + a.Method + " " + quote(a.URL))
	for _, f := range a.Header {
		value := quote(f.Name + ": " + f.Value)
		switch {
		case strings.EqualFold(f.Name, a.sigHeader) && fresh:
			value = `"` + f.Name + ": " + sigValue + `"`
		case strings.TrimSpace(f.Value) == "":
			// curl sends a header without a value only when the name ends in a semicolon.
			value = quote(f.Name + ";")
		}
		b.WriteString(" -H " + value)
	}
	b.WriteString(" " + data)
	return b.String()
}

// shellSignature writes the commands that make the signature and returns the header's value in terms of their
// variables. fresh is false where the header is sent literally: no placeholder, or one that shell tools cannot make.
func (a Attempt) shellSignature(b *strings.Builder) (value string, fresh bool) {
	if a.plan.NoSignature || !placeholder.MatchString(string(a.template)) || !inline(a.signedBody) {
		return "", false
	}
	macs := map[string]string{}
	var lines []string
	ok := true
	value = placeholder.ReplaceAllStringFunc(string(a.template), func(p string) string {
		words := strings.Fields(p[1 : len(p)-1])
		switch words[0] {
		case "t":
			return "$T"
		case "t+1":
			return "$((T+1))"
		case "t*1000":
			return "${T}000"
		}
		m, err := parseMAC(words[1:])
		if err != nil || m.key == "empty" || m.key == "base64" {
			ok = false
			return ""
		}
		name, known := macs[p]
		if !known {
			name = fmt.Sprintf("M%d", len(macs)+1)
			macs[p] = name
			lines = append(lines, name+"=$("+m.shell()+")")
		}
		return "$" + name
	})
	if !ok {
		return "", false
	}
	fmt.Fprintf(b, "T=$(($(date +%%s)%+d)); ", -int64(a.plan.Age/time.Second))
	if bytes.Equal(a.Body, a.signedBody) {
		b.WriteString(`S="$B"; `)
	} else {
		fmt.Fprintf(b, "S=%s; ", quote(string(a.signedBody)))
	}
	for _, line := range lines {
		b.WriteString(line + "; ")
	}
	return value, true
}

// shell returns the pipeline that prints the MAC.
func (m macOptions) shell() string {
	message := `printf '%s.%s' "$T" "$S"`
	switch m.over {
	case "body":
		message = `printf %s "$S"`
	case "ms":
		message = `printf '%s000.%s' "$T" "$S"`
	}
	key := `"$` + SecretVariable + `"`
	switch m.key {
	case "wrong":
		key = quote(WrongSecret)
	case "stripped":
		key = `"${` + SecretVariable + `#whsec_}"`
	}
	line := message + " | openssl dgst -sha256 -hmac " + key + " -hex | sed 's/.* //'"
	if m.first >= 0 {
		line += fmt.Sprintf(" | cut -c1-%d", m.first)
		if m.first == 0 {
			line = "printf ''"
		}
	}
	if m.upper {
		line += " | tr a-f A-F"
	}
	return line
}

// inline reports whether a shell can hold the body in a variable.
func inline(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsAny(body, "\x00")
}

// quote makes one word of a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
