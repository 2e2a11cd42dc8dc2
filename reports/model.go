// Package reports is the result of a run as data, and the files drawn from it: JSON, JUnit and HTML. It knows the
// result model and the contract; nothing here runs a spec or talks to a target.
package reports

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// SchemaVersion is the version of the report's format. Its major part changes when a reader of an older report would
// misread a newer one.
const SchemaVersion = "1.1"

// Verdict is what is known about a requirement after a run.
type Verdict string

// The verdicts, from best to worst for the run as a whole.
const (
	// Pass: observed, and right.
	Pass Verdict = "pass"
	// NotApplicable: the target declares that it does not have the capability.
	NotApplicable Verdict = "not-applicable"
	// Warn: observed, and a SHOULD is broken.
	Warn Verdict = "warn"
	// Untestable: the harness could not observe it.
	Untestable Verdict = "untestable"
	// Error: the harness or the network failed, so nothing is known.
	Error Verdict = "error"
	// Fail: observed, and a MUST is broken.
	Fail Verdict = "fail"
)

// Outcome is what a whole run comes to.
type Outcome string

// The outcomes.
const (
	Conformant    Outcome = "conformant"
	NonConformant Outcome = "non-conformant"
	Incomplete    Outcome = "incomplete"
	Unreachable   Outcome = "unreachable"
	Interrupted   Outcome = "interrupted"
)

// Report is the whole result of one run. Fields with the tag text:"ours" hold what the program itself wrote: ids, names
// and sentences, which must stay as they are even where a secret is a common word.
type Report struct {
	// SchemaVersion is the version of this format.
	SchemaVersion string `json:"schema_version"`
	Tool          Tool   `json:"tool"`
	// Started is when the run began, in UTC.
	Started time.Time `json:"started"`
	// DurationMS is the run's length in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	Target     Target  `json:"target"`
	// Outcome is the result of the run as a whole.
	Outcome Outcome `json:"outcome"`
	// Headline is the outcome in one sentence for a person.
	Headline string `json:"headline"`
	// Counts is the number of requirements by verdict; every verdict has an entry.
	Counts map[Verdict]int `json:"counts"`
	// Selection says which part of the suite was run.
	Selection Selection `json:"selection"`
	// Errors are troubles of the run as a whole, such as a target that could not be reached.
	Errors []string `json:"errors"`
	// Facts are things measured and not judged, such as the largest body that was taken.
	Facts []Fact `json:"facts"`
	// Requirements are the results of those selected, in the order of the ledger; none where the target was unreachable.
	Requirements []RequirementResult `json:"requirements"`
	// Excluded are the requirements of the role that no spec checks, each with its reason.
	Excluded []Exclusion `json:"excluded"`
	// SelfCheck says how the suite itself was checked; absent where the program has no record of that.
	SelfCheck *SelfCheck `json:"self_check,omitempty" text:"ours"`
}

// Tool says what made the report.
type Tool struct {
	Name    string `json:"name" text:"ours"`
	Version string `json:"version" text:"ours"`
	// Command is the command line to repeat the run; it holds no secret.
	Command string `json:"command" text:"ours"`
	// Seed repeats the generated ids and texts.
	Seed uint64 `json:"seed"`
}

// Target describes the system under test, without its secrets.
type Target struct {
	Name    string        `json:"name"`
	Role    contract.Role `json:"role"`
	Edition string        `json:"edition" text:"ours"`
	// URL is where deliveries were sent; passwords and query values in it are redacted.
	URL string `json:"url"`
	// Observer names how effects were seen, or says that they were not.
	Observer string `json:"observer"`
}

// Selection says which part of the suite a run covered.
type Selection struct {
	// Filter is the label filter, empty for the whole suite.
	Filter string `json:"filter" text:"ours"`
	// Selected and Total count requirements that have a spec.
	Selected int `json:"selected"`
	Total    int `json:"total"`
}

// Fact is something measured and not judged.
type Fact struct {
	// ID is a slug of lower-case words, such as largest-body.
	ID string `json:"id" text:"ours"`
	// Text is the fact in a sentence.
	Text string `json:"text"`
}

// Exclusion is a requirement that no spec checks.
type Exclusion struct {
	ID       string `json:"id" text:"ours"`
	Sentence string `json:"sentence" text:"ours"`
	Reason   string `json:"reason" text:"ours"`
}

// RequirementResult is what the run says about one requirement. Its verdict is the worst of its specs.
type RequirementResult struct {
	ID       string              `json:"id" text:"ours"`
	Area     string              `json:"area" text:"ours"`
	Level    contract.Level      `json:"level"`
	Sentence string              `json:"sentence" text:"ours"`
	Source   []contract.Citation `json:"source" text:"ours"`
	// Reading is the reading that the requirement rests on, in full, where the documentation leaves it open.
	Reading string  `json:"reading,omitempty" text:"ours"`
	Verdict Verdict `json:"verdict"`
	// Specs are the results of its specs, by name. Where none ran, one entry with the verdict error says so.
	Specs []SpecResult `json:"specs"`
	// ProvenOn names the wrong implementations that turned it red; absent where the program has no record of them.
	ProvenOn *ProvenOn `json:"proven_on,omitempty" text:"ours"`
}

// SpecResult is what one spec saw.
type SpecResult struct {
	// Requirement is the id that the spec checks.
	Requirement string `json:"requirement" text:"ours"`
	// Name is the spec's text.
	Name    string  `json:"name" text:"ours"`
	Verdict Verdict `json:"verdict"`
	// Reason says in a sentence why the verdict is not pass; empty for pass.
	Reason string `json:"reason,omitempty"`
	// Expected and Seen are stated for every fail and warn.
	Expected string `json:"expected,omitempty"`
	Seen     string `json:"seen,omitempty"`
	// Cause is what a probe found to be the likely cause, where one was made.
	Cause string `json:"cause,omitempty"`
	// Repeat is a shell line with curl that repeats the exchange that decided; it takes the secret from the environment.
	Repeat string `json:"repeat,omitempty"`
	// Rerun is the kirimcheck command that runs this spec alone.
	Rerun string `json:"rerun,omitempty" text:"ours"`
	// Exchanges are what went over the wire, in order. Those of a pass are left out of the files.
	Exchanges []Exchange `json:"exchanges,omitempty"`
	// Observations are what the observer said, in order.
	Observations []Observation `json:"observations,omitempty"`
	DurationMS   float64       `json:"duration_ms"`
}

// Exchange is one request and its answer.
type Exchange struct {
	// Label says what the exchange was for, such as "baseline" or "attempt 2".
	Label    string    `json:"label" text:"ours"`
	Started  time.Time `json:"started"`
	Request  Request   `json:"request"`
	Response *Response `json:"response,omitempty"`
	// Error is the transport's error where there was no complete answer.
	Error string `json:"error,omitempty"`
	// DurationMS is the time from the first byte sent to the end of the answer, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	// Decisive marks the exchange that the verdict rests on.
	Decisive bool `json:"decisive,omitempty"`
}

// Request is what was sent.
type Request struct {
	Method string   `json:"method"`
	URL    string   `json:"url"`
	Header []Header `json:"header"`
	Body   Body     `json:"body"`
}

// Response is what came back.
type Response struct {
	Status int      `json:"status"`
	Proto  string   `json:"proto"`
	Header []Header `json:"header"`
	Body   Body     `json:"body"`
}

// Header is one header line, its name in the case in which it went over the wire where that is known.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Body is a request's or an answer's content. Long ones are cut; Size and SHA256 speak of the whole of what was seen.
type Body struct {
	Size int `json:"size"`
	// SHA256 is the hexadecimal digest of the whole body as seen.
	SHA256 string `json:"sha256,omitempty"`
	// Text is the body where it is UTF-8, Base64 where it is not.
	Text   string `json:"text,omitempty"`
	Base64 string `json:"base64,omitempty"`
	// Truncated says that Text or Base64 holds only the beginning.
	Truncated bool `json:"truncated,omitempty"`
}

// Observation is one answer of an observer.
type Observation struct {
	At time.Time `json:"at"`
	// Question names what was asked, such as the event id.
	Question string `json:"question"`
	// Count is the number of effects that the observer reported.
	Count int `json:"count"`
}
