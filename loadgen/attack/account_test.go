package attack

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

const ms = time.Millisecond

// Every second answer is a 304, which other tools take for a success.
func TestHalfNotModifiedIsHalfASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, _, _ := run{rate: "100/s", duration: 10 * time.Second, connections: 4, ends: func(at time.Duration, d *payload.Delivery) (time.Duration, int) {
			if d.Number%2 == 0 {
				return at + ms, 304
			}
			return at + ms, 200
		}}.do(t)
		if result.Counts.Succeeded != 500 || result.Counts.Failed != 500 || result.AchievedPerS != 50 {
			t.Errorf("counts %+v, achieved %g/s", result.Counts, result.AchievedPerS)
		}
		if len(result.Errors) != 1 || result.Errors[0].Class != "status-304" || result.Errors[0].Count != 500 ||
			result.Errors[0].Example != "status 304: busy" || result.Errors[0].FirstMS != 1 {
			t.Errorf("errors %+v", result.Errors)
		}
		if l := result.Latency.Corrected; l.Count != 1000 {
			t.Errorf("%d latencies; what was answered has one, whatever the status", l.Count)
		}
	})
}

// A forgery is to be refused with a 4xx: that is no failure of the target's, and taking it is one.
func TestForgeriesAreAccountedForApart(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		refused bool
		class   load.Class
	}{
		{"refused with 401", 401, true, ""},
		{"refused with 403", 403, true, ""},
		{"taken", 204, false, ForgeryTaken},
		{"failed", 500, false, "status-500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				result, _, _, _ := run{
					rate: "100/s", duration: 10 * time.Second, connections: 4, options: payload.Options{WrongSignatures: 0.5, Seed: 1},
					ends: func(at time.Duration, d *payload.Delivery) (time.Duration, int) {
						if d.Kind == payload.Forged {
							return at + 5*ms, c.status
						}
						return at + ms, 202
					},
				}.do(t)
				n := result.Counts
				if n.Succeeded < 400 || n.Refused+n.Failed < 400 || n.Succeeded+n.Refused+n.Failed != 1000 || (n.Refused > 0) != c.refused {
					t.Errorf("counts %+v", n)
				}
				if !c.refused && (len(result.Errors) != 1 || result.Errors[0].Class != c.class || result.Errors[0].Count != n.Failed) {
					t.Errorf("errors %+v", result.Errors)
				}
				if l := result.Latency.Corrected; l.Count != n.Succeeded || l.MaxMS > 1.01 {
					t.Errorf("%d latencies up to %g ms; forgeries have none", l.Count, l.MaxMS)
				}
			})
		})
	}
}

// The wait for an answer that never came is a latency of which only the least is known. A forgery has none at all.
func TestTimeoutsAreMarkedAmongTheLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, _, _ := run{
			rate: "100/s", duration: 10 * time.Second, connections: 400, grace: time.Minute, options: payload.Options{WrongSignatures: 0.5, Seed: 1},
			ends: func(at time.Duration, d *payload.Delivery) (time.Duration, int) {
				if d.Kind == payload.Forged || d.Number%10 == 0 {
					return at + 2*time.Second, 0
				}
				return at + ms, 200
			},
		}.do(t)
		l, genuine := result.Latency, result.Latency.Corrected.Count
		if want := genuine - result.Counts.Succeeded; l.TimedOut != want || want < 20 || genuine > 600 {
			t.Errorf("%d of %d latencies timed out, %d deliveries were answered", l.TimedOut, genuine, result.Counts.Succeeded)
		}
		var events int64
		for _, e := range result.Events {
			events += e.Latency.TimedOut
		}
		if events != l.TimedOut || l.Corrected.MaxMS < 2000 {
			t.Errorf("%d of the events, %d of all; the largest is %g ms", events, l.TimedOut, l.Corrected.MaxMS)
		}
	})
}

// Sums over events and over the series are those of the whole, and buckets hold what happened in them.
func TestPartsAddUpToTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, s, _ := run{rate: "123/s", duration: 7*time.Second + 300*ms, connections: 3, grace: time.Minute,
			options: payload.Options{WrongSignatures: 0.1, Duplicates: 0.1, Retries: 0.1},
			ends: func(at time.Duration, d *payload.Delivery) (time.Duration, int) {
				end, _ := service(2*ms, [2]time.Duration{2 * time.Second, 4500 * ms})(at, d)
				return end, []int{200, 200, 401, 500}[d.Number%4]
			}}.do(t)
		var events, series load.Counts
		var offered, latencies, failures int64
		for _, e := range result.Events {
			events.Sent += e.Sent
			events.Succeeded += e.Succeeded
			events.Refused += e.Refused
			events.Failed += e.Failed
			if e.Latency.Corrected != nil {
				latencies += e.Latency.Corrected.Count
			}
		}
		for _, b := range result.Series.Buckets {
			offered += b.Offered
			series.Sent += b.Sent
			series.Succeeded += b.Succeeded
			series.Refused += b.Refused
			for _, n := range b.Errors {
				series.Failed += n
			}
		}
		for _, c := range result.Errors {
			failures += c.Count
		}
		want := load.Counts{Sent: result.Counts.Sent, Succeeded: result.Counts.Succeeded, Refused: result.Counts.Refused, Failed: result.Counts.Failed}
		if events != want || series != want || failures != want.Failed || offered != int64(s.Total()) || latencies != result.Latency.Corrected.Count {
			t.Errorf("whole %+v, events %+v, series %+v, %d failures, %d offered, %d latencies", want, events, series, failures, offered, latencies)
		}
		stalled := result.Series.Buckets[3]
		if stalled.Offered != 123 || stalled.Sent != 0 || stalled.Succeeded != 0 || stalled.Corrected != nil {
			t.Errorf("in the stall the bucket is %+v", stalled)
		}
		if b := result.Blocks; len(b) != 7 || b[3].Corrected != "" || b[0].Sent != 123 {
			t.Errorf("%d blocks: %+v", len(b), b)
		}
	})
}

// A target that takes a hundredth of what is offered does not keep the run for a hundred times its length.
func TestStartsPastTheGraceAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		result, _, s, record := run{rate: "1000/s", duration: 5 * time.Second, connections: 1, grace: 2 * time.Second, ends: service(100 * ms)}.do(t)
		if took := time.Since(began); took > 7200*ms {
			t.Errorf("the run took %s", took)
		}
		if n := result.Counts; n.Planned != int64(s.Total()) || n.Sent+result.Schedule.Skipped != n.Planned || n.Sent < 69 || n.Sent > 72 {
			t.Errorf("counts %+v, schedule %+v", n, result.Schedule)
		}
		if result.SentPerS > 10.5 || result.OfferedPerS != 1000 {
			t.Errorf("offered %g/s, sent %g/s", result.OfferedPerS, result.SentPerS)
		}
		if lag := record.Lag(); lag != nil && lag.MaxMS > 0.001 {
			t.Errorf("the target's delay is blamed on the generator: %+v", lag)
		}
	})
}

// Payloads that are not built in time are the generator's delay, and are counted as its own.
func TestSlowBuildingIsTheGeneratorsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, _, record := run{rate: "100/s", duration: 5 * time.Second, connections: 8, grace: time.Minute, ends: service(ms),
			signing: 50 * ms}.do(t)
		lag := record.Lag()
		if result.Schedule.QueueMisses == 0 || result.Schedule.Late == 0 || lag == nil || lag.P99MS == nil || *lag.P99MS < 1000 || record.OwnLate() < 400 {
			t.Errorf("schedule %+v, lag %+v", result.Schedule, lag)
		}
		if p99 := *result.Latency.Service.P99MS; math.Abs(p99-1) > 0.01 {
			t.Errorf("service p99 is %g ms", p99)
		}
	})
}

// The target stalls for a second and a half, and later the generator sleeps for 300 ms. Both delay starts by far more than
// the limit; each answers for its own.
func TestDelaysAreBlamedOnWhoeverCausedThem(t *testing.T) {
	for _, c := range []struct {
		name  string
		sleep time.Duration
		stall time.Duration
		own   int64
	}{
		{"neither", 0, 0, 0},
		{"the target stalls", 0, 1500 * ms, 0},
		// At 200/s, 60 starts fall due in the sleep; all but those of its last 25 ms are late by more than that.
		{"the generator sleeps", 300 * ms, 0, 55},
		{"both, one after the other", 300 * ms, 1500 * ms, 55},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, timer, slept := time.Now(), Timer(), false
				result, _, _, record := run{
					rate: "200/s", duration: 8 * time.Second, connections: 10, grace: time.Minute,
					ends: service(ms, [2]time.Duration{time.Second, time.Second + c.stall}),
					wait: func(ctx context.Context, until time.Time) error {
						if !slept && until.Sub(began) >= 6*time.Second {
							slept, until = true, until.Add(c.sleep)
						}
						return timer(ctx, until)
					},
				}.do(t)
				if own := record.OwnLate(); own < c.own-1 || own > c.own+1 {
					t.Errorf("%d starts are the generator's fault, want %d; schedule %+v, lag %+v", own, c.own, result.Schedule, record.Lag())
				}
				if late := result.Schedule.Late; (c.stall > 0) != (late > 200) {
					t.Errorf("%d late starts", late)
				}
			})
		})
	}
}

// What was under way when the run was stopped is neither a success nor a failure, and what was not due is not missing.
func TestStoppedRunKeepsWhatItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		result, _, _, _ := run{rate: "100/s", duration: time.Hour, connections: 5, stopAfter: 2505 * ms,
			ends: service(2*ms, [2]time.Duration{2 * time.Second, 3 * time.Hour})}.do(t)
		if took := time.Since(began); took != 2505*ms {
			t.Errorf("the run ended after %s", took)
		}
		if n := result.Counts; n.Sent != 205 || n.Succeeded != 200 || n.Abandoned != 5 || n.Failed != 0 || n.Planned != 205 {
			t.Errorf("counts %+v", n)
		}
		if len(result.Series.Buckets) != 3 || result.AchievedPerS < 79 || result.AchievedPerS > 81 {
			t.Errorf("%d buckets, achieved %g/s", len(result.Series.Buckets), result.AchievedPerS)
		}
	})
}

// A week has no more buckets than an hour, and the account holds two histograms for them.
func TestSeriesIsBounded(t *testing.T) {
	week := 7 * 24 * time.Hour
	r := NewRecord(week, func(int) bool { return true }, 0)
	d := &payload.Delivery{Event: "message.status"}
	for at := time.Duration(0); at < week; at += time.Hour {
		d.At = at
		f := &flight{delivery: d, start: at, ideal: at, end: at + ms, answer: Answer{Status: 200}}
		r.begin(f)
		r.end(f)
	}
	if len(r.series.all) > 3600 || len(r.blocks.all) > load.Blocks {
		t.Errorf("%d buckets and %d blocks", len(r.series.all), len(r.blocks.all))
	}
}
