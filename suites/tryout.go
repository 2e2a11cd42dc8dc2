package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/wire"
)

// TryState is how one part of a target did.
type TryState string

// The states.
const (
	// TryOK: it was tried, and did what the target file says.
	TryOK TryState = "ok"
	// TryProblem: it was tried, and did not.
	TryProblem TryState = "problem"
	// TryUnreachable: the target, or its management, could not be reached at all.
	TryUnreachable TryState = "unreachable"
	// TryAbsent: the target file has no such part. What needs it is untestable.
	TryAbsent TryState = "absent"
	// TryLeft: it was left alone, for the reason that is told.
	TryLeft TryState = "not tried"
)

// Finding is what came of trying one part of a target.
type Finding struct {
	State TryState
	// Part is the key of the target file, or what was done.
	Part string
	// Seen says what was seen.
	Seen string
	// Remedy says what to look at; empty where all is well.
	Remedy string
}

// TryOut tries everything that the target file names once, and tells what it sees. Nothing is judged. With send, valid
// deliveries are made; without it, nothing is delivered. The error is the harness's own.
func (s *Session) TryOut(ctx context.Context, send bool, tell func(Finding)) (err error) {
	t := &tryout{Session: s, send: send, tell: tell}
	if err := s.open(ctx, 1, nil); err != nil {
		t.problem("set-up", err.Error(), "correct the part that is named")
		return s.close()
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.observer != nil {
		s.tells = s.observer.Tells()
	}
	if s.role == contract.RoleRelay {
		return t.tryRelay(ctx)
	}
	return t.tryReceiver(ctx)
}

// tryout is one trial of a target.
type tryout struct {
	*Session
	send bool
	tell func(Finding)
}

func (t *tryout) ok(part, format string, args ...any) {
	t.tell(Finding{State: TryOK, Part: part, Seen: fmt.Sprintf(format, args...)})
}

func (t *tryout) problem(part, seen, remedy string) {
	t.tell(Finding{State: TryProblem, Part: part, Seen: seen, Remedy: remedy})
}

func (t *tryout) note(state TryState, part, seen, remedy string) {
	t.tell(Finding{State: state, Part: part, Seen: seen, Remedy: remedy})
}

// tryReceiver tries a receiver: its URL, its observer around one delivery, and its hooks around another.
func (t *tryout) tryReceiver(ctx context.Context) error {
	reached := t.reach(ctx)
	ev, err := t.event(anyShape)
	if err != nil {
		return err
	}
	observed, taken := t.before(ctx, ev), false
	switch {
	case !t.send:
		t.note(TryLeft, "delivery", "--no-send leaves it out", "")
	case !reached:
		t.note(TryLeft, "delivery", "the URL cannot be reached", "")
	default:
		if t.role == contract.RoleMetaReceiver {
			t.tryHandshake(ctx)
		}
		if taken, err = t.deliver(ctx, ev); err != nil {
			return err
		}
		observed = observed && taken && t.after(ctx, ev) && t.control(ctx, ev)
	}
	return t.tryHooks(ctx, taken, observed)
}

// reach reaches for the URL.
func (t *tryout) reach(ctx context.Context) bool {
	shown := reports.RedactURL(t.target.URL)
	if trouble, err := t.client.Reach(ctx, t.target.URL); trouble != wire.None {
		t.note(TryUnreachable, "url", fmt.Sprintf("%s cannot be reached: %v", shown, err), "start the target, or correct url or tls")
		return false
	}
	t.ok("url", "%s takes connections", shown)
	return true
}

// observerPart is the key of the observer.
func (t *tryout) observerPart() string {
	adapter, _, _ := strings.Cut(t.observer.String(), ",")
	return "observe." + adapter
}

// before asks for the effects of an event that was not sent. It reports whether the observer can be asked on.
func (t *tryout) before(ctx context.Context, ev fixtures.Event) bool {
	if t.observer == nil {
		t.note(TryAbsent, "observe", "what happens inside the target cannot be seen, so dedupe and much else will be untestable",
			"add an observe section")
		return false
	}
	counts, err := t.watch.look(ctx, t.effectsOf(ev))
	switch {
	case err != nil:
		t.problem(t.observerPart(), fmt.Sprintf("the first look failed: %v", err), "correct the part that is named")
		return false
	case slices.Max(counts) > 0:
		t.problem(t.observerPart(), countedTooEarly(counts), "have it look for the values that it is asked for, and for all of them")
		return false
	}
	t.ok(t.observerPart(), "%s: it counts 0 of %s, which was not sent", t.observer, t.effectsOf(ev)[0])
	return true
}

// tryHandshake makes Meta's handshake.
func (t *tryout) tryHandshake(ctx context.Context) {
	challenge := mockmeta.NewChallenge(mockmeta.Digits, t.random)
	v, err := mockmeta.BuildHandshake(t.meta, t.target.URL, t.target.Token.Reveal(), mockmeta.Handshake{Challenge: challenge})
	if err != nil {
		t.problem("verify_token", fmt.Sprintf("the handshake could not be made: %v", err), "correct url")
		return
	}
	x := t.client.Send(ctx, v.Wire())
	if !mockmeta.ChallengeEchoed(x, challenge) {
		t.problem("verify_token", "the handshake's challenge did not come back: "+echo(x), "compare verify_token with the target's")
		return
	}
	t.ok("verify_token", "the handshake was answered with its challenge")
}

// deliver makes one valid delivery and reports whether it was taken.
func (t *tryout) deliver(ctx context.Context, ev fixtures.Event) (bool, error) {
	m, err := t.party.genuine(ev, 1)
	if err != nil {
		return false, err
	}
	x := t.client.Send(ctx, m.Wire())
	what := fmt.Sprintf("a valid %s, signed with secret, was answered with %s in %s", ev.Name, answer(x), x.Took.Round(10*time.Microsecond))
	if !t.party.accepts(x) {
		t.problem("delivery", fmt.Sprintf("%s; %s is expected", what, t.party.success()),
			fmt.Sprintf("compare secret and url with the target's; `kirimcheck certify --label-filter %s` looks for the cause", t.validSignature()))
		return false, nil
	}
	t.ok("delivery", "%s", what)
	return true, nil
}

// after waits for the effects of a delivery that was taken, and for no more than one of each.
func (t *tryout) after(ctx context.Context, ev fixtures.Event) bool {
	effects := t.effectsOf(ev)
	counts, took, err := t.watch.await(ctx, effects)
	if err == nil && !slices.Contains(counts, 0) {
		counts, err = t.watch.hold(ctx, effects, 1, took)
	}
	switch {
	case err != nil:
		t.problem(t.observerPart(), fmt.Sprintf("the look after the delivery failed: %v", err), "correct the part that is named")
		return false
	case slices.Contains(counts, 0):
		t.problem(t.observerPart(), fmt.Sprintf("it still counts 0 %s after the delivery (%s)%s", t.watch.timeout, effects[slices.Index(counts, 0)], t.watch.saw()),
			"compare the names that the target stores with those that it is asked for; where its work takes longer, raise observe.timeout")
		return false
	case slices.Max(counts) > 1:
		t.problem(t.observerPart(), fmt.Sprintf("it counts %d effects of one delivery", slices.Max(counts)),
			"have it count what the target did, and not what it wrote about it")
		return false
	}
	t.ok(t.observerPart(), "it counts 1 of it, %s after the answer", took.Round(10*time.Microsecond))
	return true
}

// control asks for ids that were never sent. It reports whether the observer can be believed.
func (t *tryout) control(ctx context.Context, ev fixtures.Event) bool {
	claimed := t.tells
	t.controlLooks(ctx, t.effectsOf(ev)[0])
	ignored := []string{}
	for _, v := range []struct {
		name          string
		claims, holds bool
	}{{"event_id", claimed.EventID, t.tells.EventID}, {"item_id", claimed.Item, t.tells.Item}} {
		if v.claims && !v.holds {
			ignored = append(ignored, v.name)
		}
	}
	switch {
	case t.observerError != "":
		t.problem(t.observerPart(), t.observerError, "have it look for the values that it is asked for")
	case len(ignored) > 0:
		t.problem(t.observerPart(), fmt.Sprintf("it counts the same for another %s, which was never sent", strings.Join(ignored, " and another ")),
			"have it look at that value, or leave it out of the target file")
	default:
		t.ok(t.observerPart(), "it counts 0 for ids that were never sent")
	}
	return t.observerError == ""
}

// tryHooks makes the target's work fail and work again. taken says that deliveries are made and taken; then one is made
// in between and one after it, and otherwise they would prove nothing.
func (t *tryout) tryHooks(ctx context.Context, taken, observed bool) error {
	if t.target.Hooks.Fail == nil {
		t.note(TryAbsent, "hooks", "the target's work cannot be made to fail, so what becomes of an event then will be untestable",
			"add hooks.fail and hooks.recover")
		return nil
	}
	ev, err := t.event(anyShape)
	if err != nil {
		return err
	}
	// Also when the trial was interrupted: the target must not be left failing. The hook has a timeout of its own.
	recovering := func() error { return t.target.Run(context.WithoutCancel(ctx), "recover", *t.target.Hooks.Recover) }
	if err := t.target.Run(ctx, "fail", *t.target.Hooks.Fail); err != nil {
		t.problem("hooks.fail", err.Error(), "correct the hook")
		// It may have done half of its work.
		if err := recovering(); err != nil {
			t.problem("hooks.recover", err.Error(), "correct the hook")
		}
		return nil
	}
	if taken {
		err = t.whileFailing(ctx, ev, observed)
	} else {
		t.ok("hooks.fail", "it ended well; what it does was not looked at")
	}
	if recoverErr := recovering(); recoverErr != nil {
		t.problem("hooks.recover", recoverErr.Error(), "correct the hook; the target may still be failing")
		return err
	}
	if err != nil || !taken {
		t.ok("hooks.recover", "it ended well")
		return err
	}
	return t.recovered(ctx, ev, observed)
}

// whileFailing delivers an event while the target's work fails.
func (t *tryout) whileFailing(ctx context.Context, ev fixtures.Event, observed bool) error {
	m, err := t.party.genuine(ev, 1)
	if err != nil {
		return err
	}
	x := t.client.Send(ctx, m.Wire())
	seen := "a valid delivery was then answered with " + answer(x)
	if observed {
		counts, err := t.watch.hold(ctx, t.effectsOf(ev), 0, 0)
		switch {
		case err != nil:
			t.problem("hooks.fail", fmt.Sprintf("%s, and the look after it failed: %v", seen, err), "leave the observer working while the work fails")
			return nil
		case slices.Max(counts) > 0:
			t.problem("hooks.fail", seen+", and took effect all the same", "have the hook make the work fail that observe counts")
			return nil
		}
		seen += ", and had no effect"
	}
	t.ok("hooks.fail", "%s", seen)
	return nil
}

// recovered delivers the event again. Whether the receiver is right to answer as it does is for the suites to judge.
func (t *tryout) recovered(ctx context.Context, ev fixtures.Event, observed bool) error {
	m, err := t.party.genuine(ev, 2)
	if err != nil {
		return err
	}
	x := t.client.Send(ctx, m.Wire())
	seen := "the same event, as attempt 2, was then answered with " + answer(x)
	if !t.party.accepts(x) {
		t.problem("hooks.recover", seen, "have the hook make the work possible again before it ends")
		return nil
	}
	if observed {
		counts, _, err := t.watch.await(ctx, t.effectsOf(ev))
		if err != nil {
			t.problem("hooks.recover", fmt.Sprintf("%s, and the look after it failed: %v", seen, err), "correct the part that is named")
			return nil
		}
		seen += fmt.Sprintf(", and has %d effects", slices.Max(counts))
		if slices.Max(counts) == 1 {
			seen = strings.TrimSuffix(seen, "s")
		}
	}
	t.ok("hooks.recover", "%s", seen)
	return nil
}
