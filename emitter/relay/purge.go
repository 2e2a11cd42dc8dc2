package relay

import (
	"context"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// purgeEvery is the rhythm of the purge (documentation: retry, retention: "a daily purge").
const purgeEvery = 24 * time.Hour

// purgeSetting is where the database keeps when the last purge began, so that a relay that is restarted every day purges
// all the same.
const purgeSetting = "purged"

// purge is the daily purge's timer.
type purge struct {
	mu    sync.Mutex
	timer clock.Timer
	// running is held by a purge.
	running sync.Mutex
	stopped chan struct{}
}

// stop lets no purge begin, and waits for the one that runs.
func (p *purge) stop() {
	p.mu.Lock()
	close(p.stopped)
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.running.Lock()
	defer p.running.Unlock()
}

func (p *purge) isStopped() bool {
	select {
	case <-p.stopped:
		return true
	default:
		return false
	}
}

// beginPurges sets the first purge, a day after the last one of an earlier run.
func (r *Relay) beginPurges(tx *store.Tx, now time.Time) error {
	text, ok, err := tx.Value(purgeSetting)
	if err != nil {
		return err
	}
	last := now
	if ok {
		if last, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return err
		}
	} else if err := r.purgedAt(tx, now); err != nil {
		return err
	}
	tx.AfterCommit(func() { r.purgeAfter(min(last.Add(purgeEvery).Sub(now), purgeEvery)) })
	return nil
}

func (r *Relay) purgedAt(tx *store.Tx, at time.Time) error {
	return tx.SetValue(purgeSetting, at.Format(time.RFC3339Nano))
}

func (r *Relay) purgeAfter(wait time.Duration) {
	r.purge.mu.Lock()
	defer r.purge.mu.Unlock()
	if !r.purge.isStopped() {
		r.purge.timer = r.clock.AfterFunc(wait, r.purgeOld)
	}
}

// purgeOld removes what is older than it is kept, a piece at a time, and sets the next purge.
func (r *Relay) purgeOld() {
	r.purge.running.Lock()
	defer r.purge.running.Unlock()
	now := r.clock.Now()
	r.inPieces(func(tx *store.Tx) (bool, error) {
		n, err := tx.PurgeAnswers(now.Add(-answersKept))
		return n == 0, err
	})
	r.inPieces(func(tx *store.Tx) (done bool, err error) {
		if _, done, err = tx.Purge(now.Add(-r.edition.Delivery.Retention)); err == nil && done {
			err = r.purgedAt(tx, now)
		}
		return done, err
	})
	r.purgeAfter(purgeEvery)
}

// inPieces calls a function, each time in a transaction of its own, until it is done, it fails or the relay is closed.
func (r *Relay) inPieces(piece func(*store.Tx) (done bool, err error)) {
	for done := false; !done && !r.purge.isStopped(); {
		err := r.update(context.Background(), func(tx *store.Tx) (err error) {
			done, err = piece(tx)
			return err
		})
		if err != nil {
			r.log.Error("the purge failed", "error", err)
			return
		}
	}
}
