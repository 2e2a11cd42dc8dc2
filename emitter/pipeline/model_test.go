package pipeline_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// The model below says what deliveries must look like, from the tables of the documentation (retry, auto-disable,
// signing) and the readings Q1, Q8 to Q12 and Q14 to Q16. It is written for being obviously right: it simulates one
// subscription at a time, calls nothing of the engine but the dice of the jitter, and repeats the numbers as it found
// them, so that a wrong number in an edition differs from it as well.

var modelDelays = [...]time.Duration{
	0, 10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

const (
	modelJitter  = 0.2
	modelTimeout = 10 * time.Second
	modelLongest = 24 * time.Hour // the bound on Retry-After
)

var modelDisableAfter = map[string]int{"kckit": 20, "kirim.chat": 24, "kirimdev": 20}

// answer is what a subscriber does with one attempt.
type answer struct {
	latency time.Duration
	// broken answers are none: the connection fails after the latency.
	broken bool
	status int
	// retryAfter is the header's value, or with a leading @ the seconds until the date that it names.
	retryAfter string
}

// header returns the value of Retry-After of an answer given at this time.
func (a answer) header(now time.Time) string {
	if after, ok := cutSeconds(a.retryAfter); ok {
		return now.Add(after).UTC().Format(http.TimeFormat)
	}
	return a.retryAfter
}

func cutSeconds(value string) (time.Duration, bool) {
	if value == "" || value[0] != '@' {
		return 0, false
	}
	seconds, err := strconv.Atoi(value[1:])
	return time.Duration(seconds) * time.Second, err == nil
}

// sub is a subscription of a world and what happens to it.
type sub struct {
	id         string
	secrets    []pipeline.Secret // the newest first
	deliveries []pipeline.Delivery
	enqueued   []time.Time // when each delivery is enqueued
	enabled    []time.Time // when someone sets the status to active
	answer     func(delivery int64, attempt int) answer
}

// seen is an attempt as the journal and the subscriber see it together.
type seen struct {
	sub        string
	delivery   int64
	number     int
	start, end time.Time
	status     int
	outcome    pipeline.Outcome
	next       time.Time
	failures   int
	disabled   bool
	// What the request said; empty where nothing was sent.
	attempt, eventID, deliveryID, signature, body string
}

// stopped is a delivery that ended without an attempt.
type stopped struct {
	sub      string
	delivery int64
	at       time.Time
}

// modelOf simulates a subscription.
func modelOf(edition string, seed uint64, s sub) (attempts []seen, stops []stopped) {
	type happening struct {
		at time.Time
		do func(now time.Time)
	}
	var agenda []happening
	at := func(t time.Time, do func(time.Time)) { agenda = append(agenda, happening{t, do}) }

	failures, disabled := 0, false
	pending := map[int64]bool{}

	var begin func(d pipeline.Delivery, number int) func(time.Time)
	begin = func(d pipeline.Delivery, number int) func(time.Time) {
		return func(start time.Time) {
			if !pending[d.Seq] {
				return // stopped meanwhile
			}
			delete(pending, d.Seq)
			a := s.answer(d.Seq, number)
			made := seen{sub: s.id, delivery: d.Seq, number: number, start: start, end: start.Add(min(a.latency, modelTimeout))}
			if signature := modelSignature(s.secrets, start, bodyOf(d.Event.Seq)); signature == "" {
				made.end, a.broken = start, true // nothing can be sent unsigned
			} else {
				made.attempt, made.eventID, made.deliveryID = strconv.Itoa(number), d.Event.ID, "new"
				made.signature, made.body = signature, string(bodyOf(d.Event.Seq))
				if number == 1 {
					made.deliveryID = d.ID
				}
			}
			at(made.end, func(end time.Time) {
				made.outcome = pipeline.Retry
				if !a.broken && a.latency < modelTimeout {
					made.status = a.status
					made.outcome = modelOutcome(a.status)
				}
				if number == len(modelDelays) && made.outcome == pipeline.Retry {
					made.outcome = pipeline.Terminal
				}
				if disabled && made.outcome == pipeline.Retry {
					made.outcome = pipeline.Terminal
				} else if !disabled && made.outcome == pipeline.Terminal {
					if failures++; failures == modelDisableAfter[edition] {
						disabled, made.disabled = true, true
						for _, other := range s.deliveries {
							if pending[other.Seq] {
								delete(pending, other.Seq)
								stops = append(stops, stopped{s.id, other.Seq, end})
							}
						}
					}
				} else if !disabled && made.outcome == pipeline.Delivered {
					failures = 0
				}
				if made.outcome == pipeline.Retry {
					delay := modelDelays[number]
					spread := (2*pipeline.Chance(seed, d.Seq, number+1) - 1) * modelJitter
					delay = time.Duration(float64(delay) * (1 + spread))
					made.next = end.Add(max(delay, modelRetryAfter(made.status, a.header(end), end)))
					pending[d.Seq] = true
					at(made.next, begin(d, number+1))
				}
				made.failures = failures
				attempts = append(attempts, made)
			})
		}
	}
	for i, d := range s.deliveries {
		at(s.enqueued[i], func(now time.Time) {
			if disabled {
				stops = append(stops, stopped{s.id, d.Seq, now})
				return
			}
			pending[d.Seq] = true
			due := now
			if d.Due.After(now) {
				due = d.Due
			}
			at(due, begin(d, d.Attempts+1))
		})
	}
	for _, t := range s.enabled {
		at(t, func(time.Time) {
			if disabled {
				disabled, failures = false, 0
			}
		})
	}
	for len(agenda) > 0 {
		first := 0
		for i, h := range agenda {
			if h.at.Before(agenda[first].at) {
				first = i
			}
		}
		h := agenda[first]
		agenda = slices.Delete(agenda, first, first+1)
		h.do(h.at)
	}
	return attempts, stops
}

// modelOutcome is the outcome table of the retry page, row by row.
func modelOutcome(status int) pipeline.Outcome {
	switch {
	case status/100 == 2:
		return pipeline.Delivered
	case status == 408 || status == 429:
		return pipeline.Retry
	case status/100 == 4:
		return pipeline.Terminal
	case status/100 == 3, status/100 == 5:
		return pipeline.Retry
	default:
		panic(fmt.Sprintf("the table has no row for %d", status))
	}
}

// modelRetryAfter knows the values that worlds hold.
func modelRetryAfter(status int, value string, now time.Time) time.Duration {
	if status != 429 {
		return 0
	}
	asked := time.Duration(0)
	if date, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", value); err == nil {
		asked = date.Sub(now)
	} else if value == "1000000000000000000" {
		asked = modelLongest
	} else if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		asked = time.Duration(seconds) * time.Second
	}
	return min(asked, modelLongest)
}

// modelSignature is the header of the signing page; empty without an active secret.
func modelSignature(newestFirst []pipeline.Secret, now time.Time, body []byte) string {
	header := ""
	for _, secret := range newestFirst {
		if !secret.ExpiresAt.IsZero() && !secret.ExpiresAt.After(now) {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret.Value))
		mac.Write(fmt.Appendf(nil, "%d.%s", now.Unix(), body))
		header += fmt.Sprintf(",v1=%x", mac.Sum(nil))
	}
	if header == "" {
		return ""
	}
	return fmt.Sprintf("t=%d%s", now.Unix(), header)
}

// newSub makes up a subscription. All times differ by odd nanoseconds, so that no two things happen at once.
func newSub(r *rand.Rand, edition, id string, firstSeq int64, start time.Time) sub {
	s := sub{id: id}
	moment := func(within time.Duration) time.Time { return start.Add(1 + time.Duration(r.Int64N(int64(within)))) }
	for n := 1 + r.IntN(3); n > 0; n-- {
		secret := pipeline.Secret{ID: fmt.Sprintf("sec_%d", n), Value: fmt.Sprintf("whsec_%s_%d_%x", id, n, r.Uint64())}
		secret.CreatedAt = start.Add(time.Duration(n-10) * time.Hour)
		if r.IntN(3) == 0 {
			secret.ExpiresAt = moment(20 * time.Hour).Truncate(time.Second)
		}
		s.secrets = append(s.secrets, secret)
	}
	// Every subscriber has a temper of its own, so that long rows of failures come about, and rows that just do not.
	good, dead := r.Float64(), r.Float64()
	if r.IntN(3) == 0 {
		good = 0.02
	}
	for n := modelDisableAfter[edition] + r.IntN(30); n > 0; n-- {
		d := delivery(firstSeq+int64(n), id)
		enqueued := moment(6 * time.Hour)
		if r.IntN(6) == 0 {
			d.Attempts = r.IntN(len(modelDelays))
			d.Due = enqueued.Add(time.Duration(r.Int64N(int64(2*time.Hour))) - time.Hour)
		}
		s.deliveries, s.enqueued = append(s.deliveries, d), append(s.enqueued, enqueued)
	}
	for n := r.IntN(3); n > 0; n-- {
		s.enabled = append(s.enabled, moment(30*time.Hour))
	}
	seed := r.Uint64()
	s.answer = func(delivery int64, attempt int) answer {
		return newAnswer(rand.New(rand.NewPCG(seed, uint64(delivery)<<8|uint64(attempt))), good, dead)
	}
	return s
}

// newAnswer makes up what a subscriber does: well with the first chance, with a permanent failure with the second.
func newAnswer(r *rand.Rand, good, dead float64) answer {
	a := answer{latency: 1 + time.Duration(r.Int64N(int64(5*time.Second)))}
	switch {
	case r.IntN(12) == 0:
		// About the timeout, on either side.
		a.latency = modelTimeout - 2*time.Second + time.Duration(r.Int64N(int64(4*time.Second)))
	case r.IntN(12) == 0:
		a.latency = time.Hour
	}
	pick := func(from ...int) int { return from[r.IntN(len(from))] }
	switch x := r.Float64(); {
	case x < good:
		a.status = pick(200, 201, 202, 204, 299)
	case x < good+(1-good)*dead:
		a.status = pick(400, 401, 403, 404, 409, 410, 422, 499)
	default:
		a.status = pick(0, 301, 302, 307, 308, 408, 429, 429, 429, 500, 502, 503, 503, 504, 599)
	}
	a.broken = a.status == 0
	if r.IntN(2) == 0 {
		a.retryAfter = []string{
			"0", "1", "45", "700", "7200", "@0", "@-100", "@45", "@700", "@7200",
			"1000000000000000000", "@200000000000", "soon", "-5", "1.5", "+9000",
		}[r.IntN(16)]
	}
	return a
}
