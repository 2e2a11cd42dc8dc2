package target

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/target/sqlcount"
)

// SQLObserver asks the target's own database for the number of effects. Sessions are read-only.
type SQLObserver struct {
	// Driver is postgres, mysql or sqlite.
	Driver string `yaml:"driver"`
	// DSN says where the database is and who asks. It holds a password, so it never stands in the file.
	DSN SecretRef `yaml:"dsn"`
	// Path is the database file of SQLite, instead of a DSN.
	Path string `yaml:"path"`
	// Query answers one row with one number. {event}, {event_id}, {item_id} and {status} in it are parameters.
	Query string `yaml:"query"`
	// Args names the values of the parameters of a query that is in the driver's own form.
	Args []string `yaml:"args,omitempty"`
}

// sqlObserver counts with a query.
type sqlObserver struct {
	driver    string
	database  *sqlcount.Database
	statement sqlcount.Statement
	// byPath says that the file names the database by path, and has no dsn.
	byPath bool
}

func newSQLObserver(c SQLObserver, dir string) (*sqlObserver, *fieldError) {
	driver := sqlcount.Driver(c.Driver)
	if !slices.Contains(sqlcount.Drivers(), driver) {
		return nil, &fieldError{"driver", fmt.Sprintf("there is no driver %q; there are postgres, mysql and sqlite", c.Driver)}
	}
	statement, err := sqlcount.Parse(driver, c.Query, c.Args, placeholders)
	if err != nil {
		if rest, ok := strings.CutPrefix(err.Error(), "args."); ok {
			return nil, &fieldError{"args", "at place " + rest}
		}
		return nil, &fieldError{"query", err.Error()}
	}
	if tells := tellsOf(statement.Names()); !tells.EventID && !tells.Item {
		return nil, &fieldError{"query", errNotApart.Error()}
	}
	dsn, err := c.dsn(driver, dir)
	if err != nil {
		return nil, err.(*fieldError)
	}
	database, err := sqlcount.Open(driver, dsn)
	if err != nil {
		key := "dsn"
		if c.Path != "" {
			key = "path"
		}
		return nil, &fieldError{key, err.Error()}
	}
	return &sqlObserver{c.Driver, database, statement, c.Path != ""}, nil
}

// dsn returns where the database is. The error is a *fieldError.
func (c SQLObserver) dsn(driver sqlcount.Driver, dir string) (string, error) {
	switch {
	case c.Path != "" && driver != sqlcount.SQLite:
		return "", &fieldError{"path", "belongs to the driver sqlite; write dsn: {env: NAME}"}
	case c.Path != "" && c.DSN != (SecretRef{}):
		return "", &fieldError{"path", "both path and dsn are set; keep one"}
	case c.Path != "":
		// What is no path is refused with its own words, and not as a file of that name.
		if filepath.IsAbs(c.Path) || c.Path == ":memory:" || strings.HasPrefix(c.Path, "file:") {
			return c.Path, nil
		}
		return filepath.Join(dir, c.Path), nil
	case driver == sqlcount.SQLite && c.DSN == (SecretRef{}):
		return "", &fieldError{"path", "is missing; write the path of the database file"}
	}
	dsn, err := c.DSN.read(dir)
	if err != nil {
		return "", &fieldError{"dsn", err.Error()}
	}
	return dsn.Reveal(), nil
}

// Count makes the query once.
func (o *sqlObserver) Count(ctx context.Context, e Effect) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ObserverTimeout, fmt.Errorf("no answer within %s", ObserverTimeout))
	defer cancel()
	n, err := o.database.Count(ctx, o.statement, e.values())
	if place, ok := errors.AsType[*sqlcount.PlaceError](err); ok && o.byPath && place.Part == "dsn" {
		err = &sqlcount.PlaceError{Part: "path", Err: place.Err}
	}
	if err != nil {
		return 0, fmt.Errorf("observer sql: %w", err)
	}
	return n, nil
}

// Tells reports which parameters the query has.
func (o *sqlObserver) Tells() Tells { return tellsOf(o.statement.Names()) }

// String names the observer and its database.
func (o *sqlObserver) String() string { return "sql, " + o.driver + ", " + o.database.Place() }

// Secrets are the DSN and its password.
func (o *sqlObserver) Secrets() []string { return o.database.Secrets() }

// close ends the connections.
func (o *sqlObserver) close() error {
	if err := o.database.Close(); err != nil {
		return errors.New("observer sql: the connections could not be closed")
	}
	return nil
}
