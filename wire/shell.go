package wire

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// What follows is the part of a line that repeats a request from a shell that is the same for every way of signing.

// MaxRepeatBody is the longest body, in bytes, that a repeat line carries. Longer lines are no help to anybody, and
// shells have limits of their own.
const MaxRepeatBody = 16 << 10

// Curl returns the command for a POSIX shell that sends the request with curl. data are curl's words for the body,
// empty for none. fresh holds, by their places in Header, the values that the line makes anew, as text for the inside
// of double quotes; the other headers are sent as they stand in the request.
func (r Request) Curl(data string, fresh map[int]string) string {
	var b strings.Builder
	// -g: brackets and braces in the URL are no patterns.
	b.WriteString("curl -sS -i -g -X " + r.Method + " " + ShellQuote(r.URL))
	if strings.HasPrefix(r.URL, "https:") {
		// As Client does. HTTP/2 would also write every header name in lower case.
		b.WriteString(" --http1.1")
	}
	for i, f := range r.Header {
		word := ShellQuote(f.Name + ": " + f.Value)
		if strings.TrimSpace(f.Value) == "" {
			// curl sends a header without a value only when the name ends in a semicolon.
			word = ShellQuote(f.Name + ";")
		}
		if value, ok := fresh[i]; ok {
			word = `"` + f.Name + ": " + value + `"`
		}
		b.WriteString(" -H " + word)
	}
	if !slices.ContainsFunc(r.Header, func(f Field) bool { return strings.EqualFold(f.Name, "Accept") }) {
		// curl adds one of its own unless it is told not to.
		b.WriteString(" -H Accept:")
	}
	if data != "" {
		b.WriteString(" " + data)
	}
	return b.String()
}

// ShellVariable returns the assignment of a text to a shell variable, and the command that prints exactly its bytes.
// inline is false where the variable holds them in base64, because a shell could not hold them as they are.
func ShellVariable(name string, text []byte) (assign, printed string, inline bool) {
	if ShellHolds(text) {
		return name + "=" + ShellQuote(string(text)) + "; ", `printf %s "$` + name + `"`, true
	}
	return name + "=" + ShellQuote(base64.StdEncoding.EncodeToString(text)) + "; ", `printf %s "$` + name + `" | base64 -d`, false
}

// ShellHolds reports whether a shell variable can hold the text as it is.
func ShellHolds(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsRune(text, 0)
}

// ShellQuote makes one word of a POSIX shell.
func ShellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ShellEscape writes text for the inside of double quotes, so that the shell expands nothing in it.
func ShellEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s)
}
