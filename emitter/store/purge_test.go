package store

import (
	"fmt"
	"testing"
	"time"
)

// purgeAll calls Purge until it is done, and returns how many calls that took.
func purgeAll(t *testing.T, s *Store, before time.Time) (removed, calls int) {
	t.Helper()
	for done := false; !done; calls++ {
		if calls > 1000 {
			t.Fatal("Purge never ends")
		}
		update(t, s, func(tx *Tx) error {
			n, d, err := tx.Purge(before)
			removed, done = removed+n, d
			return err
		})
	}
	return removed, calls
}

func count(t *testing.T, s *Store, table string) int64 {
	t.Helper()
	return view(t, s, func(tx *Tx) (n int64, err error) {
		return n, tx.each(`SELECT count(*) FROM `+table, func(r row) error { n = r.int(0); return nil })
	})
}

func TestPurge(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		const n, old, pending = 1000, 700, 250 // more pending ones in front than one Purge looks at
		fill(t, s, n)
		for seq := int64(1); seq <= n; seq++ {
			if seq > pending {
				s.Record(func(tx *Tx) error {
					return tx.Attempted(Attempt{Delivery: seq, Number: 1, HeaderID: "wbd_" + fmt.Sprint(seq)}, DeliveryDelivered, time.Time{})
				})
			}
		}
		update(t, s, func(tx *Tx) error {
			// A replay of an old event keeps the event.
			d := Delivery{Org: 1, ID: "wbd_replay", Subscription: 1, Event: 600, EventName: "message.received",
				CreatedAt: benchStart.Add(time.Hour)}
			if err := tx.InsertDelivery(&d); err != nil {
				return err
			}
			return tx.PutAnswer(Answer{Org: 1, Key: "k", CreatedAt: benchStart})
		})
		before := benchStart.Add((old + 1) * time.Millisecond) // the events' times begin with 1 ms
		removed, calls := purgeAll(t, s, before)
		want := map[string]int64{
			"deliveries": n - old + pending + 1,
			"attempts":   n - old,
			"events":     n - old + pending + 1,
			"seen":       n - old,
			"answers":    0,
		}
		for table, left := range want {
			if got := count(t, s, table); got != left {
				t.Errorf("%d %s are left, want %d", got, table, left)
			}
		}
		if removed != (old-pending)+(old-pending-1)+old+1 {
			t.Errorf("Purge says that it removed %d", removed)
		}
		if calls < 3*old/purgeStep {
			t.Errorf("all of it went in %d calls: one call does too much", calls)
		}
		if again, calls := purgeAll(t, s, before); again != 0 || calls > 8 {
			t.Errorf("a second Purge removed %d in %d calls", again, calls)
		}
		// The pass begins anew, so what was pending then goes now.
		update(t, s, func(tx *Tx) error { return tx.StopDelivery(1, "stopped", time.Time{}) })
		if again, _ := purgeAll(t, s, before); again != 2 {
			t.Errorf("Purge of a delivery that is pending no more removed %d, want it and its event", again)
		}
	})
}
