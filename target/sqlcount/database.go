// Package sqlcount asks a database of somebody else's for one number, and can do nothing else there: sessions are
// read-only, values are parameters, and an answer that is not exactly one number is an error. What is counted is not
// its business.
package sqlcount

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Driver names a kind of database.
type Driver string

// The drivers.
const (
	Postgres Driver = "postgres"
	MySQL    Driver = "mysql"
	SQLite   Driver = "sqlite"
)

// Drivers returns every driver.
func Drivers() []Driver { return []Driver{Postgres, MySQL, SQLite} }

// dialect is what differs between the databases.
type dialect interface {
	// open prepares a pool; nothing is connected yet.
	open() (*sql.DB, error)
	// there says what stands in the way before anything is connected, where the driver's own words would not.
	there() error
	// seal makes a session read-only, where that is more than the transaction's own property. It runs before each
	// transaction, and may find it done.
	seal(ctx context.Context, c *sql.Conn) error
	// sealed asks the database whether the session, in its transaction, can write nothing.
	sealed(ctx context.Context, tx *sql.Tx) (bool, error)
	// secrets are what no error and no report may show.
	secrets() []string
	// place says which database it is, without secrets.
	place() string
}

// newDialect reads a DSN. Its errors repeat nothing of it.
func newDialect(driver Driver, dsn string) (dialect, error) {
	switch driver {
	case Postgres:
		return newPostgres(dsn)
	case MySQL:
		return newMySQL(dsn)
	case SQLite:
		return newSQLite(dsn)
	}
	var names []string
	for _, d := range Drivers() {
		names = append(names, string(d))
	}
	return nil, fmt.Errorf("there is no driver %q; there are %s", string(driver), strings.Join(names, ", "))
}

// maxConns bounds the connections: a harness must not take those that the target needs.
const maxConns = 2

// Database counts in one database. It is safe for concurrent use.
type Database struct {
	dialect dialect
	pool    *sql.DB
}

// Open checks the DSN and prepares the database; the first Count connects.
func Open(driver Driver, dsn string) (*Database, error) {
	d, err := newDialect(driver, dsn)
	if err != nil {
		return nil, err
	}
	pool, err := d.open()
	if err != nil {
		return nil, hidden(d, err)
	}
	pool.SetMaxOpenConns(maxConns)
	return &Database{dialect: d, pool: pool}, nil
}

// Close ends the connections.
func (d *Database) Close() error { return d.pool.Close() }

// minSecret is the length of the shortest secret that is looked for in whole reports. A shorter one occurs everywhere by
// chance; errors have been cleared of it already.
const minSecret = 4

// Secrets are what no report may show: a DSN, and the password that goes with it.
func (d *Database) Secrets() []string {
	return slices.DeleteFunc(d.dialect.secrets(), func(s string) bool { return len(s) < minSecret })
}

// Place says which database it is, without secrets.
func (d *Database) Place() string { return d.dialect.place() }

// PlaceError says which part of the configuration an error is about.
type PlaceError struct {
	// Part is "dsn" or "query".
	Part string
	Err  error
}

// Error names the part and the trouble on one line.
func (e *PlaceError) Error() string { return e.Part + ": " + e.Err.Error() }

// Unwrap returns the trouble.
func (e *PlaceError) Unwrap() error { return e.Err }

// Count asks once. The values are those of the statement's names. Every error is a *PlaceError, is one line and holds
// no secret of the DSN.
func (d *Database) Count(ctx context.Context, s Statement, values map[string]string) (n int, err error) {
	trouble := func(part, what string, err error) *PlaceError {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		err = hidden(d.dialect, err)
		if what != "" {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return &PlaceError{part, err}
	}
	if err := d.dialect.there(); err != nil {
		return 0, trouble("dsn", "", err)
	}
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return 0, trouble("dsn", "the database cannot be reached", err)
	}
	// Back into the pool; a broken connection is dropped there, and its error has been told.
	defer func() { _ = conn.Close() }()
	if err := d.dialect.seal(ctx, conn); err != nil {
		return 0, trouble("dsn", "the session cannot be made read-only", err)
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, trouble("dsn", "no read-only transaction", err)
	}
	// Whatever the query did, none of it stays. After an error the connection may be gone, and with it the transaction.
	defer func() { _ = tx.Rollback() }()
	switch sealed, err := d.dialect.sealed(ctx, tx); {
	case err != nil:
		return 0, trouble("dsn", "whether the session is read-only cannot be seen", err)
	case !sealed:
		return 0, trouble("dsn", "", errors.New("the session is not read-only although that was asked for, so no query was made"))
	}
	if n, err = one(ctx, tx, s, values); err != nil {
		return 0, trouble("query", "", wrote(err))
	}
	return n, nil
}

// wrote adds what to do to the refusal of a query that would have written. Each database says it in its own words.
func wrote(err error) error {
	text := strings.ToLower(err.Error())
	for _, words := range []string{"read-only", "read only", "readonly"} {
		if strings.Contains(text, words) {
			return fmt.Errorf("%w; write a query that only reads", err)
		}
	}
	return err
}

// hidden takes the secrets out of a driver's error, and its line breaks.
func hidden(d dialect, err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	clean := text
	secrets := slices.Clone(d.secrets())
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if form != "" {
				clean = strings.ReplaceAll(clean, form, "[redacted]")
			}
		}
	}
	if clean == err.Error() {
		return err
	}
	// The chain behind the text holds the secret too, so it is cut.
	return errors.New(clean)
}
