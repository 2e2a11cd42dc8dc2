package program

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func sh(line string) Program { return Program{Args: Shell(line)} }

func TestOutputIsWhatWasPrintedOrAnError(t *testing.T) {
	for name, c := range map[string]struct {
		program Program
		out     string
		err     []string
	}{
		"a number":                      {sh("echo 3; echo noise >&2"), "3\n", nil},
		"nothing":                       {sh(":"), "", nil},
		"arguments that no shell sees":  {Program{Args: []string{"printf", "%s|", "a b", "$HOME", "*", "; exit 1"}}, "a b|$HOME|*|; exit 1|", nil},
		"the environment":               {Program{Args: Shell(`printf %s "$KIRIMCHECK_X"`), Env: []string{"KIRIMCHECK_X=a $(b)"}}, "a $(b)", nil},
		"as much as there may be":       {sh("head -c 1000 /dev/zero | tr '\\0' x"), strings.Repeat("x", 1000), nil},
		"one byte more":                 {sh("head -c 1001 /dev/zero"), "", []string{"it printed more than 1000 bytes"}},
		"output without end":            {sh("yes"), "", []string{"it printed more than 1000 bytes"}},
		"an exit status":                {sh("echo 3; echo broken >&2; exit 7"), "", []string{"exit status 7; it printed: broken"}},
		"an exit status, on the output": {sh("echo broken; exit 7"), "", []string{"exit status 7; it printed: broken"}},
		"the end of long complaints":    {sh("yes no | head -n 50000 >&2; echo end >&2; exit 1"), "", []string{"exit status 1; it printed: ", "no end"}},
		"a signal":                      {sh("kill -9 $$"), "", []string{"signal: killed"}},
		"no program":                    {Program{Args: []string{"./absent"}}, "", []string{"no such file"}},
		"a program not on the PATH":     {Program{Args: []string{"kirimcheck-absent"}}, "", []string{"not found"}},
		"a process that stays":          {sh("sleep 60 & echo 3"), "", []string{"a process that it started has kept its output"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := c.program.Output(t.Context(), 1000)
			if c.err == nil && err != nil || string(out) != c.out {
				t.Fatalf("%q, %v; want %q", out, err, c.out)
			}
			for _, want := range c.err {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 2*maxTail {
					t.Errorf("error %v, want %q", err, want)
				}
			}
		})
	}
}

func TestProgramRunsInItsFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "where"), []byte("#!/bin/sh\npwd\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := Program{Args: []string{"./where"}, Dir: dir}.Output(t.Context(), 1000)
	if err != nil || string(out) != dir+"\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// survivor is a program with a child that says when it has started, and would say in 5 s that it is still there. All of
// it holds a pipe open, whose end comes when it is gone.
func survivor(t *testing.T) (p Program, pipe string) {
	t.Helper()
	pipe = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	p = sh("exec 3>pipe; (trap '' TERM HUP INT; echo started >&3; sleep 5; echo survived >&3) & wait")
	p.Dir = filepath.Dir(pipe)
	return p, pipe
}

// said reads what the survivor says: the first line, and after it the rest up to the end.
func said(t *testing.T, pipe string) (started <-chan struct{}, rest <-chan string) {
	t.Helper()
	first, all := make(chan struct{}), make(chan string, 1)
	go func() {
		f, err := os.Open(pipe)
		if err != nil {
			t.Error(err)
			return
		}
		line := make([]byte, len("started\n"))
		_, err = io.ReadFull(f, line)
		close(first)
		text, restErr := io.ReadAll(f)
		if err := errors.Join(err, restErr, f.Close()); err != nil {
			t.Error(err)
		}
		all <- string(text)
	}()
	return first, all
}

func TestNothingIsLeftWhenTheTimeIsOver(t *testing.T) {
	p, pipe := survivor(t)
	started, rest := said(t, pipe)
	late := errors.New("it took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-started
		cancel(late)
	}()
	if _, err := p.Output(ctx, 1000); !errors.Is(err, late) {
		t.Errorf("error %v, want %v", err, late)
	}
	if text := <-rest; text != "" {
		t.Errorf("a process was left behind: %s", text)
	}
}

func TestNothingIsLeftWhenARunningProgramIsClosed(t *testing.T) {
	p, pipe := survivor(t)
	started, rest := said(t, pipe)
	r, err := p.Start(func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if r.Err() == nil {
		t.Error("a program that was closed has no error")
	}
	if text := <-rest; text != "" {
		t.Errorf("a process was left behind: %s", text)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestRunningProgramTellsItsOutputAndItsEnd(t *testing.T) {
	for name, c := range map[string]struct{ line, out, err string }{
		"by itself":     {"echo a; echo b", "a\nb\n", "it ended with exit status 0"},
		"with a status": {"echo a; echo broken >&2; exit 3", "a\n", "exit status 3; it printed: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r, err := sh(c.line).Start(func(p []byte) { out.Write(p) })
			if err != nil {
				t.Fatal(err)
			}
			<-r.Done()
			if out.String() != c.out || r.Err() == nil || r.Err().Error() != c.err {
				t.Errorf("%q, %v; want %q, %s", out.String(), r.Err(), c.out, c.err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := (Program{Args: []string{"./absent"}}).Start(func([]byte) {}); err == nil {
		t.Error("a program that is not there was started")
	}
}
