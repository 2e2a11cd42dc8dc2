package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// discard is a journal that keeps nothing.
type discard struct{ body []byte }

func (discard) Attempted(pipeline.Record)                     {}
func (discard) Stopped([]pipeline.Stop)                       {}
func (d discard) Body(context.Context, int64) ([]byte, error) { return d.body, nil }
func (discard) Flush(context.Context) error                   { return nil }

// benchBody is as long as a message of Meta's.
var benchBody = make([]byte, 700)

// bench makes an engine with subscriptions, and with deliveries that wait for a far time.
func bench(b *testing.B, subscriptions, waiting int, send sender, onAttempt func(pipeline.Record)) (*pipeline.Engine, []string) {
	e := engine(b, pipeline.Config{
		Clock: clock.Real(), Journal: discard{benchBody}, Sender: send, OnAttempt: onAttempt,
	})
	ids := make([]string, subscriptions)
	for i := range ids {
		ids[i] = fmt.Sprintf("wbs_%026d", i)
		e.Put(subscriber(ids[i]))
	}
	due := time.Now().Add(time.Hour)
	for n := range int64(waiting) {
		d := delivery(1_000_000_000+n, ids[int(n)%subscriptions])
		d.Due = due.Add(time.Duration(n) * time.Millisecond)
		e.Enqueue([]pipeline.Delivery{d})
	}
	b.Cleanup(func() {
		if err := e.Drain(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return e, ids
}

// places bounds how many deliveries of a benchmark are on their way; an attempt gives a place back.
type places chan struct{}

func newPlaces() places {
	p := make(places, 2000)
	for range cap(p) {
		p <- struct{}{}
	}
	return p
}

func (p places) back(pipeline.Record) { p <- struct{}{} }

// inBatches enqueues b.N deliveries in turn over the subscriptions, 100 at a time, and waits for the last attempt.
func inBatches(b *testing.B, e *pipeline.Engine, ids []string, p places) {
	const batch = 100
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += batch {
		all := make([]pipeline.Delivery, 0, batch)
		for i := n; i < min(n+batch, b.N); i++ {
			<-p
			all = append(all, pipeline.Delivery{
				Seq: int64(i), ID: "wbd_01HXYZABCDEFGHJKMNPQRSTVWX", Subscription: ids[i%len(ids)], Body: benchBody,
				Event: pipeline.Event{Seq: int64(i), ID: "evt_01HXYZABCDEFGHJKMNPQRSTVWX", Name: "message.received"},
			})
		}
		e.Enqueue(all)
	}
	for range cap(p) {
		<-p
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func BenchmarkDeliver(b *testing.B) {
	for _, subscriptions := range []int{1, 10, 1000} {
		for _, waiting := range []int{0, 100_000} {
			b.Run(fmt.Sprintf("subscriptions=%d/pending=%d", subscriptions, waiting), func(b *testing.B) {
				p := newPlaces()
				e, ids := bench(b, subscriptions, waiting, always(200), p.back)
				inBatches(b, e, ids, p)
			})
		}
	}
}

// Every delivery fails once and goes among the pending ones, which is what costs most.
func BenchmarkFailAndPark(b *testing.B) {
	for _, waiting := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("pending=%d", waiting), func(b *testing.B) {
			p := newPlaces()
			e, ids := bench(b, 10, waiting, always(503), p.back)
			inBatches(b, e, ids, p)
		})
	}
}

// The memory of a pending delivery, the ids that it alone refers to included.
func BenchmarkPendingMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		e, ids := bench(b, 10, 0, always(200), nil)
		due := time.Now().Add(time.Hour)
		before := heap()
		for i := range int64(n) {
			d := delivery(i, ids[i%10])
			d.Due, d.Body = due.Add(time.Duration(i)), benchBody
			e.Enqueue([]pipeline.Delivery{d})
		}
		b.ReportMetric(float64(heap()-before)/n, "B/pending")
		if e.Stats().Future != n {
			b.Fatal("not all of them are pending")
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The whole schedule of one delivery on a virtual clock: eight attempts in 31 hours.
func BenchmarkSchedule(b *testing.B) {
	for b.Loop() {
		v := clock.NewVirtual(noon)
		e := engine(b, pipeline.Config{Clock: v, Journal: discard{benchBody}, Sender: always(500)})
		v.Settler(e.Settle)
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		if _, err := v.Advance(b.Context(), 40*time.Hour, grace); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDisableWithLongBacklog(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		var once sync.Once
		disabled := make(chan struct{})
		e := engine(b, pipeline.Config{
			Clock: clock.Real(), Journal: discard{benchBody}, Sender: always(404),
			OnDisabled: func(string) { once.Do(func() { close(disabled) }) },
		})
		e.Put(subscriber("wbs_a"))
		all := deliveries(1, n, "wbs_a")
		for i := range all[100:] {
			all[100+i].Due = time.Now().Add(time.Hour + time.Duration(i))
		}
		e.Enqueue(all)
		<-disabled
		if e.Stats().Future != 0 {
			b.Fatal("something is still pending")
		}
	}
}
