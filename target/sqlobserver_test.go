package target

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// fillTable makes a SQLite file with effects in it, as a receiver does.
func fillTable(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		_, execErr := db.ExecContext(t.Context(), s)
		err = errors.Join(err, execErr)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSQLObserverCountsRowsBesideTheTargetFile(t *testing.T) {
	obs, dir := watching(t, "  sql: {driver: sqlite, path: e.db, query: \"SELECT count(*) FROM e WHERE id = {event_id} AND item = {item_id} AND coalesce(status, '') = {status}\"}\n", nil)
	path := filepath.Join(dir, "e.db")

	_, err := obs.Count(t.Context(), Effect{EventID: "e"})
	isError(t, err, "observer sql: path: there is no file "+path)

	fillTable(t, path, "CREATE TABLE e (id, item, status)", "INSERT INTO e VALUES ('', 'wamid.1', 'read'), ('e', 'i', NULL), ('e', 'i', NULL)")
	for effect, want := range map[Effect]int{
		{EventID: "e", ItemID: "i"}:                    2,
		{EventID: "e", ItemID: "j"}:                    0,
		{ItemID: "wamid.1", Status: "read"}:            1, // Meta has no event id.
		{ItemID: "wamid.1", Status: "sent"}:            0,
		{EventID: "e' OR '1'='1", ItemID: "i"}:         0,
		{EventID: "e", ItemID: "i", Event: "whatever"}: 2,
	} {
		if n, err := obs.Count(t.Context(), effect); n != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", effect, n, err, want)
		}
	}
	if got := obs.String(); got != "sql, sqlite, "+path {
		t.Errorf("described as %q", got)
	}
}

func TestSQLObserverTellsTheQuerysFault(t *testing.T) {
	obs, dir := watching(t, "  sql: {driver: sqlite, path: e.db, query: 'SELECT id FROM e WHERE id = {event_id}'}\n", nil)
	fillTable(t, filepath.Join(dir, "e.db"), "CREATE TABLE e (id TEXT)", "INSERT INTO e VALUES ('3')")
	_, err := obs.Count(t.Context(), Effect{EventID: "3"})
	isError(t, err, "observer sql: query: it answered a text; a number is expected")
	_, err = obs.Count(t.Context(), Effect{EventID: "4"})
	isError(t, err, "observer sql: query: there is no row")
}

func TestSQLObserverKeepsItsPasswordToItself(t *testing.T) {
	obs, _ := watching(t, "  sql: {driver: postgres, dsn: {env: KIRIM_TEST_DSN}, query: 'SELECT count(*) FROM e WHERE id = {event_id}'}\n", nil)
	_, err := obs.Count(t.Context(), Effect{EventID: "e"})
	isError(t, err, "observer sql: dsn: the database cannot be reached: ")
	if got := obs.String(); got != "sql, postgres, 127.0.0.1:1/x" {
		t.Errorf("described as %q", got)
	}
	if secrets := obs.(*sqlObserver).Secrets(); !slices.Contains(secrets, hush) {
		t.Errorf("secrets %q lack the password", secrets)
	}
}
