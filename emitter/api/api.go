// Package api is Kirim's REST API over the relay's service: paths, keys, bodies, envelopes, cursors, idempotency and rate
// limits. What a call does is decided in relay; nothing is kept here but token buckets.
package api

import (
	"log/slog"
	"net/http"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
)

// Base is the path below which the whole API lies.
const Base = "/v1"

// Config is what the API is made of.
type Config struct {
	Service Service
	// Edition gives the paths, the events and the word for a delivery that will not be tried again.
	Edition contract.Edition
	Clock   clock.Clock
	// ClockMode is how the clock runs, as GET /v1/health tells it: real, scaled or virtual.
	ClockMode string
	// Limits bounds the rate of calls; nil means no bound and no headers.
	Limits *Limits
	// Log receives what went wrong inside; nil drops it. Neither keys nor secrets nor bodies are logged.
	Log *slog.Logger
}

// New returns the API of an edition. It answers every path, those outside Base with 404, and is safe for concurrent use.
func New(c Config) http.Handler {
	door, _ := NewBoth(c)
	return door
}

// NewBoth returns the API, and the way to its calls from within the process. The two share their rate limits.
func NewBoth(c Config) (http.Handler, *Inside) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{
		service: c.Service, edition: c.Edition, clock: c.Clock, clockMode: c.ClockMode, log: c.Log,
		limiter: newLimiter(c.Limits, c.Clock),
	}
	operations := a.operations()
	a.router = newRouter(operations, a.handler)
	inside := &Inside{api: a, operations: map[string]operation{}}
	for _, op := range operations {
		inside.operations[op.method+" "+op.path] = op
	}
	return a, inside
}

type api struct {
	service   Service
	edition   contract.Edition
	clock     clock.Clock
	clockMode string
	log       *slog.Logger
	limiter   *limiter
	router    router
}

// operations lists what the API can do in its edition (documentation: operations, resource ids).
func (a *api) operations() []operation {
	p := a.edition.Paths
	all := []operation{
		{method: "GET", path: "/health", run: a.health, open: true},

		{method: "POST", path: p.Subscriptions, run: a.createSubscription},
		{method: "GET", path: p.Subscriptions, run: a.listSubscriptions},
		{method: "GET", path: p.Subscriptions + "/{id}", run: a.getSubscription},
		{method: "PATCH", path: p.Subscriptions + "/{id}", run: a.updateSubscription},
		{method: "DELETE", path: p.Subscriptions + "/{id}", run: a.deleteSubscription},
		{method: "POST", path: p.Subscriptions + "/{id}/secrets", run: a.addSecret},
		{method: "DELETE", path: p.Subscriptions + "/{id}/secrets/{secret}", run: a.deleteSecret},

		{method: "GET", path: p.Deliveries, run: a.listDeliveries},
		{method: "GET", path: p.Deliveries + "/{id}", run: a.getDelivery},
		{method: "POST", path: p.Deliveries + "/{id}/replay", run: a.replay},
		{method: "POST", path: p.Deliveries + "/bulk_replay", run: a.bulkReplay},

		{method: "POST", path: p.Contacts, run: a.createContact},
		{method: "GET", path: p.Contacts, run: a.listContacts},
		{method: "GET", path: p.Contacts + "/{id}", run: a.getContact},
		{method: "PATCH", path: p.Contacts + "/{id}", run: a.updateContact},

		{method: "GET", path: p.Conversations, run: a.listConversations},
		{method: "GET", path: p.Conversations + "/{id}", run: a.getConversation},
		{method: "PATCH", path: p.Conversations + "/{id}", run: a.updateConversation},
	}
	// Only where the catalogue has an event of it would anybody notice a message (documentation: events).
	if _, ok := a.edition.Outbound(); ok {
		all = append(all, operation{method: "POST", path: scopeSegment + "/messages", run: a.sendMessage})
	}
	return all
}
