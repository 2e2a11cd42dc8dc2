package mockmeta

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Policy says when Meta tries again after an attempt that failed. Times count in the clock of the sender.
type Policy struct {
	// Window is how long after the first attempt the last one may begin.
	Window time.Duration
	// First is the wait before the first retry.
	First time.Duration
	// Delay is the wait before the second retry. Every later wait is Growth times the one before, up to Limit.
	Delay  time.Duration
	Growth float64
	Limit  time.Duration
}

// PolicyOf returns the policy of the contract. Meta publishes the window and that the frequency falls; the rest is a
// reading (see contract/meta.yaml).
func PolicyOf(meta contract.Meta) Policy {
	return Policy{
		Window: meta.RetryWindow.Value,
		First:  meta.FirstRetryDelay.Value,
		Delay:  meta.RetryDelay.Value,
		Growth: meta.RetryGrowth.Value,
		Limit:  meta.RetryDelayLimit.Value,
	}
}

// Validate reports a policy that would never end, or whose frequency would rise.
func (p Policy) Validate() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("retry policy: "+format, args...)) }
	if p.Window < 0 || p.First < 0 {
		complain("the window is %s and the first delay %s; neither may be negative", p.Window, p.First)
	}
	if p.Delay <= 0 {
		complain("the delay is %s; it must be positive, or the retries never end", p.Delay)
	}
	if p.Limit < p.Delay {
		complain("the longest delay is %s; it must not be shorter than the delay of %s", p.Limit, p.Delay)
	}
	if !(p.Growth >= 1) || math.IsInf(p.Growth, 1) {
		complain("the growth is %v; it must be a number from 1 up, because the frequency falls", p.Growth)
	}
	return errors.Join(errs...)
}

// Wait is the wait before a retry; retries count from 1.
func (p Policy) Wait(retry int) time.Duration {
	if retry <= 1 {
		return p.First
	}
	// In floating point until it is known to fit: the growth may pass any integer.
	wait := float64(p.Delay) * math.Pow(p.Growth, float64(retry-2))
	if wait >= float64(p.Limit) {
		return p.Limit
	}
	return time.Duration(wait)
}

// Next is the wait before a retry when so much time has passed since the first attempt began; ok is false where the
// retry would begin after the window.
func (p Policy) Next(retry int, elapsed time.Duration) (wait time.Duration, ok bool) {
	wait = p.Wait(retry)
	return wait, wait <= p.Window-elapsed
}

// Schedule returns when the attempts begin, counted from the first, if each fails without taking time.
func (p Policy) Schedule() []time.Duration {
	at := []time.Duration{0}
	for {
		last := at[len(at)-1]
		wait, ok := p.Next(len(at), last)
		if !ok {
			return at
		}
		at = append(at, last+wait)
	}
}
