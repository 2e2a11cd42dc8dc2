package attack

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// LateAfter is the lag past which a start counts as late. An idle machine wakes a goroutine well within it.
const LateAfter = time.Millisecond

// ownShare is the part of a delay from which on the generator answers for it. A generator is never without cost: where the
// target holds every connection for seconds, the microseconds between an answer and the next start add up as well, and
// blaming the generator for them would turn every overloaded target into an invalid run.
const ownShare = 0.1

// flight is one delivery under way and what came of it. Times count from the beginning of the run.
type flight struct {
	delivery *payload.Delivery
	// start is when the request was handed to the connection, ideal is when a generator without any delay of its own
	// would have done so, and end is when the answer was complete.
	start, ideal, end time.Duration
	answer            Answer
}

// Record is the account of a run. Its memory does not grow with the number of deliveries: times go into histograms, and
// counts into buckets whose number the planned length bounds. It is safe for concurrent use.
type Record struct {
	taken func(status int) bool

	mu       sync.Mutex
	counts   load.Counts
	schedule load.Schedule
	events   map[string]*eventRecord
	classes  map[load.Class]*load.ErrorClass
	inFlight int64
	// inTime counts the starts before the planned end.
	inTime  int64
	planned time.Duration
	// lastSuccess and lastEnd are the ends of the last 2xx and of the last delivery.
	lastSuccess, lastEnd time.Duration
	lag                  *hdrhistogram.Histogram
	// ownLate counts the starts that the generator itself delayed by more than ownLimit.
	ownLate  int64
	ownLimit time.Duration
	// lagMax is the largest lag since it was last asked for.
	lagMax time.Duration
	series stretches
	blocks stretches
}

// eventRecord is the account of one event type.
type eventRecord struct {
	sent, succeeded, refused, failed int64
	// timedOut is how many of the latencies are of deliveries that ran into the timeout.
	timedOut           int64
	corrected, service *hdrhistogram.Histogram
}

// NewRecord returns an empty account of a run of this planned length. taken reports whether a status acknowledges a
// delivery; starts that the generator itself delays by more than ownLimit are counted, see OwnLate.
func NewRecord(planned time.Duration, taken func(status int) bool, ownLimit time.Duration) *Record {
	return &Record{
		taken: taken, planned: planned, ownLimit: ownLimit,
		schedule: load.Schedule{LateAfterMS: inMS(LateAfter)},
		events:   map[string]*eventRecord{}, classes: map[load.Class]*load.ErrorClass{}, lag: load.NewHistogram(),
		series: newStretches(load.BucketLength(planned), false), blocks: newStretches(load.BlockLength(planned), true),
	}
}

// begin notes a start.
func (r *Record) begin(f *flight) {
	late := f.start - f.delivery.At
	// What remains of the delay when the target's part is taken off.
	own := f.start - f.ideal
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Sent++
	switch f.delivery.Kind {
	case payload.Duplicate:
		r.counts.Duplicates++
	case payload.Retry:
		r.counts.Retries++
	case payload.Plain, payload.Forged, payload.Batched:
	}
	r.event(f.delivery.Event).sent++
	if f.start < r.planned {
		r.inTime++
	}
	if late > LateAfter {
		r.schedule.Late++
	}
	if f.ideal > f.delivery.At {
		r.schedule.Blocked++
	}
	if float64(own) >= ownShare*float64(late) {
		load.Record(r.lag, own)
		if own > r.ownLimit {
			r.ownLate++
		}
		r.lagMax = max(r.lagMax, own)
	}
	r.inFlight++
	for _, s := range []*stretch{r.series.at(f.start), r.blocks.at(f.start)} {
		s.sent++
		s.inFlight = max(s.inFlight, r.inFlight)
	}
}

// end notes what came of a start.
func (r *Record) end(f *flight) {
	v, class := judge(f.delivery.Kind, f.answer, r.taken)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	if v == abandoned {
		r.counts.Abandoned++
		return
	}
	r.lastEnd = max(r.lastEnd, f.end)
	event, stretches := r.event(f.delivery.Event), []*stretch{r.series.reach(f.end), r.blocks.reach(f.end)}
	switch v {
	case succeeded:
		r.counts.Succeeded++
		event.succeeded++
		r.lastSuccess = max(r.lastSuccess, f.end)
	case refused:
		r.counts.Refused++
		event.refused++
	case failed, abandoned:
		r.counts.Failed++
		event.failed++
		r.class(class, f)
	}
	for _, s := range stretches {
		s.count(v, class)
	}
	// What carries a wrong signature takes another way through the target, and what got no answer has no latency but for
	// the time that was waited in vain.
	if f.delivery.Kind == payload.Forged || f.answer.Class != "" && f.answer.Class != Timeout {
		return
	}
	if f.answer.Class == Timeout {
		event.timedOut++
	}
	corrected, service := f.end-f.delivery.At, f.end-f.start
	load.Record(event.corrected, corrected)
	load.Record(event.service, service)
	r.series.record(corrected, service)
	r.blocks.record(corrected, service)
}

// class counts a failure and keeps the first as the example.
func (r *Record) class(name load.Class, f *flight) {
	c, ok := r.classes[name]
	if !ok {
		c = &load.ErrorClass{Class: name, Example: f.answer.example(), FirstMS: inMS(f.end)}
		r.classes[name] = c
	}
	c.Count++
}

func (r *Record) event(name string) *eventRecord {
	e, ok := r.events[name]
	if !ok {
		e = &eventRecord{corrected: load.NewHistogram(), service: load.NewHistogram()}
		r.events[name] = e
	}
	return e
}

// Live is a look at a run that is under way.
type Live struct {
	Sent, Succeeded, Failed, InFlight int64
	// P99 is the corrected 99th percentile of the current bucket, or of the one before while it has too few answers; 0 where
	// that has too few as well.
	P99 time.Duration
}

// Live returns the figures of the moment.
func (r *Record) Live() Live {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := Live{Sent: r.counts.Sent, Succeeded: r.counts.Succeeded, Failed: r.counts.Failed, InFlight: r.inFlight}
	if ms := r.series.recent(); ms != nil {
		l.P99 = time.Duration(*ms * float64(time.Millisecond))
	}
	return l
}

// LagMax returns the largest lag of the generator's own since the last call, and whether there was any start.
func (r *Record) LagMax() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lag := r.lagMax
	r.lagMax = 0
	return lag, r.counts.Sent > 0
}

// OwnLate is the number of starts that the generator itself delayed by more than the limit, whatever the target did.
func (r *Record) OwnLate() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ownLate
}

// Lag is the distribution of the generator's own lag; nil where there was no start.
func (r *Record) Lag() *load.Lag {
	r.mu.Lock()
	defer r.mu.Unlock()
	return load.SummariseLag(r.lag)
}

func inMS(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
