package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

var noon = time.Date(2026, 5, 23, 12, 0, 0, 0, time.UTC)

const grace = 2 * time.Second

// virtual makes an engine on a virtual clock that it settles.
func virtual(t testing.TB, c pipeline.Config) (*pipeline.Engine, *clock.Virtual) {
	v := clock.NewVirtual(noon)
	c.Clock = v
	e := engine(t, c)
	v.Settler(e.Settle)
	return e, v
}

func advance(t testing.TB, v *clock.Virtual, d time.Duration) int {
	t.Helper()
	fired, err := v.Advance(t.Context(), d, grace)
	if err != nil {
		t.Fatal(err)
	}
	return fired
}

// This runs on real time: it shows that no part of the schedule waits for it.
func TestVirtualClockRunsTheWholeScheduleAtOnce(t *testing.T) {
	began, journal := time.Now(), &memory{}
	e, v := virtual(t, pipeline.Config{Journal: journal, Sender: always(500), Rules: exact(t)})
	e.Put(subscriber("wbs_a"))
	e.Enqueue(deliveries(1, 1, "wbs_a"))
	fired := advance(t, v, 32*time.Hour)
	records, _ := journal.taken()
	s := time.Second
	expectTimes(t, records, noon, 0, 10*s, 40*s, 160*s, 760*s, 4360*s, 25960*s, 112360*s)
	if fired != 7 {
		t.Errorf("%d timers fired, want one for each retry", fired)
	}
	if last := records[len(records)-1]; last.Outcome != pipeline.Terminal || e.Stats().Pending() != 0 {
		t.Errorf("the last attempt: %+v, left: %+v", last, e.Stats())
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("31 hours took %s", took)
	}
}

func TestVirtualClockStopsShortOfWhatIsNotDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e, v := virtual(t, pipeline.Config{Journal: journal, Sender: always(500), Rules: exact(t)})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		for _, c := range []struct {
			by   time.Duration
			made int
		}{{0, 1}, {10*time.Second - 1, 1}, {1, 2}, {0, 2}, {30 * time.Second, 3}} {
			advance(t, v, c.by)
			if records, _ := journal.taken(); len(records) != c.made {
				t.Errorf("%s: %d attempts, want %d", v.Now().Sub(noon), len(records), c.made)
			}
		}
		if journal.flushed == 0 {
			t.Error("Advance answered before the journal was flushed")
		}
	})
}

func TestVirtualClockResumesWhatFellDueInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e, v := virtual(t, pipeline.Config{Journal: journal, Sender: always(500), Rules: exact(t)})
		s := subscriber("wbs_a")
		e.Put(s)
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		advance(t, v, 0)
		s.State = pipeline.Paused
		e.Put(s)
		advance(t, v, time.Hour)
		s.State = pipeline.Active
		e.Put(s)
		// No Advance: the attempt is due now.
		if err := e.Settle(t.Context(), grace); err != nil {
			t.Fatal(err)
		}
		records, _ := journal.taken()
		expectTimes(t, records, noon, 0, time.Hour)
	})
}

// In the bubble, real time passes only where someone waits for it, so its length is the time that Settle waited.
func TestHangingAttemptIsHeldAndTimesOutOnTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e, v := virtual(t, pipeline.Config{
			Journal: journal, Rules: exact(t), Concurrency: 2,
			Sender: sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
				if field(r, "X-Kirim-Attempt") == "1" && strings.Contains(r.URL, "wbs_hung") {
					return hangs(ctx, r)
				}
				return pipeline.Response{Status: 200}
			}),
		})
		e.Put(subscriber("wbs_hung"))
		e.Put(subscriber("wbs_well"))
		e.Enqueue(deliveries(1, 3, "wbs_hung"))
		e.Enqueue(deliveries(4, 4, "wbs_well"))
		began := time.Now()
		advance(t, v, 5*time.Second)
		if waited := time.Since(began); waited != grace {
			t.Errorf("waited %s for what hangs, want the grace", waited)
		}
		if got := e.Stats(); got.Held != 2 || got.InFlight != 2 || got.Ready != 1 {
			t.Errorf("%+v, want two held and one behind them", got)
		}
		began = time.Now()
		advance(t, v, 5*time.Second-1)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s again for what is held", waited)
		}
		if records, _ := journal.taken(); len(records) != 1 || records[0].Subscription != "wbs_well" {
			t.Errorf("%+v, want only the one that is well", records)
		}
		// The last nanosecond: two time out, and the third begins and hangs.
		advance(t, v, 1)
		records, _ := journal.taken()
		if len(records) != 3 {
			t.Fatalf("%d records, want the two that timed out as well", len(records))
		}
		for _, r := range records[1:] {
			if r.Trouble != pipeline.TimedOut || r.EndedAt.Sub(noon) != 10*time.Second || r.NextAt.Sub(noon) != 20*time.Second {
				t.Errorf("%+v, want it to have ended at its deadline", r)
			}
		}
		advance(t, v, 30*time.Second)
		records, _ = journal.taken()
		if got := e.Stats(); got.Pending() != 0 || len(records) != 7 {
			t.Errorf("%+v is left after %d attempts, want nothing after 7", got, len(records))
		}
		slices.SortFunc(records, func(a, b pipeline.Record) int { return a.StartedAt.Compare(b.StartedAt) })
		expectTimes(t, records[3:], noon, 10*time.Second, 20*time.Second, 20*time.Second, 30*time.Second)
	})
}

// An attempt that merely takes its time has the whole grace for itself, however many came before it.
func TestGraceIsThatOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e, v := virtual(t, pipeline.Config{Journal: journal, Concurrency: 1,
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response {
				time.Sleep(grace - 1)
				return pipeline.Response{Status: 200}
			})})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 10, "wbs_a"))
		advance(t, v, 0)
		if records, _ := journal.taken(); len(records) != 10 {
			t.Errorf("%d attempts were waited for, want 10", len(records))
		}
	})
}

func TestSettleEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, v := virtual(t, pipeline.Config{Journal: &memory{}, Sender: sender(hangs)})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Settle(ctx, time.Hour); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		advance(t, v, 10*time.Second)
	})
}

// With one attempt at a time, a run is the same to the last id; with several, the same but for the order of what
// happens at one instant, on which consecutive failures depend.
func TestSameSeedSameRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(seed uint64, concurrency int) (lines []string) {
			journal := &memory{}
			e, v := virtual(t, pipeline.Config{
				Journal: journal, Seed: seed, Concurrency: concurrency,
				Rules: rules(t, func(r *pipeline.Rules) {
					if concurrency > 1 {
						r.DisableAfter = 0
					}
				}),
				Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
					return pipeline.Response{Status: []int{200, 404, 500, 429, 503}[int(r.Body[len(r.Body)-2]-'0')%5]}
				}),
			})
			e.Put(subscriber("wbs_a"))
			e.Enqueue(deliveries(1, 60, "wbs_a"))
			advance(t, v, 38*time.Hour)
			records, _ := journal.taken()
			for _, r := range records {
				r.Took = 0
				lines = append(lines, fmt.Sprintf("%+v", r))
			}
			if concurrency > 1 {
				lines = lines[:0]
				slices.SortFunc(records, func(a, b pipeline.Record) int {
					return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.Delivery, b.Delivery))
				})
				for _, r := range records {
					lines = append(lines, fmt.Sprint(r.StartedAt, r.Delivery, r.Number, r.Outcome, r.NextAt))
				}
			}
			return lines
		}
		for _, concurrency := range []int{1, 8} {
			first := run(1, concurrency)
			if len(first) < 200 {
				t.Fatalf("only %d attempts", len(first))
			}
			for range 3 {
				if got := run(1, concurrency); !slices.Equal(got, first) {
					t.Errorf("concurrency %d: the run differs: %s", concurrency, firstDifference(got, first))
				}
			}
			if slices.Equal(run(2, concurrency), first) {
				t.Errorf("concurrency %d: another seed makes no difference", concurrency)
			}
		}
	})
}
