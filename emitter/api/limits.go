package api

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Limits are the calls that an organisation may make in a minute of the clock. Each class has a bucket of that size,
// which is full at first and fills up evenly (documentation: rate limits; the free plan has 60 and 600).
type Limits struct {
	// Write is for POST, PUT, PATCH and DELETE; Read is for GET and HEAD. 0 does not bound the class.
	Write, Read int
}

// The headers of rate limits.
const (
	limitHeader     = "X-RateLimit-Limit"
	remainingHeader = "X-RateLimit-Remaining"
	resetHeader     = "X-RateLimit-Reset"
)

// limiter keeps the buckets. Without limits it lets everything pass and sets no header.
type limiter struct {
	limits *Limits
	clock  clock.Clock

	mu      sync.Mutex
	buckets map[bucketKey]*rate.Limiter
}

type bucketKey struct {
	org   int64
	write bool
}

func newLimiter(limits *Limits, c clock.Clock) *limiter {
	return &limiter{limits: limits, clock: c, buckets: map[bucketKey]*rate.Limiter{}}
}

// take uses a token of the organisation's bucket and sets the headers that tell what is left. With none left it returns
// the refusal.
func (l *limiter) take(header http.Header, org relay.Org, method string) error {
	if l.limits == nil {
		return nil
	}
	key := bucketKey{org.Seq, method != http.MethodGet && method != http.MethodHead}
	size := l.limits.Read
	if key.write {
		size = l.limits.Write
	}
	if size <= 0 {
		return nil
	}
	now := l.clock.Now()
	allowed, tokens := l.use(key, size, now)
	perSecond := float64(size) / 60
	full := now.Add(time.Duration((float64(size) - tokens) / perSecond * float64(time.Second)))
	header.Set(limitHeader, strconv.Itoa(size))
	header.Set(remainingHeader, strconv.Itoa(int(max(tokens, 0))))
	header.Set(resetHeader, strconv.FormatInt(int64(math.Ceil(float64(full.UnixMilli())/1000)), 10))
	if allowed {
		return nil
	}
	wait := max(1, int(math.Ceil((1-tokens)/perSecond)))
	header.Set("Retry-After", strconv.Itoa(wait))
	return &relay.Error{
		Status: http.StatusTooManyRequests, Type: relay.TypeRateLimit, Code: "rate_limit_exceeded",
		Message: "too many calls; the next is possible in " + strconv.Itoa(wait) + " s",
	}
}

// use takes a token if there is one, and returns how many are left. The lock keeps the two together.
func (l *limiter) use(key bucketKey, size int, now time.Time) (allowed bool, tokens float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.buckets[key]
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(float64(size)/60), size)
		l.buckets[key] = bucket
	}
	allowed = bucket.AllowN(now, 1)
	return allowed, bucket.TokensAt(now)
}

// clear removes what take has set.
func (l *limiter) clear(header http.Header) {
	for _, name := range []string{limitHeader, remainingHeader, resetHeader, "Retry-After"} {
		header.Del(name)
	}
}
