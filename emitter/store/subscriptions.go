package store

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Subscriber is an active subscription as far as fan-out needs it.
type Subscriber struct {
	Seq int64
	ID  string
}

const selectSubscription = `SELECT seq, org, id, url, description, status, events, failures, created_at, updated_at
	FROM subscriptions `

// InsertSubscription creates a subscription with its secrets and fills in its Seq.
func (tx *Tx) InsertSubscription(s *Subscription) error {
	events, err := json.Marshal(s.Events)
	if err != nil {
		return tx.fail(err)
	}
	s.Seq, err = tx.insert(`INSERT INTO subscriptions
		(org, id, url, description, status, events, failures, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Org, s.ID, s.URL, s.Description, string(s.Status), string(events), s.Failures, s.CreatedAt, s.UpdatedAt)
	if err != nil {
		return err
	}
	for i := len(s.Secrets) - 1; i >= 0; i-- { // the newest comes first in the record, and last in the table
		if err := tx.InsertSecret(s.Seq, s.Secrets[i]); err != nil {
			return err
		}
	}
	return tx.subscribe(*s)
}

// subscribe writes who is delivered to.
func (tx *Tx) subscribe(s Subscription) error {
	if _, err := tx.exec(`DELETE FROM subscribers WHERE subscription = ? AND org = ?`, s.Seq, s.Org); err != nil {
		return err
	}
	if s.Status != Active {
		return nil
	}
	for _, name := range s.Events {
		if _, err := tx.exec(`INSERT OR IGNORE INTO subscribers (org, event_name, subscription, id) VALUES (?, ?, ?, ?)`,
			s.Org, name, s.Seq, s.ID); err != nil {
			return err
		}
	}
	return nil
}

// Subscribers returns the active subscriptions of an organisation that list an event, the oldest first.
func (tx *Tx) Subscribers(org int64, event string) ([]Subscriber, error) {
	return collect(tx, `SELECT subscription, id FROM subscribers WHERE org = ? AND event_name = ? ORDER BY subscription`,
		func(r row) (Subscriber, error) { return Subscriber{Seq: r.int(0), ID: r.text(1)}, nil }, org, event)
}

// Subscription finds a subscription that was not deleted.
func (tx *Tx) Subscription(org int64, id string) (Subscription, bool, error) {
	return one(tx.subscriptions(selectSubscription+`WHERE id = ? AND org = ? AND deleted_at = 0`, id, org))
}

// Subscriptions returns a page of an organisation's subscriptions, the newest first: those with a number below after, or
// from the newest where after is 0.
func (tx *Tx) Subscriptions(org int64, limit int, after int64) ([]Subscription, error) {
	if after == 0 {
		after = math.MaxInt64
	}
	return tx.subscriptions(selectSubscription+`WHERE org = ? AND deleted_at = 0 AND seq < ? ORDER BY seq DESC LIMIT ?`,
		org, after, limit)
}

// AllSubscriptions returns the subscriptions of all organisations, the oldest first.
func (tx *Tx) AllSubscriptions() ([]Subscription, error) {
	return tx.subscriptions(selectSubscription + `WHERE deleted_at = 0 ORDER BY seq`)
}

func (tx *Tx) subscriptions(text string, args ...any) ([]Subscription, error) {
	all, err := collect(tx, text, func(r row) (Subscription, error) {
		s := Subscription{Seq: r.int(0), Org: r.int(1), ID: r.text(2), URL: r.text(3), Description: r.optionalText(4),
			Status: SubscriptionStatus(r.text(5)), Failures: int(r.int(7)), CreatedAt: r.time(8), UpdatedAt: r.time(9)}
		if err := json.Unmarshal([]byte(r.text(6)), &s.Events); err != nil {
			return s, fmt.Errorf("the events of subscription %s: %w", s.ID, err)
		}
		return s, nil
	}, args...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Secrets, err = collect(tx, `SELECT id, value, created_at, expires_at FROM secrets WHERE subscription = ?
			ORDER BY seq DESC`, func(r row) (Secret, error) {
			return Secret{ID: r.text(0), Value: r.text(1), CreatedAt: r.time(2), ExpiresAt: r.time(3)}, nil
		}, all[i].Seq)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// UpdateSubscription writes everything of a subscription but its id, its secrets and when it was created.
func (tx *Tx) UpdateSubscription(s Subscription) error {
	events, err := json.Marshal(s.Events)
	if err != nil {
		return tx.fail(err)
	}
	if err := tx.change("subscription", s.Seq, `UPDATE subscriptions SET url = ?, description = ?, status = ?, events = ?,
		failures = ?, updated_at = ? WHERE seq = ? AND org = ? AND deleted_at = 0`,
		s.URL, s.Description, string(s.Status), string(events), s.Failures, s.UpdatedAt, s.Seq, s.Org); err != nil {
		return err
	}
	return tx.subscribe(s)
}

// SetStatus changes the status of a subscription, and so whether it is delivered to.
func (tx *Tx) SetStatus(seq int64, status SubscriptionStatus, at time.Time) error {
	s, ok, err := one(tx.subscriptions(selectSubscription+`WHERE seq = ? AND deleted_at = 0`, seq))
	if err != nil {
		return err
	}
	if !ok {
		return tx.fail(fmt.Errorf("there is no subscription number %d", seq))
	}
	s.Status, s.UpdatedAt = status, at
	return tx.UpdateSubscription(s)
}

// SetFailures writes how many deliveries to a subscription have failed in a row, and whether that disabled it. A
// subscription that was deleted meanwhile is no error.
func (tx *Tx) SetFailures(id string, failures int, disabled bool, at time.Time) error {
	_, err := tx.exec(`UPDATE subscriptions SET failures = ? WHERE id = ? AND deleted_at = 0`, failures, id)
	if err != nil || !disabled {
		return err
	}
	s, ok, err := one(tx.subscriptions(selectSubscription+`WHERE id = ? AND deleted_at = 0`, id))
	if err != nil || !ok {
		return err
	}
	s.Status, s.UpdatedAt = Disabled, at
	return tx.UpdateSubscription(s)
}

// DeleteSubscription makes a subscription invisible and forgets its secrets. Its deliveries stay; to stop those that
// are pending is up to the caller.
func (tx *Tx) DeleteSubscription(seq int64, at time.Time) error {
	if err := tx.change("subscription", seq,
		`UPDATE subscriptions SET deleted_at = ? WHERE seq = ? AND deleted_at = 0`, at, seq); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM secrets WHERE subscription = ?`, seq); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM subscribers WHERE subscription = ?
		AND org = (SELECT org FROM subscriptions WHERE seq = ?)`, seq, seq)
	return err
}

// InsertSecret adds a secret to a subscription as its newest.
func (tx *Tx) InsertSecret(subscription int64, s Secret) error {
	_, err := tx.exec(`INSERT INTO secrets (subscription, id, value, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
		subscription, s.ID, s.Value, s.CreatedAt, s.ExpiresAt)
	return err
}

// UpdateSecret changes when a secret expires. It says whether the subscription has that secret.
func (tx *Tx) UpdateSecret(subscription int64, s Secret) (bool, error) {
	n, err := tx.exec(`UPDATE secrets SET expires_at = ? WHERE subscription = ? AND id = ?`, s.ExpiresAt, subscription, s.ID)
	return n > 0, err
}

// DeleteSecret forgets a secret of a subscription. It says whether the subscription had it.
func (tx *Tx) DeleteSecret(subscription int64, id string) (bool, error) {
	n, err := tx.exec(`DELETE FROM secrets WHERE subscription = ? AND id = ?`, subscription, id)
	return n > 0, err
}

// one is the first of a query's records, if there is one.
func one[T any](all []T, err error) (T, bool, error) {
	if err != nil || len(all) == 0 {
		var none T
		return none, false, err
	}
	return all[0], true, nil
}
