package sqlcount

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Statement is a query whose parameters were found. Values are never part of its text.
type Statement struct {
	// text is what the driver gets, args are the names of its parameters in the driver's order.
	text string
	args []string
}

// Names are the parameters that the statement has.
func (s Statement) Names() []string {
	names := slices.Clone(s.args)
	slices.Sort(names)
	return slices.Compact(names)
}

// reads are the words that a query may begin with. Each of them only reads, as far as words can tell; the session's
// being read-only is what decides.
var reads = []string{"SELECT", "WITH", "VALUES", "TABLE"}

var firstWord = regexp.MustCompile(`^[(\s]*([A-Za-z]+)`)

// Parse finds the parameters of a query. Without args they stand in the query as {name}, and each becomes a parameter
// of the driver's form. With args the query is in the driver's own form ($1, ?), and args name the values of its
// parameters in their order. known are the names that there are.
func Parse(driver Driver, query string, args, known []string) (Statement, error) {
	for i, name := range args {
		if !slices.Contains(known, name) {
			return Statement{}, fmt.Errorf("args.%d: there is no value %q; there are %s", i, name, strings.Join(known, ", "))
		}
	}
	p := parser{driver: driver, known: known, positional: len(args) > 0}
	if err := p.parse(query); err != nil {
		return Statement{}, err
	}
	if m := firstWord.FindStringSubmatch(p.bare.String()); m == nil || !slices.Contains(reads, strings.ToUpper(m[1])) {
		return Statement{}, fmt.Errorf("it does not begin with %s; write a query that only reads, such as "+
			"SELECT count(*) FROM effects WHERE event_id = {event_id}", strings.Join(reads, ", "))
	}
	if p.positional {
		p.args = args
	}
	return Statement{text: strings.TrimSpace(p.text.String()), args: p.args}, nil
}

// parser copies a query and takes {name} out of it, where that is no part of a string, a quoted name or a comment.
type parser struct {
	driver     Driver
	known      []string
	positional bool

	text strings.Builder
	// bare is the text without comments and quotes.
	bare strings.Builder
	args []string
	// ended is true behind a semicolon.
	ended bool
}

var (
	named      = regexp.MustCompile(`^\{([A-Za-z_][A-Za-z_0-9]*)\}`)
	inQuotes   = regexp.MustCompile(`\{([A-Za-z_][A-Za-z_0-9]*)\}`)
	dollarTag  = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z_0-9]*)?\$`)
	dollarArg  = regexp.MustCompile(`^\$[0-9]+`)
	wordBefore = regexp.MustCompile(`[A-Za-z_0-9]$`)
)

func (p *parser) parse(query string) error {
	for rest := query; rest != ""; {
		length, quoted := p.skip(rest)
		if length > 0 {
			if m := inQuotes.FindStringSubmatch(rest[:length]); quoted && !p.positional && m != nil && slices.Contains(p.known, m[1]) {
				return fmt.Errorf("{%s} stands inside quotes; it becomes a parameter and needs none, so write it bare", m[1])
			}
			p.text.WriteString(rest[:length])
			p.bare.WriteByte(' ')
			rest = rest[length:]
			continue
		}
		taken, err := p.take(rest)
		if err != nil {
			return err
		}
		rest = rest[taken:]
	}
	if strings.TrimSpace(p.bare.String()) == "" {
		return errors.New("is missing; write one such as SELECT count(*) FROM effects WHERE event_id = {event_id}")
	}
	return nil
}

// take copies one character or one parameter, and returns its length in the query.
func (p *parser) take(rest string) (int, error) {
	if p.ended && strings.TrimLeft(rest[:1], " \t\r\n;") != "" {
		return 0, errors.New("a second statement follows the semicolon; write one alone")
	}
	if m := named.FindStringSubmatch(rest); m != nil && !p.positional {
		if !slices.Contains(p.known, m[1]) {
			return 0, fmt.Errorf("unknown placeholder {%s}; there are {%s}", m[1], strings.Join(p.known, "}, {"))
		}
		p.text.WriteString(p.parameter(m[1]))
		p.bare.WriteByte('?')
		return len(m[0]), nil
	}
	if !p.positional && p.positionalAt(rest) {
		return 0, errors.New("it has parameters of the driver's form and no args; write {event_id} for a value, or name the values in args")
	}
	if rest[0] == ';' {
		// Drivers differ in whether they take one at the end, so it is left out.
		p.ended = true
		return 1, nil
	}
	p.text.WriteByte(rest[0])
	p.bare.WriteByte(rest[0])
	return 1, nil
}

// positionalAt reports whether a parameter of the driver's form begins here. In PostgreSQL a question mark is an operator.
func (p *parser) positionalAt(rest string) bool {
	if p.driver == Postgres {
		return dollarArg.MatchString(rest) && !wordBefore.MatchString(p.text.String())
	}
	return rest[0] == '?'
}

// parameter notes a parameter and returns how the driver writes it.
func (p *parser) parameter(name string) string {
	if p.driver != Postgres {
		p.args = append(p.args, name)
		return "?"
	}
	i := slices.Index(p.args, name)
	if i < 0 {
		i = len(p.args)
		p.args = append(p.args, name)
	}
	return fmt.Sprintf("$%d", i+1)
}

// skip returns the length of the string, the quoted name or the comment that the text begins with, and 0 where it
// begins with none. One that does not end reaches to the end; the database says what is wrong with it.
func (p *parser) skip(rest string) (length int, quoted bool) {
	upTo := func(end string, from int) int {
		if i := strings.Index(rest[from:], end); i >= 0 {
			return from + i + len(end)
		}
		return len(rest)
	}
	switch {
	case strings.HasPrefix(rest, "--"), p.driver == MySQL && rest[0] == '#':
		return upTo("\n", 1), false
	case strings.HasPrefix(rest, "/*"):
		return upTo("*/", 2), false
	case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`' && p.driver != Postgres:
		return p.quoted(rest), true
	case p.driver == SQLite && rest[0] == '[':
		return upTo("]", 1), true
	case p.driver == Postgres && rest[0] == '$' && !wordBefore.MatchString(p.text.String()):
		if tag := dollarTag.FindString(rest); tag != "" {
			return upTo(tag, len(tag)), true
		}
	}
	return 0, false
}

// quoted returns the length of what stands in quotes. A doubled quote does not end it, and neither does one behind a
// backslash in MySQL and in PostgreSQL's E'…'.
func (p *parser) quoted(rest string) int {
	before := p.text.String()
	escapes := p.driver == MySQL && rest[0] != '`' ||
		p.driver == Postgres && rest[0] == '\'' && (strings.HasSuffix(before, "E") || strings.HasSuffix(before, "e"))
	for i := 1; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] == rest[0] && i+1 < len(rest) && rest[i+1] == rest[0]:
			i++
		case rest[i] == rest[0]:
			return i + 1
		}
	}
	return len(rest)
}
