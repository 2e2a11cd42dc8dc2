package sqlcount_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/kirimcheck/kirimcheck/target/sqlcount"
	"github.com/kirimcheck/kirimcheck/target/sqlcount/dbtest"
)

var names = []string{"event", "event_id", "item_id", "status"}

// effects is a table of a receiver's. The number of rows under an id is in the id.
const effects = `CREATE TABLE effects (event_id varchar(100) NOT NULL, item_id varchar(100) NOT NULL, status varchar(20), amount numeric(10, 2) NOT NULL)`

var rows = []string{
	`INSERT INTO effects VALUES ('one', 'a', 'read', 1.00)`,
	`INSERT INTO effects VALUES ('two', 'a', NULL, 1.00), ('two', 'b', NULL, 2.50)`,
	`INSERT INTO effects VALUES ('it''s; DROP TABLE effects', 'a', NULL, 1.00)`,
}

// system is a database with the table in it.
type system struct {
	driver sqlcount.Driver
	dsn    string
	// exec writes, as the receiver does.
	exec func(t *testing.T, statement string)
}

func writer(driverName, dsn string) func(*testing.T, string) {
	return func(t *testing.T, statement string) {
		t.Helper()
		db, err := sql.Open(driverName, dsn)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), statement)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func fill(t *testing.T, s system) system {
	t.Helper()
	for _, statement := range append([]string{effects}, rows...) {
		s.exec(t, statement)
	}
	return s
}

func sqliteSystem(t *testing.T) system {
	path := filepath.Join(t.TempDir(), "it's 100% ours.db")
	return fill(t, system{sqlcount.SQLite, path, writer("sqlite", path)})
}

func postgresSystem(t *testing.T) system {
	dsn := dbtest.Postgres(t)
	return fill(t, system{sqlcount.Postgres, dsn, writer("pgx", dsn)})
}

func mariaSystem(t *testing.T) system {
	dsn := dbtest.MariaDB(t)
	return fill(t, system{sqlcount.MySQL, dsn, writer("mysql", dsn)})
}

// Every kind of database, on the real server: it takes a moment to start, so one serves all the tests.
func TestRealDatabases(t *testing.T) {
	for name, start := range map[string]func(*testing.T) system{"sqlite": sqliteSystem, "postgres": postgresSystem, "mariadb": mariaSystem} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			t.Run("an answer is one number or an error", s.answers)
			t.Run("nothing is written", s.writesNothing)
			t.Run("each look sees what was committed", s.seesCommits)
			if s.driver == sqlcount.Postgres {
				t.Run("what the server refuses is told without the password", s.refuses)
				t.Run("a look ends with its context", s.endsWithContext)
			}
		})
	}
}

func count(t *testing.T, s system, query string, values map[string]string) (int, error) {
	t.Helper()
	db, err := sqlcount.Open(s.driver, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	statement, err := sqlcount.Parse(s.driver, query, nil, names)
	if err != nil {
		t.Fatal(err)
	}
	return db.Count(t.Context(), statement, values)
}

func (s system) answers(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		id    string
		count int
		err   string
	}{
		"none":                 {"SELECT count(*) FROM effects WHERE event_id = {event_id}", "zero", 0, ""},
		"one":                  {"SELECT count(*) FROM effects WHERE event_id = {event_id}", "one", 1, ""},
		"two":                  {"SELECT count(*) FROM effects WHERE event_id = {event_id}", "two", 2, ""},
		"the same value twice": {"SELECT count(*) FROM effects WHERE event_id = {event_id} OR item_id = {event_id}", "two", 2, ""},
		"a value with quotes":  {"SELECT count(*) FROM effects WHERE event_id = {event_id}", "it's; DROP TABLE effects", 1, ""},
		"a value that would be SQL": {
			"SELECT count(*) FROM effects WHERE event_id = {event_id}", "' OR '1'='1", 0, ""},
		"a semicolon, a comment and a line break": {"-- {event_id}\nSELECT count(*) /* it's {x} */\nFROM effects WHERE event_id = {event_id};\n", "one", 1, ""},
		"a brace in a text":                       {"SELECT count(*) FROM effects WHERE event_id = {event_id} AND item_id <> '{}'", "one", 1, ""},
		"with":                                    {"WITH e AS (SELECT * FROM effects) SELECT count(*) FROM e WHERE event_id = {event_id}", "two", 2, ""},
		"a decimal that is whole":                 {"SELECT sum(CASE WHEN event_id = {event_id} THEN 1 ELSE 0 END) FROM effects", "two", 2, ""},

		"no row":          {"SELECT 1 FROM effects WHERE event_id = {event_id}", "zero", 0, "query: there is no row; exactly one is expected"},
		"two rows":        {"SELECT 1 FROM effects WHERE event_id = {event_id}", "two", 0, "query: there is more than one row"},
		"two columns":     {"SELECT 1, 2 FROM effects WHERE event_id = {event_id}", "one", 0, "query: a row has 2 columns"},
		"NULL":            {"SELECT sum(amount) FROM effects WHERE event_id = {event_id}", "zero", 0, "query: it answered NULL; a number is expected"},
		"a text":          {"SELECT item_id FROM effects WHERE event_id = {event_id}", "one", 0, "query: it answered a text; a number is expected"},
		"a fraction":      {"SELECT sum(amount) FROM effects WHERE event_id = {event_id}", "two", 0, "which is not a count"},
		"below zero":      {"SELECT -1 - count(*) FROM effects WHERE event_id = {event_id}", "one", 0, "query: it answered -2, which is not a count"},
		"no such table":   {"SELECT count(*) FROM efects WHERE event_id = {event_id}", "one", 0, "efects"},
		"not even SQL":    {"SELECT count(* FROM effects WHERE event_id = {event_id}", "one", 0, "query: "},
		"a second column": {"TABLE", "one", 0, "query: "},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := count(t, s, c.query, map[string]string{"event_id": c.id})
			if c.err == "" && err != nil || n != c.count {
				t.Fatalf("%d, %v; want %d", n, err, c.count)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			quiet(t, err)
		})
	}
}

// quiet fails the test when an error has several lines or tells a password.
func quiet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %s", err)
	}
	for _, secret := range []string{dbtest.Password, "hush-hush"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the password: %s", err)
		}
	}
}

// A query that begins like one that reads may write all the same. The database has to refuse that, and nothing may stay.
func (s system) writesNothing(t *testing.T) {
	writes := map[sqlcount.Driver][]string{
		sqlcount.Postgres: {
			"WITH w AS (INSERT INTO effects VALUES ('zero', 'a', NULL, 1) RETURNING 1) SELECT count(*) FROM w",
			"WITH w AS (DELETE FROM effects RETURNING 1) SELECT count(*) FROM w",
			"SELECT length(set_config('transaction_read_only', 'off', false))",
			"SELECT nextval('numbers')",
		},
		sqlcount.SQLite: {
			"WITH w AS (SELECT 1) INSERT INTO effects VALUES ('zero', 'a', NULL, 1)",
			"WITH w AS (SELECT 1) DELETE FROM effects",
			"WITH w AS (SELECT 1) REPLACE INTO effects VALUES ('zero', 'a', NULL, 1) RETURNING 1",
		},
		sqlcount.MySQL: {
			"WITH w AS (SELECT 1) DELETE FROM effects",
			"SELECT nextval(numbers)",
			"SELECT writes()",
		},
	}[s.driver]
	switch s.driver {
	case sqlcount.Postgres:
		s.exec(t, "CREATE SEQUENCE numbers")
	case sqlcount.MySQL:
		s.exec(t, "CREATE SEQUENCE numbers")
		s.exec(t, "CREATE FUNCTION writes() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM effects; RETURN 1; END")
	case sqlcount.SQLite:
	}
	for _, query := range writes {
		n, err := count(t, s, query, nil)
		if err == nil {
			t.Errorf("%s: answered %d", query, n)
			continue
		}
		// What is refused for another reason, such as a setting that cannot be changed now, has words of its own. MariaDB
		// does not know a WITH before DELETE.
		refused := strings.Contains(query, "DELETE") && s.driver != sqlcount.MySQL || query == "SELECT writes()"
		if words := err.Error(); refused && !strings.Contains(words, "write a query that only reads") {
			t.Errorf("%s: %s", query, words)
		}
	}
	if s.driver == sqlcount.Postgres {
		// PostgreSQL 15 lets a read-only transaction make a large object; it goes with the transaction.
		_, made := count(t, s, "SELECT lo_create(0)", nil)
		if n, err := count(t, s, "SELECT count(*) FROM pg_largeobject_metadata", nil); n != 0 || err != nil {
			t.Errorf("%d large objects, %v (%v)", n, err, made)
		}
	}
	if n, err := count(t, s, "SELECT count(*) FROM effects", nil); n != 4 || err != nil {
		t.Errorf("%d rows, %v; want the 4 of before", n, err)
	}
}

// What the receiver commits between two looks is seen, and a look holds nothing up.
func (s system) seesCommits(t *testing.T) {
	db, err := sqlcount.Open(s.driver, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	statement, err := sqlcount.Parse(s.driver, "SELECT count(*) FROM effects WHERE event_id = {event_id}", nil, names)
	if err != nil {
		t.Fatal(err)
	}
	for want := range 4 {
		if n, err := db.Count(t.Context(), statement, map[string]string{"event_id": "new"}); n != want || err != nil {
			t.Fatalf("%d, %v; want %d", n, err, want)
		}
		s.exec(t, "INSERT INTO effects VALUES ('new', 'a', NULL, 1)")
	}
}

func TestDatabaseThatCannotBeReachedIsAnError(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		driver sqlcount.Driver
		dsn    string
		want   string
	}{
		"postgres, no server":       {sqlcount.Postgres, "postgres://u:hush-hush@127.0.0.1:1/x?sslmode=disable", "dsn: the database cannot be reached: "},
		"postgres, no socket":       {sqlcount.Postgres, "host=" + dir + " user=u password=hush-hush", "dsn: the database cannot be reached: "},
		"mysql, no server":          {sqlcount.MySQL, "u:hush-hush@tcp(127.0.0.1:1)/x", "dsn: the database cannot be reached: "},
		"sqlite, no file":           {sqlcount.SQLite, filepath.Join(dir, "absent.db"), "dsn: there is no file " + dir},
		"sqlite, a folder":          {sqlcount.SQLite, dir, "is a folder"},
		"sqlite, something else":    {sqlcount.SQLite, text, "not a database"},
		"postgres, a name too many": {sqlcount.Postgres, "postgres://u:hush-hush@nobody.invalid/x", "dsn: the database cannot be reached: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := count(t, system{c.driver, c.dsn, nil}, "SELECT count(*) FROM effects WHERE event_id = {event_id}", nil)
			var place *sqlcount.PlaceError
			if !errors.As(err, &place) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			quiet(t, err)
		})
	}
}

// A wrong password, a database that is not there: the server's own words are told, and the password is not.
func (s system) refuses(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"a wrong password":   {"hush-hush%3Adatabase%2F1", "hush-hush-wrong", "password authentication failed"},
		"no such database":   {"/postgres?", "/nowhere?", `database "nowhere" does not exist`},
		"an unknown setting": {"sslmode=disable", "sslmode=disable&no_such_setting=hush-hush", "no_such_setting"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(s.dsn, c.from) {
				t.Fatalf("the DSN has no %s", c.from)
			}
			_, err := count(t, system{sqlcount.Postgres, strings.Replace(s.dsn, c.from, c.to, 1), nil}, "SELECT 1", nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			quiet(t, err)
		})
	}
}

func (s system) endsWithContext(t *testing.T) {
	db, err := sqlcount.Open(s.driver, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	statement, err := sqlcount.Parse(s.driver, "SELECT 1 FROM pg_sleep(600)", nil, names)
	if err != nil {
		t.Fatal(err)
	}
	late := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		_, err := db.Count(ctx, statement, nil)
		done <- err
	}()
	s.waitUntilItSleeps(t)
	cancel(late)
	if err := <-done; !errors.Is(err, late) || !strings.HasPrefix(err.Error(), "query: ") {
		t.Errorf("error %v, want query: %v", err, late)
	}
}

// waitUntilItSleeps returns when a session of the server is in pg_sleep.
func (s system) waitUntilItSleeps(t *testing.T) {
	t.Helper()
	for {
		n, err := count(t, s, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			return
		}
	}
}

func TestDSNThatCannotBeReadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		driver sqlcount.Driver
		dsn    string
		want   string
	}{
		"an unknown driver":        {"oracle", "x", `there is no driver "oracle"; there are postgres, mysql, sqlite`},
		"postgres, another tongue": {sqlcount.Postgres, "mysql://u:hush-hush@x/y", "it is no DSN of PostgreSQL; write one such as postgres://"},
		"postgres, a bad port":     {sqlcount.Postgres, "postgres://u:hush-hush@x:port/y", "it is no DSN of PostgreSQL"},
		"mysql, another tongue":    {sqlcount.MySQL, "postgres://u:hush-hush@x/y", "it is no DSN of MySQL; write one such as user:password@tcp"},
		"mysql, no database":       {sqlcount.MySQL, "u:hush-hush@tcp(x)", "it is no DSN of MySQL"},
		"sqlite, in memory":        {sqlcount.SQLite, ":memory:", "belongs to one process alone"},
		"sqlite, how to open":      {sqlcount.SQLite, "file:x.db?mode=rwc", "write the path of the database file alone"},
		"sqlite, the file itself":  {sqlcount.SQLite, "SQLite format 3\x00", "this is the database itself"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlcount.Open(c.driver, c.dsn)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			quiet(t, err)
		})
	}
}

func TestPlaceTellsNoSecret(t *testing.T) {
	for dsn, c := range map[string]struct {
		driver sqlcount.Driver
		want   string
	}{
		"postgres://u:hush-hush@db.example:6000/orders": {sqlcount.Postgres, "db.example:6000/orders"},
		"u:hush-hush@tcp(db.example:6000)/orders":       {sqlcount.MySQL, "db.example:6000/orders"},
		"/var/lib/orders.db":                            {sqlcount.SQLite, "/var/lib/orders.db"},
	} {
		db, err := sqlcount.Open(c.driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		if db.Place() != c.want {
			t.Errorf("%s, want %s", db.Place(), c.want)
		}
		if c.driver != sqlcount.SQLite && strings.Join(db.Secrets(), " ") != dsn+" hush-hush" {
			t.Errorf("secrets %q", db.Secrets())
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
