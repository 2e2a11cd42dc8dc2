package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

func TestHangingLaneDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, journal := time.Now(), &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal,
			Rules: rules(t, func(r *pipeline.Rules) { r.DisableAfter = 0 }),
			Sender: sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
				if strings.Contains(r.URL, "wbs_dead") {
					return hangs(ctx, r)
				}
				return pipeline.Response{Status: 200}
			}),
		})
		e.Put(subscriber("wbs_dead"))
		e.Put(subscriber("wbs_well"))
		e.Enqueue(deliveries(1, 10_000, "wbs_dead"))
		for n := range int64(50) {
			e.Enqueue(deliveries(20_000+n, 20_000+n, "wbs_well"))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		records, _ := journal.taken()
		n := 0
		for _, r := range records {
			if r.Subscription == "wbs_well" {
				if late := r.EndedAt.Sub(start) - time.Duration(n)*time.Second; late != 0 || r.Outcome != pipeline.Delivered {
					t.Errorf("delivery %d was %s after %s", r.Delivery, r.Outcome, late)
				}
				n++
			}
		}
		if n != 50 {
			t.Errorf("%d deliveries, want 50", n)
		}
		// Four rounds of timeouts have halved the lane's places from 16 to 1.
		if got := e.Stats(); got.InFlight != 1 || got.Ready < 9000 {
			t.Errorf("%+v, want a long backlog and 1 in flight", got)
		}
		e.Remove("wbs_dead")
		time.Sleep(time.Minute)
	})
}

func TestConcurrencyOfALaneIsBoundedAndUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		start, journal := time.Now(), &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Concurrency: 5,
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				now.Add(-1)
				return pipeline.Response{Status: 200}
			}),
		})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 50, "wbs_a"))
		time.Sleep(time.Minute)
		records, _ := journal.taken()
		if most.Load() != 5 || len(records) != 50 {
			t.Errorf("%d at once and %d in all, want 5 and 50", most.Load(), len(records))
		}
		if took := records[49].EndedAt.Sub(start); took != 10*time.Second {
			t.Errorf("50 deliveries of 1 s took %s five at a time", took)
		}
	})
}

// A journal that holds one subscription back must not hold up what has nothing to do with it.
func TestSlowJournalHoldsBackItsLaneOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		journal := &memory{attempted: func(r pipeline.Record) {
			if r.Subscription == "wbs_slow" {
				<-release
			}
		}}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: always(200), Concurrency: 1})
		e.Put(subscriber("wbs_slow"))
		e.Put(subscriber("wbs_well"))
		e.Enqueue(deliveries(1, 10, "wbs_slow"))
		synctest.Wait()
		e.Enqueue(deliveries(11, 20, "wbs_well"))
		e.Put(subscriber("wbs_well"))
		synctest.Wait()
		if records, _ := journal.taken(); len(records) != 10 {
			t.Errorf("%d records, want those of the other subscription", len(records))
		}
		if got := e.Stats(); got.InFlight != 1 || got.Ready != 9 {
			t.Errorf("%+v, want one attempt whose record waits, and nine behind it", got)
		}
		close(release)
		synctest.Wait()
		if records, _ := journal.taken(); len(records) != 20 {
			t.Errorf("%d records, want 20", len(records))
		}
	})
}

// The journal writes the count that each record carries, so the last record must have the last count.
func TestRecordsOfALaneReachTheJournalInTheirOrder(t *testing.T) {
	journal, done := &memory{}, make(chan struct{})
	const n = 2000
	var made atomic.Int64
	e := engine(t, pipeline.Config{
		Clock: clock.Real(), Journal: journal,
		Rules: rules(t, func(r *pipeline.Rules) { r.DisableAfter = 0 }),
		Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
			if r.Body[len(r.Body)-2] == '7' {
				return pipeline.Response{Status: 200}
			}
			return pipeline.Response{Status: 404}
		}),
		OnAttempt: func(pipeline.Record) {
			if made.Add(1) == n {
				close(done)
			}
		},
	})
	e.Put(subscriber("wbs_a"))
	e.Enqueue(deliveries(1, n, "wbs_a"))
	<-done
	records, _ := journal.taken()
	count := 0
	for _, r := range records {
		if count++; r.Outcome == pipeline.Delivered {
			count = 0
		}
		if r.Failures != count {
			t.Fatalf("delivery %d: count %d, want %d by the records before it", r.Delivery, r.Failures, count)
		}
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDrainWaitsForWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Concurrency: 2,
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response {
				time.Sleep(3 * time.Second)
				return pipeline.Response{Status: 500}
			})})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 5, "wbs_a"))
		start := time.Now()
		synctest.Wait()
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Drain took %s, want the 3 s of the attempts in flight", took)
		}
		e.Enqueue(deliveries(6, 6, "wbs_a"))
		time.Sleep(time.Hour)
		if records, stops := journal.taken(); len(records) != 2 || len(stops) != 0 || journal.flushed != 1 {
			t.Errorf("%d records, %d stops, %d flushes; want 2, 0, 1", len(records), len(stops), journal.flushed)
		}
		if got := e.Stats(); got.Pending() != 6 {
			t.Errorf("%+v, want all six pending", got)
		}
	})
}

func TestDrainGivesUpWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: sender(hangs)})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 2, "wbs_a"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := e.Drain(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "2 attempts were in flight") {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		if records, _ := journal.taken(); len(records) != 0 {
			t.Errorf("an attempt that was given up counts as the subscriber's: %+v", records)
		}
	})
}
