package mutants

import (
	"context"
	"net/url"
	"slices"

	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relayOutcomeMutants change what an answer means.
func relayOutcomeMutants() []Mutant {
	return scoped(againAreas, statusMutants(), redirectMutants(), troubleMutants())
}

// verdict changes what answers mean that it is for.
func verdict(outcome pipeline.Outcome, of func(pipeline.Response) bool) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.Verdict
		p.Relay.Rules.Verdict = func(r pipeline.Response) pipeline.Outcome {
			if of(r) {
				return outcome
			}
			return right(r)
		}
	}
}

// status is for answers with a status in this range.
func status(from, to int) func(pipeline.Response) bool {
	return func(r pipeline.Response) bool { return r.Err == nil && r.Status >= from && r.Status <= to }
}

// trouble is for attempts without an answer, for these reasons.
func trouble(kinds ...pipeline.Trouble) func(pipeline.Response) bool {
	return func(r pipeline.Response) bool { return r.Err != nil && slices.Contains(kinds, r.Trouble) }
}

func statusMutants() []Mutant {
	return []Mutant{
		{
			Name: "only-200-is-success", Defect: "every 2xx but 200 is a failure and retried", Breaks: []string{"relay.outcome.2xx"},
			relay: verdict(pipeline.Retry, status(201, 299)),
		},
		{
			Name: "3xx-is-success", Defect: "a redirect counts as delivered", Seen: "several public relays",
			Breaks: []string{"relay.outcome.3xx", "relay.retry.retry-after-other", "relay.disable.any-path"},
			relay:  verdict(pipeline.Delivered, status(300, 399)),
		},
		{
			Name: "304-is-success", Defect: "304 counts as delivered", Breaks: []string{"relay.outcome.3xx"},
			relay: verdict(pipeline.Delivered, status(304, 304)),
		},
		{
			Name: "4xx-retried", Defect: "every 4xx is retried", Filter: retryAreas, Breaks: []string{"relay.outcome.4xx"},
			relay: verdict(pipeline.Retry, status(400, 499)),
		},
		{
			Name: "404-retried", Defect: "404 is retried", Filter: retryAreas, Breaks: []string{"relay.outcome.4xx"},
			relay: verdict(pipeline.Retry, status(404, 404)),
		},
		{
			Name: "408-dead", Defect: "408 is terminal like other 4xx", Breaks: []string{"relay.outcome.408"},
			relay: verdict(pipeline.Terminal, status(408, 408)),
		},
		{
			Name: "429-dead-without-retry-after", Defect: "429 is terminal unless it says when to come again",
			Breaks: []string{"relay.outcome.429"},
			relay: verdict(pipeline.Terminal, func(r pipeline.Response) bool {
				return status(429, 429)(r) && r.Header.Get("Retry-After") == ""
			}),
		},
		{
			Name: "501-dead", Defect: "501 is terminal", Breaks: []string{"relay.outcome.5xx"},
			relay: verdict(pipeline.Terminal, status(501, 501)),
		},
	}
}

func redirectMutants() []Mutant {
	return []Mutant{{
		Name: "follows-redirects", Defect: "redirects are followed", Seen: "several public relays",
		Breaks: []string{"relay.outcome.redirect", "relay.outcome.3xx"},
		relay: sends(func(ctx context.Context, _ *server.Parts, r pipeline.Request, next pipeline.Sender) pipeline.Response {
			answer := next.Send(ctx, r)
			place, err := url.Parse(r.URL)
			if err != nil || answer.Err != nil || answer.Status < 300 || answer.Status > 399 || answer.Header.Get("Location") == "" {
				return answer
			}
			if place, err = place.Parse(answer.Header.Get("Location")); err != nil {
				return answer
			}
			r.URL = place.String()
			return next.Send(ctx, r)
		}),
	}}
}

func troubleMutants() []Mutant {
	return []Mutant{
		{
			Name: "silent-single-loss", Defect: "an event whose connection was refused is never tried again, and called delivered",
			Seen: "a public relay", Breaks: []string{"relay.outcome.refused"},
			relay: verdict(pipeline.Delivered, trouble(pipeline.Refused)),
		},
		{
			Name: "reset-dead", Filter: againAreas + " || guarantee", Defect: "a connection that broke is terminal", Breaks: []string{"relay.outcome.reset", "relay.guarantee.nothing-lost"},
			relay: verdict(pipeline.Terminal, trouble(pipeline.Reset, outbound.Closed)),
		},
		{
			Name: "half-a-head-is-success", Defect: "a connection that was closed without a complete answer counts as delivered",
			Breaks: []string{"relay.outcome.reset"}, relay: verdict(pipeline.Delivered, trouble(outbound.Closed)),
		},
		{
			Name: "dns-dead", Defect: "a name that does not resolve is terminal", Breaks: []string{"relay.outcome.dns"},
			relay: verdict(pipeline.Terminal, trouble(pipeline.DNS)),
		},
		{
			Name: "tls-dead", Defect: "a TLS handshake that fails is terminal", Breaks: []string{"relay.outcome.tls"},
			relay: verdict(pipeline.Terminal, trouble(pipeline.TLS)),
		},
		{
			Name: "timeout-dead", Defect: "a timeout is terminal", Breaks: []string{"relay.outcome.timeout", "relay.retry.timeout-after"},
			relay: verdict(pipeline.Terminal, trouble(pipeline.TimedOut)),
		},
	}
}

// sends puts a function around the relay's own sender.
func sends(around func(ctx context.Context, p *server.Parts, r pipeline.Request, next pipeline.Sender) pipeline.Response) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Sender = func(next pipeline.Sender) pipeline.Sender {
			return sender(func(ctx context.Context, r pipeline.Request) pipeline.Response { return around(ctx, p, r, next) })
		}
	}
}
