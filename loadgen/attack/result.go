package attack

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// Result is the account as data, when the run is over. ran is how long the schedule ran: its whole length, or the time
// until the run was stopped. misses is the number of starts that waited for a payload.
func (r *Record) Result(s *schedule.Schedule, ran time.Duration, misses int64) (*load.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.series.close()
	r.blocks.close()
	due := s.Due(ran)
	if ran < s.Duration() {
		// A start that was due in the very moment of the stop may not have happened, and is nobody's failure.
		due = min(due, uint64(r.counts.Sent))
	}
	out := &load.Result{Counts: r.counts, Schedule: r.schedule, Errors: []load.ErrorClass{}, Events: []load.EventResult{}, Blocks: []load.Block{}}
	out.Counts.Planned = int64(due)
	out.Schedule.QueueMisses = misses
	out.Schedule.Skipped = max(0, int64(due)-r.counts.Sent)
	if ran > 0 {
		out.OfferedPerS = float64(due) / ran.Seconds()
		out.SentPerS = float64(r.inTime) / ran.Seconds()
		// A run of few deliveries ends before its planned time with the last answer; the time counts as a whole.
		out.AchievedPerS = float64(r.counts.Succeeded) / max(ran, r.lastSuccess).Seconds()
	}
	for _, c := range r.classes {
		out.Errors = append(out.Errors, *c)
	}
	slices.SortFunc(out.Errors, func(a, b load.ErrorClass) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class))
	})
	if err := r.latencies(out); err != nil {
		return nil, err
	}
	out.Series = r.course(s, ran)
	if r.planned >= minBlocks*r.blocks.length {
		out.Blocks = r.parts(ran)
	}
	return out, errors.Join(r.series.err, r.blocks.err)
}

// minBlocks is the number of blocks below which their spread says nothing.
const minBlocks = 5

// latencies sets the distributions of each event and, merged from these, of all.
func (r *Record) latencies(out *load.Result) error {
	corrected, service := load.NewHistogram(), load.NewHistogram()
	var timedOut int64
	var errs []error
	keep := func(l *load.Latency, err error) *load.Latency {
		errs = append(errs, err)
		return l
	}
	for _, name := range slices.Sorted(maps.Keys(r.events)) {
		e := r.events[name]
		// Both have the same range, so nothing is dropped.
		corrected.Merge(e.corrected)
		service.Merge(e.service)
		out.Events = append(out.Events, load.EventResult{
			Event: name, Sent: e.sent, Succeeded: e.succeeded, Refused: e.refused, Failed: e.failed,
			Latency: load.Latencies{TimedOut: e.timedOut, Corrected: keep(load.Summarise(e.corrected)), Service: keep(load.Summarise(e.service))},
		})
		timedOut += e.timedOut
	}
	out.Latency = load.Latencies{TimedOut: timedOut, Corrected: keep(load.Summarise(corrected)), Service: keep(load.Summarise(service))}
	return errors.Join(errs...)
}

// course is the run bucket by bucket, up to its last answer, buckets in which nothing happened included.
func (r *Record) course(s *schedule.Schedule, ran time.Duration) load.Series {
	length := r.series.length
	series := load.Series{BucketMS: inMS(length), Buckets: []load.Bucket{}}
	end := max(ran, r.lastEnd)
	for start := time.Duration(0); start < end; start += length {
		part := r.series.at(start)
		stop := min(start+length, ran)
		b := load.Bucket{
			StartMS: inMS(start), Sent: part.sent, Succeeded: part.succeeded, Refused: part.refused, Errors: part.errors,
			InFlight: part.inFlight, Corrected: part.closed.corrected, Service: part.closed.service,
		}
		if stop > start {
			b.Offered = int64(s.Due(stop-1) - s.Due(start-1))
		}
		if start+length > end {
			short := inMS(end - start)
			b.LengthMS = &short
		}
		series.Buckets = append(series.Buckets, b)
	}
	return series
}

// parts are the whole blocks of the run.
func (r *Record) parts(ran time.Duration) []load.Block {
	blocks := []load.Block{}
	length := r.blocks.length
	for start := time.Duration(0); start+length <= ran; start += length {
		part := r.blocks.at(start)
		blocks = append(blocks, load.Block{
			StartMS: inMS(start), LengthMS: inMS(length), Sent: part.sent, Succeeded: part.succeeded, Failed: part.failed,
			Corrected: part.closed.correctedWhole, Service: part.closed.serviceWhole,
		})
	}
	return blocks
}
