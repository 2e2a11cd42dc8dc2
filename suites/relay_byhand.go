package suites

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// byHand are the subscriptions of a relay whose subscriptions were made by hand. Specs take them in turns: each has its
// endpoint for the whole run, answers 200 while nobody has it, and is given back when the spec ends.
type byHand struct {
	mu  sync.Mutex
	all []*handMade
}

// handMade is one of them.
type handMade struct {
	target.HandMade
	server *subscriber.Server
	// endpoint is a new one for every spec, so that those who share an observation keep theirs.
	endpoint *subscriber.Endpoint
	taken    bool
	// lost is why it is of no use any more; empty while it is.
	lost string
	// before are the bodies that came while an earlier spec had it: their retries are none of the next one's business.
	before map[[sha256.Size]byte]struct{}
}

// newByHand listens at the paths of the subscriptions.
func newByHand(made []target.HandMade, server *subscriber.Server) *byHand {
	b := &byHand{}
	for _, m := range made {
		h := &handMade{HandMade: m, server: server, before: map[[sha256.Size]byte]struct{}{}}
		h.rest()
		b.all = append(b.all, h)
	}
	return b
}

// covers reports whether it gets all of these events, and no others where it has to be exact.
func (h *handMade) covers(events []string, exact bool) bool {
	for _, event := range events {
		if !slices.Contains(h.Events, event) {
			return false
		}
	}
	return !exact || len(h.Events) == len(events)
}

// take hands a free subscription out. One that gets these events and no others comes first. Without one, the error says
// what is missing.
func (b *byHand) take(events []string, exact bool) (*handMade, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *handMade
	fitting, lost := 0, ""
	for _, h := range b.all {
		if h.Paused || !h.covers(events, exact) {
			continue
		}
		if fitting++; h.lost != "" {
			lost = h.lost
		}
		if !h.taken && h.lost == "" && (best == nil || len(h.Events) < len(best.Events)) {
			best = h
		}
	}
	if best == nil {
		alone := ""
		if exact {
			alone = " and to nothing else"
		}
		have := "none of those in management.static is that"
		if fitting > 0 {
			have = fmt.Sprintf("the %d of management.static are in use", fitting)
		}
		err := fmt.Errorf("it needs another subscription to %s%s; %s, so name more of them there", strings.Join(events, ", "), alone, have)
		if lost != "" {
			err = fmt.Errorf("%w (%s)", err, lost)
		}
		return nil, err
	}
	// The others get their turn first when it is given back.
	i := slices.Index(b.all, best)
	b.all = append(append(b.all[:i:i], b.all[i+1:]...), best)
	best.begin(events)
	return best, nil
}

// free is how many subscriptions to these events nobody has.
func (b *byHand) free(events ...string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.all {
		if !h.taken && h.lost == "" && !h.Paused && h.covers(events, false) {
			n++
		}
	}
	return n
}

// at is the subscription at a path, or nil. It is taken from then on.
func (b *byHand) at(path string) *handMade {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.all {
		if h.Path == path {
			h.begin(h.Events)
			return h
		}
	}
	return nil
}

// paused is a subscription that was paused by hand.
func (b *byHand) paused() (*handMade, bool) {
	i := slices.IndexFunc(b.all, func(h *handMade) bool { return h.Paused })
	if i < 0 {
		return nil, false
	}
	return b.all[i], true
}

// rest has everything answered 200, and nothing kept.
func (h *handMade) rest() {
	h.endpoint = h.server.Renew(h.Path)
	h.endpoint.Only(func(subscriber.Delivery) bool { return false })
}

// begin prepares an endpoint for a spec that looks at these events.
func (h *handMade) begin(events []string) {
	var skipped []string
	for _, event := range h.Events {
		if !slices.Contains(events, event) {
			skipped = append(skipped, event)
		}
	}
	before := h.before
	h.taken, h.endpoint = true, h.server.Renew(h.Path)
	h.endpoint.Only(func(d subscriber.Delivery) bool {
		if _, old := before[sha256.Sum256(d.Body)]; old {
			return false
		}
		// What is of no event that it is subscribed to is what a spec may look for.
		return len(skipped) == 0 || !slices.Contains(skipped, eventOf(d.Body))
	})
}

// end ends a spec's use of the endpoint, and reports whether something was answered otherwise than by 200.
func (h *handMade) end() (failed bool) {
	old := h.endpoint
	h.rest()
	old.Script()
	old.Default(subscriber.Status(200))
	old.Release()
	// Copied, because the old endpoint still asks the map.
	h.before = maps.Clone(h.before)
	for _, d := range old.Received() {
		h.before[sha256.Sum256(d.Body)] = struct{}{}
		failed = failed || d.Status < 200 || d.Status > 299
	}
	return failed
}

// giveBack ends a spec's use of a subscription. Where its deliveries failed, a message that is taken ends the row: a relay
// may count failures over specs, and disable a subscription that nobody is there to enable.
func (s *Session) giveBack(ctx context.Context, h *handMade) (lost string) {
	failed := h.end()
	if failed && slices.Contains(h.Events, messageReceived) {
		if err := s.heal(ctx, h); err != nil {
			lost = fmt.Sprintf("the subscription at %s gets no messages any more since its deliveries were made to fail: %v; "+
				"has the relay disabled it?", h.Path, err)
		}
	}
	b := s.relay.byHand
	b.mu.Lock()
	defer b.mu.Unlock()
	h.taken, h.lost = false, lost
	return lost
}

// heal lets one message through to a subscription.
func (s *Session) heal(ctx context.Context, h *handMade) error {
	ev, err := s.generator.Event(messageReceived, "")
	if err != nil {
		return err
	}
	post, err := s.post(mockmeta.Plan{Event: ev, Body: fixtures.EscapeMeta(ev.Body)})
	if err != nil {
		return err
	}
	defer h.rest()
	h.endpoint.Only(nil)
	if x := s.client.Send(ctx, post.Request); !mockmeta.Accepted(s.meta, x) {
		return errors.New("a message for it was not taken from Meta: " + answer(x))
	}
	waiting, cancel := context.WithTimeout(ctx, s.target.Observe.Timeout)
	defer cancel()
	return h.endpoint.WaitFor(waiting, func(all []subscriber.Delivery) bool {
		return slices.ContainsFunc(all, func(d subscriber.Delivery) bool {
			return strings.Contains(string(d.Body), ev.ID) && !d.Answered.IsZero()
		})
	})
}

// takeByHand is Subscribe where subscriptions were made by hand.
func (c *relayCheck) takeByHand(events []string, exact bool) *subscription {
	h, err := c.byHand.take(events, exact)
	if err != nil {
		c.Untestable("%v: %v", target.ErrByHand, err)
	}
	s := c.scripted(h.endpoint)
	s.ID, s.secrets, s.hand = h.Path, []string{h.Secret.Reveal()}, h
	c.subs = append(c.subs, s)
	return s
}

// giveBack ends the spec's use of a subscription that was made by hand.
func (s *subscription) giveBack() {
	if s.gone {
		return
	}
	s.gone = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.c.ctx), s.c.arrivalTimeout())
	defer cancel()
	if lost := s.c.Session.giveBack(ctx, s.hand); lost != "" {
		s.c.Fact("subscription-lost", "After %s %s", s.c.req.ID, lost)
	}
}

// oneAddress reports whether the relay reaches the harness at one address alone, so that no second listener is of use.
func (c *relayCheck) oneAddress() bool { return c.target.Subscriber.PublicURL != "" || c.byHand != nil }

// notThere reports whether a call failed because the relay, or the harness, has none of the kind.
func notThere(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, target.ErrByHand)
}

// pausedByHand looks at a subscription that was paused by hand. That it goes on once it is active cannot be seen.
func (c *relayCheck) pausedByHand() {
	h, ok := c.byHand.paused()
	if !ok {
		c.Untestable("%s: %v; a subscription that is paused by hand can be named in management.static", target.Pausing, target.ErrByHand)
	}
	h.begin(h.Events)
	defer h.rest()
	active := c.takeByHand([]string{messageReceived}, false)
	ev := c.Message("")
	c.Meta(ev)
	active.Await(1, "a message to a subscription that is active")
	c.Settle()
	for _, d := range h.endpoint.Received() {
		if isAbout(d, ev) {
			c.saw("a delivery to a subscription that is paused", d)
			c.Broken("nothing for the subscription at "+h.Path+", which is paused by hand", "the message")
		}
	}
	c.Untestable("the subscription that is paused by hand got nothing, as it should; that it goes on once it is active: %v", target.ErrByHand)
}
