package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// adapters are the keys of the adapters that are set.
func (o Observe) adapters() []string {
	var set []string
	for _, a := range []struct {
		key string
		set bool
	}{
		{"http", o.HTTP != nil}, {"callback", o.Callback != nil}, {"sql", o.SQL != nil}, {"command", o.Command != nil},
		{"log", o.Log != nil}, {"graphql", o.GraphQL != nil},
	} {
		if a.set {
			set = append(set, a.key)
		}
	}
	return set
}

// place is the file and the line in which the adapter stands.
func (o Observe) place(file string, source []byte) string {
	set := o.adapters()
	if len(source) == 0 || len(set) == 0 {
		return ""
	}
	key, _, _ := find(source, "observe."+set[0])
	if key == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", file, key.Line)
}

// Locate puts before an error of the observer where in the target file its adapter stands.
func (o Observe) Locate(err error) error {
	if wrong, ok := errors.AsType[*ConfigError](err); err == nil || o.at == "" || ok && wrong.Line > 0 {
		return err
	}
	return fmt.Errorf("%s: %w", o.at, err)
}

// checkOne refuses more than one adapter: which of two would be believed?
func (o Observe) checkOne() *fieldError {
	set := o.adapters()
	if len(set) < 2 {
		return nil
	}
	word := "are all"
	if len(set) == 2 {
		word = "are both"
	}
	return &fieldError{"observe", strings.Join(set, " and ") + " " + word + " set; keep one"}
}

// checkNew checks the adapters that look into a database, run a program or follow a log. Nothing is connected, run or
// opened.
func (o Observe) checkNew() *fieldError {
	inside := func(adapter string, err *fieldError) *fieldError {
		if err == nil {
			return nil
		}
		return &fieldError{adapter + "." + err.key, err.problem}
	}
	switch {
	case o.SQL != nil:
		obs, err := newSQLObserver(*o.SQL, o.dir)
		if err != nil {
			return inside("sql", err)
		}
		// It was never connected, so nothing can go wrong.
		_ = obs.close()
	case o.Command != nil:
		_, err := newCommandObserver(*o.Command, o.dir)
		return inside("command", err)
	case o.Log != nil:
		_, err := o.Log.check(o.dir)
		return inside("log", err)
	}
	return nil
}

// values are an effect's members by the names of their placeholders.
func (e Effect) values() map[string]string {
	return map[string]string{"event": e.Event, "event_id": e.EventID, "item_id": e.ItemID, "status": e.Status}
}

// tellsOf says by what effects can be told apart by those who use these placeholders.
func tellsOf(used []string) Tells {
	return Tells{
		EventID: slices.Contains(used, "event_id"), Item: slices.Contains(used, "item_id"), Status: slices.Contains(used, "status"),
	}
}

// errNotApart is why an observer is refused that is asked about nothing in particular.
var errNotApart = errors.New("neither {event_id} nor {item_id} occurs, so effects could not be told apart")

// argument is a placeholder in an argument. Braces with anything but a name between them are no placeholder: programs such
// as awk and jq have their own.
var argument = regexp.MustCompile(`\{([A-Za-z_][A-Za-z_0-9]*)\}`)

// checkProgram finds a program before anything is run: by its name on the PATH, or by its path, which begins in dir.
func checkProgram(dir, name string) error {
	if filepath.Base(name) == name {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("there is no program %s on the PATH", name)
		}
		return nil
	}
	path, in := name, ""
	if !filepath.IsAbs(path) {
		path, in = filepath.Join(dir, path), " in "+dir+", the folder of the target file"
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no program %s%s", name, in)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder, not a program", path)
	}
	if _, err := exec.LookPath(path); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s may not be executed; chmod +x allows it", path)
	}
	return nil
}

// checkLine checks the one argument of a shell line.
func checkLine(args []string) error {
	switch {
	case len(args) == 0 || strings.TrimSpace(args[0]) == "":
		return errors.New("is missing; write a program and its arguments, such as [./count-effects, \"{event_id}\"]")
	case len(args) > 1:
		return errors.New("with shell: true it is one line in a list of its own, such as [\"grep -c x y | head -1\"]")
	}
	return nil
}
