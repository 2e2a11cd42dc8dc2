package target

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/target/program"
)

// CommandObserver runs a program that prints the number of effects.
type CommandObserver struct {
	// Run is the program and its arguments, in which {event}, {event_id}, {item_id} and {status} are filled in. They
	// also stand in the environment. No shell looks at them.
	Run []string `yaml:"run"`
	// Shell has the one line in Run run by /bin/sh. Values are in its environment alone.
	Shell bool `yaml:"shell"`
	// Timeout bounds one look; by default ObserverTimeout.
	Timeout time.Duration `yaml:"timeout"`
}

// variables are the environment variables of an effect's members.
var variables = map[string]string{
	"event": "KIRIMCHECK_EVENT", "event_id": "KIRIMCHECK_EVENT_ID", "item_id": "KIRIMCHECK_ITEM_ID", "status": "KIRIMCHECK_STATUS",
}

// maxCommandOutput bounds what a program may print; a number has some digits.
const maxCommandOutput = 64 << 10

// commandObserver counts with a program.
type commandObserver struct {
	config CommandObserver
	dir    string
	tells  Tells
}

func newCommandObserver(c CommandObserver, dir string) (*commandObserver, *fieldError) {
	if c.Timeout < 0 {
		return nil, &fieldError{"timeout", fmt.Sprintf("%s is negative; write a duration such as 5s", c.Timeout)}
	}
	c.Timeout = orDefault(c.Timeout, ObserverTimeout)
	o := &commandObserver{config: c, dir: dir}
	used, err := c.used(dir)
	if err != nil {
		return nil, &fieldError{"run", err.Error()}
	}
	if len(used) == 0 {
		// A script that reads its environment. What it looks at shows when it is asked for what was never sent.
		used = placeholders
	}
	if o.tells = tellsOf(used); !o.tells.EventID && !o.tells.Item {
		return nil, &fieldError{"run", errNotApart.Error()}
	}
	return o, nil
}

// used checks the program and returns the values that its arguments, or its line, use.
func (c CommandObserver) used(dir string) ([]string, error) {
	var used []string
	if c.Shell {
		if err := checkLine(c.Run); err != nil {
			return nil, err
		}
		for _, name := range placeholders {
			if strings.Contains(c.Run[0], "{"+name+"}") && !strings.Contains(c.Run[0], "${"+name+"}") {
				return nil, intoLine(name)
			}
			if regexp.MustCompile(`\$\{?` + variables[name] + `\b`).MatchString(c.Run[0]) {
				used = append(used, name)
			}
		}
		return used, nil
	}
	if len(c.Run) == 0 || c.Run[0] == "" {
		return nil, checkLine(nil)
	}
	for i, arg := range c.Run {
		for _, m := range argument.FindAllStringSubmatch(arg, -1) {
			switch {
			case !slices.Contains(placeholders, m[1]):
				return nil, fmt.Errorf("unknown placeholder {%s}; there are {%s}", m[1], strings.Join(placeholders, "}, {"))
			case i == 0:
				return nil, errors.New("the program itself is no place for a value; write it as an argument")
			case c.isLine(i):
				return nil, intoLine(m[1])
			}
			used = append(used, m[1])
		}
	}
	return used, checkProgram(dir, c.Run[0])
}

// shells are programs that run a line given with -c.
var shells = []string{"sh", "bash", "dash", "ksh", "zsh"}

// isLine reports whether an argument is a line for a shell that the program is.
func (c CommandObserver) isLine(i int) bool {
	return i > 1 && slices.Contains(shells, filepath.Base(c.Run[0])) && strings.HasPrefix(c.Run[i-1], "-") && strings.HasSuffix(c.Run[i-1], "c")
}

// intoLine is why a value is refused that would become a part of a shell line.
func intoLine(name string) error {
	return fmt.Errorf("values never become a part of a shell line; write \"$%s\" for {%s}", variables[name], name)
}

// program fills the values in.
func (o *commandObserver) program(e Effect) program.Program {
	values, p := e.values(), program.Program{Dir: o.dir}
	for _, name := range placeholders {
		p.Env = append(p.Env, variables[name]+"="+values[name])
	}
	if o.config.Shell {
		p.Args = program.Shell(o.config.Run[0])
		return p
	}
	for _, arg := range o.config.Run {
		p.Args = append(p.Args, argument.ReplaceAllStringFunc(arg, func(m string) string { return values[m[1:len(m)-1]] }))
	}
	return p
}

var wholeNumber = regexp.MustCompile(`^[0-9]+$`)

// Count runs the program once.
func (o *commandObserver) Count(ctx context.Context, e Effect) (int, error) {
	limit := o.config.Timeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not end within %s; observe.command.timeout allows more", limit))
	defer cancel()
	out, err := o.program(e).Output(ctx, maxCommandOutput)
	if err != nil {
		return 0, fmt.Errorf("observer command: %s: %w%s", o.name(), err, grepped(err))
	}
	text := strings.TrimSpace(string(out))
	n, err := strconv.Atoi(text)
	if err != nil || !wholeNumber.MatchString(text) {
		return 0, fmt.Errorf("observer command: %s: it printed %s, which is not a count; print a whole number and nothing else",
			o.name(), excerpt(out))
	}
	return n, nil
}

// grepped is what to do about a program that counted 0 and exits with 1, as grep -c does; empty for others.
func grepped(err error) string {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 || !strings.HasSuffix(err.Error(), "; it printed: 0") {
		return ""
	}
	return "; grep exits with 1 where it finds nothing, so end it with || true"
}

func (o *commandObserver) name() string {
	if o.config.Shell {
		return "the shell line"
	}
	return o.config.Run[0]
}

// Tells reports which values the program uses.
func (o *commandObserver) Tells() Tells { return o.tells }

// String names the observer and its program.
func (o *commandObserver) String() string { return "command, " + o.name() }
