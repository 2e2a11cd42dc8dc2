package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Answer is what a request with an Idempotency-Key was answered, kept to be given again.
type Answer struct {
	Org int64
	Key string
	// Fingerprint is the hash of the request that the key was used for.
	Fingerprint [32]byte
	Status      int
	Header      map[string]string
	Body        []byte
	CreatedAt   time.Time
}

// Answer finds the answer that is kept for a key of an organisation.
func (tx *Tx) Answer(org int64, key string) (Answer, bool, error) {
	return first(tx, `SELECT fingerprint, status, header, body, created_at FROM answers WHERE org = ? AND key = ?`,
		func(r row) (Answer, error) {
			a := Answer{Org: org, Key: key, Status: int(r.int(1)), Body: r.blob(3), CreatedAt: r.time(4)}
			copy(a.Fingerprint[:], r.blob(0))
			if err := json.Unmarshal([]byte(r.text(2)), &a.Header); err != nil {
				return a, fmt.Errorf("the headers of a kept answer: %w", err)
			}
			return a, nil
		}, org, key)
}

// PutAnswer keeps an answer, in place of the one that was kept for its key.
func (tx *Tx) PutAnswer(a Answer) error {
	header, err := json.Marshal(a.Header)
	if err != nil {
		return tx.fail(err)
	}
	_, err = tx.exec(`INSERT OR REPLACE INTO answers (org, key, fingerprint, status, header, body, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, a.Org, a.Key, a.Fingerprint[:], a.Status, string(header), a.Body, a.CreatedAt)
	return err
}

// PurgeAnswers forgets a bounded number of answers that were kept before a time, and returns how many; it is to be
// called again until there are none.
func (tx *Tx) PurgeAnswers(before time.Time) (int, error) {
	n, err := tx.exec(`DELETE FROM answers WHERE (org, key) IN
		(SELECT org, key FROM answers WHERE created_at < ? ORDER BY created_at LIMIT ?)`, before, purgeStep)
	return int(n), err
}
