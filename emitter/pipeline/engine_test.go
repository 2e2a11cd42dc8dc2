package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

func TestNewNamesWhatIsMissing(t *testing.T) {
	if _, err := pipeline.New(pipeline.Config{}); err == nil {
		t.Error("an engine without anything was made")
	}
}

func TestDisablesExactlyAtTheThreshold(t *testing.T) {
	for _, id := range []string{"kckit", "kirim.chat", "kirimdev"} {
		t.Run(id, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				threshold := int64(modelDisableAfter[id])
				journal := &memory{}
				var disabled []string
				e := engine(t, pipeline.Config{
					Edition: edition(t, id), Clock: clock.Real(), Journal: journal, Concurrency: 1,
					OnDisabled: func(id string) { disabled = append(disabled, id) },
					Sender: sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
						if strings.Contains(string(r.Body), `"event":100`) {
							return pipeline.Response{Status: 503}
						}
						return pipeline.Response{Status: 410}
					}),
				})
				e.Put(subscriber("wbs_a"))
				e.Put(subscriber("wbs_b"))
				e.Enqueue([]pipeline.Delivery{delivery(1000, "wbs_a"), delivery(1001, "wbs_b")})
				e.Enqueue(deliveries(1, threshold-1, "wbs_a"))
				synctest.Wait()
				if len(disabled) > 0 {
					t.Fatalf("disabled after %d failures", threshold-1)
				}
				e.Enqueue(deliveries(threshold, threshold+5, "wbs_a"))
				synctest.Wait()
				if !slices.Equal(disabled, []string{"wbs_a"}) {
					t.Errorf("disabled %q, want wbs_a once", disabled)
				}
				records, stops := journal.taken()
				last := records[len(records)-1]
				if last.Delivery != threshold || !last.Disabled || last.Failures != int(threshold) {
					t.Errorf("the last attempt is %+v, want that of delivery %d, which disables", last, threshold)
				}
				stoppedSeqs := func(stops []pipeline.Stop) (seqs []int64) {
					for _, s := range stops {
						if s.Subscription != "wbs_a" || s.Reason != pipeline.SubscriptionDisabled || !s.At.Equal(time.Now()) {
							t.Errorf("stopped: %+v", s)
						}
						seqs = append(seqs, s.Delivery)
					}
					slices.Sort(seqs)
					return seqs
				}
				// The five behind it, and the one that waited for its second attempt.
				want := []int64{threshold + 1, threshold + 2, threshold + 3, threshold + 4, threshold + 5, 1000}
				if got := stoppedSeqs(stops); !slices.Equal(got, want) {
					t.Errorf("stopped %v, want %v", got, want)
				}
				e.Enqueue(deliveries(500, 500, "wbs_a"))
				if _, stops := journal.taken(); len(stops) != len(want)+1 {
					t.Errorf("%d stops, want that of a delivery that came too late as well", len(stops))
				}

				// Active again, the count begins at zero.
				e.Put(subscriber("wbs_a"))
				e.Enqueue(deliveries(501, 500+threshold-1, "wbs_a"))
				synctest.Wait()
				if len(disabled) != 1 {
					t.Error("disabled again before the threshold")
				}
				e.Enqueue(deliveries(600, 600, "wbs_a"))
				synctest.Wait()
				if len(disabled) != 2 {
					t.Error("not disabled again at the threshold")
				}
				if got := e.Stats(); got.Pending() != 1 || got.Future != 1 {
					t.Errorf("%+v is left, want the other subscription's retry", got)
				}
			})
		})
	}
}

func TestAttemptsInFlightFinishAfterDisabling(t *testing.T) {
	for name, c := range map[string]struct {
		keep bool
		want pipeline.Outcome
	}{"stopped": {false, pipeline.Terminal}, "kept": {true, pipeline.Retry}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				journal := &memory{}
				e := engine(t, pipeline.Config{
					Clock: clock.Real(), Journal: journal,
					Rules: rules(t, func(r *pipeline.Rules) { r.DisableAfter, r.KeepPending = 1, c.keep }),
					Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
						switch string(r.Body) {
						case string(bodyOf(1)):
							time.Sleep(time.Second / 2)
							return pipeline.Response{Status: 400}
						case string(bodyOf(2)):
							time.Sleep(time.Second)
							return pipeline.Response{Status: 500}
						default:
							time.Sleep(2 * time.Second)
							return pipeline.Response{Status: 200}
						}
					}),
				})
				e.Put(subscriber("wbs_a"))
				e.Enqueue(deliveries(1, 3, "wbs_a"))
				time.Sleep(3 * time.Second)
				synctest.Wait()
				records, stops := journal.taken()
				if len(records) != 3 || len(stops) != 0 {
					t.Fatalf("%d records and %d stops, want 3 and 0", len(records), len(stops))
				}
				if r := records[1]; r.Outcome != c.want || r.Failures != 1 || r.NextAt.IsZero() != (c.want == pipeline.Terminal) {
					t.Errorf("the failed one: %+v, want %s", r, c.want)
				}
				if r := records[2]; r.Outcome != pipeline.Delivered || r.Failures != 1 {
					t.Errorf("the delivered one: %+v; it must not make the subscription look well", r)
				}
				time.Sleep(time.Hour)
				if records, _ := journal.taken(); len(records) != 3 {
					t.Error("an attempt was made while disabled")
				}
				e.Put(subscriber("wbs_a"))
				time.Sleep(2 * time.Second)
				if records, _ := journal.taken(); c.keep && (len(records) != 4 || records[3].Number != 2) {
					t.Errorf("%d records, want the kept delivery's second attempt at once", len(records))
				}
			})
		})
	}
}

func TestPausedKeepsWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal, start := &memory{}, time.Now()
		status := 500
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Rules: exact(t),
			Sender: sender(func(context.Context, pipeline.Request) pipeline.Response { return pipeline.Response{Status: status} }),
		})
		s := subscriber("wbs_a")
		e.Put(s)
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		synctest.Wait()
		s.State = pipeline.Paused
		e.Put(s)
		e.Enqueue(deliveries(2, 2, "wbs_a"))
		time.Sleep(time.Minute)
		if got := e.Stats(); got.Pending() != 2 || got.InFlight != 0 {
			t.Errorf("%+v while paused, want 2 pending", got)
		}
		s.State, status = pipeline.Active, 200
		e.Put(s)
		synctest.Wait()
		records, _ := journal.taken()
		expectTimes(t, records, start, 0, time.Minute, time.Minute)
		if got := e.Stats(); got.Pending() != 0 {
			t.Errorf("%+v is left", got)
		}
	})
}

// exact are the rules without jitter.
func exact(t testing.TB) *pipeline.Rules {
	return rules(t, func(r *pipeline.Rules) {
		delay := r.Delay
		r.Delay = func(attempt int, _ float64) (time.Duration, bool) { return delay(attempt, 0.5) }
	})
}

func TestRemoveStopsWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: sender(hangs), Concurrency: 1})
		e.Put(subscriber("wbs_a"))
		later := delivery(3, "wbs_a")
		later.Due = time.Now().Add(time.Hour)
		e.Enqueue(append(deliveries(1, 2, "wbs_a"), later))
		synctest.Wait()
		e.Remove("wbs_a")
		e.Remove("wbs_a")
		e.Remove("wbs_unknown")
		time.Sleep(time.Minute)
		records, stops := journal.taken()
		if len(records) != 1 || records[0].Outcome != pipeline.Terminal {
			t.Errorf("records %+v, want the one that was in flight, terminal", records)
		}
		if len(stops) != 2 || stops[0].Reason != pipeline.SubscriptionDeleted || stops[0].DeliveryID != delivery(2, "").ID {
			t.Errorf("stops %+v, want two for a deleted subscription", stops)
		}
		if got := e.Stats(); got != (pipeline.Stats{}) {
			t.Errorf("%+v is left", got)
		}
	})
}

func TestEnqueueAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		given := func(n int64, attempts int, due time.Duration) pipeline.Delivery {
			d := delivery(n, "wbs_a")
			d.Attempts, d.Due = attempts, start.Add(due)
			return d
		}
		journal := &memory{}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Rules: exact(t), Sender: always(503)})
		e.Put(subscriber("wbs_a"))
		e.Enqueue([]pipeline.Delivery{
			given(1, 6, -time.Hour), given(2, 7, time.Minute), given(3, 8, 0), delivery(4, "wbs_unknown"),
			// No time, and so the schedule's, from now.
			{Seq: 5, Subscription: "wbs_a", Attempts: 2},
		})
		time.Sleep(30 * time.Minute)
		records, stops := journal.taken()
		expectTimes(t, records, start, 0, 30*time.Second, time.Minute, 150*time.Second, 750*time.Second)
		numbers, ids := []int{}, []bool{}
		for _, r := range records {
			numbers = append(numbers, r.Number)
			ids = append(ids, r.HeaderID == r.DeliveryID)
		}
		if want := []int{7, 3, 8, 4, 5}; !slices.Equal(numbers, want) {
			t.Errorf("attempts %v, want %v", numbers, want)
		}
		if slices.Contains(ids, true) {
			t.Error("a retry carries the delivery's own id")
		}
		if records[2].Outcome != pipeline.Terminal {
			t.Errorf("the eighth attempt: %+v, want terminal", records[2])
		}
		why := []pipeline.Reason{}
		for _, s := range stops {
			why = append(why, s.Reason)
		}
		if want := []pipeline.Reason{pipeline.NoAttemptLeft, pipeline.SubscriptionDeleted}; !slices.Equal(why, want) {
			t.Errorf("stopped because %q, want %q", why, want)
		}
	})
}

func TestFailuresSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		e := engine(t, pipeline.Config{Clock: clock.Real(), Journal: journal, Sender: always(404)})
		s := subscriber("wbs_a")
		s.Failures = modelDisableAfter["kckit"] - 1
		e.Put(s)
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		synctest.Wait()
		if records, _ := journal.taken(); !records[0].Disabled {
			t.Errorf("%+v did not disable", records[0])
		}
	})
}

func TestPutChangesTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var urls, signatures []string
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: &memory{}, Rules: exact(t),
			Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
				urls = append(urls, r.URL)
				signatures = append(signatures, field(r, "X-Kirim-Signature"))
				return pipeline.Response{Status: 500}
			}),
		})
		s := subscriber("wbs_a")
		e.Put(s)
		e.Enqueue(deliveries(1, 1, "wbs_a"))
		synctest.Wait()
		s.URL, s.Secrets = "https://moved.example/", []pipeline.Secret{{Value: "whsec_new"}}
		e.Put(s)
		s.Secrets[0].Value = "whsec_changed_afterwards"
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if want := []string{"https://wbs_a.example/hook", "https://moved.example/"}; !slices.Equal(urls, want) {
			t.Errorf("sent to %q, want %q", urls, want)
		}
		want := modelSignature([]pipeline.Secret{{Value: "whsec_new"}}, time.Now().Add(-time.Second), bodyOf(1))
		if signatures[1] != want {
			t.Errorf("signed %q, want %q", signatures[1], want)
		}
	})
}

// The header list must not be written twice: what the engine sends is what the suites' attempts are built from.
func TestHeadersAreThoseOfABuiltAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ed := edition(t, "")
		var got pipeline.Request
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: &memory{},
			Sender: sender(func(_ context.Context, r pipeline.Request) pipeline.Response {
				got = r
				return pipeline.Response{Status: 200}
			}),
		})
		s, d := subscriber("wbs_a"), delivery(1, "wbs_a")
		d.Event.Source = contract.SourceMeta
		d.Body = []byte(`{"a": "b"}`)
		e.Put(s)
		e.Enqueue([]pipeline.Delivery{d})
		synctest.Wait()
		want, err := emitter.Build(ed, s.URL, s.Secrets[0].Value, time.Now(), emitter.Plan{
			Event:      fixtures.Event{Name: d.Event.Name, Source: d.Event.Source, ID: d.Event.ID, Body: d.Body},
			DeliveryID: d.ID,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.URL != want.URL || string(got.Body) != string(want.Body) || !slices.Equal(got.Header, want.Header) {
			t.Errorf("\n got %+v\nwant %+v", got, want.Wire())
		}
	})
}

func TestOnAttemptSeesWhatTheJournalHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		journal := &memory{}
		var seen []string
		e := engine(t, pipeline.Config{
			Clock: clock.Real(), Journal: journal, Sender: always(204), Concurrency: 1,
			OnAttempt: func(r pipeline.Record) {
				records, _ := journal.taken()
				seen = append(seen, fmt.Sprint(r.Delivery, r.Outcome, r.HTTPStatus, records[len(records)-1].Delivery == r.Delivery))
			},
		})
		e.Put(subscriber("wbs_a"))
		e.Enqueue(deliveries(1, 2, "wbs_a"))
		synctest.Wait()
		if want := []string{"1delivered204 true", "2delivered204 true"}; !slices.Equal(seen, want) {
			t.Errorf("%q, want %q", seen, want)
		}
	})
}
