//go:build unix

package dbtest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// MariaDB runs a MariaDB server until the test ends and returns the DSN of a user to whom its database belongs.
func MariaDB(t testing.TB) string {
	t.Helper()
	server, err := exec.LookPath("mariadbd")
	if err != nil {
		absent(t, "MariaDB (mariadb-server-core)")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	data, socket, initial := filepath.Join(dir, "data"), filepath.Join(dir, "socket"), filepath.Join(dir, "initial.sql")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	users := fmt.Sprintf("CREATE DATABASE orders;\nCREATE USER 'receiver'@'localhost' IDENTIFIED BY '%s';\n"+
		"GRANT ALL ON orders.* TO 'receiver'@'localhost';\n", Password)
	if err := os.WriteFile(initial, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--no-defaults", "--user=" + me.Username, "--datadir=" + data}
	install := exec.Command(server, append(args, "--bootstrap")...)
	install.Stdin = strings.NewReader("CREATE DATABASE mysql;\nUSE mysql;\n" + mariaTables(t))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("mariadbd --bootstrap: %v\n%s", err, out)
	}
	cmd := exec.Command(server, append(args, "--socket="+socket, "--skip-networking", "--init-file="+initial,
		"--innodb-flush-log-at-trx-commit=0", "--pid-file="+filepath.Join(dir, "pid"))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	endWithParent(cmd.SysProcAttr)
	run(t, cmd, "ready for connections", syscall.SIGTERM)
	return "receiver:" + Password + "@unix(" + socket + ")/orders"
}

// mariaTables is the SQL of the server's own tables, as its package has it.
func mariaTables(t testing.TB) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"mysql_system_tables.sql", "mysql_system_tables_data.sql"} {
		text, err := os.ReadFile(filepath.Join("/usr/share/mysql", name))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
