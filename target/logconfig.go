package target

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// LogObserver follows what the target writes: a file, or what a command prints.
type LogObserver struct {
	// File is followed from its end on, through rotations. It may appear later.
	File string `yaml:"file"`
	// Command is a program that follows and prints lines, without a shell unless Shell is set.
	Command []string `yaml:"command,omitempty"`
	Shell   bool     `yaml:"shell"`
	// Warmup is how long the command gets until it follows; by default 1 s. Nothing else tells that it does.
	Warmup time.Duration `yaml:"warmup"`
	// Pattern is a regular expression with groups named event, event_id, item_id and status. A line that it matches is
	// one effect.
	Pattern string `yaml:"pattern"`
	// JSON says that a line which is a JSON object with these members is one effect.
	JSON *Fields `yaml:"json"`
	// Where are JSON pointers and the texts that must stand there; only then is a JSON line an effect.
	Where map[string]string `yaml:"where,omitempty"`
}

// defaultWarmup is far above what tail or journalctl take to start.
const defaultWarmup = time.Second

// check returns how lines are read.
func (c LogObserver) check(dir string) (lineReader, *fieldError) {
	switch {
	case c.File == "" && len(c.Command) == 0:
		return nil, &fieldError{"file", "is missing; write the path of a log file, or command: [program, argument]"}
	case c.File != "" && len(c.Command) > 0:
		return nil, &fieldError{"file", "both file and command are set; keep one"}
	case c.File != "" && (c.Shell || c.Warmup != 0):
		return nil, &fieldError{"file", "shell and warmup belong to command"}
	case c.Warmup < 0:
		return nil, &fieldError{"warmup", fmt.Sprintf("%s is negative; write a duration such as 1s", c.Warmup)}
	}
	if c.File == "" {
		if err := c.checkCommand(dir); err != nil {
			return nil, &fieldError{"command", err.Error()}
		}
	}
	switch {
	case c.Pattern == "" && c.JSON == nil:
		return nil, &fieldError{"pattern", `is missing; write one such as 'stored (?P<event_id>\S+) (?P<item_id>\S+)', or json: {} for JSON lines`}
	case c.Pattern != "" && c.JSON != nil:
		return nil, &fieldError{"pattern", "both pattern and json are set; keep one"}
	case c.Pattern != "" && c.Where != nil:
		return nil, &fieldError{"where", "belongs to json; a pattern says by itself which lines are meant"}
	case c.Pattern != "":
		return newPatternReader(c.Pattern)
	default:
		return newJSONReader(*c.JSON, c.Where)
	}
}

func (c LogObserver) checkCommand(dir string) error {
	if c.Shell {
		return checkLine(c.Command)
	}
	return checkProgram(dir, c.Command[0])
}

// path resolves the path of the file.
func (c LogObserver) path(dir string) string {
	if filepath.IsAbs(c.File) {
		return c.File
	}
	return filepath.Join(dir, c.File)
}

// lineReader reads effects from lines.
type lineReader interface {
	// effect returns the effect that a line tells; ok is false for a line that tells none. An error is a line that tells
	// one and does not say which.
	effect(line []byte) (e Effect, ok bool, err error)
	// tells says which members lines have.
	tells() (told Tells, event bool)
}

// patternReader reads lines with a regular expression.
type patternReader struct {
	pattern *regexp.Regexp
	groups  []string
}

func newPatternReader(pattern string) (*patternReader, *fieldError) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, &fieldError{"pattern", strings.TrimPrefix(err.Error(), "error parsing regexp: ") + "; it is a Go regular expression (RE2)"}
	}
	var used []string
	for _, name := range re.SubexpNames() {
		switch {
		case name == "":
			continue
		case !slices.Contains(placeholders, name):
			return nil, &fieldError{"pattern", fmt.Sprintf("there is no value for a group %q; there are %s", name, strings.Join(placeholders, ", "))}
		case slices.Contains(used, name):
			return nil, &fieldError{"pattern", fmt.Sprintf("the group %q occurs twice; keep one", name)}
		}
		used = append(used, name)
	}
	if t := tellsOf(used); !t.EventID && !t.Item {
		return nil, &fieldError{"pattern", "it has neither a group (?P<event_id>…) nor (?P<item_id>…), so effects could not be told apart"}
	}
	return &patternReader{re, re.SubexpNames()}, nil
}

func (r *patternReader) effect(line []byte) (Effect, bool, error) {
	m := r.pattern.FindSubmatch(line)
	if m == nil {
		return Effect{}, false, nil
	}
	var e Effect
	for i, name := range r.groups {
		*e.member(name) = string(m[i])
	}
	return e, true, nil
}

func (r *patternReader) tells() (Tells, bool) {
	return tellsOf(r.groups), slices.Contains(r.groups, "event")
}

// member is where a value stands; a name that is none of the placeholders stands nowhere.
func (e *Effect) member(name string) *string {
	switch name {
	case "event":
		return &e.Event
	case "event_id":
		return &e.EventID
	case "item_id":
		return &e.ItemID
	case "status":
		return &e.Status
	default:
		return new(string)
	}
}

// jsonReader reads lines that are JSON objects.
type jsonReader struct {
	fields pointers
	where  map[string]string
}

func newJSONReader(f Fields, where map[string]string) (*jsonReader, *fieldError) {
	if err := f.check(); err != nil {
		return nil, &fieldError{"json", err.Error()}
	}
	for pointer := range where {
		if !strings.HasPrefix(pointer, "/") {
			return nil, &fieldError{"where", fmt.Sprintf("%q is not a JSON pointer; write one such as /msg", pointer)}
		}
	}
	return &jsonReader{f.pointers(), where}, nil
}

// effect takes lines that are something else, such as the banner of a server, for no effects. A line that is said to be
// an effect by where and lacks a member is an error.
func (r *jsonReader) effect(line []byte) (Effect, bool, error) {
	if len(line) == 0 || line[0] != '{' {
		return Effect{}, false, nil
	}
	doc, err := decodeJSON(line)
	if err != nil {
		return Effect{}, false, nil
	}
	for pointer, want := range r.where {
		if got, err := walk(doc, pointer); err != nil || got != want {
			return Effect{}, false, nil
		}
	}
	e, err := r.fields.effectOf(doc, "a line")
	if err != nil && len(r.where) == 0 {
		return Effect{}, false, nil
	}
	return e, err == nil, err
}

func (r *jsonReader) tells() (Tells, bool) { return r.fields.tells(), r.fields.event != "" }
