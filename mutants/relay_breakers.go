package mutants

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// breakerMutants guard themselves against subscribers in trouble, and hit the wrong ones or too many.
func breakerMutants() []Mutant {
	return []Mutant{
		{
			Name: "first-failure-counts", Defect: "a delivery counts as failed with its first attempt, though later ones may succeed",
			Filter: "disable", Breaks: []string{"relay.disable.deliveries"},
			relay: rules(func(r *pipeline.Rules) {
				r.Counts = func(record pipeline.Record, o pipeline.Outcome) bool {
					return record.Number == 1 || o == pipeline.Delivered
				}
				r.Failures = func(before int, o pipeline.Outcome) int {
					if o == pipeline.Delivered {
						return 0
					}
					return before + 1
				}
			}),
		},
		{
			Name: "failure-counts-twice", Defect: "a failed delivery counts as an attempt that failed and as a delivery that did",
			Filter: "disable", Breaks: []string{"relay.disable.not-before", "relay.disable.reset", "relay.disable.reset-by-retry", "relay.disable.from-zero"},
			relay: counting(func(before int, o pipeline.Outcome, correct int) int {
				if o == pipeline.Terminal {
					return before + 2
				}
				return correct
			}),
		},
		{
			Name: "kirim-events-while-disabled", Defect: "a disabled subscription gets Kirim's own events, and what was pending",
			Filter: "disable", Breaks: []string{"relay.disable.nothing-new", "relay.disable.pending-stops"},
			relay: func(p *server.Parts) {
				p.Relay.Rules.DeliversTo = func(s pipeline.State) bool { return s != pipeline.Paused }
				fannedOut(func(tx *store.Tx, ed contract.Edition, org int64, event string, found []store.Subscriber) ([]store.Subscriber, error) {
					if named, _ := ed.Event(event); named.Source == contract.SourceKirim {
						return disabledToo(tx, org, event)
					}
					return found, nil
				})(p)
			},
		},
		{
			Name: "disabled-for-good", Defect: "a disabled subscription cannot be made active again, and the call is answered 409",
			Filter: "disable", Breaks: []string{"relay.disable.re-enable", "relay.disable.from-zero"}, relay: apiDoor(notDisabled),
		},
		{
			Name: "brakes-for-all", Defect: "when many attempts have overtaken one that waits for its answer, all others wait for it too",
			Filter: "isolation", Breaks: []string{"relay.isolation.hanging", "relay.isolation.slow"}, relay: brakesForAll,
		},
		{
			Name: "host-marked-down", Defect: "a refused connection marks the host as down for a while, whatever the port",
			Filter: "isolation", Breaks: []string{"relay.isolation.dead"}, relay: marksHostsDown,
		},
		{
			Name: "retry-after-for-all", Defect: "the Retry-After of one delivery puts off all others of the subscription",
			Filter: "isolation", Breaks: []string{"relay.isolation.same-subscription"}, relay: putsAllOff,
		},
		{
			Name: "success-forgotten", Defect: "one success in fifty is not written down while many attempts are in flight, and so tried again",
			Filter: "guarantee", Breaks: []string{"relay.guarantee.duplicates"},
			relay: whenCrowded(50, func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
				next.Send(ctx, r)
				return pipeline.Response{Err: errors.New("the outcome could not be written down"), Trouble: pipeline.Other}
			}),
		},
	}
}

const (
	// overtaken is by how many other attempts one is overtaken before the brakes are put on: more than a subscription has
	// on their way. It is counted and not timed, so that a slow machine brakes no sooner than a fast one.
	overtaken = 20
	// braked is how long they are put on at most: longer than an arrival may take.
	braked = 6 * time.Second
)

// brakesForAll lets new attempts wait for the one that is on its way for longest, where many others have overtaken it.
func brakesForAll(p *server.Parts) {
	type flight struct {
		// began is how many had ended when it began.
		began int
		ended chan struct{}
	}
	var mu sync.Mutex
	var flights []*flight
	ended := 0
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		own := &flight{ended: make(chan struct{})}
		mu.Lock()
		// They are in the order of their beginnings.
		if len(flights) > 0 && ended-flights[0].began > overtaken {
			oldest := flights[0]
			mu.Unlock()
			limit := time.NewTimer(braked)
			defer limit.Stop()
			select {
			case <-oldest.ended:
			case <-limit.C:
			case <-ctx.Done():
			}
			mu.Lock()
		}
		own.began = ended
		flights = append(flights, own)
		mu.Unlock()
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			flights = slices.DeleteFunc(flights, func(f *flight) bool { return f == own })
			ended++
			close(own.ended)
		}()
		return next.Send(ctx, r)
	})(p)
}

// downFor is how long a host is taken for down.
const downFor = 3 * time.Second

func marksHostsDown(p *server.Parts) {
	var down memory[string, time.Time]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		place, err := url.Parse(r.URL)
		if err != nil {
			return pipeline.Response{Err: err, Trouble: pipeline.Other}
		}
		if until, known := down.get(place.Hostname()); known && time.Now().Before(until) {
			return pipeline.Response{Err: errors.New("the host is marked as down"), Trouble: pipeline.Other}
		}
		resp := next.Send(ctx, r)
		if resp.Trouble == pipeline.Refused {
			down.swap(place.Hostname(), time.Now().Add(downFor))
		}
		return resp
	})(p)
}

// putsAllOff fails whatever is sent to a URL before the time that an answer from there asked for.
func putsAllOff(p *server.Parts) {
	var until memory[string, time.Time]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		now := p.Relay.Clock.Now()
		if at, known := until.get(r.URL); known && now.Before(at) {
			return pipeline.Response{Err: errors.New("the subscriber asked for a pause"), Trouble: pipeline.Other}
		}
		resp := next.Send(ctx, r)
		if resp.Err == nil && resp.Status == http.StatusTooManyRequests {
			if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
				until.swap(r.URL, now.Add(time.Duration(seconds)*time.Second))
			}
		}
		return resp
	})(p)
}
