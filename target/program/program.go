// Package program runs the user's own programs for the harness: with bounded time and output, and so that nothing of
// them is left running. What they print is for others to understand.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Program is what to run.
type Program struct {
	// Args are the program and its arguments; no shell looks at them.
	Args []string
	// Dir is the folder to run in.
	Dir string
	// Env is added to the harness's own environment.
	Env []string
}

// Shell returns the arguments that have a line run by the shell.
func Shell(line string) []string { return []string{"/bin/sh", "-c", line} }

// outputWait is how long the output may stay open after the program's end: that of a process it has started does.
const outputWait = time.Second

// maxTail bounds what an error repeats of a program's output, in bytes.
const maxTail = 300

// errTooMuch ends a program that prints without end.
var errTooMuch = errors.New("too much output")

// command prepares the program in a process group of its own, which the context's end kills as a whole.
func (p Program) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Dir = p.Dir
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.WaitDelay = outputWait
	Separate(cmd)
	return cmd
}

// Output runs the program to its end and returns what it printed on its standard output, at most limit bytes. It is an
// error when the program does not exit with 0, prints more, or is not done when the context ends. When Output returns,
// nothing that the program started in its process group is left.
func (p Program) Output(ctx context.Context, limit int) ([]byte, error) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := p.command(running)
	out, stderr := &bounded{limit: limit, full: func() { cancel(errTooMuch) }}, &tail{}
	cmd.Stdout, cmd.Stderr = out, stderr
	err := cmd.Run()
	killGroup(cmd)
	switch {
	case err == nil:
		return out.buf.Bytes(), nil
	case errors.Is(context.Cause(running), errTooMuch):
		err = fmt.Errorf("it printed more than %d bytes", limit)
	case running.Err() != nil:
		err = context.Cause(running)
	default:
		err = ended(err)
	}
	printed := stderr.text()
	if printed == "" {
		printed = oneLine(out.buf.Bytes())
	}
	return nil, told(err, printed)
}

// ended puts what exec says about a program's end into the words of a user.
func ended(err error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return errors.New("it ended, and a process that it started has kept its output; send that one's output to a file")
	}
	return err
}

// told adds to an error what the program printed.
func told(err error, printed string) error {
	if printed == "" {
		return err
	}
	return fmt.Errorf("%w; it printed: %s", err, printed)
}

// bounded takes output up to a limit, and then ends the program.
type bounded struct {
	buf   bytes.Buffer
	limit int
	full  func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.limit {
		b.full()
		return 0, errTooMuch
	}
	return b.buf.Write(p)
}

// tail keeps the last bytes written, so that a talkative program cannot fill the memory.
type tail struct{ buf bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if extra := t.buf.Len() - maxTail; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

func (t *tail) text() string { return oneLine(t.buf.Bytes()) }

// oneLine is the end of an output on one line.
func oneLine(p []byte) string {
	if len(p) > maxTail {
		p = p[len(p)-maxTail:]
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(p), "\uFFFD")), " ")
}
