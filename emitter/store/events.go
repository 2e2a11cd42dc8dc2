package store

import (
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// InsertEvent stores an event with its body and fills in its Seq.
func (tx *Tx) InsertEvent(e *Event) (err error) {
	body := e.Body
	if body == nil {
		body = []byte{}
	}
	e.Seq, err = tx.insert(`INSERT INTO events (org, id, name, source, created_at, body) VALUES (?, ?, ?, ?, ?, ?)`,
		e.Org, e.ID, e.Name, string(e.Source), e.CreatedAt, body)
	return err
}

// Event finds an event with its body.
func (tx *Tx) Event(seq int64) (Event, bool, error) {
	return first(tx, `SELECT org, id, name, source, created_at, body FROM events WHERE seq = ?`, func(r row) (Event, error) {
		return Event{Seq: seq, Org: r.int(0), ID: r.text(1), Name: r.text(2), Source: contract.Source(r.text(3)),
			CreatedAt: r.time(4), Body: r.blob(5)}, nil
	}, seq)
}

// EventBody finds the bytes that every delivery of an event carries.
func (tx *Tx) EventBody(seq int64) ([]byte, bool, error) {
	return first(tx, `SELECT body FROM events WHERE seq = ?`, func(r row) ([]byte, error) { return r.blob(0), nil }, seq)
}

// Seen remembers a key of an organisation and says whether it is new.
func (tx *Tx) Seen(org int64, key []byte, at time.Time) (firstTime bool, err error) {
	n, err := tx.exec(`INSERT INTO seen (org, key, at) VALUES (?, ?, ?) ON CONFLICT (org, key) DO NOTHING`, org, key, at)
	return n > 0, err
}
