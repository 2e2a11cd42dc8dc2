package mutants

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relayRetryMutants change when an attempt is repeated.
func relayRetryMutants() []Mutant {
	return scoped(againAreas, stepMutants(), jitterMutants(), attemptCountMutants(), timeoutMutants(), retryAfterMutants())
}

// retryAreas are the areas that judge a schedule. Where it is wrong, specs of other areas wait for their retries in vain,
// each for the time that an arrival may take, or see a delivery end too early or too late.
const retryAreas = "retry || outcome"

// againAreas are those, and what hangs on how deliveries end.
const againAreas = retryAreas + " || disable"

// stepMutants have one wrong delay each, every other one too short.
func stepMutants() (all []Mutant) {
	for attempt := 2; attempt <= 8; attempt++ {
		factor, what := 0.7, "short"
		if attempt%2 == 1 {
			factor, what = 1.3, "long"
		}
		breaks := []string{fmt.Sprintf("relay.retry.delay-%d", attempt)}
		if attempt >= 5 {
			// From there on the jitter spans more than a hundred seconds, which its distribution is looked at for.
			breaks = append(breaks, "relay.retry.jitter-uniform")
		}
		if attempt == 2 {
			breaks = append(breaks, "relay.retry.retry-after-shorter", "relay.retry.retry-after-other")
		}
		all = append(all, Mutant{
			Name:   fmt.Sprintf("wrong-step-%d", attempt),
			Defect: fmt.Sprintf("the wait before attempt %d is three tenths too %s", attempt, what),
			Breaks: breaks, Filter: retryAreas,
			relay: wrongDelay(attempt, func(d time.Duration) time.Duration { return time.Duration(factor * float64(d)) }),
		})
	}
	return all
}

// wrongDelay changes the wait before one attempt; 0 stands for each of them.
func wrongDelay(attempt int, change func(time.Duration) time.Duration) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.Delay
		p.Relay.Rules.Delay = func(n int, unit float64) (time.Duration, bool) {
			d, ok := right(n, unit)
			if ok && (attempt == 0 || n == attempt) {
				d = change(d)
			}
			return d, ok
		}
	}
}

// unit changes the chance of each delay.
func unit(change func(attempt int, unit float64) float64) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.Delay
		p.Relay.Rules.Delay = func(n int, unit float64) (time.Duration, bool) { return right(n, change(n, unit)) }
	}
}

func jitterMutants() []Mutant {
	spread := []string{"relay.retry.jitter", "relay.retry.jitter-uniform"}
	return []Mutant{
		{
			Name: "no-jitter", Defect: "delays are exact, so that what failed together is tried again together", Breaks: spread,
			relay: unit(func(int, float64) float64 { return 0.5 }),
		},
		{
			Name: "jitter-per-step", Defect: "the jitter of a step is the same for all deliveries", Breaks: spread,
			relay: unit(func(attempt int, _ float64) float64 {
				_, fraction := math.Modf(float64(attempt) * math.Phi)
				return fraction
			}),
		},
		{
			Name: "jitter-at-the-ends", Defect: "a delay is the shortest or the longest that jitter allows", Breaks: spread,
			relay: unit(func(_ int, unit float64) float64 { return math.Round(unit) }),
		},
		{
			Name: "jitter-half", Defect: "the jitter is half as large as it should be", Breaks: []string{"relay.retry.jitter-uniform"},
			relay: unit(func(_ int, unit float64) float64 { return 0.25 + unit/2 }),
		},
		{
			Name: "jitter-one-sided", Defect: "jitter only ever makes a delay longer", Breaks: []string{"relay.retry.jitter-uniform"},
			relay: unit(func(_ int, unit float64) float64 { return 0.5 + unit/2 }),
		},
	}
}

func attemptCountMutants() []Mutant {
	return []Mutant{
		{
			Name: "seven-attempts", Defect: "a delivery is given up after its seventh attempt",
			Breaks: []string{"relay.retry.eight-attempts", "relay.retry.delay-8"}, Blinds: []string{"relay.retry.no-ninth"},
			Filter: retryAreas, relay: attempts(7),
		},
		{
			Name: "nine-attempts", Defect: "a ninth attempt comes a day after the eighth", Breaks: []string{"relay.retry.no-ninth"},
			Filter: retryAreas, relay: attempts(9),
		},
		{
			Name: "left-to-the-retries", Defect: "Kirim's own events wait for the job that makes the retries",
			// Where the clock stands still they never come, which costs each spec the time of an arrival.
			Breaks: []string{"relay.retry.first"}, Filter: "relay.retry.first",
			relay: sends(func(ctx context.Context, p *server.Parts, r pipeline.Request, next pipeline.Sender) pipeline.Response {
				names := p.Relay.Edition.Headers
				if get(&r, names.Source) == string(contract.SourceKirim) && get(&r, names.Attempt) == "1" {
					return pipeline.Response{Err: errors.New("left to the job that makes the retries"), Trouble: pipeline.Other}
				}
				return next.Send(ctx, r)
			}),
		},
	}
}

// attempts changes how many there are; those that the schedule has no delay for come a day after the one before.
func attempts(n int) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.Delay
		p.Relay.Rules.Delay = func(attempt int, unit float64) (time.Duration, bool) {
			d, ok := right(attempt, unit)
			if !ok && attempt <= n {
				d = 24 * time.Hour
			}
			return d, attempt >= 1 && attempt <= n
		}
	}
}

func timeoutMutants() []Mutant {
	exchange := func(d time.Duration) func(*server.Parts) {
		return func(p *server.Parts) { p.Relay.Rules.Timeout = d }
	}
	return []Mutant{
		{
			Name: "timeout-60s", Defect: "an answer is waited for a minute long", relay: exchange(time.Minute),
			Breaks: []string{"relay.retry.timeout-after", "relay.retry.timeout-whole-exchange"},
		},
		{
			Name: "timeout-5s", Defect: "an attempt is given up after five seconds", relay: exchange(5 * time.Second),
			Breaks: []string{"relay.retry.timeout-before"},
		},
	}
}

func retryAfterMutants() []Mutant {
	honours := func(change func(right retryAfterFunc, r pipeline.Response, now time.Time) (time.Duration, bool)) func(*server.Parts) {
		return func(p *server.Parts) {
			right := p.Relay.Rules.RetryAfter
			p.Relay.Rules.RetryAfter = func(r pipeline.Response, now time.Time) (time.Duration, bool) { return change(right, r, now) }
		}
	}
	return []Mutant{
		{
			Name: "retry-after-ignored", Defect: "Retry-After is never looked at",
			Breaks: []string{"relay.retry.retry-after-seconds", "relay.retry.retry-after-date"},
			relay:  honours(func(retryAfterFunc, pipeline.Response, time.Time) (time.Duration, bool) { return 0, false }),
		},
		{
			Name: "retry-after-date-ignored", Defect: "Retry-After is understood in seconds only", Breaks: []string{"relay.retry.retry-after-date"},
			relay: honours(func(right retryAfterFunc, r pipeline.Response, now time.Time) (time.Duration, bool) {
				if strings.Contains(r.Header.Get("Retry-After"), "GMT") {
					return 0, false
				}
				return right(r, now)
			}),
		},
		{
			Name: "retry-after-in-milliseconds", Defect: "the number in Retry-After is taken for milliseconds",
			Breaks: []string{"relay.retry.retry-after-seconds"},
			relay: honours(func(right retryAfterFunc, r pipeline.Response, now time.Time) (time.Duration, bool) {
				d, ok := right(r, now)
				if !strings.Contains(r.Header.Get("Retry-After"), "GMT") {
					d /= 1000
				}
				return d, ok
			}),
		},
		{
			Name: "retry-after-instead-of-schedule", Defect: "a Retry-After replaces the delay of the schedule, also with a shorter one",
			Breaks: []string{"relay.retry.retry-after-shorter"},
			relay: func(p *server.Parts) {
				p.Relay.Rules.Wait = func(_, asked time.Duration) time.Duration { return asked }
			},
		},
		{
			Name: "retry-after-on-any-status", Defect: "Retry-After puts off the attempt after any failure",
			Breaks: []string{"relay.retry.retry-after-other"},
			relay: honours(func(right retryAfterFunc, r pipeline.Response, now time.Time) (time.Duration, bool) {
				if r.Err == nil {
					r.Status = http.StatusTooManyRequests
				}
				return right(r, now)
			}),
		},
	}
}

type retryAfterFunc = func(pipeline.Response, time.Time) (time.Duration, bool)
