package load

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The tags of the two views in an HDR log.
const (
	tagCorrected = "corrected"
	tagService   = "service"
)

// WriteHDRLog writes the distributions in the log format of HdrHistogram 1.3, which other tools read, plot and merge:
// values in nanoseconds, one interval for each block of the run, with the tags corrected and service. Without blocks, or
// where they do not hold every value, the interval is the run. A run without latencies gives a log without intervals.
func WriteHDRLog(w io.Writer, r Redacted) error {
	report := r.report
	out := bufio.NewWriter(w)
	log := hdrhistogram.NewHistogramLogWriter(out)
	start := report.Started.UnixMilli()
	for _, step := range []func() error{
		func() error {
			return log.OutputComment(fmt.Sprintf("[Latencies in ns, written by %s %s]", report.Tool.Name, report.Tool.Version))
		},
		log.OutputLogFormatVersion,
		func() error { return log.OutputStartTime(start) },
		func() error { return log.OutputBaseTime(start) },
		log.OutputLegend,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	log.SetBaseTime(start)
	if report.Result != nil {
		for _, view := range []struct {
			tag    string
			whole  *Latency
			ofPart func(Block) string
		}{
			{tagCorrected, report.Result.Latency.Corrected, func(b Block) string { return b.Corrected }},
			{tagService, report.Result.Latency.Service, func(b Block) string { return b.Service }},
		} {
			if view.whole == nil {
				continue
			}
			intervals, err := intervals(report, view.whole, view.ofPart)
			if err != nil {
				return err
			}
			for _, h := range intervals {
				h.SetTag(view.tag)
				if err := log.OutputIntervalHistogram(h); err != nil {
					return err
				}
			}
		}
	}
	return out.Flush()
}

// intervals are the histograms of a view with the times that they cover.
func intervals(r Report, whole *Latency, ofPart func(Block) string) ([]*hdrhistogram.Histogram, error) {
	var all []*hdrhistogram.Histogram
	var n int64
	for _, b := range r.Result.Blocks {
		text := ofPart(b)
		if text == "" {
			continue
		}
		h, err := Decode(text)
		if err != nil {
			return nil, err
		}
		n += h.TotalCount()
		all = append(all, stamped(h, r.Started, b.StartMS, b.LengthMS))
	}
	if n == whole.Count {
		return all, nil
	}
	h, err := Decode(whole.Histogram)
	if err != nil {
		return nil, err
	}
	return []*hdrhistogram.Histogram{stamped(h, r.Started, 0, r.DurationMS)}, nil
}

func stamped(h *hdrhistogram.Histogram, started time.Time, startMS, lengthMS float64) *hdrhistogram.Histogram {
	begin := started.Add(time.Duration(startMS * float64(time.Millisecond)))
	h.SetStartTimeMs(begin.UnixMilli())
	h.SetEndTimeMs(begin.Add(time.Duration(lengthMS * float64(time.Millisecond))).UnixMilli())
	return h
}

// WritePercentiles writes a distribution as the percentile table of HdrHistogram (.hgrm), in milliseconds.
func WritePercentiles(w io.Writer, l *Latency) error {
	h, err := Decode(l.Histogram)
	if err != nil {
		return err
	}
	const ticksPerHalfDistance = 5
	_, err = h.PercentilesPrint(w, ticksPerHalfDistance, float64(time.Millisecond))
	return err
}
