package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// Readers see whole transactions only: each sets two values to the same.
func TestConcurrentUpdatesAndViews(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		update(t, s, func(tx *Tx) error { return errors.Join(tx.SetValue("a", "0"), tx.SetValue("b", "0")) })
		var all sync.WaitGroup
		done := make(chan struct{})
		for worker := range 4 {
			all.Go(func() {
				for i := range 50 {
					v := fmt.Sprint(worker, ".", i)
					if err := s.Update(ctx, func(tx *Tx) error {
						return errors.Join(tx.SetValue("a", v), tx.SetValue("b", v))
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		var views sync.WaitGroup
		for range 2 {
			views.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if err := s.View(ctx, func(tx *Tx) error {
						a, _, err := tx.Value("a")
						b, _, err2 := tx.Value("b")
						return errors.Join(err, err2, check(a == b, "half a transaction: %s and %s", a, b))
					}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		close(done)
		views.Wait()
	})
}

func TestViewCannotWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		if err := s.View(ctx, set("0")); err == nil || err.Error() != "store: a View cannot write" {
			t.Fatalf("View returned %v", err)
		}
		equal(t, "kept", settings(t, s), nil)
	})
}

func TestViewOfAFileDoesNotWaitForTheWriter(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "kirim.db"))
	update(t, s, set("0"))
	begun, gate := make(chan struct{}), make(chan struct{})
	s.Record(func(tx *Tx) error { err := set("1")(tx); close(begun); <-gate; return err })
	<-begun
	equal(t, "seen", settings(t, s), []string{"0"})
	close(gate)
}

func TestViewEndsWithItsContext(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(ctx)
		err := s.View(ctx, func(tx *Tx) error {
			cancel()
			return tx.each(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n`,
				func(row) error { return nil })
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("View returned %v", err)
		}
		equal(t, "seen after that", settings(t, s), nil)
	})
}
