// Package attack runs a schedule against a target through Vegeta's attacker, and keeps its own account: when each delivery
// was to start, when it did, and when it was answered. How requests are sent belongs in transport, and what a result means
// for a threshold in reports/load.
package attack

import (
	"context"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
)

// Config says what an attack needs.
type Config struct {
	Schedule *schedule.Schedule
	// Queue holds the deliveries of the schedule.
	Queue *payload.Queue
	// Exchanger sends them.
	Exchanger Exchanger
	// Record is the account to keep.
	Record *Record
	// URL is where the deliveries go.
	URL string
	// Connections is how many deliveries are under way at a time at the most.
	Connections int
	// Began is when the schedule begins. It may lie ahead.
	Began time.Time
	// Grace is for how long after the planned end starts are still made up for that found every connection busy.
	Grace time.Duration
	// Wait waits for the next start; nil means Timer.
	Wait Waiter
	// Results, where it is set, is given every delivery in Vegeta's own format, one call at a time: from its intended
	// start, so that Vegeta's reports show corrected latency.
	Results vegeta.Encoder
}

// Run goes through the schedule and returns for how long it ran: to its planned end, or until the context ended. The error
// is that of a delivery that could not be built, or of Results.
func Run(ctx context.Context, c Config) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := newDriver(ctx, cancel, c)
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport: d,
			// A redirect is an answer and no success.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		// All workers from the start: no start waits for one to be made, and there are no more than connections.
		vegeta.Workers(uint64(c.Connections)), vegeta.MaxWorkers(uint64(c.Connections)),
	)
	// An attacker whose workers are all busy waits for one of them, unless it is stopped.
	ended := context.AfterFunc(ctx, func() { attacker.Stop() })
	defer ended()
	results := attacker.Attack(d.target, d, 0, "")
	// The account is kept already; Vegeta's own results only have to be taken off its hands.
	for range results {
		continue
	}
	ran := c.Schedule.Duration()
	if ctx.Err() != nil {
		ran = min(ran, max(0, time.Since(c.Began)))
	}
	select {
	case err := <-d.err:
		return ran, err
	default:
		return ran, nil
	}
}
