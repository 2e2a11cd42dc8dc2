package sqlcount

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// loose is a database whose sessions may write, whatever was asked for.
type loose struct{ *sqlite }

func (l loose) open() (*sql.DB, error) { return sql.Open("sqlite", l.path) }

// The database has the last word on whether a session is read-only; where it says no, no query is made.
func TestSessionThatMayWriteIsNotUsed(t *testing.T) {
	d := loose{&sqlite{filepath.Join(t.TempDir(), "x.db")}}
	pool, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	db := &Database{dialect: d, pool: pool}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := pool.ExecContext(t.Context(), "CREATE TABLE effects (id)"); err != nil {
		t.Fatal(err)
	}
	statement, err := Parse(SQLite, "WITH w AS (SELECT 1) INSERT INTO effects VALUES ({event_id}) RETURNING 1", nil, known)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Count(t.Context(), statement, nil)
	var place *PlaceError
	if !errors.As(err, &place) || place.Part != "dsn" || !strings.Contains(err.Error(), "the session is not read-only") {
		t.Errorf("error %v", err)
	}
	var n int
	if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM effects").Scan(&n); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}
