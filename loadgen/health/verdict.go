package health

import (
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// The bounds past which the generator was the bottleneck.
const (
	// MaxLag is what the generator itself may add to a start. It is a tenth of the tightest limit that anybody states for
	// a webhook, Meta's median of 250 ms (Meta, throughput): what is added to a latency near a limit stays small beside it.
	MaxLag = 25 * time.Millisecond
	// maxShare is the part of the starts, and of the looks at the timer, that may be worse: the thresholds people set end
	// at the 99th percentile, or look at one in a hundred.
	maxShare = 0.01
	// busy is the part of the processors from which on they are named as the likely reason.
	busy = 0.9
)

// Account is what is needed to judge the generator.
type Account struct {
	Result    *load.Result
	Generator load.Generator
	// Probe is how late timers woke a goroutine; nil where none was due.
	Probe *load.Lag
	// LateStarts are those that the generator delayed by more than MaxLag, whatever the target did.
	LateStarts int64
}

// Judge returns why the figures say nothing about the target, a sentence each, and nothing for a sound run. It blames no
// generator for a target that held its connections, and no target for a generator that slept.
func Judge(a Account) []string {
	var reasons []string
	blame := func(format string, args ...any) {
		reasons = append(reasons, fmt.Sprintf(format, args...)+a.processors())
	}
	sent := a.Result.Counts.Sent
	if tooMany(a.LateStarts, sent) {
		blame("the generator was the bottleneck: it started %d of %d deliveries more than %s late while a connection was free; at most 1%% may be",
			a.LateStarts, sent, MaxLag)
	}
	if a.Probe != nil && a.Probe.P99MS != nil && *a.Probe.P99MS > inMS(MaxLag) {
		blame("the generator was the bottleneck: this machine woke it %s late at the 99th percentile; at most %s is sound",
			load.Quantity(*a.Probe.P99MS, load.Milliseconds), MaxLag)
	}
	if misses := a.Result.Schedule.QueueMisses; tooMany(misses, sent) {
		blame("the generator was the bottleneck: %d of %d deliveries were not built and signed in time; at most 1%% may be", misses, sent)
	}
	for _, c := range a.Result.Errors {
		if c.Class == attack.OwnLimit {
			blame("the generator was the bottleneck: this machine had no port, file or memory left for %d deliveries: %s", c.Count, c.Example)
		}
	}
	return reasons
}

func tooMany(n, of int64) bool { return float64(n) > maxShare*float64(of) }

func (a Account) processors() string {
	if share := a.Generator.CPUShare; share != nil && *share >= busy {
		return fmt.Sprintf(" (it used %.0f%% of %d processors)", 100**share, a.Generator.CPUs)
	}
	return ""
}

// Notes are what a reader of a sound run should know.
func Notes(r *load.Result, connections int) []string {
	var notes []string
	if r.Schedule.Blocked > 0 && tooMany(r.Schedule.Blocked, r.Counts.Sent) {
		notes = append(notes, fmt.Sprintf("%d of %d starts found all %d connections busy and had to wait for the target; "+
			"corrected latency counts that wait, and --connections changes how many may be under way", r.Schedule.Blocked, r.Counts.Sent, connections))
	}
	if l := r.Latency; l.TimedOut > 0 && l.Corrected != nil {
		notes = append(notes, fmt.Sprintf("%d of %d latencies are the time waited for an answer that did not come before the timeout, the least that they can be",
			l.TimedOut, l.Corrected.Count))
	}
	return notes
}
