package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/wire"
)

// server is a target whose behaviour is a function of time, in the fake time of a bubble.
type server struct {
	began time.Time
	// ends says when a request that starts at t is answered, and with what; 0 is the end of the timeout without an answer.
	ends func(t time.Duration, d *payload.Delivery) (time.Duration, int)

	mu     sync.Mutex
	starts []time.Duration
}

func (s *server) Exchange(ctx context.Context, d *payload.Delivery) Answer {
	t := time.Since(s.began)
	s.mu.Lock()
	s.starts = append(s.starts, t)
	s.mu.Unlock()
	end, status := s.ends(t, d)
	select {
	case <-time.After(end - t):
		if status == 0 {
			return Answer{Class: Timeout, Err: errors.New("no complete answer in time")}
		}
		return Answer{Status: status, Body: []byte("busy\n")}
	case <-ctx.Done():
		return Answer{Class: Stopped, Err: ctx.Err()}
	}
}

// service answers after a fixed time; what comes within a stall is answered when the stall is over.
func service(takes time.Duration, stalls ...[2]time.Duration) func(time.Duration, *payload.Delivery) (time.Duration, int) {
	return func(t time.Duration, _ *payload.Delivery) (time.Duration, int) {
		end := t + takes
		for _, s := range stalls {
			if end > s[0] && t < s[1] {
				end = s[1] + takes
			}
		}
		return end, 200
	}
}

// slowly signs in its time.
type slowly struct {
	payload.Sender
	takes time.Duration
}

func (s slowly) Compose(p payload.Parcel, t time.Time) ([]wire.Field, []byte, error) {
	if s.takes > 0 {
		time.Sleep(s.takes)
	}
	return s.Sender.Compose(p, t)
}

// run is one attack in a bubble.
type run struct {
	rate        string
	duration    time.Duration
	connections int
	ends        func(time.Duration, *payload.Delivery) (time.Duration, int)
	options     payload.Options
	signing     time.Duration
	grace       time.Duration
	stopAfter   time.Duration
	results     vegeta.Encoder
	wait        Waiter
	// failing is the error that the run is to end with.
	failing error
}

func (r run) do(t *testing.T) (*load.Result, *server, *schedule.Schedule, *Record) {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := schedule.ParseRate(r.rate)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(schedule.Spec{Shape: schedule.Constant, Rate: rate, Duration: r.duration})
	if err != nil {
		t.Fatal(err)
	}
	sender := payload.Sender(slowly{payload.NewKirim(edition, "whsec_ofTheOracle"), r.signing})
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q, err := payload.NewQueue(ctx, payload.BuilderConfig{
		Edition: edition, Role: contract.RoleReceiver, Meta: meta, Options: r.options, Sender: sender,
	}, s, began, 300*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if r.signing == 0 {
		if err := q.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	target := &server{began: began, ends: r.ends}
	record := NewRecord(r.duration, sender.Taken, 25*time.Millisecond)
	if r.stopAfter > 0 {
		time.AfterFunc(r.stopAfter, cancel)
	}
	ran, err := Run(ctx, Config{
		Schedule: s, Queue: q, Exchanger: target, Record: record, URL: "http://target.invalid/", Connections: r.connections,
		Began: began, Grace: r.grace, Results: r.results, Wait: r.wait,
	})
	if !errors.Is(err, r.failing) {
		t.Fatalf("the run ended with %v, want %v", err, r.failing)
	}
	result, err := record.Result(s, ran, q.Misses())
	if err != nil {
		t.Fatal(err)
	}
	return result, target, s, record
}

// exact works the latencies out without any attack: each start waits for its time and for the first of the connections to
// be free, and is answered when the server's script says.
func (r run) exact(s *schedule.Schedule) (corrected, service []time.Duration) {
	free := make([]time.Duration, r.connections)
	for n := range s.Total() {
		at, _ := s.At(n)
		slices.Sort(free)
		start := max(at, free[0])
		end, _ := r.ends(start, nil)
		free[0] = end
		corrected, service = append(corrected, end-at), append(service, end-start)
	}
	slices.Sort(corrected)
	slices.Sort(service)
	return corrected, service
}

// percentile is the smallest value that at least p percent of the sorted values do not exceed, in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return inMS(sorted[max(rank, 1)-1])
}

// Within a histogram's three significant digits, corrected latency is what the schedule and the server's script say, and
// service time beside it what the server alone took.
func TestPercentilesAreThoseOfTheSchedule(t *testing.T) {
	const ms = time.Millisecond
	cases := []struct {
		name string
		run
	}{
		{"no stall", run{rate: "1000/s", duration: 5 * time.Second, connections: 16, ends: service(3 * ms)}},
		{"a stall with few connections", run{rate: "200/s", duration: 4 * time.Second, connections: 10,
			ends: service(200*time.Microsecond, [2]time.Duration{time.Second, 2500 * ms})}},
		{"a stall with enough connections", run{rate: "200/s", duration: 4 * time.Second, connections: 500,
			ends: service(200*time.Microsecond, [2]time.Duration{time.Second, 2500 * ms})}},
		{"two stalls, one over the end", run{rate: "500/s", duration: 6 * time.Second, connections: 4,
			ends: service(ms, [2]time.Duration{time.Second, 1300 * ms}, [2]time.Duration{5500 * ms, 6500 * ms})}},
		{"a server that is too slow for the rate", run{rate: "1000/s", duration: 3 * time.Second, connections: 5, ends: service(10 * ms)}},
		{"one connection", run{rate: "90/s", duration: 10 * time.Second, connections: 1, ends: service(10*ms, [2]time.Duration{time.Second, 1100 * ms})}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.grace = time.Minute
				result, _, s, record := c.do(t)
				corrected, service := c.exact(s)
				if result.Counts.Succeeded != int64(s.Total()) || result.Counts.Failed != 0 || result.Schedule.Skipped != 0 {
					t.Fatalf("counts %+v, schedule %+v of %d starts", result.Counts, result.Schedule, s.Total())
				}
				for _, got := range []struct {
					name  string
					l     *load.Latency
					exact []time.Duration
				}{{"corrected", result.Latency.Corrected, corrected}, {"service", result.Latency.Service, service}} {
					for p, value := range map[float64]*float64{50: got.l.P50MS, 90: got.l.P90MS, 95: got.l.P95MS, 99: got.l.P99MS} {
						want := percentile(got.exact, p)
						// Three significant digits, and the microsecond that is the smallest unit.
						if value == nil || math.Abs(*value-want) > want/1000+0.001 {
							t.Errorf("%s p%g is %v ms, the schedule says %.3f", got.name, p, deref(value), want)
						}
					}
				}
				if lag := record.Lag(); lag != nil && lag.MaxMS > 0.001 {
					t.Errorf("a generator that never waited has a lag of %g ms", lag.MaxMS)
				}
			})
		})
	}
}

func deref(p *float64) any {
	if p == nil {
		return "absent"
	}
	return fmt.Sprintf("%.3f", *p)
}

// The case that a capped attack reports as 0.24 ms.
func TestStallOfOneAndAHalfSecondsShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run{rate: "200/s", duration: 4 * time.Second, connections: 10, grace: time.Minute,
			ends: service(200*time.Microsecond, [2]time.Duration{time.Second, 2500 * time.Millisecond})}
		result, _, _, _ := r.do(t)
		if p90 := *result.Latency.Corrected.P90MS; p90 < 1090 || p90 > 1110 {
			t.Errorf("corrected p90 is %.1f ms, want about 1100", p90)
		}
		if p90 := *result.Latency.Service.P90MS; p90 > 1 {
			t.Errorf("service p90 is %.1f ms: the stall held ten requests of 800", p90)
		}
		// The ten that hang block 300 less ten starts.
		if b := result.Schedule.Blocked; b < 285 || b > 300 {
			t.Errorf("%d starts were blocked, want about 290", b)
		}
	})
}

// Signing that takes 5 ms for each delivery is done ahead, so that nobody pays for it.
func TestSigningIsNotBilledToTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run{rate: "100/s", duration: 5 * time.Second, connections: 10, ends: service(140 * time.Microsecond), grace: time.Minute,
			signing: 5 * time.Millisecond}
		result, _, _, _ := r.do(t)
		for name, l := range map[string]*load.Latency{"corrected": result.Latency.Corrected, "service": result.Latency.Service} {
			if p50 := *l.P50MS; math.Abs(p50-0.14) > 0.001 {
				t.Errorf("%s p50 is %.3f ms, the target takes 0.140", name, p50)
			}
		}
	})
}

// The precise waiter keeps the promise that every waiter makes: never early, and ended by its context.
func TestPreciseWaiterIsNeverEarly(t *testing.T) {
	wait := Precise()
	for _, d := range []time.Duration{0, 50 * time.Microsecond, time.Millisecond, 4 * time.Millisecond} {
		until := time.Now().Add(d)
		if err := wait(t.Context(), until); err != nil || time.Now().Before(until) {
			t.Errorf("a wait of %s ended with %v, %s early", d, err, time.Until(until))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, d := range []time.Duration{0, time.Millisecond, time.Hour} {
		if err := wait(ctx, time.Now().Add(d)); err == nil {
			t.Errorf("a wait of %s goes on though its context ended", d)
		}
	}
}

// Vegeta's own tools read the results, and see latency from the intended start.
func TestResultsInVegetasFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		r := run{rate: "200/s", duration: 4 * time.Second, connections: 10, grace: time.Minute, results: vegeta.NewEncoder(&file),
			ends: service(200*time.Microsecond, [2]time.Duration{time.Second, 2500 * time.Millisecond})}
		began := time.Now()
		_, _, s, _ := r.do(t)
		decode := vegeta.NewDecoder(&file)
		seen := map[uint64]bool{}
		var latencies []time.Duration
		for {
			var result vegeta.Result
			if err := decode(&result); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			at, ok := s.At(result.Seq)
			if !ok || seen[result.Seq] || !result.Timestamp.Equal(began.Add(at)) || result.Code != 200 || result.BytesOut == 0 {
				t.Fatalf("%+v", result)
			}
			seen[result.Seq] = true
			latencies = append(latencies, result.Latency)
		}
		slices.Sort(latencies)
		corrected, _ := r.exact(s)
		if !slices.Equal(latencies, corrected) {
			t.Error("the latencies are not those of the schedule")
		}
	})
}

// A file of results that cannot be written ends the run instead of being found out at its end.
func TestResultsThatCannotBeWrittenEndTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		began := time.Now()
		r := run{rate: "100/s", duration: time.Hour, connections: 2, ends: service(time.Millisecond), failing: full,
			results: func(*vegeta.Result) error { return full }}
		r.do(t)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the run went on for %s", took)
		}
	})
}
