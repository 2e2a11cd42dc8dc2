package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// preflight reaches for the target and sends one valid delivery, before any spec. A target that cannot be reached is
// one error of the run and not one for every spec; a target that takes the request and gives no answer would cost
// every spec the sender's timeout, so the rest is called off, and the spec of a valid signature tells what was seen. The
// returned error is that of an unreachable target or of the harness.
func (s *Session) preflight(ctx context.Context) error {
	if s.role == contract.RoleRelay {
		return s.relayPreflight(ctx)
	}
	if trouble, err := s.client.Reach(ctx, s.target.URL); trouble != wire.None {
		s.unreachable = fmt.Sprintf("the target %s cannot be reached: %v", reports.RedactURL(s.target.URL), err)
		return errors.New(s.unreachable)
	}
	ev, err := s.event(anyShape)
	if err != nil {
		return err
	}
	m, err := s.party.genuine(ev, 1)
	if err != nil {
		return err
	}
	s.lookBefore(ctx, ev)
	x := s.client.Send(ctx, m.Wire())
	s.first = &firstDelivery{m, x}
	switch x.Trouble {
	case wire.Stopped:
	case wire.None:
		s.firstEffect(ctx, ev, x)
	case wire.NotReached, wire.BadTLS:
		s.unreachable = fmt.Sprintf("the target %s cannot be reached: %v", reports.RedactURL(s.target.URL), x.Err)
		return errors.New(s.unreachable)
	case wire.TimedOut, wire.BrokenOff, wire.NotHTTP:
		s.mute, s.witness = true, s.validSignature()
		s.halted = fmt.Sprintf("the target gave no complete answer to a first, valid delivery (%v), so nothing more was sent", x.Err)
	}
	return nil
}

// lookBefore asks for the effect of a delivery that was not sent yet. Whoever counts one then cannot be believed.
func (s *Session) lookBefore(ctx context.Context, ev fixtures.Event) {
	if s.observer == nil {
		return
	}
	s.tells = s.observer.Tells()
	counts, err := s.watch.look(ctx, s.effectsOf(ev))
	switch {
	case err != nil:
		s.distrust(fmt.Sprintf("the observer failed at the first look: %v", err))
	case slices.Max(counts) > 0:
		s.distrust(countedTooEarly(counts))
	}
}

// countedTooEarly says why an observer cannot be believed that counts what was never sent.
func countedTooEarly(counts []int) string {
	return fmt.Sprintf("the observer counted %d effects of an event before it was sent: it does not look for this event alone, "+
		"or --seed made an event that the target knows from an earlier run", slices.Max(counts))
}

// distrust calls the observer off: one error of the run, and untestable for whatever needs effects.
func (s *Session) distrust(reason string) { s.observerError, s.unseen = reason, reason }

// firstEffect looks whether the observer sees the first delivery take effect, and whether it sees that alone.
func (s *Session) firstEffect(ctx context.Context, ev fixtures.Event, x wire.Exchange) {
	if s.observer == nil || s.unseen != "" || !s.party.accepts(x) {
		return
	}
	effects := s.effectsOf(ev)
	counts, _, err := s.watch.await(ctx, effects)
	switch {
	case err != nil:
		s.distrust(fmt.Sprintf("the observer failed at the first delivery: %v", err))
	case slices.Contains(counts, 0):
		s.unseen = fmt.Sprintf("the effect of a first, valid delivery was not seen within %s (%s)%s: check observe in the target file",
			s.watch.timeout, effects[0], s.watch.saw())
	default:
		s.controlLooks(ctx, effects[0])
	}
}

// controlLooks asks for effects like one that was seen, but with an event id or an item id that was never sent. An
// observer that counts them too does not tell effects apart by that value, whatever its configuration says.
func (s *Session) controlLooks(ctx context.Context, seen target.Effect) {
	for _, control := range []struct {
		tells  *bool
		change func(*target.Effect)
	}{
		{&s.tells.EventID, func(e *target.Effect) { e.EventID = s.generator.ID("evt") }},
		{&s.tells.Item, func(e *target.Effect) { e.ItemID = s.generator.ID("ctc") }},
	} {
		if !*control.tells || (control.tells == &s.tells.EventID && seen.EventID == "") {
			continue
		}
		asked := seen
		control.change(&asked)
		n, err := s.watch.count(ctx, asked)
		if err != nil {
			s.distrust(fmt.Sprintf("the observer failed when asked for what was never sent: %v", err))
			return
		}
		*control.tells = n == 0
	}
	if !s.tells.EventID && !s.tells.Item {
		s.distrust("the observer counts effects of event ids and item ids that were never sent, so it tells nothing apart")
	}
}
