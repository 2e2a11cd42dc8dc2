package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/kirimcheck/kirimcheck/loadgen"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// plainEvery is the time between two plain lines: a log of CI is read afterwards.
const plainEvery = 5 * time.Second

// loadProgress shows a run as it goes: a bar on a terminal, and plain lines elsewhere.
type loadProgress struct {
	out   io.Writer
	plain bool
	bar   *progressbar.ProgressBar
	// label stands before everything, such as the rate of a step.
	label string
	last  time.Duration
}

func newLoadProgress(out io.Writer, plain bool) *loadProgress {
	return &loadProgress{out: out, plain: plain || !isTerminal(out)}
}

// update shows a look at the run. A terminal or a log that went away must not end it, so errors of writing are dropped.
func (p *loadProgress) update(now loadgen.Progress) {
	p99 := "p99 -"
	if now.P99 > 0 {
		p99 = "p99 " + load.Quantity(float64(now.P99)/float64(time.Millisecond), load.Milliseconds)
	}
	text := fmt.Sprintf("%s%s, %s, %s failed, %d in flight",
		p.label, load.Quantity(now.RatePerS, load.PerSecond), p99, load.Number(now.Failed), now.InFlight)
	if p.plain {
		if now.Elapsed-p.last < plainEvery-plainEvery/10 {
			return
		}
		p.last = now.Elapsed
		_, _ = fmt.Fprintf(p.out, "%s of %s: %s\n", now.Elapsed.Round(time.Second), now.Planned.Round(time.Second), text)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(int64(now.Planned/time.Millisecond),
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(false))
	}
	p.bar.Describe(text)
	_ = p.bar.Set64(min(int64(now.Elapsed/time.Millisecond), int64(now.Planned/time.Millisecond)-1))
}

// end takes the bar away. The next run gets another.
func (p *loadProgress) end() {
	p.last = 0
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
}
