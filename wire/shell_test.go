package wire_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/wire"
)

// nasty is text that a shell would expand, split or end at.
var nasty = []string{
	"", " ", "'", "''", `it's "so"`, "$HOME ${HOME} $(id) `id`", `back\slash\\`, "a\nb\n\n", "*?[a]~", "!-#;&|<>", "é👍",
	"\xff\xfe", "nul\x00nul",
}

// run returns what a command of sh prints.
func run(t *testing.T, line string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no sh, and in CI it must be there")
		}
		t.Skip("there is no sh")
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return string(out)
}

func TestShellWordsComeOutAsTheyWentIn(t *testing.T) {
	for _, text := range nasty {
		assign, printed, _ := wire.ShellVariable("V", []byte(text))
		if got := run(t, assign+printed); got != text {
			t.Errorf("ShellVariable: %q became %q", text, got)
		}
		if !wire.ShellHolds([]byte(text)) {
			continue
		}
		if got := run(t, "printf %s "+wire.ShellQuote(text)); got != text {
			t.Errorf("ShellQuote: %q became %q", text, got)
		}
		if got := run(t, `printf %s "`+wire.ShellEscape(text)+`"`); got != text {
			t.Errorf("ShellEscape: %q became %q", text, got)
		}
	}
}

func TestShellHoldsOnlyTextWithoutNul(t *testing.T) {
	for text, want := range map[string]bool{"": true, "é\n": true, "a\x00": false, "\xff": false} {
		if got := wire.ShellHolds([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCurlWritesEveryHeaderInItsPlace(t *testing.T) {
	r := wire.Request{Method: "PUT", URL: "http://x/it's", Header: []wire.Field{
		{Name: "A", Value: "1"}, {Name: "Empty", Value: " "}, {Name: "A", Value: "2"}, {Name: "B", Value: "$3"},
	}}
	const want = `curl -sS -i -g -X PUT 'http://x/it'\''s' -H 'A: 1' -H 'Empty;' -H "A: $M" -H 'B: $3' -H Accept:`
	if got := r.Curl("", map[int]string{2: "$M"}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.Curl("-G", nil); !strings.HasSuffix(got, ` -H 'B: $3' -H Accept: -G`) {
		t.Errorf("got %s", got)
	}
}
