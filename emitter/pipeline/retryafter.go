package pipeline

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what Retry-After can ask for; the documentation names no bound. A value such as 1e18 s or the
// year 9999 must not park a delivery for ever. A day is the order of the schedule's own longest wait, and even a
// subscriber that asks for it at every attempt sees the last one before the delivery is purged (30 days).
const maxRetryAfter = 24 * time.Hour

// retryAfter reads Retry-After, in seconds or as a date (RFC 9110, section 10.2.3), of a 429 only: the documentation
// honours it nowhere else (documentation: retry; reading Q14). What is neither is ignored, a date in the past asks for
// nothing.
func retryAfter(r Response, now time.Time) (time.Duration, bool) {
	if r.Err != nil || r.Status != http.StatusTooManyRequests {
		return 0, false
	}
	value := strings.Trim(r.Header.Get("Retry-After"), " \t")
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		// The error can only be a number past 64 bits, and ParseUint then returns the largest there is.
		seconds, _ := strconv.ParseUint(value, 10, 64)
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), maxRetryAfter), true
}
