package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// queueLength is how many functions wait for the writer before Update and Record wait themselves.
	queueLength = 4096
	// groupLength and groupTime bound a transaction: many functions share the cost of a sync, and none waits long for it.
	groupLength = 512
	groupTime   = 10 * time.Millisecond
)

// ErrClosed is returned by whatever is asked of a store that was closed.
var ErrClosed = errors.New("store: closed")

// job is a function on its way through the writer.
type job struct {
	fn func(*Tx) error
	// state moves from waiting to taken (by the writer) or to withdrawn (by a caller whose context ended).
	state atomic.Int32
	// done is told when the outcome is known; nil for Record.
	done     chan struct{}
	err      error
	panicked *Panic
	hooks    []func()
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

// Panic is what a function given to Update panicked with. Update panics with it in turn.
type Panic struct {
	Value any
	// Stack is where it happened, in the writer's goroutine.
	Stack []byte
}

func (p *Panic) Error() string {
	return fmt.Sprintf("store: a function panicked: %v\n%s", p.Value, p.Stack)
}

// Update runs fn in the next transaction of the writer, and returns nil once what it wrote is durable and its AfterCommit
// hooks have run. fn runs at most once. Its error undoes what it wrote, and nothing else, and is returned as it is;
// every other error means that nothing of it was kept. When ctx ends before fn has begun, fn never runs and ctx's error
// is returned; once it has begun, Update waits for the outcome. fn shares its transaction and its goroutine with
// others: it must be short, must not wait for anything, and must not call the store's methods, only the Tx's.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	j := &job{fn: fn, done: make(chan struct{})}
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		<-j.done
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}

// Record is Update without waiting for the outcome: what fn writes is durable a little later, in the order of the calls.
// It waits only while the queue is full. OnError is told of a failure. An AfterCommit hook may call it.
func (s *Store) Record(fn func(*Tx) error) {
	if err := s.enqueue(context.Background(), &job{fn: fn}); err != nil {
		s.onError(err)
	}
}

// Flush returns when everything that was queued before is committed, or has failed, and its hooks have run.
func (s *Store) Flush(ctx context.Context) error {
	return s.Update(ctx, func(*Tx) error { return nil })
}

func (s *Store) enqueue(ctx context.Context, j *job) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the writer's goroutine: one group after the other, until the queue is closed and empty.
func (s *Store) write() {
	told := make(chan struct{})
	go func() {
		defer close(told)
		s.tell()
	}()
	for first := range s.queue {
		c := <-s.writer
		g := &group{conn: c}
		g.gather(first, s.queue)
		s.writer <- c
		s.groups.Add(1)
		s.jobs.Add(int64(len(g.jobs)))
		s.committed.add(g.jobs)
	}
	s.committed.close()
	<-told
}

// group is a transaction that several functions share.
type group struct {
	conn *conn
	jobs []*job
	// open says whether there is a transaction, and from which of jobs on they are in it.
	open bool
	from int
}

// gather runs the first function and those that wait behind it, up to a limit, and commits them.
func (g *group) gather(first *job, queue <-chan *job) {
	began := time.Now()
	for j := first; j != nil; {
		if j.state.CompareAndSwap(waiting, taken) {
			g.run(j)
			g.jobs = append(g.jobs, j)
		}
		j = nil
		if len(g.jobs) < groupLength && time.Since(began) < groupTime {
			select {
			case j = <-queue: // nil once it is closed and empty
			default:
			}
		}
	}
	if !g.open {
		return
	}
	if _, err := g.conn.run(context.Background(), "COMMIT"); err != nil {
		g.lose(err)
	}
}

// run runs one function between a savepoint and its release, so that its failure undoes nothing of the others.
func (g *group) run(j *job) {
	ctx := context.Background()
	if !g.open {
		if _, err := g.conn.run(ctx, "BEGIN IMMEDIATE"); err != nil {
			j.err = notWritten(err)
			return
		}
		g.open, g.from = true, len(g.jobs)
	}
	if _, err := g.conn.run(ctx, "SAVEPOINT job"); err != nil {
		j.err = notWritten(err)
		g.lose(err)
		return
	}
	tx := &Tx{conn: g.conn, ctx: ctx}
	j.panicked, j.err = call(j.fn, tx)
	if j.err == nil {
		// What fn wrote may be undone already (a full disk can end the transaction), even where fn overlooked it.
		j.err = tx.err
	}
	if j.err == nil {
		if _, err := g.conn.run(ctx, "RELEASE job"); err != nil {
			j.err = notWritten(err)
			g.lose(err)
			return
		}
		j.hooks = tx.hooks
		return
	}
	if _, err := g.conn.run(ctx, "ROLLBACK TO job"); err != nil {
		g.lose(j.err) // SQLite has ended the transaction, so the savepoint is gone
		return
	}
	if _, err := g.conn.run(ctx, "RELEASE job"); err != nil {
		g.lose(err)
	}
}

// lose ends the transaction without keeping anything of it. Functions that come later get a new one.
func (g *group) lose(cause error) {
	for _, j := range g.jobs[g.from:] {
		if j.err == nil {
			j.err, j.hooks = notWritten(cause), nil
		}
	}
	g.open = false
	// This fails where SQLite has rolled back by itself; what matters is that no transaction is left.
	_, _ = g.conn.run(context.Background(), "ROLLBACK")
}

func notWritten(cause error) error { return fmt.Errorf("store: nothing was written: %w", cause) }

// call calls fn and catches its panic.
func call(fn func(*Tx) error, tx *Tx) (panicked *Panic, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		if value == nil {
			// runtime.Goexit cannot be stopped, and a store whose writer has silently ended would hang whoever uses it.
			panic("store: a function given to Update or Record ended its goroutine (runtime.Goexit, or a test's FailNow)")
		}
		panicked = &Panic{Value: value, Stack: debug.Stack()}
		err = panicked
	}()
	err = fn(tx)
	returned = true
	return nil, err
}
