package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// held runs a test in a bubble with a store whose writer is inside a first function, so that whatever is queued next
// shares its transaction, until release is called.
func held(t *testing.T, run func(t *testing.T, s *Store, release func())) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "")
		gate := make(chan struct{})
		go func() { _ = s.Update(ctx, func(*Tx) error { <-gate; return nil }) }() // its error is that of the group
		synctest.Wait()
		run(t, s, sync.OnceFunc(func() { close(gate) }))
	})
}

// together queues an Update for each function in order, while the writer is held, and returns their errors.
func together(t *testing.T, s *Store, release func(), fns ...func(*Tx) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	for i, fn := range fns {
		all.Go(func() { errs[i] = s.Update(ctx, fn) })
		synctest.Wait()
	}
	groups := s.groups.Load()
	release()
	all.Wait()
	synctest.Wait()
	if n := s.groups.Load() - groups; n != 1 {
		t.Fatalf("%d groups were made of %d functions, want 1", n, len(fns))
	}
	return errs
}

func TestErrorUndoesItsOwnFunctionOnly(t *testing.T) {
	held(t, func(t *testing.T, s *Store, release func()) {
		errs := together(t, s, release, set("0"),
			func(tx *Tx) error { return errors.Join(set("1")(tx), errFn) },
			func(tx *Tx) error { // reads what came before it in the group, and not what was undone
				_, zero, err := tx.Value("0")
				_, one, err2 := tx.Value("1")
				return errors.Join(err, err2, check(zero && !one, "0 is there: %v, 1 is there: %v", zero, one), set("2")(tx))
			})
		if errs[0] != nil || !errors.Is(errs[1], errFn) || errs[2] != nil {
			t.Fatalf("errors: %v", errs)
		}
		equal(t, "kept", settings(t, s), []string{"0", "2"})
	})
}

func TestErrorIsReturnedAsItIs(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		if err := s.Update(ctx, func(*Tx) error { return errFn }); err != errFn {
			t.Fatalf("Update returned %v", err)
		}
		if err := s.View(ctx, func(tx *Tx) error {
			return tx.each(`SELECT 1`, func(row) error { return errFn })
		}); err != errFn {
			t.Fatalf("View returned %v", err)
		}
	})
}

// A statement that failed may have cost the whole transaction, so a function cannot go on as if nothing had happened.
func TestOverlookedErrorKeepsNothing(t *testing.T) {
	held(t, func(t *testing.T, s *Store, release func()) {
		errs := together(t, s, release, set("0"), func(tx *Tx) error {
			err := set("1")(tx)
			_, _ = tx.exec(`INSERT INTO settings (key, value) VALUES ('2', NULL)`)
			return errors.Join(err, check(set("3")(tx) != nil, "a write after an error succeeded"))
		}, set("4"))
		if errs[0] != nil || code(errs[1]) != sqlite3.SQLITE_CONSTRAINT || errs[2] != nil {
			t.Fatalf("errors: %v", errs)
		}
		equal(t, "kept", settings(t, s), []string{"0", "4"})
	})
}

func TestFailedCommitFailsTheGroup(t *testing.T) {
	held(t, func(t *testing.T, s *Store, release func()) {
		var hooks int
		errs := together(t, s, release,
			func(tx *Tx) error { tx.AfterCommit(func() { hooks++ }); return set("0")(tx) },
			func(tx *Tx) error { return errors.Join(set("1")(tx), errFn) },
			func(tx *Tx) error {
				tx.conn.Conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { return 1 })
				return set("2")(tx)
			})
		for _, i := range []int{0, 2} {
			if errs[i] == nil || !strings.HasPrefix(errs[i].Error(), "store: nothing was written: ") {
				t.Errorf("error %d: %v", i, errs[i])
			}
		}
		if !errors.Is(errs[1], errFn) {
			t.Errorf("a function's own error became %v", errs[1])
		}
		if hooks > 0 {
			t.Error("a hook ran though nothing was committed")
		}
		if err := withWriter(s, func(c *conn) error {
			c.Conn.(sqlite.HookRegisterer).RegisterCommitHook(nil)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		update(t, s, set("3"))
		equal(t, "kept", settings(t, s), []string{"3"})
	})
}

// What was acknowledged is there and what was refused is not, while the disk is full and after there is room again.
func TestFullDisk(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		limit := func(pages int) error {
			return withWriter(s, func(c *conn) error { return c.script(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)) })
		}
		if err := limit(150); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var acknowledged []string
		var refused error
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := worker; i < 1000; i += 8 {
					err := s.Update(ctx, func(tx *Tx) error { return tx.SetValue(strconv.Itoa(i), strings.Repeat("x", 1000)) })
					mu.Lock()
					if err == nil {
						acknowledged = append(acknowledged, strconv.Itoa(i))
					} else {
						refused = err
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if refused == nil || code(refused) != sqlite3.SQLITE_FULL || !strings.Contains(refused.Error(), "full") {
			t.Fatalf("a full disk is reported as %v", refused)
		}
		want := func() []string {
			slices.SortFunc(acknowledged, func(a, b string) int {
				x, _ := strconv.Atoi(a)
				y, _ := strconv.Atoi(b)
				return x - y
			})
			return acknowledged
		}
		equal(t, "kept on a full disk", settings(t, s), want())
		if err := limit(1 << 20); err != nil {
			t.Fatal(err)
		}
		update(t, s, set("5000"))
		acknowledged = append(acknowledged, "5000")
		equal(t, "kept after that", settings(t, s), want())
	})
}

func TestOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		const n = 3 * groupLength
		var ran, hooked []int // ran belongs to the writer, hooked to the goroutine of hooks; Flush orders both before us
		for i := range n {
			s.Record(func(tx *Tx) error {
				ran = append(ran, i)
				tx.AfterCommit(func() { hooked = append(hooked, i) })
				return set(strconv.Itoa(i))(tx)
			})
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		want := make([]int, n)
		for i := range want {
			want[i] = i
		}
		equal(t, "functions", ran, want)
		equal(t, "hooks", hooked, want)
		equal(t, "kept", settings(t, s), numbers(n))
	})
}

// The hook sees what was written, and Update returns only after it.
func TestHookRunsBetweenCommitAndReturn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		var seen []string
		update(t, s, func(tx *Tx) error {
			tx.AfterCommit(func() { seen = settings(t, s) })
			return set("7")(tx)
		})
		equal(t, "seen by the hook", seen, []string{"7"})
	})
}

// A hook that records more than the queue holds must not lock up with the writer.
func TestHookMayRecordMoreThanTheQueueHolds(t *testing.T) {
	s := open(t, "")
	const n = 3 * queueLength
	update(t, s, func(tx *Tx) error {
		tx.AfterCommit(func() {
			for i := range n {
				s.Record(set(strconv.Itoa(i)))
			}
		})
		return nil
	})
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", settings(t, s), numbers(n))
}

func TestEndedContextWithdrawsWhatHasNotBegun(t *testing.T) {
	held(t, func(t *testing.T, s *Store, release func()) {
		ctx, cancel := context.WithCancel(ctx)
		withdrawn := make(chan error)
		go func() {
			withdrawn <- s.Update(ctx, func(*Tx) error { t.Error("a withdrawn function ran"); return nil })
		}()
		synctest.Wait()
		cancel()
		if err := <-withdrawn; err != context.Canceled {
			t.Fatalf("Update returned %v", err)
		}
		release()
		update(t, s, set("0"))
		equal(t, "kept", settings(t, s), []string{"0"})
	})
}

// Once the function has begun, its outcome is what counts: an error would say that nothing was written.
func TestEndedContextDoesNotHideAnOutcome(t *testing.T) {
	ctx, cancel := context.WithCancel(ctx)
	s := open(t, "")
	if err := s.Update(ctx, func(tx *Tx) error { cancel(); return set("0")(tx) }); err != nil {
		t.Fatalf("Update returned %v", err)
	}
	equal(t, "kept", settings(t, s), []string{"0"})
}

func TestPanicReachesTheCaller(t *testing.T) {
	held(t, func(t *testing.T, s *Store, release func()) {
		var caught any
		together(t, s, release, set("0"), func(tx *Tx) (err error) { return set("1")(tx) })
		func() {
			defer func() { caught = recover() }()
			_ = s.Update(ctx, func(tx *Tx) error { _ = set("2")(tx); panic("ouch") })
		}()
		p, ok := caught.(*Panic)
		if !ok || p.Value != "ouch" || !strings.Contains(string(p.Stack), "TestPanicReachesTheCaller") {
			t.Fatalf("caught %v", caught)
		}
		update(t, s, set("3"))
		equal(t, "kept", settings(t, s), []string{"0", "1", "3"})
	})
}

func TestRecordTellsOfFailures(t *testing.T) {
	var told []error
	s, err := Open(ctx, "", OnError(func(err error) { told = append(told, err) }))
	if err != nil {
		t.Fatal(err)
	}
	s.Record(func(tx *Tx) error { return errors.Join(set("0")(tx), errFn) })
	s.Record(func(*Tx) error { panic("ouch") })
	s.Record(set("1"))
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "kept", settings(t, s), []string{"1"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Record(set("2"))
	var p *Panic
	if len(told) != 3 || !errors.Is(told[0], errFn) || !errors.As(told[1], &p) || told[2] != ErrClosed {
		t.Fatalf("told %v", told)
	}
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kirim.db")
	s := open(t, path)
	const n = 3000
	for i := range n {
		s.Record(set(strconv.Itoa(i)))
	}
	for range 2 { // the second call is harmless
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(ctx, set("x")); err != ErrClosed {
		t.Errorf("Update after Close: %v", err)
	}
	if err := s.View(ctx, func(*Tx) error { return nil }); err != ErrClosed {
		t.Errorf("View after Close: %v", err)
	}
	equal(t, "kept", settings(t, open(t, path)), numbers(n))
}
