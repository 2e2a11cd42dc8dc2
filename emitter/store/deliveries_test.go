package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// world has two subscriptions of one organisation, one of another, and a delivery of every event to each.
type world struct {
	subscriptions []Subscription
	events        []Event
	deliveries    []Delivery
}

func build(t *testing.T, s *Store) *world {
	t.Helper()
	w := &world{
		subscriptions: []Subscription{{Org: 1, ID: "wbs_A"}, {Org: 1, ID: "wbs_B"}, {Org: 2, ID: "wbs_C"}},
		events: []Event{
			{Org: 1, ID: "evt_0", Name: "message.received", Source: contract.SourceMeta, Body: []byte("zero"), CreatedAt: at(0)},
			{Org: 1, ID: "evt_1", Name: "contact.created", Source: contract.SourceKirim, Body: []byte("one"), CreatedAt: at(10)},
			{Org: 1, ID: "evt_2", Name: "contact.created", Source: contract.SourceKirim, Body: []byte("two"), CreatedAt: at(20)},
			{Org: 2, ID: "evt_3", Name: "contact.created", Source: contract.SourceKirim, Body: []byte("three"), CreatedAt: at(30)},
		},
	}
	update(t, s, func(tx *Tx) error {
		for i := range w.subscriptions {
			if err := tx.InsertSubscription(&w.subscriptions[i]); err != nil {
				return err
			}
		}
		for i := range w.events {
			e := &w.events[i]
			if err := tx.InsertEvent(e); err != nil {
				return err
			}
			for _, sub := range w.subscriptions {
				if sub.Org != e.Org {
					continue
				}
				d := Delivery{Org: e.Org, ID: "wbd_" + e.ID[4:] + sub.ID[4:], Subscription: sub.Seq, SubscriptionID: sub.ID,
					Event: e.Seq, EventID: e.ID, EventName: e.Name, Source: e.Source, NextAt: e.CreatedAt, CreatedAt: e.CreatedAt,
					UpdatedAt: e.CreatedAt}
				if err := tx.InsertDelivery(&d); err != nil {
					return err
				}
				w.deliveries = append(w.deliveries, d)
			}
		}
		return nil
	})
	return w
}

func (w *world) seq(t *testing.T, id string) int64 {
	t.Helper()
	for _, d := range w.deliveries {
		if d.ID == id {
			return d.Seq
		}
	}
	t.Fatalf("no delivery %s", id)
	return 0
}

func ids(all []Delivery) (ids []string) {
	for _, d := range all {
		ids = append(ids, d.ID[4:])
	}
	return ids
}

func TestDeliveryLists(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := build(t, s)
		update(t, s, func(tx *Tx) error {
			return errors.Join(
				tx.Attempted(Attempt{Delivery: w.seq(t, "wbd_0A"), Number: 1, EndedAt: at(40)}, DeliveryDelivered, time.Time{}),
				tx.Attempted(Attempt{Delivery: w.seq(t, "wbd_1A"), Number: 1, EndedAt: at(40)}, DeliveryTerminal, time.Time{}),
				tx.Attempted(Attempt{Delivery: w.seq(t, "wbd_1B"), Number: 1, EndedAt: at(40)}, DeliveryTerminal, time.Time{}),
				tx.DeleteSubscription(w.subscriptions[1].Seq, at(41)))
		})
		pending, delivered, terminal := DeliveryPending, DeliveryDelivered, DeliveryTerminal
		for _, c := range []struct {
			name string
			f    DeliveryFilter
			want string
		}{
			{"all, those of a deleted subscription too", DeliveryFilter{}, "2B 2A 1B 1A 0B 0A"},
			{"subscription", DeliveryFilter{Subscription: "wbs_A"}, "2A 1A 0A"},
			{"another's subscription", DeliveryFilter{Subscription: "wbs_C"}, ""},
			{"unknown subscription", DeliveryFilter{Subscription: "wbs_X"}, ""},
			{"event name", DeliveryFilter{EventName: "contact.created"}, "2B 2A 1B 1A"},
			{"event", DeliveryFilter{EventID: "evt_1"}, "1B 1A"},
			{"another's event", DeliveryFilter{EventID: "evt_3"}, ""},
			{"pending", DeliveryFilter{Status: &pending}, "2B 2A 0B"},
			{"delivered", DeliveryFilter{Status: &delivered}, "0A"},
			{"terminal", DeliveryFilter{Status: &terminal}, "1B 1A"},
			{"after", DeliveryFilter{CreatedAfter: at(0)}, "2B 2A 1B 1A"},
			{"before", DeliveryFilter{CreatedBefore: at(20)}, "1B 1A 0B 0A"},
			{"everything at once", DeliveryFilter{Subscription: "wbs_B", EventName: "contact.created", EventID: "evt_1",
				Status: &terminal, CreatedAfter: at(9), CreatedBefore: at(11)}, "1B"},
			{"subscription and status", DeliveryFilter{Subscription: "wbs_A", Status: &terminal}, "1A"},
		} {
			t.Run(c.name, func(t *testing.T) {
				want := strings.Fields(c.want)
				list := func(limit int, after int64) []Delivery {
					return view(t, s, func(tx *Tx) ([]Delivery, error) { return tx.Deliveries(1, c.f, limit, after) })
				}
				equal(t, "list", ids(list(100, 0)), want)
				var paged []string
				for after, n := int64(0), 0; n < 10; n++ { // pages of one
					page := list(1, after)
					if len(page) == 0 {
						break
					}
					paged, after = append(paged, ids(page)...), page[0].Seq
				}
				equal(t, "pages", paged, want)
				oldest := view(t, s, func(tx *Tx) ([]Delivery, error) { return tx.ReplayCandidates(1, c.f, 100) })
				for i, id := range ids(oldest) {
					if id != want[len(want)-1-i] {
						t.Fatalf("oldest first: %v", ids(oldest))
					}
				}
				if len(oldest) != len(want) {
					t.Fatalf("oldest first: %v", ids(oldest))
				}
			})
		}
	})
}

func TestAttempts(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := build(t, s)
		d := w.deliveries[0]
		get := func(org int64, id string) found[Delivery] {
			return lookup(t, s, func(tx *Tx) (Delivery, bool, error) { return tx.Delivery(org, id) })
		}
		same(t, "new", get(1, d.ID), found[Delivery]{d, true})
		one := Attempt{Delivery: d.Seq, Number: 1, HeaderID: d.ID, StartedAt: at(1), EndedAt: at(2), HTTPStatus: 503,
			Body: []byte("busy"), Outcome: "retry"}
		two := Attempt{Delivery: d.Seq, Number: 2, HeaderID: "wbd_other", StartedAt: at(60), EndedAt: at(70),
			Error: "no answer", Outcome: "terminal"}
		update(t, s, func(tx *Tx) error { return tx.Attempted(one, DeliveryPending, at(60)) })
		d.Attempts, d.NextAt, d.LastStatus, d.UpdatedAt = 1, at(60), 503, at(2)
		same(t, "after the first", get(1, d.ID), found[Delivery]{d, true})
		for range 2 { // as after a crash
			update(t, s, func(tx *Tx) error { return tx.Attempted(two, DeliveryTerminal, time.Time{}) })
		}
		d.Attempts, d.NextAt, d.LastStatus, d.LastError = 2, time.Time{}, 0, "no answer"
		d.UpdatedAt, d.Status = at(70), DeliveryTerminal
		same(t, "after the last", get(1, d.ID), found[Delivery]{d, true})
		same(t, "by the id of an attempt", get(1, "wbd_other"), found[Delivery]{d, true})
		same(t, "another's", get(2, d.ID), found[Delivery]{})
		same(t, "another's by the id of an attempt", get(2, "wbd_other"), found[Delivery]{})
		same(t, "attempts", view(t, s, func(tx *Tx) ([]Attempt, error) { return tx.Attempts(d.Seq) }), []Attempt{one, two})
		if err := s.Update(ctx, func(tx *Tx) error {
			return tx.Attempted(Attempt{Delivery: 999, Number: 1}, DeliveryDelivered, time.Time{})
		}); err == nil || err.Error() != "store: there is no delivery number 999" {
			t.Errorf("an attempt of no delivery: %v", err)
		}
	})
}

func TestStopDelivery(t *testing.T) {
	s := open(t, "")
	w := build(t, s)
	d, done := w.deliveries[0], w.deliveries[1]
	update(t, s, func(tx *Tx) error {
		return errors.Join(
			tx.Attempted(Attempt{Delivery: done.Seq, Number: 1, EndedAt: at(3)}, DeliveryDelivered, time.Time{}),
			tx.StopDelivery(d.Seq, "subscription disabled", at(5)), tx.StopDelivery(done.Seq, "subscription disabled", at(5)))
	})
	d.Status, d.NextAt, d.LastError, d.UpdatedAt = DeliveryTerminal, time.Time{}, "subscription disabled", at(5)
	done.Status, done.NextAt, done.Attempts, done.UpdatedAt = DeliveryDelivered, time.Time{}, 1, at(3)
	for _, want := range []Delivery{d, done} {
		got := lookup(t, s, func(tx *Tx) (Delivery, bool, error) { return tx.Delivery(1, want.ID) })
		same(t, want.ID, got, found[Delivery]{want, true})
	}
}

func TestPendingDeliveries(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := build(t, s)
		update(t, s, func(tx *Tx) error {
			return errors.Join(
				tx.Attempted(Attempt{Delivery: w.seq(t, "wbd_0A"), Number: 1, HTTPStatus: 500, EndedAt: at(1)}, DeliveryPending, at(25)),
				tx.Attempted(Attempt{Delivery: w.seq(t, "wbd_1A"), Number: 1, HTTPStatus: 200, EndedAt: at(1)},
					DeliveryDelivered, time.Time{}),
				tx.StopDelivery(w.seq(t, "wbd_2B"), "stopped", at(2)))
		})
		var order []string
		update(t, s, func(tx *Tx) error {
			return tx.PendingDeliveries(func(d Delivery, e Event) error {
				order = append(order, d.ID[4:])
				want := w.events[e.Seq-1]
				want.Body = nil
				return check(fmt.Sprint(e) == fmt.Sprint(want) && d.Event == e.Seq, "delivery %v of event %v, want %v", d, e, want)
			})
		})
		equal(t, "due order", order, []string{"0B", "1B", "2A", "0A", "3C"})
		if err := s.View(ctx, func(tx *Tx) error {
			return tx.PendingDeliveries(func(Delivery, Event) error { return errFn })
		}); err != errFn {
			t.Fatalf("the function's error became %v", err)
		}
	})
}

func TestEvents(t *testing.T) {
	s := open(t, "")
	w := build(t, s)
	e := w.events[1]
	same(t, "event", lookup(t, s, func(tx *Tx) (Event, bool, error) { return tx.Event(e.Seq) }), found[Event]{e, true})
	same(t, "body", lookup(t, s, func(tx *Tx) ([]byte, bool, error) { return tx.EventBody(e.Seq) }), found[[]byte]{e.Body, true})
	same(t, "no event", lookup(t, s, func(tx *Tx) (Event, bool, error) { return tx.Event(99) }), found[Event]{})
}
