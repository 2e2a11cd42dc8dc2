//go:build unix

package dbtest

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Postgres runs a PostgreSQL server until the test ends and returns the DSN of its superuser.
func Postgres(t testing.TB) string {
	t.Helper()
	bin := postgresPrograms()
	if bin == "" {
		absent(t, "PostgreSQL, whose initdb is looked for on the PATH and in /usr/lib/postgresql/*/bin,")
	}
	dir := folder(t)
	p := postgres{bin, dir, &syscall.SysProcAttr{}}
	endWithParent(p.attr)
	if os.Getuid() == 0 {
		p.attr.Credential = giveAway(t, dir)
	}
	// initdb takes the password from a file, which must be readable by the server's user and by nobody else.
	initdb := p.command("initdb", "--pgdata=data", "--username=postgres", "--auth=scram-sha-256", "--pwfile=password",
		"--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.Args = append([]string{"sh", "-c", `umask 077; cat >password && exec "$0" "$@"`, initdb.Path}, initdb.Args[1:]...)
	initdb.Path, initdb.Stdin = "/bin/sh", strings.NewReader(Password+"\n")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	// SIGINT is the fast shutdown: sessions are ended, and nothing is waited for.
	run(t, p.command("postgres", "-D", "data", "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off"),
		"ready to accept connections", syscall.SIGINT)
	query := url.Values{"host": {dir}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.UserPassword("postgres", Password), Path: "/postgres", RawQuery: query.Encode()}).String()
}

// postgresPrograms is the folder of PostgreSQL's programs, and empty where there is none. Debian keeps them off the PATH.
func postgresPrograms() string {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(found) > 0 {
		slices.Sort(found)
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	return filepath.Dir(path)
}

// giveAway gives the folder to the user postgres: PostgreSQL refuses to run as root.
func giveAway(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	owner, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL does not run as root: %v", err)
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

type postgres struct {
	bin, dir string
	attr     *syscall.SysProcAttr
}

// command prepares one of PostgreSQL's programs.
func (p postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, p.attr
	cmd.Env = []string{"PATH=" + p.bin + ":/usr/bin:/bin", "LC_ALL=C", "HOME=" + p.dir}
	return cmd
}
