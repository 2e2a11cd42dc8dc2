package target

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// patience is for how long in all a call is made again that a relay refuses with 429 because there were too many: such a call
// had no effect, and the answer says when the next one is possible (documentation: rate limits, exceeding). With none, every
// call is made once.
type patience time.Duration

// limitsPatience is enough for several processes that share the smallest documented limit, one call in a second.
const limitsPatience = patience(2 * time.Minute)

// patience is none where time stands still: a limit that goes by the target's time would not give way, and to advance it
// would change what the specs look at.
func (t *Target) patience() patience {
	if t.Clock.Mode == VirtualClock {
		return 0
	}
	return limitsPatience
}

// call makes a call, and makes it again. It returns the last exchange, and for how long it waited in all.
func (p patience) call(ctx context.Context, send func(context.Context) wire.Exchange) (x wire.Exchange, waited time.Duration) {
	for {
		x = send(ctx)
		if x.Trouble != wire.None || x.Status != http.StatusTooManyRequests {
			return x, waited
		}
		wait, named := retryAfter(x.Header)
		if deadline, ok := ctx.Deadline(); !named || waited+wait > time.Duration(p) || ok && time.Until(deadline) < wait {
			return x, waited
		}
		if Wait(ctx, wait) != nil {
			return x, waited
		}
		waited += wait
	}
}

// retryAfter is the time that a refusal names, in whole seconds. One second is the least, so that nobody is called in a
// loop.
func retryAfter(h http.Header) (wait time.Duration, named bool) {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	return max(time.Second, time.Duration(seconds)*time.Second), err == nil
}
