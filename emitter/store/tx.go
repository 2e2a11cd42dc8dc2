package store

import (
	"context"
	"errors"
	"fmt"
)

// Tx is the function's view of a transaction. It must not be used after the function has returned, nor by several
// goroutines. After an error of one of its methods every other one returns the same error, and nothing is kept.
// Methods that look for one record say with a bool whether there is such a record.
type Tx struct {
	conn     *conn
	ctx      context.Context
	readOnly bool
	hooks    []func()
	err      error
}

// AfterCommit has fn called once the transaction is durable; it is not called when nothing was kept. Hooks run one after
// the other in the order of the commits, before the Update that they belong to returns. A hook may call Record and
// View, but not Update or Flush: they would wait for the hook itself. In a View hooks are never called.
func (tx *Tx) AfterCommit(fn func()) { tx.hooks = append(tx.hooks, fn) }

// fail remembers the first error.
func (tx *Tx) fail(err error) error {
	if err != nil && tx.err == nil {
		tx.err = fmt.Errorf("store: %w", err)
	}
	return tx.err
}

// exec runs a statement that writes, and returns how many rows it changed.
func (tx *Tx) exec(text string, args ...any) (changed int64, err error) {
	if tx.err != nil {
		return 0, tx.err
	}
	if tx.readOnly {
		return 0, tx.fail(errors.New("a View cannot write"))
	}
	result, err := tx.conn.run(tx.ctx, text, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	changed, err = result.RowsAffected()
	return changed, tx.fail(err)
}

// insert runs an INSERT and returns the number of the new row.
func (tx *Tx) insert(text string, args ...any) (seq int64, err error) {
	if tx.err != nil {
		return 0, tx.err
	}
	if tx.readOnly {
		return 0, tx.fail(errors.New("a View cannot write"))
	}
	result, err := tx.conn.run(tx.ctx, text, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	seq, err = result.LastInsertId()
	return seq, tx.fail(err)
}

// change runs an UPDATE that must change a row; what names it in the error.
func (tx *Tx) change(what string, seq int64, text string, args ...any) error {
	n, err := tx.exec(text, args...)
	if err == nil && n == 0 {
		return tx.fail(fmt.Errorf("there is no %s number %d", what, seq))
	}
	return err
}

// stop is an error of a caller's function, which is handed on as it is.
type stop struct{ error }

// each calls fn with every row of a query. An error of fn ends the query and is returned as it is.
func (tx *Tx) each(text string, fn func(row) error, args ...any) error {
	if tx.err != nil {
		return tx.err
	}
	err := tx.conn.each(tx.ctx, text, func(r row) error {
		if err := fn(r); err != nil {
			return stop{err}
		}
		return nil
	}, args...)
	if s, ok := errors.AsType[stop](err); ok {
		return s.error
	}
	return tx.fail(err)
}

// collect reads all rows of a query.
func collect[T any](tx *Tx, text string, read func(row) (T, error), args ...any) ([]T, error) {
	var all []T
	err := tx.each(text, func(r row) error {
		v, err := read(r)
		if err != nil {
			return tx.fail(err)
		}
		all = append(all, v)
		return nil
	}, args...)
	return all, err
}

// first reads the first row of a query, if there is one.
func first[T any](tx *Tx, text string, read func(row) (T, error), args ...any) (T, bool, error) {
	all, err := collect(tx, text, read, args...)
	if err != nil || len(all) == 0 {
		var none T
		return none, false, err
	}
	return all[0], true, nil
}
