package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// A burst to many subscriptions must not open a connection for each at once.
func TestQuickAttemptsAreBoundedOverAllLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lanes, seats = 1000, 32
		var now, most atomic.Int64
		journal := &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Seats: seats,
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(10 * time.Millisecond)
				now.Add(-1)
				return pipeline.Response{Status: 200}
			}),
		})
		for n := range int64(lanes) {
			id := fmt.Sprintf("wbs_%d", n)
			e.Put(subscriber(id))
			e.Enqueue(deliveries(3*n+1, 3*n+3, id))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		records, _ := journal.taken()
		if len(records) != 3*lanes || most.Load() != seats {
			t.Errorf("%d attempts, %d at once; want %d and %d", len(records), most.Load(), 3*lanes, seats)
		}
		if got := e.Stats(); got.Pending() != 0 {
			t.Errorf("left over: %+v", got)
		}
	})
}

// Lanes take their seats in turn: one with a long backlog does not keep the others waiting.
func TestLanesTakeTheirSeatsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, journal := time.Now(), &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Seats: 2,
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response {
				time.Sleep(time.Millisecond)
				return pipeline.Response{Status: 200}
			}),
		})
		e.Put(subscriber("wbs_long"))
		e.Put(subscriber("wbs_short"))
		e.Enqueue(deliveries(1, 10_000, "wbs_long"))
		e.Enqueue(deliveries(20_000, 20_000, "wbs_short"))
		time.Sleep(time.Minute)
		synctest.Wait()
		records, _ := journal.taken()
		for _, r := range records {
			if late := r.EndedAt.Sub(start); r.Subscription == "wbs_short" && late > 5*time.Millisecond {
				t.Errorf("the short lane's delivery came after %s", late)
			}
		}
		if len(records) != 10_001 {
			t.Errorf("%d attempts, want 10001", len(records))
		}
	})
}

// Subscribers that hang give up their seats, so that the others are hardly delayed even where those had all of them.
func TestHangingLanesGiveUpTheirSeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, journal := time.Now(), &memory{}
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Seats: 8, Rules: rules(t, func(r *pipeline.Rules) { r.DisableAfter = 0 }),
			Sender: sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
				if strings.Contains(r.URL, "wbs_dead") {
					return hangs(ctx, r)
				}
				return pipeline.Response{Status: 200}
			}),
		})
		for n := range int64(20) {
			id := fmt.Sprintf("wbs_dead%d", n)
			e.Put(subscriber(id))
			e.Enqueue(deliveries(100*n+1, 100*n+100, id))
		}
		e.Put(subscriber("wbs_well"))
		e.Enqueue(deliveries(50_000, 50_000, "wbs_well"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		records, _ := journal.taken()
		if len(records) != 1 || records[0].Subscription != "wbs_well" {
			t.Fatalf("%d attempts ended, want that of the healthy one", len(records))
		}
		if late := records[0].EndedAt.Sub(start); late > time.Second {
			t.Errorf("it came after %s", late)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := e.Stats(); got.InFlight != 20 {
			t.Errorf("%d in flight, want one for each lane that hangs", got.InFlight)
		}
		for n := range 20 {
			e.Remove(fmt.Sprintf("wbs_dead%d", n))
		}
		time.Sleep(time.Minute)
	})
}
