package load

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and the precision of every histogram. Values are nanoseconds, which is what other readers of HDR logs take
// them for unless told otherwise.
const (
	lowest  = time.Microsecond
	highest = time.Hour
	digits  = 3
)

// NewHistogram returns an empty histogram of times: from a microsecond to an hour, three significant digits, values in
// nanoseconds. It takes some 180 kB and is not safe for concurrent use.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(lowest), int64(highest), digits)
}

// Record adds a time to a histogram of NewHistogram. What lies outside of its range is recorded as the range's end: a
// negative time cannot be, and more than an hour is an hour.
func Record(h *hdrhistogram.Histogram, d time.Duration) {
	// The value is within the range, so that the only error left is a count beyond 63 bits.
	_ = h.RecordValue(int64(min(max(d, 0), highest)))
}

// Encode returns the histogram in the HDR V2 format, compressed and in base64, as every HDR library reads it. Decode and
// Merge give the same counts again.
func Encode(h *hdrhistogram.Histogram) (string, error) {
	text, err := h.EncodeV2()
	if err != nil {
		return "", fmt.Errorf("histogram cannot be encoded: %w", err)
	}
	return string(text), nil
}

// Decode reads what Encode wrote.
func Decode(text string) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("histogram cannot be decoded: %w", err)
	}
	if h.LowestTrackableValue() != int64(lowest) || h.HighestTrackableValue() < int64(highest) || h.SignificantFigures() != digits {
		return nil, fmt.Errorf("histogram has another range or precision: %d to %d ns with %d digits; expected %d to %d ns with %d",
			h.LowestTrackableValue(), h.HighestTrackableValue(), h.SignificantFigures(), lowest, highest, digits)
	}
	return h, nil
}

// Summarise returns the figures of a histogram together with the whole of it, and nil for an empty one.
func Summarise(h *hdrhistogram.Histogram) (*Latency, error) {
	if h == nil || h.TotalCount() == 0 {
		return nil, nil
	}
	text, err := Encode(h)
	if err != nil {
		return nil, err
	}
	return &Latency{
		Count:  h.TotalCount(),
		MinMS:  inMS(h.Min()),
		MeanMS: math.Round(h.Mean()/1e3) / 1e3,
		MaxMS:  inMS(h.Max()),
		P50MS:  Percentile(h, 50), P90MS: Percentile(h, 90), P95MS: Percentile(h, 95),
		P99MS: Percentile(h, 99), P999MS: Percentile(h, 99.9),
		Histogram: text,
	}, nil
}

// SummariseBucket returns the few figures that a bucket of the series has, and nil for an empty histogram.
func SummariseBucket(h *hdrhistogram.Histogram) *BucketLatency {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	return &BucketLatency{P50MS: Percentile(h, 50), P90MS: Percentile(h, 90), P99MS: Percentile(h, 99), MaxMS: inMS(h.Max())}
}

// SummariseLag returns the figures of a histogram of scheduling lags, and nil for an empty one.
func SummariseLag(h *hdrhistogram.Histogram) *Lag {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	return &Lag{Count: h.TotalCount(), P50MS: Percentile(h, 50), P99MS: Percentile(h, 99), MaxMS: inMS(h.Max())}
}

// Percentile returns a percentile in milliseconds, and nil where too few values were recorded for it: fewer than Needed.
func Percentile(h *hdrhistogram.Histogram, percent float64) *float64 {
	if h == nil || h.TotalCount() < Needed(percent) {
		return nil
	}
	ms := inMS(ValueAt(h, percent))
	return &ms
}

// ValueAt returns the percentile of a histogram that is not empty, in nanoseconds: the smallest of its values that at
// least so many percent do not exceed. The library's own ValueAtPercentile rounds the rank to the nearest, and so may
// give a value that too few reach.
func ValueAt(h *hdrhistogram.Histogram, percent float64) int64 {
	// A percentile of exactly this rank leaves the library nothing to round.
	return h.ValueAtPercentile(100 * float64(Rank(percent, h.TotalCount())) / float64(h.TotalCount()))
}

// Rank is the place of a percentile among n values in their order, from 1.
func Rank(percent float64, n int64) int64 {
	// Rounded up, after what floating point adds to a whole number is taken off.
	return min(max(1, int64(math.Ceil(percent/100*float64(n)-1e-6))), n)
}

// Needed is the number of values from which on a percentile means something: with fewer, not one of them lies beyond it,
// and it would only be the maximum under another name.
func Needed(percent float64) int64 {
	if percent >= 100 {
		return 1
	}
	// Rounded up, after what floating point adds to a whole number is taken off.
	return max(1, int64(math.Ceil(100/(100-percent)-1e-6)))
}

// inMS turns nanoseconds into milliseconds, to the microsecond that the histograms resolve.
func inMS(ns int64) float64 { return math.Round(float64(ns)/1e3) / 1e3 }

// maxBuckets bounds the series, so that neither the report nor the memory of the run grows with its length.
const maxBuckets = 3600

// Blocks is the number of parts into which a run is cut for measuring its inner spread. With 20 the spread of their
// figures is known to about a sixth, and each of a run of a minute is long enough (3 s) to hold what comes and goes within seconds.
const Blocks = 20

// BucketLength returns the length of a bucket for a run of this planned length: a second, and a whole number of seconds
// where the series would be longer than 3600 buckets.
func BucketLength(planned time.Duration) time.Duration {
	n := (planned + maxBuckets*time.Second - 1) / (maxBuckets * time.Second)
	return max(n, 1) * time.Second
}

// BlockLength returns the length of a block for a run of this planned length: a twentieth of it, and at least a second.
func BlockLength(planned time.Duration) time.Duration { return max(planned/Blocks, time.Second) }
