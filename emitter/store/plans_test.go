package store

import (
	"strings"
	"testing"
)

// Every list must be read from an index in its order: a sort, or a look at every row, is slow with 100,000 deliveries.
func TestListsUseTheirIndices(t *testing.T) {
	s := open(t, "")
	plan := func(text string, args ...any) (steps []string) {
		return view(t, s, func(tx *Tx) ([]string, error) {
			return collect(tx, `EXPLAIN QUERY PLAN `+text, func(r row) (string, error) { return r.text(3), nil }, args...)
		})
	}
	refuse := func(t *testing.T, steps []string, maySort bool) {
		t.Helper()
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") || strings.Contains(step, "TEMP B-TREE") && !maySort {
				t.Errorf("%s\n\t%s", step, strings.Join(steps, "\n\t"))
			}
		}
	}
	pending, delivered, terminal := DeliveryPending, DeliveryDelivered, DeliveryTerminal
	for _, status := range []*DeliveryStatus{nil, &pending, &delivered, &terminal} {
		for bits := range 16 {
			f := DeliveryFilter{Status: status}
			if bits&1 != 0 {
				f.Subscription = "wbs"
			}
			if bits&2 != 0 {
				f.EventName = "message.received"
			}
			if bits&4 != 0 {
				f.EventID = "evt"
			}
			if bits&8 != 0 {
				f.CreatedAfter, f.CreatedBefore = start, start
			}
			q := f.query(1)
			ties := q.and(`d.created_at = ? AND d.seq < ?`, 1, 1)
			for order, q := range map[string]query{
				` ORDER BY d.created_at, d.seq LIMIT 1`:           q,
				` ORDER BY d.created_at DESC, d.seq DESC LIMIT 1`: q.and(`d.created_at < ?`, 1),
				` ORDER BY d.created_at DESC, d.seq DESC LIMIT 2`: ties,
			} {
				steps := plan(q.text+order, q.args...)
				refuse(t, steps, f.EventID != "") // an event has few deliveries
				if q.text == ties.text && f.EventID == "" && !strings.Contains(steps[0], "created_at=? AND rowid<?)") {
					t.Errorf("deliveries of the same time are looked at one by one: %s", steps[0])
				}
			}
		}
	}
	conversations := selectConversation + `INDEXED BY conversations_by_activity WHERE org = 1 AND `
	for _, text := range []string{
		conversations + `last_message_at = 1 AND seq < 1 ORDER BY last_message_at DESC, seq DESC LIMIT 1`,
		conversations + `last_message_at < 1 ORDER BY last_message_at DESC, seq DESC LIMIT 1`,
		selectSubscription + `WHERE org = 1 AND deleted_at = 0 AND seq < 5 ORDER BY seq DESC LIMIT 1`,
		selectContact + `WHERE org = 1 AND seq < 5 ORDER BY seq DESC LIMIT 1`,
		selectContact + `WHERE org = 1 AND seq < 5 AND phone = '1' ORDER BY seq DESC LIMIT 1`,
		selectContact + `WHERE org = 1 AND phone_number_id = '1' AND customer = '1'`,
		deliveryColumns + ` FROM attempts a CROSS JOIN deliveries d ON d.seq = a.delivery` + deliveryEvent +
			`WHERE a.header_id = '1' AND d.org = 1 LIMIT 1`,
		`SELECT subscription, id FROM subscribers WHERE org = 1 AND event_name = 'x' ORDER BY subscription`,
		`DELETE FROM subscribers WHERE subscription = 1 AND org = 1`,
	} {
		refuse(t, plan(text), false)
	}
}
