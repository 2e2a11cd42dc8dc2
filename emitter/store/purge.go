package store

import (
	"errors"
	"time"
)

// purgeStep is how many rows of a table one Purge looks at, so that it holds the writer up for milliseconds.
const purgeStep = 200

// errNewer ends a look at rows.
var errNewer = errors.New("newer")

// purge is how far the Purges of this connection have come. Where it stands decides only what they look at next, so it
// does no harm when a transaction that moved it is undone.
type purge struct{ deliveries, events, seen int64 }

// Purge forgets a bounded number of what was created before a time: deliveries that are not pending, with their attempts,
// then events that no delivery is left of, then keys of Seen and kept answers. It returns how many records it has
// removed, and done once it has been through all there is; until then it is to be called again, in further Updates.
func (tx *Tx) Purge(before time.Time) (removed int, done bool, err error) {
	p := &tx.conn.purge
	for _, t := range []struct {
		at     *int64
		look   string
		remove []string
	}{
		{&p.deliveries, `SELECT seq, created_at, status = 0 FROM deliveries WHERE seq > ? ORDER BY seq LIMIT ?`,
			[]string{`DELETE FROM attempts WHERE delivery = ?`, `DELETE FROM deliveries WHERE seq = ?`}},
		{&p.events, `SELECT seq, created_at, EXISTS (SELECT 1 FROM deliveries d WHERE d.event = events.seq) FROM events
			WHERE seq > ? ORDER BY seq LIMIT ?`, []string{`DELETE FROM events WHERE seq = ?`}},
		{&p.seen, `SELECT seq, at, 0 FROM seen WHERE seq > ? ORDER BY seq LIMIT ?`,
			[]string{`DELETE FROM seen WHERE seq = ?`}},
	} {
		n, more, err := tx.purgeTable(t.at, before, t.look, t.remove)
		if removed += n; err != nil || more {
			return removed, false, err
		}
	}
	n, err := tx.PurgeAnswers(before)
	removed += n
	if err != nil || n > 0 {
		return removed, false, err
	}
	*p = purge{}
	return removed, true, nil
}

// purgeTable looks at the next rows of a table in the order of their numbers, which is that of their times but for
// moments. It ends at the first row that is too new.
func (tx *Tx) purgeTable(at *int64, before time.Time, look string, remove []string) (removed int, more bool, err error) {
	var old []int64
	looked, last, end := 0, *at, nanoseconds(before)
	err = tx.each(look, func(r row) error {
		looked++
		if r.int(1) >= end {
			looked = 0 // whatever follows is newer still
			return errNewer
		}
		last = r.int(0)
		if kept := r.int(2) != 0; !kept {
			old = append(old, last)
		}
		return nil
	}, *at, purgeStep)
	if err != nil && err != errNewer {
		return 0, false, err
	}
	for _, seq := range old {
		for _, text := range remove {
			if _, err := tx.exec(text, seq); err != nil {
				return 0, false, err
			}
		}
	}
	*at = last
	return len(old), looked == purgeStep, nil
}
