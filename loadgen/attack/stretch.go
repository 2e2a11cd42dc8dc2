package attack

import (
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// stretches cut a run into parts of equal length. Counts are kept for all of them, and histograms for the current one
// only: when it is over they are closed, so that a long run holds two and not thousands.
type stretches struct {
	length time.Duration
	// whole says that the closed histograms are kept as they are, and not only a few figures of them.
	whole bool
	// err is the first histogram that could not be encoded.
	err error
	all []*stretch
	// current is the part in which answers come at the moment; those of an earlier one that come a moment late, because
	// two connections race for the account, are counted there too.
	current            int
	corrected, service *hdrhistogram.Histogram
}

// stretch is one part.
type stretch struct {
	sent, succeeded, refused, failed, inFlight int64
	errors                                     map[load.Class]int64
	// What the histograms were when the part was over.
	closed closed
}

// closed is what remains of a part's histograms: the few figures of a bucket, and for the long blocks the whole.
type closed struct {
	corrected, service           *load.BucketLatency
	correctedWhole, serviceWhole string
}

func newStretches(length time.Duration, whole bool) stretches {
	return stretches{length: length, whole: whole, corrected: load.NewHistogram(), service: load.NewHistogram()}
}

// at returns the part that a time lies in.
func (s *stretches) at(t time.Duration) *stretch {
	i := int(max(t, 0) / s.length)
	for len(s.all) <= i {
		s.all = append(s.all, &stretch{})
	}
	return s.all[i]
}

// reach returns the part that an answer at t belongs to, and closes the one before.
func (s *stretches) reach(t time.Duration) *stretch {
	if i := int(max(t, 0) / s.length); i > s.current {
		s.close()
		s.current = i
	}
	return s.at(time.Duration(s.current) * s.length)
}

func (s *stretches) record(corrected, service time.Duration) {
	load.Record(s.corrected, corrected)
	load.Record(s.service, service)
}

// recent is the corrected 99th percentile of the current part, or of the one before it, in milliseconds; nil where both have
// too few answers.
func (s *stretches) recent() *float64 {
	if ms := load.Percentile(s.corrected, 99); ms != nil || s.current == 0 {
		return ms
	}
	before := s.at(time.Duration(s.current-1) * s.length).closed.corrected
	if before == nil {
		return nil
	}
	return before.P99MS
}

// close keeps the histograms of the current part and empties them.
func (s *stretches) close() {
	if s.corrected.TotalCount() == 0 {
		return
	}
	part := s.at(time.Duration(s.current) * s.length)
	if s.whole {
		var errs [2]error
		part.closed.correctedWhole, errs[0] = load.Encode(s.corrected)
		part.closed.serviceWhole, errs[1] = load.Encode(s.service)
		s.err = errors.Join(s.err, errs[0], errs[1])
	} else {
		part.closed.corrected, part.closed.service = load.SummariseBucket(s.corrected), load.SummariseBucket(s.service)
	}
	s.corrected.Reset()
	s.service.Reset()
}

// count adds an end.
func (s *stretch) count(v verdict, class load.Class) {
	switch v {
	case succeeded:
		s.succeeded++
	case refused:
		s.refused++
	case failed:
		s.failed++
		if s.errors == nil {
			s.errors = map[load.Class]int64{}
		}
		s.errors[class]++
	case abandoned:
	}
}
