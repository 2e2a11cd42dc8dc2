package load

import (
	"fmt"
)

// maxRows bounds the table beside the plots.
const maxRows = 60

// row is one line of the table beside the plots.
type row struct {
	From, Offered, Sent, Succeeded string
	Corrected, Service             BucketLatency
	Max                            *float64
	Failed, InFlight               int64
}

// rows are the buckets as a table of at most maxRows rows; where a row covers several buckets, grouped says how many.
func rows(s Series) (all []row, grouped string) {
	size := (len(s.Buckets) + maxRows - 1) / maxRows
	if size > 1 {
		grouped = fmt.Sprint(size)
	}
	for start := 0; start < len(s.Buckets); start += size {
		group := s.Buckets[start:min(start+size, len(s.Buckets))]
		r := row{From: clockLabel(group[0].StartMS / 1000)}
		var ms float64
		var offered, sent, succeeded int64
		for _, b := range group {
			ms += length(b, s)
			offered, sent, succeeded = offered+b.Offered, sent+b.Sent, succeeded+b.Succeeded
			for _, n := range b.Errors {
				r.Failed += n
			}
			r.InFlight = max(r.InFlight, b.InFlight)
			r.Corrected.raise(b.Corrected)
			r.Service.raise(b.Service)
			if b.Corrected != nil {
				r.Max = higher(r.Max, &b.Corrected.MaxMS)
			}
		}
		perSecond := func(n int64) string { return Quantity(float64(n)/ms*1000, PerSecond) }
		r.Offered, r.Sent, r.Succeeded = perSecond(offered), perSecond(sent), perSecond(succeeded)
		all = append(all, r)
	}
	return all, grouped
}

// raise sets each percentile to the higher one of both.
func (l *BucketLatency) raise(other *BucketLatency) {
	if other == nil {
		return
	}
	l.P50MS, l.P90MS, l.P99MS = higher(l.P50MS, other.P50MS), higher(l.P90MS, other.P90MS), higher(l.P99MS, other.P99MS)
}

func higher(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
