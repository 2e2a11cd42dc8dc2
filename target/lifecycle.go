package target

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Lifecycle starts and ends the process of a relay. Its calls must not overlap.
type Lifecycle interface {
	// Start starts the relay and returns when it answers.
	Start(ctx context.Context) error
	// Stop ends the relay in order and returns when it no longer answers.
	Stop(ctx context.Context) error
	// Kill ends the relay as a power cut would, and returns when it no longer answers.
	Kill(ctx context.Context) error
}

// NewLifecycle returns what drives the relay's process by the hooks of the target file, or nil where there are none.
func (t *Target) NewLifecycle(m Management) (Lifecycle, error) {
	if t.Config.Lifecycle.Start == nil {
		return nil, nil
	}
	client, err := t.Client(ObserverTimeout)
	if err != nil {
		return nil, err
	}
	return &hookLifecycle{target: t, management: m, client: client}, nil
}

type hookLifecycle struct {
	target     *Target
	management Management
	client     *wire.Client
}

func (l *hookLifecycle) Start(ctx context.Context) error {
	if err := l.target.Run(ctx, "start", *l.target.Lifecycle.Start); err != nil {
		return err
	}
	return l.until(ctx, "start", l.answers)
}

func (l *hookLifecycle) Stop(ctx context.Context) error {
	return l.end(ctx, "stop", *l.target.Lifecycle.Stop)
}

func (l *hookLifecycle) Kill(ctx context.Context) error {
	return l.end(ctx, "kill", *l.target.Lifecycle.Kill)
}

func (l *hookLifecycle) end(ctx context.Context, name string, h Hook) error {
	if err := l.target.Run(ctx, name, h); err != nil {
		return err
	}
	return l.until(ctx, name, func(ctx context.Context) error {
		if l.answers(ctx) == nil {
			return errors.New("it still answers")
		}
		// A look that the run's own end cut short tells nothing. A dial may notice a deadline before the context does.
		if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
			return context.DeadlineExceeded
		}
		return ctx.Err()
	})
}

// answers looks once at the front and at the management. Behind a proxy the front takes connections for a relay that
// is gone; the health of the management then tells.
func (l *hookLifecycle) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ObserverTimeout)
	defer cancel()
	if trouble, err := l.client.Reach(ctx, l.target.URL); err != nil {
		return fmt.Errorf("%s is not reached (%s): %w", hostAndPath(l.target.URL), trouble, err)
	}
	// Without an API, or without such a call, the front has to tell.
	if _, _, err := l.management.Health(ctx); !errors.Is(err, ErrByHand) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// until looks again and again until there is nothing to complain of, or the time is over. The end of the time cuts no
// look short: what that one would tell is about the clock and not about the relay. Looks are bounded by themselves.
func (l *hookLifecycle) until(ctx context.Context, name string, look func(context.Context) error) error {
	timeout := l.target.Lifecycle.Timeout
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		if Wait(limited, DefaultInterval) == nil {
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("lifecycle %s: %w", name, context.Cause(ctx))
		}
		return fmt.Errorf("lifecycle %s: the relay was waited for in vain for %s; lifecycle.timeout allows more; the last look: %w",
			name, timeout, err)
	}
}
