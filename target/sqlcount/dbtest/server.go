//go:build unix

// Package dbtest runs real database servers for tests, each in a temporary folder and on a unix socket alone, and leaves
// nothing of them behind. Where a server is not installed the test is skipped; where CI is set it fails.
package dbtest

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Password is that of every server's user. Nothing may print it.
const Password = "hush-hush:database/1"

// absent ends a test for which this machine has no server.
func absent(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}

// folder is a folder for a server. Unlike t.TempDir it can be given to another user, who then gets to it.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kirimcheck-database-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// run starts a server, and returns when it prints the text that says it takes connections. The signal ends it when the
// test ends.
func run(t testing.TB, cmd *exec.Cmd, ready string, end syscall.Signal) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan error, 1)
	var log strings.Builder
	go func() {
		lines, told := bufio.NewScanner(stderr), false
		for lines.Scan() {
			if told {
				continue
			}
			log.WriteString(lines.Text() + "\n")
			if told = strings.Contains(lines.Text(), ready); told {
				close(started)
			}
		}
		done <- errors.Join(lines.Err(), cmd.Wait())
	}()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("%s: %v\n%s", cmd.Path, err, log.String())
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(end); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", cmd.Path, err)
		}
	})
}
