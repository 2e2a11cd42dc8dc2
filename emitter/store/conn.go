package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"modernc.org/sqlite"
)

// conn is one connection with its prepared statements. It talks to the driver itself: database/sql would take its locks
// and look for a free connection at every statement, and this package decides anyhow which connection runs what.
// One goroutine at a time may use it.
type conn struct {
	driver.Conn
	statements map[string]*statement
	// args is reused from statement to statement; the driver does not keep it.
	args  []driver.NamedValue
	purge purge
}

// statement is prepared once and lives as long as its connection.
type statement struct {
	driver.Stmt
	exec  driver.StmtExecContext
	query driver.StmtQueryContext
}

// connect opens a connection to a data source name of the driver.
func connect(ctx context.Context, dsn string) (*conn, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	dc, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: dc, statements: make(map[string]*statement)}, nil
}

// close closes the statements and the connection.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	clear(c.statements)
	return errors.Join(append(errs, c.Close())...)
}

// script runs several statements without arguments, as they stand.
func (c *conn) script(ctx context.Context, text string) error {
	_, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, text, nil)
	return err
}

// prepare returns the statement of a text, which must come from a bounded set of texts.
func (c *conn) prepare(text string) (*statement, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	prepared, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: prepared}
	var execs, queries bool
	s.exec, execs = prepared.(driver.StmtExecContext)
	s.query, queries = prepared.(driver.StmtQueryContext)
	if !execs || !queries {
		return nil, errors.Join(errors.New("the SQLite driver's statements take no context"), prepared.Close())
	}
	c.statements[text] = s
	return s, nil
}

// bind turns arguments into the driver's. Allowed are int64, int, bool, string, *string, []byte, time.Time and nil.
func (c *conn) bind(args []any) ([]driver.NamedValue, error) {
	c.args = c.args[:0]
	for i, arg := range args {
		v := driver.NamedValue{Ordinal: i + 1}
		switch x := arg.(type) {
		case int64, string, nil:
			v.Value = x
		case []byte:
			if x != nil {
				v.Value = x
			}
		case int:
			v.Value = int64(x)
		case *string:
			if x != nil {
				v.Value = *x
			}
		case time.Time:
			v.Value = nanoseconds(x)
		default:
			return nil, fmt.Errorf("argument %d has type %T, which is not stored", i+1, arg)
		}
		c.args = append(c.args, v)
	}
	return c.args, nil
}

// run runs a statement that returns no rows.
func (c *conn) run(ctx context.Context, text string, args ...any) (driver.Result, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	values, err := c.bind(args)
	if err != nil {
		return nil, err
	}
	return s.exec.ExecContext(ctx, values)
}

// each runs a query and calls fn with every row. The row is overwritten by the next one; its values are not.
// fn must not run the same query again.
func (c *conn) each(ctx context.Context, text string, fn func(row) error, args ...any) (err error) {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	values, err := c.bind(args)
	if err != nil {
		return err
	}
	rows, err := s.query.QueryContext(ctx, values)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	r := make(row, len(rows.Columns()))
	for {
		if err := rows.Next(r); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
	}
}

// row is a row of a result. Its methods take a column by its number; the columns and their types are this package's own.
type row []driver.Value

func (r row) int(i int) int64      { n, _ := r[i].(int64); return n }
func (r row) text(i int) string    { s, _ := r[i].(string); return s }
func (r row) blob(i int) []byte    { b, _ := r[i].([]byte); return b }
func (r row) time(i int) time.Time { return instant(r.int(i)) }

func (r row) optionalText(i int) *string {
	if s, ok := r[i].(string); ok {
		return &s
	}
	return nil
}

func (r row) optionalTime(i int) *time.Time {
	if t := r.time(i); !t.IsZero() {
		return &t
	}
	return nil
}

// nanoseconds is how a time is stored: nanoseconds since 1970 in UTC; 0 is no time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// instant is the time of stored nanoseconds.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// optional is a time that may be missing.
func optional(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
