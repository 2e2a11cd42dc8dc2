package pipeline

import (
	"net/http"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
)

// Rules are what Kirim promises of deliveries. RulesOf gives the right ones; a mutant replaces one. The functions are
// called from many goroutines at once.
type Rules struct {
	// Delay is the wait before an attempt, counted from 1; ok is false where there is no such attempt. unit is the
	// attempt's chance, in [0, 1).
	Delay func(attempt int, unit float64) (wait time.Duration, ok bool)
	// Timeout bounds the whole exchange of an attempt.
	Timeout time.Duration
	// Verdict judges an answer, or that there was none. The last attempt's Retry is taken for Terminal.
	Verdict func(Response) Outcome
	// RetryAfter is for how long the answer asks to wait at least; ok is false where it does not.
	RetryAfter func(r Response, now time.Time) (wait time.Duration, ok bool)
	// Wait combines the schedule's delay with what an answer asked for.
	Wait func(scheduled, asked time.Duration) time.Duration
	// From is when that wait begins, of an attempt that began and ended at these times. The documentation does not say.
	From func(started, ended time.Time) time.Time
	// ActiveSecrets are those that sign at this time, in the order of their v1 parts.
	ActiveSecrets func(secrets []Secret, now time.Time) []Secret
	// Sign returns the value of the signature header; an empty one leaves the header out.
	Sign func(Signing) string
	// DeliveryID is what X-Kirim-Delivery-Id carries.
	DeliveryID func(d Delivery, attempt int, newID func() string) string
	// EventID is what X-Kirim-Event-Id carries.
	EventID func(d Delivery, attempt int) string
	// Failures is a subscription's count of consecutive failures after an attempt, given the count before it.
	Failures func(before int, o Outcome) int
	// Counts reports whether an attempt with this outcome may change that count at all. The record has no outcome yet.
	Counts func(r Record, o Outcome) bool
	// Reenabled is the count with which a subscription goes on that is disabled no more, given the one that disabled it.
	Reenabled func(before int) int
	// DisableAfter is the count at which a subscription is disabled; 0 never disables.
	DisableAfter int
	// DeliversTo reports whether attempts are made while a subscription is in this state.
	DeliversTo func(State) bool
	// KeepPending lets a disabled subscription keep what is pending until it is active again (option of reading Q10).
	KeepPending bool
}

// Signing is what a signature is made from.
type Signing struct {
	Delivery Delivery
	Attempt  int
	// At is the time of the attempt.
	At   time.Time
	Body []byte
	// Secrets are the active ones, in order.
	Secrets []Secret
}

// RulesOf returns the rules of an edition.
func RulesOf(ed contract.Edition) Rules {
	return Rules{
		Delay:         delays(ed.Delivery),
		Timeout:       ed.Delivery.Timeout,
		Verdict:       verdict,
		RetryAfter:    retryAfter,
		Wait:          func(scheduled, asked time.Duration) time.Duration { return max(scheduled, asked) },
		From:          func(_, ended time.Time) time.Time { return ended },
		ActiveSecrets: NewestFirst,
		Sign:          sign,
		DeliveryID:    IDPerAttempt,
		EventID:       func(d Delivery, _ int) string { return d.Event.ID },
		Failures:      failures,
		Counts:        func(Record, Outcome) bool { return true },
		Reenabled:     func(int) int { return 0 },
		DisableAfter:  ed.Delivery.DisableAfter,
		DeliversTo:    func(s State) bool { return s == Active },
	}
}

// delays spreads each delay of the schedule evenly over [1-jitter, 1+jitter] of it (reading Q15).
func delays(rule contract.DeliveryRule) func(int, float64) (time.Duration, bool) {
	return func(attempt int, unit float64) (time.Duration, bool) {
		if attempt < 1 || attempt > len(rule.Delays) {
			return 0, false
		}
		factor := 1 + rule.Jitter*(2*unit-1)
		return time.Duration(float64(rule.Delays[attempt-1]) * factor), true
	}
}

// verdict is the outcome table (documentation: retry). It does not speak of final 1xx answers nor of statuses past
// 599; they are failures that are tried again, since it ends a delivery at once for a 4xx alone.
func verdict(r Response) Outcome {
	switch {
	case r.Err != nil:
		return Retry
	case r.Status >= 200 && r.Status <= 299:
		return Delivered
	case r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooManyRequests:
		return Retry
	case r.Status >= 400 && r.Status <= 499:
		return Terminal
	default:
		return Retry
	}
}

// failures counts deliveries and not attempts (reading Q9); any success ends the row (reading Q8).
func failures(before int, o Outcome) int {
	switch o {
	case Delivered:
		return 0
	case Terminal:
		return before + 1
	default:
		return before
	}
}

func sign(s Signing) string {
	values := make([]string, len(s.Secrets))
	for i, secret := range s.Secrets {
		values[i] = secret.Value
	}
	return signature.Header(s.At.Unix(), s.Body, values...)
}

// NewestFirst returns the secrets that have not expired, the newest first, those of one time in the order given. A
// secret is expired at its ExpiresAt.
func NewestFirst(secrets []Secret, now time.Time) []Secret {
	active := make([]Secret, 0, len(secrets))
	for _, s := range secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			active = append(active, s)
		}
	}
	slices.SortStableFunc(active, func(a, b Secret) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return active
}

// OldestFirst returns the same in reverse, for the other order that the documentation leaves open (reading Q13).
func OldestFirst(secrets []Secret, now time.Time) []Secret {
	active := NewestFirst(secrets, now)
	slices.Reverse(active)
	return active
}

// IDPerAttempt gives every attempt an id of its own, the first one that of the delivery (reading Q1).
func IDPerAttempt(d Delivery, attempt int, newID func() string) string {
	if attempt == 1 {
		return d.ID
	}
	return newID()
}

// IDPerDelivery gives all attempts the delivery's id (the other reading of Q1).
func IDPerDelivery(d Delivery, _ int, _ func() string) string { return d.ID }
