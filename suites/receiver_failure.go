package suites

import (
	"context"
	"slices"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// failedWork holds the specs of what a receiver does when its own work fails. They run alone: a target whose work
// fails, fails for every spec.
func (s *Session) failedWork() {
	s.spec(string(s.role)+".dedupe.failed-work.answer", "", func(c *Check) {
		c.NeedHooks()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		x := c.deliverWhileFailing(ev)
		if x.Trouble != wire.None || (c.party.retries(x.Status) && x.Status >= 400) {
			return
		}
		const want = "an error status after which the event is sent again"
		if !c.party.accepts(x) {
			c.Broken(want, answer(x)+"; the sender would not try again")
		}
		// A receiver that stores first and works later may acknowledge, if the work is then done without another attempt.
		if slices.Contains(c.await(c.effectsOf(ev)), 0) {
			c.Broken(want, answer(x)+", and the event never took effect, though the work was possible again: it is lost")
		}
		c.Fact("work-queued", "An event whose work failed was acknowledged and processed later without another attempt.")
	}, ginkgo.Serial)
	s.spec(string(s.role)+".dedupe.failed-work.effect", "", func(c *Check) {
		c.NeedHooks()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		x := c.deliverWhileFailing(ev)
		if !c.party.accepts(x) {
			c.Acknowledged(c.Genuine("attempt 2, the work possible again", ev, 2))
		}
		c.HasOneEffect(ev)
	}, ginkgo.Serial)
}

// NeedHooks ends the spec as untestable where the target's work cannot be made to fail, or effects cannot be seen.
func (c *Check) NeedHooks() {
	c.NeedObserver()
	if c.target.Hooks.Fail == nil {
		c.Untestable("the target file has no hooks.fail and hooks.recover, so its work cannot be made to fail")
	}
}

// deliverWhileFailing delivers an event while the target's work fails, and has it recover. A hook that changed nothing
// ends the spec.
func (c *Check) deliverWhileFailing(ev fixtures.Event) wire.Exchange {
	recovered := false
	recoverOnce := func() {
		if recovered {
			return
		}
		recovered = true
		// Also in a run that was interrupted; the hook has a timeout of its own.
		if err := c.target.Run(context.WithoutCancel(c.ctx), "recover", *c.target.Hooks.Recover); err != nil {
			c.Error("%v", err)
		}
	}
	// Whatever ends the spec, the target must not be left failing for those that follow.
	defer recoverOnce()
	if err := c.target.Run(c.ctx, "fail", *c.target.Hooks.Fail); err != nil {
		c.Error("%v", err)
	}
	x := c.Genuine("attempt 1, the work failing", ev, 1)
	if c.party.accepts(x) && slices.Max(c.hold(c.effectsOf(ev), 0)) > 0 {
		c.Untestable("hooks.fail did not make the work fail: the event took effect all the same")
	}
	recoverOnce()
	return x
}
