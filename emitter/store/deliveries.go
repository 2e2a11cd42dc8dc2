package store

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// DeliveryFilter chooses deliveries; a zero field chooses all.
type DeliveryFilter struct {
	// Subscription is a subscription's id, which may be one that was deleted.
	Subscription string
	EventName    string
	EventID      string
	Status       *DeliveryStatus
	// CreatedAfter and CreatedBefore are the bounds of when a delivery was created, and are not chosen themselves.
	CreatedAfter, CreatedBefore time.Time
}

// deliveryColumns go with tables d, e and s of deliveryTables. CROSS JOIN keeps SQLite from any other order of them.
const (
	deliveryColumns = `SELECT d.seq, d.org, d.id, d.subscription, s.id, d.event, e.id, e.name, e.source, d.status, d.attempts,
		d.next_at, d.last_status, d.last_error, d.replayed_from, d.created_at, d.updated_at`
	deliveryEvent  = ` CROSS JOIN events e ON e.seq = d.event CROSS JOIN subscriptions s ON s.seq = d.subscription `
	selectDelivery = deliveryColumns + ` FROM deliveries d` + deliveryEvent
)

func readDelivery(r row) (Delivery, error) {
	return Delivery{Seq: r.int(0), Org: r.int(1), ID: r.text(2), Subscription: r.int(3), SubscriptionID: r.text(4),
		Event: r.int(5), EventID: r.text(6), EventName: r.text(7), Source: contract.Source(r.text(8)),
		Status: DeliveryStatus(r.int(9)), Attempts: int(r.int(10)), NextAt: r.time(11), LastStatus: int(r.int(12)),
		LastError: r.text(13), ReplayedFrom: r.text(14), CreatedAt: r.time(15), UpdatedAt: r.time(16)}, nil
}

// InsertDelivery stores a delivery and fills in its Seq. Of the event and the subscription only the numbers and the
// event's name are needed.
func (tx *Tx) InsertDelivery(d *Delivery) (err error) {
	d.Seq, err = tx.insert(`INSERT INTO deliveries (org, id, subscription, event, event_name, status, attempts, next_at,
		last_status, last_error, replayed_from, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Org, d.ID, d.Subscription, d.Event, d.EventName, int64(d.Status), d.Attempts, d.NextAt, d.LastStatus, d.LastError,
		d.ReplayedFrom, d.CreatedAt, d.UpdatedAt)
	return err
}

// Delivery finds a delivery by its id, or by the id that one of its attempts carried.
func (tx *Tx) Delivery(org int64, id string) (Delivery, bool, error) {
	d, ok, err := first(tx, selectDelivery+`WHERE d.id = ? AND d.org = ?`, readDelivery, id, org)
	if ok || err != nil {
		return d, ok, err
	}
	return first(tx, deliveryColumns+` FROM attempts a CROSS JOIN deliveries d ON d.seq = a.delivery`+deliveryEvent+
		`WHERE a.header_id = ? AND d.org = ? LIMIT 1`, readDelivery, id, org)
}

// Deliveries returns a page of deliveries, the newest first: those that come after the delivery with number after in
// this order, or from the newest where after is 0. Nothing comes after a delivery that was purged.
func (tx *Tx) Deliveries(org int64, f DeliveryFilter, limit int, after int64) ([]Delivery, error) {
	const order = ` ORDER BY d.created_at DESC, d.seq DESC LIMIT ?`
	q := f.query(org)
	if after == 0 {
		return list(tx, q, order, limit, readDelivery)
	}
	last, ok, err := first(tx, `SELECT created_at FROM deliveries WHERE seq = ?`, func(r row) (int64, error) {
		return r.int(0), nil
	}, after)
	if err != nil || !ok {
		return nil, err
	}
	return listAfter(tx, q.and(`d.created_at = ? AND d.seq < ?`, last, after), q.and(`d.created_at < ?`, last), order, limit,
		readDelivery)
}

// ReplayCandidates returns the deliveries that a filter chooses, the oldest first.
func (tx *Tx) ReplayCandidates(org int64, f DeliveryFilter, limit int) ([]Delivery, error) {
	return list(tx, f.query(org), ` ORDER BY d.created_at, d.seq LIMIT ?`, limit, readDelivery)
}

// query says which index finds what the filter chooses. SQLite would have to guess: it keeps no statistics here. The
// status is written into the text because a partial index is only used where the text implies its condition.
func (f DeliveryFilter) query(org int64) query {
	undelivered := f.Status != nil && *f.Status != DeliveryDelivered
	index := "deliveries_by_org"
	switch {
	case f.EventID != "":
		index = "deliveries_by_event"
	case undelivered:
		index = "deliveries_undelivered"
	case f.Subscription != "":
		index = "deliveries_by_subscription"
	case f.EventName != "":
		index = "deliveries_by_event_name"
	}
	q := query{text: deliveryColumns + ` FROM deliveries d INDEXED BY ` + index + deliveryEvent + `WHERE d.org = ?`,
		args: []any{org}}
	if f.EventID != "" {
		q = q.and(`d.event IN (SELECT i.seq FROM events i WHERE i.id = ?)`, f.EventID)
	}
	if f.Status != nil {
		switch *f.Status {
		case DeliveryPending:
			q = q.and(`d.status <> 1 AND d.status = 0`)
		case DeliveryDelivered:
			q = q.and(`d.status = 1`)
		case DeliveryTerminal:
			q = q.and(`d.status <> 1 AND d.status = 2`)
		}
	}
	if f.Subscription != "" {
		q = q.and(`d.subscription = (SELECT i.seq FROM subscriptions i WHERE i.id = ?)`, f.Subscription)
	}
	if f.EventName != "" {
		q = q.and(`d.event_name = ?`, f.EventName)
	}
	if !f.CreatedAfter.IsZero() {
		q = q.and(`d.created_at > ?`, f.CreatedAfter)
	}
	if !f.CreatedBefore.IsZero() {
		q = q.and(`d.created_at < ?`, f.CreatedBefore)
	}
	return q
}

// PendingDeliveries calls fn with every pending delivery of all organisations, the one that is due first first, and with
// its event but for the body. fn must not call PendingDeliveries. Its error ends the calls and is returned as it is.
func (tx *Tx) PendingDeliveries(fn func(Delivery, Event) error) error {
	// Only numbers and times are sorted; the rest is looked up row by row.
	return tx.each(deliveryColumns+`, e.created_at FROM (SELECT seq FROM deliveries WHERE status <> 1 AND status = 0
		ORDER BY next_at, seq LIMIT -1) p CROSS JOIN deliveries d ON d.seq = p.seq`+deliveryEvent, func(r row) error {
		d, err := readDelivery(r)
		if err != nil {
			return err
		}
		return fn(d, Event{Seq: d.Event, Org: d.Org, ID: d.EventID, Name: d.EventName, Source: d.Source, CreatedAt: r.time(17)})
	})
}
