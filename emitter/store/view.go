package store

import (
	"context"
	"errors"
	"fmt"
)

// View runs fn, which may only read, in a transaction of its own: it sees everything that was committed before, and
// nothing that is committed meanwhile. On a file it does not wait for the writer. In memory it waits for its turn
// between two transactions, so fn must not call the store's methods there. ctx ends the wait and the queries.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case <-s.gone:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case c = <-s.viewers:
	}
	defer func() { s.viewers <- c }()
	if _, err := c.run(context.Background(), "BEGIN"); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() {
		if _, e := c.run(context.Background(), "ROLLBACK"); e != nil {
			err = errors.Join(err, fmt.Errorf("store: %w", e))
		}
	}()
	tx := &Tx{conn: c, ctx: ctx, readOnly: true}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// Close commits what is queued, waits for hooks and Views, writes the log into the database and closes it.
// Further calls return what the first one did.
func (s *Store) Close() error {
	s.once.Do(func() { s.closeErr = s.shut() })
	return s.closeErr
}

func (s *Store) shut() error {
	s.closing.Lock()
	s.closed = true
	close(s.queue)
	s.closing.Unlock()
	s.written.Wait()
	close(s.gone)
	var errs []error
	if s.viewers != s.writer {
		for range cap(s.viewers) {
			errs = append(errs, (<-s.viewers).close())
		}
	}
	c := <-s.writer
	if s.path != "" {
		errs = append(errs, c.script(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)"))
	}
	errs = append(errs, c.close())
	if s.lock != nil {
		errs = append(errs, s.lock.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store: closing: %w", err)
	}
	return nil
}
