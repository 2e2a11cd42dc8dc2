package payload

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
)

const (
	// builders is how many goroutines build. One builds some 150,000 deliveries a second where it has a processor for
	// itself; the second is there for large bodies and busy machines.
	builders = 2
	// depth is how many deliveries wait at the most: at 5,000 a second they outlast a stall of 400 ms.
	depth = 2048
	// memory bounds the bytes that wait, whatever the size of a body.
	memory = 64 << 20
	// perChunk is how many deliveries are handed over at a time, so that handing over costs next to nothing.
	perChunk = 32
	// typical is the size of a body that no option filled up, in bytes, with its request.
	typical = 2 << 10
)

// ErrEnd is the error of taking more deliveries than the schedule has.
var ErrEnd = errors.New("the schedule has no more starts")

// Queue holds deliveries that are built and signed ahead of their time. They come out in the order of the schedule.
type Queue struct {
	sender   Sender
	encode   Encoder
	schedule *schedule.Schedule
	began    time.Time
	// stale is the age of a signature past which it is made afresh.
	stale time.Duration

	// lines are the builders' output: chunk n comes from builder n modulo their number.
	lines []chan []Delivery
	// turn is held by who takes. It is a channel and no mutex because a taker may wait in it for a builder.
	turn    chan struct{}
	current []Delivery
	chunk   uint64
	// starving says that a taker waits for a builder.
	starving atomic.Bool
	misses   atomic.Int64
	resigned atomic.Int64

	ready  []chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
	// failed is the first error of a builder.
	failed atomic.Pointer[error]
}

// NewQueue starts building the deliveries of a schedule that begins at began. Close ends it. tolerance is the age of a
// signature that the target must accept, and 0 where signatures have no age.
func NewQueue(ctx context.Context, c BuilderConfig, s *schedule.Schedule, began time.Time, tolerance time.Duration) (*Queue, error) {
	ctx, cancel := context.WithCancel(ctx)
	q := &Queue{
		sender: c.Sender, encode: c.Encode, schedule: s, began: began, cancel: cancel,
		// Half of what is tolerated leaves the other half to clocks that differ and to the way.
		stale: tolerance / 2,
		turn:  make(chan struct{}, 1),
	}
	size := typical
	if c.Options.BodySize > 0 {
		// The body waits twice, alone and in the request.
		size += 2 * c.Options.BodySize
	}
	if c.Options.Batched > 0 {
		size += 2 * typical * max(c.Options.BatchItems, DefaultBatchItems)
	}
	waiting := min(depth, max(2*builders, memory/size))
	chunk := min(perChunk, max(1, waiting/(4*builders)))
	var prepared []*Builder
	for i := range builders {
		b, err := NewBuilder(c, uint64(i))
		if err != nil {
			cancel()
			return nil, err
		}
		prepared = append(prepared, b)
	}
	for i, b := range prepared {
		line, ready := make(chan []Delivery, max(1, waiting/chunk/builders)), make(chan struct{})
		q.lines, q.ready = append(q.lines, line), append(q.ready, ready)
		q.done.Go(func() { q.produce(ctx, b, uint64(i), uint64(chunk), line, ready) })
	}
	return q, nil
}

// produce builds every chunk of one builder. ready is closed when the first is there.
func (q *Queue) produce(ctx context.Context, b *Builder, first, size uint64, line chan<- []Delivery, ready chan<- struct{}) {
	defer close(line)
	announce := sync.OnceFunc(func() { close(ready) })
	defer announce()
	trace := q.schedule.Trace()
	for chunk := first; ; chunk += builders {
		var out []Delivery
		for n := chunk * size; n < (chunk+1)*size; n++ {
			at, ok := q.schedule.At(n)
			if !ok {
				break
			}
			event := ""
			if trace != nil && trace.Events != nil {
				event = trace.Events[n]
			}
			d, err := b.Build(n, at, q.began.Add(at), event)
			if err != nil {
				q.failed.CompareAndSwap(nil, &err)
				return
			}
			if out == nil {
				out = make([]Delivery, 0, size)
			}
			out = append(out, d)
		}
		if out == nil {
			return
		}
		select {
		case line <- out:
			announce()
		case <-ctx.Done():
			return
		}
	}
}

// Ready waits until every builder has something to take.
func (q *Queue) Ready(ctx context.Context) error {
	for _, ready := range q.ready {
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Take returns the next delivery, signed again where it comes so late that its signature would be too old. The error is
// ErrEnd behind the last one, the context's, or that of building.
func (q *Queue) Take(ctx context.Context) (*Delivery, error) {
	if q.starving.Load() {
		q.misses.Add(1)
	}
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d, err := q.next(ctx)
	<-q.turn
	if err != nil {
		return nil, err
	}
	if now := time.Now(); q.stale > 0 && now.Sub(d.Signed) > q.stale {
		q.resigned.Add(1)
		return d, sign(q.sender, q.encode, d, now)
	}
	return d, nil
}

// next takes the first delivery of the current chunk. It wants the turn.
func (q *Queue) next(ctx context.Context) (*Delivery, error) {
	if len(q.current) == 0 {
		line := q.lines[q.chunk%builders]
		ok := false
		select {
		case q.current, ok = <-line:
		default:
			q.misses.Add(1)
			q.starving.Store(true)
			defer q.starving.Store(false)
			select {
			case q.current, ok = <-line:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if err := q.failed.Load(); !ok && err != nil {
			return nil, *err
		}
		if !ok {
			return nil, ErrEnd
		}
		q.chunk++
	}
	d := &q.current[0]
	q.current = q.current[1:]
	return d, nil
}

// Misses is how many takers found nothing ready, Resigned how many deliveries were signed again.
func (q *Queue) Misses() int64   { return q.misses.Load() }
func (q *Queue) Resigned() int64 { return q.resigned.Load() }

// Close ends the builders and waits for them.
func (q *Queue) Close() {
	q.cancel()
	q.done.Wait()
}
