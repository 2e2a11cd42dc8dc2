package mutants

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relayAftermathMutants go on after a failure by another scheme than Kirim's: that of a library, or one of their own.
func relayAftermathMutants() []Mutant {
	all := []Mutant{
		{
			Name: "doubles-every-time", Defect: "each wait is twice as long as the one before, from ten seconds on",
			Breaks: []string{
				"relay.retry.delay-3", "relay.retry.delay-4", "relay.retry.delay-5", "relay.retry.delay-6", "relay.retry.delay-7",
				"relay.retry.delay-8", "relay.retry.jitter-uniform",
			},
			relay: func(p *server.Parts) {
				right := p.Relay.Rules.Delay
				p.Relay.Rules.Delay = func(attempt int, unit float64) (time.Duration, bool) {
					wait, _ := right(min(attempt, 2), unit)
					_, left := right(attempt, unit)
					return wait << max(attempt-2, 0), left
				}
			},
		},
		{
			Name: "job-every-minute", Defect: "retries are made by a job that runs every minute, so that each wait is rounded up to one",
			Breaks: []string{
				"relay.retry.delay-2", "relay.retry.delay-3", "relay.retry.delay-4", "relay.retry.jitter-uniform",
				"relay.retry.retry-after-other", "relay.retry.retry-after-shorter",
			},
			// Whatever else waits for a second attempt waits for less than a minute.
			Filter: "retry",
			relay: wrongDelay(0, func(d time.Duration) time.Duration {
				return (d + time.Minute - 1).Truncate(time.Minute)
			}),
		},
		{
			Name: "impatient-for-the-head", Defect: "an answer whose head has not come within three seconds is not waited for",
			Breaks: []string{"relay.retry.timeout-before"},
			relay:  func(p *server.Parts) { headWithin(p, 3*time.Second) },
		},
		{
			Name: "retries-by-list", Defect: "429, 500, 502, 503 and 504 are tried again, as HTTP libraries do it, and no other status",
			Breaks: []string{"relay.outcome.408", "relay.outcome.5xx", "relay.outcome.3xx", "relay.retry.retry-after-other"},
			relay: verdict(pipeline.Terminal, func(r pipeline.Response) bool {
				again := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
					http.StatusServiceUnavailable, http.StatusGatewayTimeout}
				return r.Err == nil && r.Status >= 300 && !slices.Contains(again, r.Status)
			}),
		},
		{
			Name: "body-decides", Defect: "a 2xx whose body speaks of an error is a failure, and tried again", Breaks: []string{"relay.outcome.2xx"},
			relay: verdict(pipeline.Retry, func(r pipeline.Response) bool {
				return status(200, 299)(r) && bytes.Contains(r.Body, []byte(`"error"`))
			}),
		},
		{
			Name: "unresolved-remembered", Defect: "a name that did not resolve is not looked up again", Breaks: []string{"relay.outcome.dns"},
			relay: remembers(pipeline.DNS),
		},
		{
			Name: "refusal-remembered", Defect: "a subscriber that refused a connection is not connected to again", Breaks: []string{"relay.outcome.refused"},
			relay: remembers(pipeline.Refused),
		},
		{
			Name: "falls-back-to-http", Defect: "a subscriber with which no TLS handshake succeeded is tried again without TLS",
			Breaks: []string{"relay.outcome.tls"}, relay: fallsBack,
		},
	}
	return scoped(retryAreas, all)
}

// remembers fails whatever goes to a URL where an attempt failed in this way before.
func remembers(trouble pipeline.Trouble) func(*server.Parts) {
	var failed memory[string, pipeline.Response]
	return around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		if before, known := failed.get(r.URL); known {
			return before
		}
		resp := next.Send(ctx, r)
		if resp.Trouble == trouble {
			failed.first(r.URL, resp)
		}
		return resp
	})
}

// fallsBack takes the other scheme for a URL where a handshake failed.
func fallsBack(p *server.Parts) {
	var plain memory[string, bool]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		url := r.URL
		if plain.has(url) {
			r.URL = strings.Replace(url, "https://", "http://", 1)
		}
		resp := next.Send(ctx, r)
		if resp.Trouble == pipeline.TLS {
			plain.first(url, true)
		}
		return resp
	})(p)
}
