// Package load is the result of a load run as data, and the files drawn from it: JSON, a page, JUnit, Markdown and HDR
// logs. It knows the result model and the contract; nothing here sends a delivery or decides how fast to send.
//
// Two rules hold everywhere. What was not measured is absent: a pointer is nil, a list empty, and never is a zero put in
// its place. And times are milliseconds, shares lie between 0 and 1, rates are per second; the names of the JSON members
// say so.
package load

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

// SchemaVersion is the version of the format of load.json. Its major part changes when a reader of an older report would
// misread a newer one.
const SchemaVersion = "1.0"

// Kind says which command made the report, and so which section it is about.
type Kind string

// The kinds.
const (
	// KindRun is one run at a given schedule.
	KindRun Kind = "run"
	// KindCapacity is a search for the highest rate; the section Capacity is set, and Result is that of the run which
	// confirmed the answer.
	KindCapacity Kind = "capacity"
	// KindCompare sets two runs, or groups of runs, side by side; the section Compare is set and Result is absent.
	KindCompare Kind = "compare"
)

// Outcome is what a run comes to.
type Outcome string

// The outcomes.
const (
	// Met: every threshold has data and holds. For a comparison: no regression past the bound.
	Met Outcome = "met"
	// NotMet: at least one threshold is broken or had no data.
	NotMet Outcome = "not-met"
	// Measured: there was no threshold, so nothing is judged.
	Measured Outcome = "measured"
	// Invalid: the generator was the bottleneck, or nothing was measured, so the figures say nothing about the target.
	Invalid Outcome = "invalid"
	// Interrupted: the run was stopped before its end; what was measured until then is in the report.
	Interrupted Outcome = "interrupted"
	// Unreachable: no answer came from the target at the start, so nothing was sent.
	Unreachable Outcome = "unreachable"
)

// Report is the whole result of one command. Fields with the tag text:"ours" hold what the program itself wrote, see
// reports.Report.
type Report struct {
	// SchemaVersion is the version of this format.
	SchemaVersion string `json:"schema_version"`
	Kind          Kind   `json:"kind"`
	// Tool says what made the report; its command repeats the run.
	Tool   reports.Tool `json:"tool"`
	Target Target       `json:"target"`
	// Started is when the schedule began, in UTC. All offsets in the report count from it.
	Started time.Time `json:"started"`
	// PlannedMS is how long the schedule was to last, in milliseconds; that of a search lasts for one measurement.
	PlannedMS float64 `json:"planned_ms"`
	// DurationMS is the time from Started to the last answer, or to the end where the run was stopped, in milliseconds. That
	// of a search is the time of all its measurements.
	DurationMS float64 `json:"duration_ms"`
	Plan       Plan    `json:"plan"`
	// Outcome is the result as a whole, and Headline is the same in one sentence for a person; Conclude sets both.
	Outcome  Outcome `json:"outcome"`
	Headline string  `json:"headline"`
	// Errors are troubles of the run as a whole, a line each: why the target could not be reached, what stopped the run.
	Errors []string `json:"errors"`
	// Invalid are the reasons why the figures say nothing about the target, a sentence each; empty for a valid run.
	Invalid []string `json:"invalid"`
	// Notes are things a reader of the figures should know, such as a trace that was cut; they change no verdict.
	Notes []string `json:"notes"`
	// Thresholds are the limits that the run was judged by, in the order given.
	Thresholds []Threshold `json:"thresholds"`
	// Result is what was measured; absent where nothing was sent.
	Result *Result `json:"result,omitempty"`
	// Generator is how well the generator itself was; absent where nothing was sent.
	Generator *Generator `json:"generator,omitempty"`
	// Capacity is the search for the highest rate.
	Capacity *Capacity `json:"capacity,omitempty"`
	// Compare is the comparison of two sides.
	Compare *Comparison `json:"compare,omitempty"`
}

// Target describes the system under test, without its secrets.
type Target struct {
	Name string        `json:"name"`
	Role contract.Role `json:"role"`
	// Edition is the edition of the contract that the deliveries were made by.
	Edition string `json:"edition" text:"ours"`
	// URL is where deliveries were sent; passwords and query values in it are redacted.
	URL string `json:"url"`
}

// Plan is what was to be sent. Two runs can be compared when their plans are equal.
type Plan struct {
	// Shape is the course of the rate: constant, ramp, step, burst, sine or replay.
	Shape string `json:"shape" text:"ours"`
	// Schedule is the shape with its parameters as a person writes them, such as "ramp 100/s to 2000/s in 60s".
	Schedule string `json:"schedule" text:"ours"`
	// RatePerS is the mean number of starts per second over the planned time.
	RatePerS float64 `json:"rate_per_s"`
	// PeakPerS is the highest planned rate, in starts per second.
	PeakPerS float64 `json:"peak_per_s"`
	// Mix is the share of each event type, between 0 and 1; the shares add up to 1.
	Mix map[string]float64 `json:"mix" text:"ours"`
	// Shares are the parts of the deliveries that are not plain ones.
	Shares Shares `json:"shares"`
	// BodyBytes is the size that bodies were filled up to, in bytes; absent where they are as the catalogue makes them.
	BodyBytes *int64 `json:"body_bytes,omitempty"`
	// Connections is the largest number of connections to the target at a time; absent where it was not limited.
	Connections *int `json:"connections,omitempty"`
	// Protocol is HTTP/1.1 or HTTP/2.
	Protocol string `json:"protocol" text:"ours"`
	TLS      bool   `json:"tls"`
	// TimeoutMS is how long an answer was waited for, in milliseconds.
	TimeoutMS float64 `json:"timeout_ms"`
	// Trace is the SHA-256, in hexadecimal, of the trace that was replayed; empty for other shapes.
	Trace string `json:"trace,omitempty" text:"ours"`
}

// Shares are parts of all deliveries, each between 0 and 1.
type Shares struct {
	// Duplicates are sent again as they were, with the same event id.
	Duplicates float64 `json:"duplicates"`
	// Retries are sent as later attempts of an earlier delivery.
	Retries float64 `json:"retries"`
	// WrongSignatures carry a signature that does not fit; the right answer to them is a refusal.
	WrongSignatures float64 `json:"wrong_signatures"`
	// Batched bodies hold several updates.
	Batched float64 `json:"batched"`
}

// Result is what was measured.
type Result struct {
	// OfferedPerS is what the schedule asked for, in starts per second, over the time in which it ran.
	OfferedPerS float64 `json:"offered_per_s"`
	// SentPerS is what was started, in deliveries per second, over the same time.
	SentPerS float64 `json:"sent_per_s"`
	// AchievedPerS is what the target took: deliveries answered by 2xx per second, over the time from the first start to
	// the last answer.
	AchievedPerS float64 `json:"achieved_per_s"`
	Counts       Counts  `json:"counts"`
	// Schedule counts what kept the generator from its schedule.
	Schedule Schedule `json:"schedule"`
	// Errors are the failures by class, the most frequent first; their counts add up to Counts.Failed.
	Errors []ErrorClass `json:"errors"`
	// Latency covers all deliveries.
	Latency Latencies `json:"latency"`
	// Events are the results of each event type, by name.
	Events []EventResult `json:"events"`
	// Series is the course of the run.
	Series Series `json:"series"`
	// Blocks cut the run into a few long parts of equal length, with their whole distributions, so that the spread
	// inside of the run can be measured (see loadgen/compare). Empty where the run was too short for it.
	Blocks []Block `json:"blocks"`
}

// Counts are numbers of deliveries. Sent is the sum of Succeeded, Refused, Failed and Abandoned.
type Counts struct {
	// Planned is the number of starts in the schedule up to its end, or up to where the run was stopped.
	Planned int64 `json:"planned"`
	// Sent were started.
	Sent int64 `json:"sent"`
	// Succeeded were answered by 2xx, and nothing else counts as a success.
	Succeeded int64 `json:"succeeded"`
	// Refused carried a wrong signature and were answered by 4xx, as they should be.
	Refused int64 `json:"refused"`
	// Failed are all others with a known end: any other answer, an error, a timeout, and a wrong signature that was
	// accepted.
	Failed int64 `json:"failed"`
	// Abandoned were under way when the run was stopped, so that nothing is known of them.
	Abandoned int64 `json:"abandoned"`
	// Duplicates and Retries are the number of those among Sent.
	Duplicates int64 `json:"duplicates"`
	Retries    int64 `json:"retries"`
}

// Schedule counts what kept the generator from its schedule, in deliveries. None of it is the target's fault alone: a
// start is blocked when the target holds every connection, which is why corrected latency counts from the intended start.
type Schedule struct {
	// LateAfterMS is the lag past which a start is late, in milliseconds.
	LateAfterMS float64 `json:"late_after_ms"`
	// Late starts came later than that after their intended time, for whatever reason.
	Late int64 `json:"late"`
	// Blocked starts found every worker or connection busy.
	Blocked int64 `json:"blocked"`
	// QueueMisses are starts for which no payload was ready, signed and encoded.
	QueueMisses int64 `json:"queue_misses"`
	// Skipped starts never happened: the run ended before they could.
	Skipped int64 `json:"skipped"`
}

// Class names a kind of failure, such as status-500, timeout or connection-refused. It never holds text of the target.
type Class string

// ErrorClass is a kind of failure and how often it came.
type ErrorClass struct {
	Class Class `json:"class"`
	Count int64 `json:"count"`
	// Example is one of them in a line: the error, or the status with the beginning of the body.
	Example string `json:"example"`
	// FirstMS is when the first of them came, in milliseconds from the start of the run.
	FirstMS float64 `json:"first_ms"`
}

// Latencies are the two views of the same deliveries: those with a genuine signature that were answered, whatever the
// status, and those that ran into the timeout, with the time waited. A delivery that got no answer for another reason,
// such as a refused connection, has no latency; it is in the errors.
//
// One that ran into the timeout would have taken longer than it was waited for, so that its value is the least it can be.
type Latencies struct {
	// TimedOut is how many of the values are such.
	TimedOut int64 `json:"timed_out,omitempty"`
	// Corrected counts from the intended start, so that a delivery which had to wait behind a stall is as slow as it was
	// for its sender. Absent where nothing was answered.
	Corrected *Latency `json:"corrected,omitempty"`
	// Service counts from the moment the request was handed to the connection. Absent where nothing was answered.
	Service *Latency `json:"service,omitempty"`
}

// Latency is a distribution of times, in milliseconds. A percentile is absent where fewer values were recorded than it
// takes for one of them to lie beyond it: the 99th takes 100, the 99.9th takes 1000.
type Latency struct {
	// Count is the number of values.
	Count int64 `json:"count"`
	// MinMS, MeanMS and MaxMS are the smallest, the arithmetic mean and the largest, in milliseconds.
	MinMS  float64 `json:"min_ms"`
	MeanMS float64 `json:"mean_ms"`
	MaxMS  float64 `json:"max_ms"`
	// The percentiles, in milliseconds: the smallest time that at least so many percent of the values do not exceed.
	P50MS  *float64 `json:"p50_ms,omitempty"`
	P90MS  *float64 `json:"p90_ms,omitempty"`
	P95MS  *float64 `json:"p95_ms,omitempty"`
	P99MS  *float64 `json:"p99_ms,omitempty"`
	P999MS *float64 `json:"p99_9_ms,omitempty"`
	// Histogram is the whole distribution, see Encode: values in nanoseconds, from a microsecond to an hour with three
	// significant digits.
	Histogram string `json:"histogram" text:"ours"`
}

// EventResult is the result of one event type.
type EventResult struct {
	// Event is the type, such as message.status; for Meta's own webhooks the field.
	Event string `json:"event" text:"ours"`
	// Sent, Succeeded, Refused and Failed are numbers of deliveries, as in Counts.
	Sent      int64     `json:"sent"`
	Succeeded int64     `json:"succeeded"`
	Refused   int64     `json:"refused"`
	Failed    int64     `json:"failed"`
	Latency   Latencies `json:"latency"`
}

// Series is the course of the run in buckets of equal length.
type Series struct {
	// BucketMS is the length of a bucket, in milliseconds; see BucketLength.
	BucketMS float64  `json:"bucket_ms"`
	Buckets  []Bucket `json:"buckets"`
}

// Bucket is a part of the run. Starts belong to the bucket in which they were due or happened, answers, errors and
// latencies to the one in which the answer came.
type Bucket struct {
	// StartMS is where the bucket begins, in milliseconds from the start of the run.
	StartMS float64 `json:"start_ms"`
	// LengthMS is given where the bucket is shorter than the others, as the last one may be, in milliseconds.
	LengthMS *float64 `json:"length_ms,omitempty"`
	// Offered is the number of starts that were due.
	Offered int64 `json:"offered"`
	// Sent is the number of starts that happened.
	Sent int64 `json:"sent"`
	// Succeeded is the number of answers by 2xx.
	Succeeded int64 `json:"succeeded"`
	// Refused is the number of wrong signatures that were refused.
	Refused int64 `json:"refused"`
	// Errors are the failures by class; absent where there were none.
	Errors map[Class]int64 `json:"errors,omitempty"`
	// InFlight is the largest number of deliveries under way at a time.
	InFlight int64 `json:"in_flight"`
	// Corrected and Service are absent where no answer came in the bucket.
	Corrected *BucketLatency `json:"corrected,omitempty"`
	Service   *BucketLatency `json:"service,omitempty"`
}

// BucketLatency is the latency in one bucket, in milliseconds, see Latency.
type BucketLatency struct {
	P50MS *float64 `json:"p50_ms,omitempty"`
	P90MS *float64 `json:"p90_ms,omitempty"`
	P99MS *float64 `json:"p99_ms,omitempty"`
	MaxMS float64  `json:"max_ms"`
}

// Block is a long part of the run with its whole distributions.
type Block struct {
	// StartMS and LengthMS are where the block begins and how long it is, in milliseconds.
	StartMS  float64 `json:"start_ms"`
	LengthMS float64 `json:"length_ms"`
	// Sent, Succeeded and Failed are numbers of deliveries, counted as in Bucket.
	Sent      int64 `json:"sent"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	// Corrected and Service are histograms as in Latency.Histogram; empty where no answer came.
	Corrected string `json:"corrected,omitempty" text:"ours"`
	Service   string `json:"service,omitempty" text:"ours"`
}
