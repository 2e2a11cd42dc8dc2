package store

import (
	"fmt"
	"time"
)

// Attempted stores an attempt, and what it means for its delivery: the status, and when the next attempt is due (zero
// where there is none). The same attempt stored again replaces the first: after a crash it is made again.
func (tx *Tx) Attempted(a Attempt, status DeliveryStatus, nextAt time.Time) error {
	if err := tx.change("delivery", a.Delivery, `UPDATE deliveries SET status = ?, attempts = ?, next_at = ?, last_status = ?,
		last_error = ?, updated_at = ? WHERE seq = ?`, int64(status), a.Number, nextAt, a.HTTPStatus, a.Error, a.EndedAt,
		a.Delivery); err != nil {
		return err
	}
	_, err := tx.exec(`INSERT OR REPLACE INTO attempts
		(delivery, number, header_id, started_at, ended_at, http_status, error, outcome, body)
		VALUES (?1, ?2, nullif(?3, (SELECT id FROM deliveries WHERE seq = ?1)), ?4, ?5, ?6, ?7, ?8, ?9)`,
		a.Delivery, a.Number, a.HeaderID, a.StartedAt, a.EndedAt, a.HTTPStatus, a.Error, a.Outcome, a.Body)
	return err
}

// Attempts returns the attempts of a delivery in their order.
func (tx *Tx) Attempts(delivery int64) ([]Attempt, error) {
	return collect(tx, `SELECT a.number, coalesce(a.header_id, d.id), a.started_at, a.ended_at, a.http_status, a.error,
		a.outcome, a.body FROM attempts a CROSS JOIN deliveries d ON d.seq = a.delivery WHERE a.delivery = ?
		ORDER BY a.number`, func(r row) (Attempt, error) {
		return Attempt{Delivery: delivery, Number: int(r.int(0)), HeaderID: r.text(1), StartedAt: r.time(2), EndedAt: r.time(3),
			HTTPStatus: int(r.int(4)), Error: r.text(5), Outcome: r.text(6), Body: r.blob(7)}, nil
	}, delivery)
}

// StopDelivery makes a pending delivery terminal without an attempt, and says why. One that is not pending any more
// stays as it is.
func (tx *Tx) StopDelivery(seq int64, why string, at time.Time) error {
	_, err := tx.exec(fmt.Sprintf(`UPDATE deliveries SET status = %d, next_at = 0, last_error = ?, updated_at = ?
		WHERE seq = ? AND status = %d`, DeliveryTerminal, DeliveryPending), why, at, seq)
	return err
}
