package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/mockmeta"
)

// certification is lines to copy that certify the relay; it is printed of mutants, which are there to be certified.
func (g *greeting) certification() string {
	if !g.flags.dev {
		return "To certify it, start it with --dev: the harness is its subscribers, on this machine.\n"
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("To certify it, copy into another shell that has these variables:\n")
	line("cat > relay.yaml <<'END'")
	line("name: mutant %s\nrole: %s\nedition: %s", g.flags.mutant, contract.RoleRelay, g.edition.ID)
	line("url: %s%s", g.url, server.MetaPath)
	line("secret: {env: %s}\nverify_token: {env: %s}", mockmeta.SecretVariable, mockmeta.TokenVariable)
	if g.flags.tlsGenerate {
		line("tls: {ca: %q}", g.flags.caOut)
	}
	line("management:\n  rest:\n    base: %s/v1", g.url)
	line("    key: {env: %s}\n    other_key: {env: %s}", keyVariable, otherKeyVariable)
	line("    phone_number_id: %q", g.phoneNumberID)
	switch {
	case g.flags.virtualClock:
		line("clock: {mode: virtual}")
	case g.flags.timeScale != 0:
		line("clock: {mode: scaled, factor: %g}", g.flags.timeScale)
	}
	line("capabilities:")
	line("  https-only: {absent: \"--dev lets subscriptions point to http\"}")
	line("  loopback-refused: {absent: \"--dev lets subscriptions point to loopback\"}")
	if g.flags.rateLimits == "" {
		line("  rate-limits: {absent: \"they are off unless --rate-limits is given\"}")
	}
	line("END")
	line("%s certify --target relay.yaml", invoked())
	return b.String()
}

// invoked is the program as another shell finds it: by its place where it was started by its place, and by its name otherwise.
func invoked() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		if place, err := filepath.Abs(os.Args[0]); err == nil {
			return shellWord(place)
		}
	}
	return "kirimcheck"
}
