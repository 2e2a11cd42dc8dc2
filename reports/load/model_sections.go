package load

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

// Generator is how well the generator itself was during the run.
type Generator struct {
	// OS, Arch and GoVersion say what it ran on.
	OS        string `json:"os" text:"ours"`
	Arch      string `json:"arch" text:"ours"`
	GoVersion string `json:"go_version" text:"ours"`
	// CPUs is the number of processors it could use at a time.
	CPUs int `json:"cpus"`
	// CPUShare is the part of these processors that it used, between 0 and 1: the mean over the run, and the highest of
	// any sample. Absent where the system does not tell.
	CPUShare    *float64 `json:"cpu_share,omitempty"`
	CPUShareMax *float64 `json:"cpu_share_max,omitempty"`
	// GCPauses is the number of times that the garbage collector stopped the program, GCPauseMS how long altogether and
	// GCPauseMaxMS at most, in milliseconds.
	GCPauses     int64   `json:"gc_pauses"`
	GCPauseMS    float64 `json:"gc_pause_ms"`
	GCPauseMaxMS float64 `json:"gc_pause_max_ms"`
	// GoroutinesMax is the largest number of goroutines in any sample.
	GoroutinesMax int `json:"goroutines_max"`
	// MemoryStart and MemoryEnd are the bytes that the program held, after the warm-up and at the end; absent where the
	// system does not tell.
	MemoryStart *int64 `json:"memory_start_bytes,omitempty"`
	MemoryEnd   *int64 `json:"memory_end_bytes,omitempty"`
	// Lag is how much later than intended the schedule handed out starts while nothing blocked them; absent where there
	// were no starts.
	Lag *Lag `json:"lag,omitempty"`
	// Samples are the course of the above.
	Samples []Sample `json:"samples"`
}

// Lag is the distribution of the scheduling lag, in milliseconds. A percentile is absent as in Latency.
type Lag struct {
	Count int64    `json:"count"`
	P50MS *float64 `json:"p50_ms,omitempty"`
	P99MS *float64 `json:"p99_ms,omitempty"`
	MaxMS float64  `json:"max_ms"`
}

// Sample is one look at the generator. It speaks of the time since the sample before it.
type Sample struct {
	// AtMS is when it was taken, in milliseconds from the start of the run.
	AtMS float64 `json:"at_ms"`
	// CPUShare is the part of the processors that was used, between 0 and 1.
	CPUShare *float64 `json:"cpu_share,omitempty"`
	// GCPauseMS is how long the garbage collector stopped the program, in milliseconds.
	GCPauseMS float64 `json:"gc_pause_ms"`
	// Goroutines and MemoryBytes are the number and the bytes at that moment.
	Goroutines  int    `json:"goroutines"`
	MemoryBytes *int64 `json:"memory_bytes,omitempty"`
	// LagMaxMS is the largest scheduling lag, in milliseconds; absent where there were no starts.
	LagMaxMS *float64 `json:"lag_max_ms,omitempty"`
}

// Threshold is a limit and what the run says about it.
type Threshold struct {
	// Expression is the limit as text, such as "p99 < 250ms".
	Expression string `json:"expression" text:"ours"`
	// From says who asked for it: "--slo", "target file" or "preset meta".
	From string `json:"from" text:"ours"`
	// Source is where the contract states the limit; absent for the user's own.
	Source *contract.Citation `json:"source,omitempty" text:"ours"`
	// Verdict is pass or fail; what had no data fails. It is void where the run is invalid.
	Verdict reports.Verdict `json:"verdict"`
	// Observed is what was measured, in Unit; absent where there was no data.
	Observed *float64 `json:"observed,omitempty"`
	// Limit is the limit, in Unit.
	Limit float64 `json:"limit"`
	// Unit is ms, share or per-second.
	Unit string `json:"unit" text:"ours"`
	// Reason says in a sentence why the verdict is not pass; empty for pass.
	Reason string `json:"reason,omitempty" text:"ours"`
}

// Limit says what bounded a capacity search.
type Limit string

// The limits.
const (
	// LimitTarget: past the answer the target broke a threshold.
	LimitTarget Limit = "target"
	// LimitGenerator: the generator gave out first, so the target may take more.
	LimitGenerator Limit = "generator"
	// LimitMaximum: the highest rate that was allowed to be tried still held.
	LimitMaximum Limit = "maximum"
	// LimitSteps: the search ended at its number of measurements, so the answer is only known to lie between two rates.
	LimitSteps Limit = "steps"
)

// Capacity is a search for the highest rate at which the thresholds hold.
type Capacity struct {
	// RatePerS is the highest rate that held in every confirmation, in deliveries per second; absent where not even the
	// lowest rate held, or nothing was confirmed.
	RatePerS *float64 `json:"rate_per_s,omitempty"`
	// AtLeast says that the true capacity is RatePerS or more, because something other than the target was the limit.
	AtLeast bool `json:"at_least"`
	// LimitedBy is what ended the search.
	LimitedBy Limit `json:"limited_by"`
	// BrokenPerS is the lowest rate at which the target broke a threshold, in deliveries per second; absent where it
	// never did.
	BrokenPerS *float64 `json:"broken_per_s,omitempty"`
	// ResolutionShare is the width at which the search stopped, as a share of the rate.
	ResolutionShare float64 `json:"resolution_share"`
	// Confirmations is the number of runs at RatePerS, Held how many of them held.
	Confirmations int `json:"confirmations"`
	Held          int `json:"held"`
	// Confidence is the confidence, between 0 and 1, with which at least HoldShare of runs at RatePerS hold; Statement is
	// the same in a sentence. Absent where nothing was confirmed.
	Confidence *float64 `json:"confidence,omitempty"`
	HoldShare  *float64 `json:"hold_share,omitempty"`
	// Statement is the answer in a sentence.
	Statement string `json:"statement" text:"ours"`
	// KneePerS is the rate past which latency grows faster than it did, in deliveries per second; absent where the steps
	// show no bend.
	KneePerS *float64 `json:"knee_per_s,omitempty"`
	// Steps are the measurements in the order in which they were made.
	Steps []Step `json:"steps"`
}

// Phase is the part of a capacity search that a step belongs to.
type Phase string

// The phases.
const (
	PhaseCoarse  Phase = "coarse"
	PhaseBisect  Phase = "bisect"
	PhaseConfirm Phase = "confirm"
)

// StepVerdict is what one measurement of a capacity search says.
type StepVerdict string

// The verdicts of a step.
const (
	// StepHeld: every threshold held.
	StepHeld StepVerdict = "held"
	// StepBroken: the target broke a threshold.
	StepBroken StepVerdict = "broken"
	// StepInvalid: the generator was the bottleneck, so the step says nothing about the target.
	StepInvalid StepVerdict = "invalid"
)

// Step is one measurement of a capacity search.
type Step struct {
	Phase Phase `json:"phase"`
	// RatePerS is what was offered, AchievedPerS what was answered by 2xx, in deliveries per second.
	RatePerS     float64  `json:"rate_per_s"`
	AchievedPerS *float64 `json:"achieved_per_s,omitempty"`
	// P50MS and P99MS are corrected latencies, in milliseconds; absent as in Latency.
	P50MS *float64 `json:"p50_ms,omitempty"`
	P99MS *float64 `json:"p99_ms,omitempty"`
	// ErrorShare is the part of the deliveries that failed, between 0 and 1; absent where nothing was answered.
	ErrorShare *float64    `json:"error_share,omitempty"`
	Verdict    StepVerdict `json:"verdict"`
	// Reason says which threshold broke, or why the step is invalid.
	Reason string `json:"reason,omitempty" text:"ours"`
}

// CompareVerdict is what a comparison says of the second side.
type CompareVerdict string

// The verdicts of a comparison.
const (
	Faster       CompareVerdict = "faster"
	Slower       CompareVerdict = "slower"
	NoDifference CompareVerdict = "no-difference"
	// Mixed: some deciding figures became better and others worse.
	Mixed CompareVerdict = "mixed"
	// NoData: the figure is missing on a side, or its spread cannot be measured.
	NoData CompareVerdict = "no-data"
)

// SpreadKind says what the spread of a comparison was measured on.
type SpreadKind string

// The kinds of spread.
const (
	// SpreadRuns: between repeated runs of one side.
	SpreadRuns SpreadKind = "runs"
	// SpreadBlocks: between parts of single runs, which does not show how runs differ from each other.
	SpreadBlocks SpreadKind = "blocks"
)

// Comparison sets two sides beside each other. A is the baseline, and changes are those from A to B.
type Comparison struct {
	A CompareSide `json:"a"`
	B CompareSide `json:"b"`
	// Spread is what the spread was measured on.
	Spread SpreadKind `json:"spread"`
	// Confidence is that of the verdict as a whole, between 0 and 1: the chance that two equal sides are called different
	// is at most its complement.
	Confidence float64 `json:"confidence"`
	// BoundShare is the change for the worse that is tolerated, as a share of A.
	BoundShare float64        `json:"bound_share"`
	Verdict    CompareVerdict `json:"verdict"`
	// Regression says that a deciding figure became worse: surely, as its interval says, and by more than BoundShare, as
	// its estimate says.
	Regression bool `json:"regression"`
	// Differences are the points in which the plans differ; a comparison in spite of them was asked for.
	Differences []string `json:"differences"`
	// Figures are the single changes.
	Figures []FigureChange `json:"figures"`
}

// CompareSide is one side of a comparison.
type CompareSide struct {
	// Name is the file or folder that it came from.
	Name string `json:"name"`
	// Runs is the number of runs, Blocks the number of parts that the spread was measured on; 0 where runs were.
	Runs   int `json:"runs"`
	Blocks int `json:"blocks"`
	// Started is when the first of the runs began, in UTC.
	Started time.Time `json:"started"`
}

// FigureChange is the change of one figure.
type FigureChange struct {
	// Figure names it as thresholds do, such as p99 or errors.
	Figure string `json:"figure" text:"ours"`
	// Unit is ms, share or per-second, that of A and B.
	Unit string   `json:"unit" text:"ours"`
	A    *float64 `json:"a,omitempty"`
	B    *float64 `json:"b,omitempty"`
	// Change is how much larger B is, Low and High the ends of its interval; as a share of A, and for figures that are
	// shares themselves as their difference. Absent where they cannot be known.
	Change *float64 `json:"change,omitempty"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
	// Decides says that the figure is one of those that the verdict rests on.
	Decides bool           `json:"decides"`
	Verdict CompareVerdict `json:"verdict"`
	// Regression says that the figure decides, is surely worse, and by more than the bound.
	Regression bool `json:"regression"`
	// Reason says why there is no verdict.
	Reason string `json:"reason,omitempty" text:"ours"`
}
