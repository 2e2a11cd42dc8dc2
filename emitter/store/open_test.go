package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The environment that makes the test binary a process that uses a store.
const (
	envHold  = "STORE_TEST_HOLD"  // opens this file and keeps it open until its input ends
	envCrash = "STORE_TEST_CRASH" // writes to this file and prints what was acknowledged until it is killed
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(envHold) != "":
		err = hold(os.Getenv(envHold))
	case os.Getenv(envCrash) != "":
		err = writeUntilKilled(os.Getenv(envCrash))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func hold(path string) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	return errors.Join(s.Close(), check(err != nil, "the input went on"))
}

func writeUntilKilled(path string) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for n := int64(worker); ; n += 8 {
				if err = s.Update(ctx, func(tx *Tx) error { return ingest(tx, n, 2) }); err != nil {
					return
				}
				// A line is one write, so lines of several workers do not mix.
				_, _ = os.Stdout.WriteString(strconv.FormatInt(n, 10) + "\n")
			}
		})
	}
	workers.Wait()
	return err
}

func child(t *testing.T, env, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), env+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// Whatever Update has acknowledged is there after the process was killed, and no transaction is there by half.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kirim.db")
	cmd := child(t, envCrash, path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []int64
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the last line may be cut off
		}
		if acknowledged = append(acknowledged, n); len(acknowledged) == 1500 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acknowledged) < 1500 {
		t.Fatalf("the process ended by itself (%v) after %d events", err, len(acknowledged))
	}
	s := open(t, path)
	if err := s.View(ctx, func(tx *Tx) error {
		for _, n := range acknowledged {
			for i := range int64(2) {
				id := numbered("wbd", n<<10+i)
				if _, ok, err := first(tx, `SELECT seq FROM deliveries WHERE id = ?`, func(r row) (int64, error) {
					return r.int(0), nil
				}, id); err != nil || !ok {
					return fmt.Errorf("delivery %s of acknowledged event %d is lost (%w)", id, n, err)
				}
			}
		}
		for _, q := range []struct{ text, want string }{
			{`PRAGMA integrity_check`, "ok"},
			{`SELECT iif(count(*) = 2 * (SELECT count(*) FROM events), 'ok', 'deliveries and events do not match')
				FROM deliveries`, "ok"},
			{`SELECT iif(count(*) = (SELECT count(*) FROM events), 'ok', 'keys and events do not match') FROM seen`, "ok"},
		} {
			if err := tx.each(q.text, func(r row) error { return check(r.text(0) == q.want, "%s: %s", q.text, r.text(0)) }); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kirim.db")
	cmd := child(t, envHold, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the other process said %q (%v)", line, err)
	}
	want := "store: " + path + " is in use by another process"
	for range 2 { // a failed try must not free the file
		if _, err := Open(ctx, path); err == nil || err.Error() != want {
			t.Fatalf("Open returned %v, want %s", err, want)
		}
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err == nil {
		if _, err := Open(ctx, link); err == nil || err.Error() != want {
			t.Fatalf("Open through a link returned %v, want %s", err, want)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// The same holds inside a process, where SQLite's locks would not keep a second store out by themselves.
func TestOneStoreAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kirim.db")
	s := open(t, path)
	if _, err := Open(ctx, path); err == nil || !strings.Contains(err.Error(), "is in use by") {
		t.Fatalf("Open returned %v", err)
	}
	update(t, s, set("0"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", settings(t, open(t, path)), []string{"0"})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	database := func(name, script string) string {
		path := filepath.Join(dir, name)
		c, err := connect(ctx, dsn(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.script(ctx, script), c.close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := filepath.Join(dir, "newer.db")
	if err := open(t, newer).Close(); err != nil {
		t.Fatal(err)
	}
	database("newer.db", fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
	for _, c := range []struct{ name, path, want string }{
		{"text", write("text.db", strings.Repeat("no database\n", 100)), "is not a SQLite database"},
		{"another program's", database("other.db", "CREATE TABLE t (x)"), "is another program's SQLite database"},
		{"newer", newer, fmt.Sprintf("was written by a newer kirimcheck (schema version %d, this one knows %d)",
			schemaVersion+1, schemaVersion)},
		{"directory", dir, "is a directory, not a database"},
		{"no directory", filepath.Join(dir, "missing", "kirim.db"), "no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, _ := os.ReadFile(c.path)
			_, err := Open(ctx, c.path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) ||
				strings.Contains(err.Error(), "\n") {
				t.Fatalf("Open returned %v, want a line with %q and the path", err, c.want)
			}
			if after, _ := os.ReadFile(c.path); string(after) != string(before) {
				t.Error("Open changed a file that it refused")
			}
		})
	}
}

func TestFileIsDurableAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a name with ? and % and #.db")
	s := open(t, path)
	update(t, s, set("0"))
	if runtime.GOOS != "windows" {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("%s has mode %o, want 600", info.Name(), mode)
			}
		}
	}
	if err := withWriter(s, func(c *conn) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "temp_store": "2",
			"user_version": strconv.Itoa(schemaVersion)} {
			if err := c.each(ctx, "PRAGMA "+pragma, func(r row) error {
				return check(fmt.Sprint(r[0]) == want, "%s is %v, want %s", pragma, r[0], want)
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there after Close (%v)", err)
	}
	equal(t, "kept", settings(t, open(t, path)), []string{"0"})
}

func TestMemoryIsForgotten(t *testing.T) {
	s := open(t, "")
	update(t, s, set("0"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", settings(t, open(t, "")), nil)
}
