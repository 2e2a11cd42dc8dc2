package sqlcount

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	// The driver.
	_ "modernc.org/sqlite"
)

// waitForLock is how long a look waits for a writer, in milliseconds; a look as a whole is bounded by its context.
const waitForLock = "2000"

type sqlite struct{ path string }

func newSQLite(path string) (*sqlite, error) {
	switch {
	case path == ":memory:":
		return nil, errors.New("a database in memory belongs to one process alone; write the path of a file")
	case strings.HasPrefix(path, "file:") || strings.Contains(path, "?"):
		return nil, errors.New("write the path of the database file alone; how it is opened is for the harness to say")
	case strings.HasPrefix(path, "SQLite format 3"):
		return nil, errors.New("this is the database itself, and not the place where it is")
	}
	return &sqlite{path}, nil
}

func (s *sqlite) open() (*sql.DB, error) {
	path, err := filepath.Abs(s.path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"mode": {"ro"}, "_query_only": {"1"}, "_pragma": {"busy_timeout(" + waitForLock + ")"},
	}.Encode()}
	return sql.Open("sqlite", u.String())
}

// seal has nothing to do: the connection was opened read-only.
func (s *sqlite) seal(context.Context, *sql.Conn) error { return nil }

func (s *sqlite) sealed(ctx context.Context, tx *sql.Tx) (bool, error) {
	var queryOnly bool
	err := tx.QueryRowContext(ctx, "PRAGMA query_only").Scan(&queryOnly)
	return queryOnly, err
}

func (s *sqlite) secrets() []string { return nil }

func (s *sqlite) place() string { return s.path }

// there looks for the file: SQLite's own words for whatever is wrong with it are the same.
func (s *sqlite) there() error {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no file %s", s.path)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder", s.path)
	}
	return nil
}
