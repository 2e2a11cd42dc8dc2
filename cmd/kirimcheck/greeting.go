package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/graphql"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/wire"
)

// greeting is what serve prints when it runs: where everything is, and lines to copy.
type greeting struct {
	flags   *serveFlags
	edition contract.Edition
	url     string
	// phoneNumberID is Meta's id of the first organisation's first number.
	phoneNumberID string
	// wrong says which defect the relay has; empty where it is to be right.
	wrong string
	// made are the variables that were not set, with the values that serve made up; given are those that were.
	made  [][2]string
	given []string
}

// variable reads a secret from the environment, or makes one up, to be printed.
func (g *greeting) variable(name string, newValue func() string) string {
	if value := os.Getenv(name); value != "" {
		g.given = append(g.given, name)
		return value
	}
	value := newValue()
	g.made = append(g.made, [2]string{name, value})
	return value
}

// newHexSecret makes 32 hexadecimal digits, the form of Meta's app secrets.
func newHexSecret() string {
	var random [16]byte
	// Read never returns an error (package crypto/rand).
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

func (g *greeting) write(out io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("kirimcheck serve: a local Kirim, edition %s, %s, %s", g.edition.ID, g.clock(), g.data())
	if g.wrong != "" {
		line("\n  %s\n", g.wrong)
	}
	line("  API       %s/v1", g.url)
	if g.flags.graphql {
		line("  GraphQL   %s%s", g.url, graphql.Path)
	}
	line("  Meta      %s%s", g.url, server.MetaPath)
	line("  page      %s/", g.url)
	line("  metrics   %s/metrics", g.url)
	if g.flags.virtualClock {
		line("  clock     curl -sS %s/test/clock/advance -d '{\"by\":\"1h\"}'", g.url)
	}
	if g.flags.dev {
		line("  --dev     subscriptions may point to http and to loopback addresses; never let others reach this server")
	}
	if len(g.made) > 0 {
		line("\nMade up for this run; copy into the shells that you work in:")
		for _, variable := range g.made {
			line("  export %s=%s", variable[0], wire.ShellQuote(variable[1]))
		}
	}
	if len(g.given) > 0 {
		line("\nTaken from the environment: %s", strings.Join(g.given, ", "))
	}
	if g.wrong != "" {
		line("\n%s", strings.TrimSuffix(g.certification(), "\n"))
	}
	line("\nA subscription to everything, for `kirimcheck listen`:")
	line("  %s", g.subscribe())
	_, err := io.WriteString(out, b.String())
	return err
}

func (g *greeting) clock() string {
	switch {
	case g.flags.virtualClock:
		return "virtual clock"
	case g.flags.timeScale != 0:
		return fmt.Sprintf("clock %gx", g.flags.timeScale)
	}
	return "real clock"
}

func (g *greeting) data() string {
	if g.flags.data == "" {
		return "data in memory"
	}
	return "data in " + g.flags.data
}

// subscribe is a curl line.
func (g *greeting) subscribe() string {
	var events []string
	for _, ev := range g.edition.Events {
		events = append(events, ev.Name)
	}
	url := "https://your-server.example.com/kirim-webhook"
	if g.flags.dev {
		url = "http://" + defaultListenAddress + "/"
	}
	// Marshalling strings cannot fail.
	body, _ := json.Marshal(map[string]any{"url": url, "events": events})
	trust := ""
	if g.flags.tlsGenerate {
		trust = "--cacert " + wire.ShellQuote(g.flags.caOut) + " "
	}
	return fmt.Sprintf(`curl -sS %s%s/v1%s -H "Authorization: Bearer $%s" -H 'Content-Type: application/json' -d %s`,
		trust, g.url, g.edition.Paths.Subscriptions, keyVariable, wire.ShellQuote(string(body)))
}
