package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

const sampleSecret = "whsec_c2VjcmV0LW9mLXRoZS1zYW1wbGU"

func of[T any](v T) *T { return &v }

// views is a pair of histograms.
type views struct{ corrected, service *hdrhistogram.Histogram }

func newViews() views { return views{NewHistogram(), NewHistogram()} }

func (v views) reset() {
	v.corrected.Reset()
	v.service.Reset()
}

func (v views) record(corrected, service time.Duration) {
	Record(v.corrected, corrected)
	Record(v.service, service)
}

// sampleRun simulates a run with a constant rate against a target that takes some milliseconds, stalls for two seconds
// after a third of the time, and answers 500 for a while after two thirds where it is failing. Equal arguments give equal
// reports.
func sampleRun(t testing.TB, seconds, perSecond int, failing bool) Report {
	t.Helper()
	g := NewWithT(t)
	random := rand.New(rand.NewPCG(1, 2))
	started := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	events := []string{"message.status", "message.received", "conversation.assigned"}
	shares := []float64{0.7, 0.28, 0.02}
	whole, block, bucket := newViews(), newViews(), newViews()
	byEvent := map[string]views{}
	results := map[string]*EventResult{}
	for _, e := range events {
		byEvent[e], results[e] = newViews(), &EventResult{Event: e}
	}
	res := &Result{OfferedPerS: float64(perSecond), Series: Series{BucketMS: 1000}, Schedule: Schedule{LateAfterMS: 10}}
	classes := map[Class]*ErrorClass{}
	generator := &Generator{OS: "linux", Arch: "amd64", GoVersion: "go1.26.8", CPUs: 2, CPUShare: of(0.31), CPUShareMax: of(0.44),
		GCPauses: 212, GCPauseMS: 31.4, GCPauseMaxMS: 0.6, GoroutinesMax: 148, MemoryStart: of(int64(61 << 20)), MemoryEnd: of(int64(63 << 20))}
	lag := NewHistogram()
	stallFrom, stallTo := seconds/3, seconds/3+2
	perBlock := max(1, seconds/Blocks)
	var b Block
	for second := range seconds {
		bucket.reset()
		row := Bucket{StartMS: float64(second) * 1000, Offered: int64(perSecond), Sent: int64(perSecond), InFlight: 8 + random.Int64N(6)}
		stalled := second >= stallFrom && second < stallTo
		for i := range perSecond {
			service := time.Duration(math.Exp(random.NormFloat64()*0.35+1.2) * float64(time.Millisecond))
			if random.IntN(400) == 0 {
				service += time.Duration(random.IntN(60)) * time.Millisecond
			}
			corrected := service + time.Duration(random.IntN(120))*time.Microsecond
			if stalled {
				due := float64(second-stallFrom) + float64(i)/float64(perSecond)
				corrected += time.Duration((2 - due) * float64(time.Second))
			}
			name, pick := events[0], random.Float64()
			for k, share := range shares {
				if name = events[k]; pick < share {
					break
				}
				pick -= share
			}
			results[name].Sent++
			Record(lag, time.Duration(20+random.IntN(200))*time.Microsecond)
			class := Class("")
			switch {
			case failing && second > seconds*2/3 && second < seconds*3/4 && random.IntN(3) == 0:
				class = "status-500"
			case failing && second%17 == 5 && i%97 == 3:
				class = "connection-reset"
			}
			if class != "" {
				if classes[class] == nil {
					classes[class] = &ErrorClass{Class: class, FirstMS: row.StartMS, Example: map[Class]string{
						"status-500":       `500 Internal Server Error: {"error":"pool exhausted <script>alert(1)</script>", "key":"` + sampleSecret + `"}`,
						"connection-reset": "write tcp 127.0.0.1:40312->127.0.0.1:8080: connection reset by peer",
					}[class]}
				}
				classes[class].Count++
				if row.Errors == nil {
					row.Errors = map[Class]int64{}
				}
				row.Errors[class]++
				results[name].Failed++
				res.Counts.Failed++
				b.Failed++
			} else {
				row.Succeeded++
				results[name].Succeeded++
				res.Counts.Succeeded++
				b.Succeeded++
			}
			b.Sent++
			if class != "connection-reset" {
				for _, v := range []views{whole, block, bucket, byEvent[name]} {
					v.record(corrected, service)
				}
			}
		}
		if stalled {
			row.InFlight = int64(perSecond * (second - stallFrom + 1))
		}
		row.Corrected, row.Service = SummariseBucket(bucket.corrected), SummariseBucket(bucket.service)
		res.Series.Buckets = append(res.Series.Buckets, row)
		generator.Samples = append(generator.Samples, Sample{AtMS: row.StartMS + 1000, CPUShare: of(0.28 + 0.16*random.Float64()),
			GCPauseMS: 0.3 + random.Float64()/3, Goroutines: 130 + random.IntN(18), MemoryBytes: of(int64(60<<20) + random.Int64N(4<<20)), LagMaxMS: of(0.1 + random.Float64())})
		b.LengthMS += 1000
		if (second+1)%perBlock == 0 || second == seconds-1 {
			b.Corrected, b.Service = encoded(g, block.corrected), encoded(g, block.service)
			res.Blocks = append(res.Blocks, b)
			b = Block{StartMS: row.StartMS + 1000}
			block.reset()
		}
	}
	res.Counts.Planned, res.Counts.Sent = int64(seconds*perSecond), int64(seconds*perSecond)
	res.SentPerS, res.AchievedPerS = float64(perSecond), float64(res.Counts.Succeeded)/(float64(seconds)+0.004)
	for _, e := range events {
		results[e].Latency = latencies(g, byEvent[e])
		res.Events = append(res.Events, *results[e])
	}
	slices.SortFunc(res.Events, func(a, b EventResult) int { return int(b.Sent - a.Sent) })
	for _, class := range classes {
		res.Errors = append(res.Errors, *class)
	}
	slices.SortFunc(res.Errors, func(a, b ErrorClass) int { return int(b.Count - a.Count) })
	res.Latency = latencies(g, whole)
	res.Schedule.Late, res.Schedule.Blocked = int64(2*perSecond), int64(perSecond)
	generator.Lag = SummariseLag(lag)
	r := sampleHead(fmt.Sprintf("constant %d/s", perSecond), seconds, perSecond)
	r.Started, r.Result, r.Generator = started, res, generator
	r.Thresholds = []Threshold{
		{Expression: "p50 <= 250ms", From: "preset meta", Verdict: reports.Pass, Observed: res.Latency.Corrected.P50MS, Limit: 250, Unit: Milliseconds,
			Source: &contract.Citation{Document: "Meta, throughput", Section: "Webhooks"}},
		{Expression: "p99 < 1s", From: "--slo", Verdict: reports.Fail, Observed: res.Latency.Corrected.P99MS, Limit: 1000, Unit: Milliseconds,
			Reason: "measured " + Quantity(*res.Latency.Corrected.P99MS, Milliseconds) + ", and the limit is < 1 s"},
		{Expression: "errors < 0.1%", From: "--slo", Verdict: reports.Pass, Observed: of(0.0), Limit: 0.001, Unit: Share},
		{Expression: "p99{contact.created} < 300ms", From: "target file", Verdict: reports.Fail, Limit: 300, Unit: Milliseconds, Reason: "no data: no contact.created was sent"},
	}
	if failing {
		r.Thresholds[2].Verdict, r.Thresholds[2].Observed = reports.Fail, of(float64(res.Counts.Failed)/float64(res.Counts.Sent))
		r.Thresholds[2].Reason = "measured more than the limit"
	}
	return r
}

// sampleHead is everything that is known before a run.
func sampleHead(schedule string, seconds, perSecond int) Report {
	return Report{
		SchemaVersion: SchemaVersion, Kind: KindRun,
		Tool: reports.Tool{Name: "kirimcheck", Version: "v0.9.1", Seed: 4711,
			Command: fmt.Sprintf("kirimcheck load run --target target.yaml --rate %d/s --duration %ds --preset meta --slo 'p99 < 1s' --seed 4711", perSecond, seconds)},
		Target:  Target{Name: "orders receiver", Role: contract.RoleReceiver, Edition: "kckit", URL: "http://127.0.0.1:8080/hooks?token=topsecret"},
		Started: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC), PlannedMS: float64(seconds) * 1000, DurationMS: float64(seconds)*1000 + 4,
		Plan: Plan{Shape: "constant", Schedule: schedule, RatePerS: float64(perSecond), PeakPerS: float64(perSecond),
			Mix:    map[string]float64{"message.status": 0.7, "message.received": 0.28, "conversation.assigned": 0.02},
			Shares: Shares{Duplicates: 0.01}, Connections: of(64), Protocol: "HTTP/1.1", TimeoutMS: 10_000},
	}
}

func encoded(g Gomega, h *hdrhistogram.Histogram) string {
	text, err := Encode(h)
	g.Expect(err).NotTo(HaveOccurred())
	return text
}

func latencies(g Gomega, v views) Latencies {
	corrected, err := Summarise(v.corrected)
	g.Expect(err).NotTo(HaveOccurred())
	service, err := Summarise(v.service)
	g.Expect(err).NotTo(HaveOccurred())
	return Latencies{Corrected: corrected, Service: service}
}

// samples are reports of every kind and outcome, by name.
func samples(t testing.TB) map[string]Redacted {
	t.Helper()
	all := map[string]Redacted{}
	for _, name := range []string{"run", "met", "measured", "invalid", "interrupted", "unreachable", "no data", "capacity", "compare"} {
		all[name] = sample(t, name)
	}
	return all
}

// sample makes one of the samples anew.
func sample(t testing.TB, name string) Redacted {
	t.Helper()
	r, end := Report{}, Finished
	switch name {
	case "run":
		r = sampleRun(t, 60, 200, true)
	case "met":
		r = sampleRun(t, 30, 50, false)
		r.Thresholds = r.Thresholds[:1]
	case "measured":
		r = sampleRun(t, 30, 50, false)
		r.Thresholds = nil
	case "invalid":
		r = sampleRun(t, 30, 50, false)
		r.Invalid = []string{"the generator used 97 % of its processors, so that its own work is in the latencies", "1,204 starts had no payload ready"}
	case "interrupted":
		r, end = sampleRun(t, 12, 50, false), Stopped
		r.PlannedMS, r.Errors = 60_000, []string{"the run was stopped by an interrupt"}
		r.Result.Counts.Abandoned, r.Result.Counts.Sent = 3, r.Result.Counts.Sent+3
		r.Result.Series.Buckets[11].LengthMS = of(412.0)
	case "unreachable":
		r, end = sampleHead("constant 50/s", 30, 50), NeverReached
		r.DurationMS, r.Errors = 0, []string{"dial tcp 127.0.0.1:8080: connection refused"}
	case "no data":
		r = sampleSilent()
	case "capacity":
		r = sampleCapacity(t)
	case "compare":
		r = sampleComparison()
	default:
		t.Fatalf("there is no sample %q", name)
	}
	return Redact(reports.NewRedactor(sampleSecret), Conclude(r, end))
}

// sampleSilent is a run whose deliveries were all under way when it ended.
func sampleSilent() Report {
	r := sampleHead("constant 50/s", 2, 50)
	r.Result = &Result{OfferedPerS: 50, SentPerS: 50, Counts: Counts{Planned: 100, Sent: 100, Abandoned: 100},
		Series: Series{BucketMS: 1000, Buckets: []Bucket{{Offered: 50, Sent: 50, InFlight: 50}, {StartMS: 1000, Offered: 50, Sent: 50, InFlight: 100}}}}
	r.Generator = &Generator{OS: "linux", Arch: "arm64", GoVersion: "go1.26.8", CPUs: 4}
	r.Thresholds = []Threshold{{Expression: "errors <= 0%", From: "preset kirim", Verdict: reports.Fail, Limit: 0, Unit: Share, Reason: "no data: no delivery came to an end that is known"}}
	return r
}

func sampleCapacity(t testing.TB) Report {
	r := sampleRun(t, 30, 50, false)
	r.Kind = KindCapacity
	r.Thresholds = r.Thresholds[:2]
	r.Thresholds[1].Verdict, r.Thresholds[1].Observed, r.Thresholds[1].Reason = reports.Pass, of(310.0), ""
	step := func(phase Phase, rate, p50, p99 float64, verdict StepVerdict, reason string) Step {
		return Step{Phase: phase, RatePerS: rate, AchievedPerS: of(rate * 0.999), P50MS: of(p50), P99MS: of(p99), ErrorShare: of(0.0), Verdict: verdict, Reason: reason}
	}
	r.Capacity = &Capacity{RatePerS: of(2875.0), LimitedBy: LimitTarget, BrokenPerS: of(3000.0), ResolutionShare: 0.05, Confirmations: 3, Held: 3,
		Confidence: of(0.875), HoldShare: of(0.5), KneePerS: of(2000.0), Statement: "The target takes 2,875/s: all 3 confirmation runs held, and it broke at 3,000/s",
		Steps: []Step{
			step(PhaseCoarse, 500, 1.1, 4, StepHeld, ""), step(PhaseCoarse, 1000, 1.2, 5, StepHeld, ""), step(PhaseCoarse, 2000, 1.9, 14, StepHeld, ""),
			step(PhaseCoarse, 4000, 820, 4100, StepBroken, "p99 < 1s: measured 4.1 s, and the limit is < 1 s"),
			step(PhaseBisect, 3000, 31, 1900, StepBroken, "p99 < 1s: measured 1.9 s, and the limit is < 1 s"), step(PhaseBisect, 2875, 6, 240, StepHeld, ""),
			step(PhaseConfirm, 2875, 6, 250, StepHeld, ""), step(PhaseConfirm, 2875, 6, 230, StepHeld, ""), step(PhaseConfirm, 2875, 7, 310, StepHeld, ""),
		}}
	return r
}

func sampleComparison() Report {
	r := sampleHead("constant 2000/s", 60, 2000)
	r.Kind, r.Tool.Command = KindCompare, "kirimcheck load compare before.json after --bound 10%"
	r.Compare = &Comparison{
		A: CompareSide{Name: "before.json", Runs: 5, Started: r.Started}, B: CompareSide{Name: "after", Runs: 5, Started: r.Started.Add(time.Hour)},
		Spread: SpreadRuns, Confidence: 0.95, BoundShare: 0.1, Verdict: Slower, Regression: true,
		Figures: []FigureChange{
			{Figure: "p50", Unit: Milliseconds, A: of(4.1), B: of(4.15), Change: of(0.012), Low: of(-0.03), High: of(0.05), Decides: true, Verdict: NoDifference},
			{Figure: "p99", Unit: Milliseconds, A: of(21.0), B: of(29.4), Change: of(0.4), Low: of(0.28), High: of(0.53), Decides: true, Verdict: Slower, Regression: true},
			{Figure: "errors", Unit: Share, A: of(0.0), B: of(0.0004), Change: of(0.0004), Low: of(-0.0001), High: of(0.0009), Decides: true, Verdict: NoDifference},
			{Figure: "p99.9", Unit: Milliseconds, A: of(80.0), Verdict: NoData, Reason: "after has too few values for it"},
		},
	}
	return r
}
