package api

import (
	"context"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// deliveryView is a delivery as the API shows it. No page of the documentation that was seen shows one whole; the names
// follow those of the headers and of replay.
type deliveryView struct {
	ID             string  `json:"id"`
	Object         string  `json:"object"`
	SubscriptionID string  `json:"subscription_id"`
	EventID        string  `json:"event_id"`
	EventType      string  `json:"event_type"`
	Source         string  `json:"source"`
	Status         string  `json:"status"`
	Attempts       int     `json:"attempts"`
	NextAttemptAt  *string `json:"next_attempt_at"`
	ResponseStatus *int    `json:"response_status"`
	Error          *string `json:"error"`
	ReplayedFrom   *string `json:"replayed_from"`
	CreatedAt      string  `json:"created_at"`
	UpdatedAt      string  `json:"updated_at"`
}

// deliveryDetail adds the attempts, which lists leave out.
type deliveryDetail struct {
	deliveryView
	AttemptLog []attemptView `json:"attempt_log"`
}

type attemptView struct {
	Attempt int `json:"attempt"`
	// DeliveryID is what the attempt's X-Kirim-Delivery-Id carried (reading Q1).
	DeliveryID     string  `json:"delivery_id"`
	StartedAt      string  `json:"started_at"`
	DurationMS     int64   `json:"duration_ms"`
	ResponseStatus *int    `json:"response_status"`
	Error          *string `json:"error"`
	Outcome        string  `json:"outcome"`
}

// replayView is the answer to a replay (documentation: operations, webhook_deliveries, replay).
type replayView struct {
	ID           string `json:"id"`
	Object       string `json:"object"`
	ReplayedFrom string `json:"replayed_from"`
	Status       string `json:"status"`
}

type bulkReplayView struct {
	Enqueued int  `json:"enqueued"`
	Capped   bool `json:"capped"`
}

const deliveryObject = "webhook_delivery"

// The words for a delivery's status. Only pending and the edition's terminal word are documented.
const (
	pendingWord   = "pending"
	deliveredWord = "delivered"
)

// terminalWords are taken alike for a delivery that will not be tried again, whatever the edition calls it: both are
// allowed where deliveries are replayed in bulk (documentation: operations, bulk_replay, both editions).
var terminalWords = []string{"dead", "failed"}

func (a *api) statusWord(s store.DeliveryStatus) string {
	switch s {
	case store.DeliveryPending:
		return pendingWord
	case store.DeliveryDelivered:
		return deliveredWord
	default:
		return a.edition.Delivery.TerminalStatus
	}
}

func statusOf(word string) *store.DeliveryStatus {
	var s store.DeliveryStatus
	switch word {
	case "":
		return nil
	case pendingWord:
		s = store.DeliveryPending
	case deliveredWord:
		s = store.DeliveryDelivered
	default:
		s = store.DeliveryTerminal
	}
	return &s
}

func (a *api) viewDelivery(d store.Delivery) deliveryView {
	return deliveryView{
		ID: d.ID, Object: deliveryObject, SubscriptionID: d.SubscriptionID, EventID: d.EventID, EventType: d.EventName,
		Source: string(d.Source), Status: a.statusWord(d.Status), Attempts: d.Attempts, NextAttemptAt: optionalTime(d.NextAt),
		ResponseStatus: optional(d.LastStatus), Error: optional(d.LastError), ReplayedFrom: optional(d.ReplayedFrom),
		CreatedAt: timestamp(d.CreatedAt), UpdatedAt: timestamp(d.UpdatedAt),
	}
}

func viewAttempt(t store.Attempt) attemptView {
	return attemptView{
		Attempt: t.Number, DeliveryID: t.HeaderID,
		// Finer than the API's other times: attempts are where milliseconds matter.
		StartedAt:  t.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		DurationMS: max(0, t.EndedAt.Sub(t.StartedAt)).Milliseconds(),

		ResponseStatus: optional(t.HTTPStatus), Error: optional(t.Error), Outcome: t.Outcome,
	}
}

func (a *api) listDeliveries(ctx context.Context, c *call) (reply, error) {
	q := readQuery(c.request)
	words := append(slices.Clone(terminalWords), pendingWord, deliveredWord)
	filter := store.DeliveryFilter{
		Subscription: q.text("subscription_id", idRule("wbs")),
		Status:       statusOf(q.text("status", choice(words...))),
		EventName:    q.text("event_type", eventTypeRule),
		EventID:      q.text("event_id", eventIDRule),
		CreatedAfter: q.time("created_after"), CreatedBefore: q.time("created_before"),
	}
	page, bound, err := q.page(c)
	if err != nil {
		return reply{}, err
	}
	items, next, err := a.service.Deliveries(ctx, c.org, filter, page)
	if err != nil {
		return reply{}, err
	}
	return bound.listed(views(items, a.viewDelivery), next), nil
}

func (a *api) getDelivery(ctx context.Context, c *call) (reply, error) {
	id, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	d, attempts, err := a.service.Delivery(ctx, c.org, id)
	if err != nil {
		return reply{}, err
	}
	return shown(deliveryDetail{a.viewDelivery(d), views(attempts, viewAttempt)}), nil
}

func (a *api) replay(ctx context.Context, c *call) (reply, error) {
	id, err := c.delivery()
	if err != nil {
		return reply{}, err
	}
	// It takes no member; an empty object is as good as no body.
	if err := c.body.fields().done(); err != nil {
		return reply{}, err
	}
	d, err := a.service.Replay(ctx, c.org, id)
	if err != nil {
		return reply{}, err
	}
	return accepted(replayView{d.ID, deliveryObject, d.ReplayedFrom, a.statusWord(d.Status)}), nil
}

func (a *api) bulkReplay(ctx context.Context, c *call) (reply, error) {
	f := c.body.fields()
	filter := store.DeliveryFilter{Subscription: f.text("subscription_id", idRule("wbs"))}
	f.given("status", choice(terminalWords...))
	terminal := store.DeliveryTerminal
	filter.Status = &terminal
	if name := f.given("event_type", eventTypeRule); name != nil {
		filter.EventName = *name
	}
	filter.CreatedAfter, filter.CreatedBefore = f.time("created_after"), f.time("created_before")
	if err := f.done(); err != nil {
		return reply{}, err
	}
	enqueued, capped, err := a.service.BulkReplay(ctx, c.org, filter)
	if err != nil {
		return reply{}, err
	}
	return accepted(bulkReplayView{enqueued, capped}), nil
}

// time reads a date and time that may be absent; zero where it is.
func (f *fields) time(name string) time.Time {
	text := f.given(name, timeRule)
	if text == nil {
		return time.Time{}
	}
	// The rule has parsed it already.
	t, _ := parseTime(*text)
	return t
}

// delivery is the id in the path.
func (c *call) delivery() (string, error) { return c.id("id", "wbd", "delivery") }
