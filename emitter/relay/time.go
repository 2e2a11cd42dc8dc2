package relay

import (
	"context"
	"errors"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// timeSetting is where the database keeps how far a clock has come that is not everybody's.
const timeSetting = "clock"

// keepTime notes how far a scaled or virtual clock has come: after a restart it must not go back.
func (r *Relay) keepTime(tx *store.Tx, now time.Time) error {
	if clock.Mode(r.clock) == clock.Mode(clock.Real()) {
		return nil
	}
	return tx.SetValue(timeSetting, now.Format(time.RFC3339Nano))
}

// update changes the database, and keeps in it how far the clock has come.
func (r *Relay) update(ctx context.Context, fn func(*store.Tx) error) error {
	return r.store.Update(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return r.keepTime(tx, r.clock.Now())
	})
}

// Advance moves a virtual clock, as clock.Virtual.Advance does, and returns when the database has kept where it stands:
// what its caller saw pass must not pass again after a crash. Another clock is an error.
func (r *Relay) Advance(ctx context.Context, by, grace time.Duration) (fired int, err error) {
	virtual, ok := r.clock.(*clock.Virtual)
	if !ok {
		return 0, NotFound("virtual clock")
	}
	fired, err = virtual.Advance(ctx, by, grace)
	// Also where it stopped half-way, because its caller went away.
	return fired, errors.Join(err, r.update(context.WithoutCancel(ctx), func(*store.Tx) error { return nil }))
}

// TimeOf returns how far the clock of a database has come; zero for one that is new, or whose time was real.
func TimeOf(ctx context.Context, data string) (at time.Time, err error) {
	s, err := store.Open(ctx, data)
	if err != nil {
		return at, err
	}
	defer func() {
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
	}()
	err = s.View(ctx, func(tx *store.Tx) error {
		text, ok, err := tx.Value(timeSetting)
		if err == nil && ok {
			at, err = time.Parse(time.RFC3339Nano, text)
		}
		return err
	})
	return at, err
}
