package suites

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// followed is a subscription that outlives the spec that made it: what several specs look at takes too long to let each
// of them wait for its own. Deliveries of other events than its own are answered 200 and not looked at.
type followed struct {
	ID     string
	path   string
	secret string
	// answer is what the nth attempt of a delivery is answered, counted from 1.
	answer   func(nth int) subscriber.Answer
	endpoint *subscriber.Endpoint
	side     *relaySide
	// hand is where it was made by hand, back gives it back; nil where it was made over the API.
	hand *handMade
	back func(context.Context)
	// eventID and attempt are the names of headers that are read; scheme is how deliveries are signed.
	eventID, attempt string
	scheme           scheme
	// changed holds a token after every arrival; several subscriptions share one.
	changed chan struct{}

	mu      sync.Mutex
	courses []*course
	// blind is why the time of an arrival is not known; nil while all are.
	blind error
}

// course is what was seen of one delivery.
type course struct {
	// Event is the event's id.
	Event    string    `json:"event"`
	Arrivals []arrival `json:"arrivals"`
	// gap says that attempts may have come since the last one, while nobody listened; the next arrival ends it.
	gap bool
}

// arrival is one attempt.
type arrival struct {
	// Number counts the delivery's attempts from 1.
	Number int `json:"attempt"`
	// At is when it came, by the target's clock.
	At time.Time `json:"at"`
	// Signed is the t of its signature; 0 where that does not verify.
	Signed   int64 `json:"signed,omitempty"`
	delivery subscriber.Delivery
}

// follow makes a subscription to messages that outlives the spec.
func (c *relayCheck) follow(changed chan struct{}, answer func(nth int) subscriber.Answer) *followed {
	if c.byHand != nil {
		h, err := c.byHand.take([]string{messageReceived}, false)
		if err != nil {
			c.Untestable("%v: %v", target.ErrByHand, err)
		}
		return c.followByHand(h, changed, answer)
	}
	f := c.newFollowed("/"+rand.Text(), changed, answer)
	made, reply, err := c.management.CreateSubscription(c.ctx,
		target.SubscriptionRequest{URL: f.endpoint.URL(), Events: []string{messageReceived}})
	if err != nil {
		c.subscribers.Remove(f.endpoint)
	}
	c.Must("creating a subscription", reply, err)
	f.ID, f.secret = made.ID, made.Secret.Reveal()
	return f
}

// followByHand follows a subscription that was made by hand, and was taken.
func (s *Session) followByHand(h *handMade, changed chan struct{}, answer func(nth int) subscriber.Answer) *followed {
	f := s.newFollowed(h.Path, changed, answer)
	f.ID, f.secret, f.hand = h.Path, h.Secret.Reveal(), h
	f.back = func(ctx context.Context) { _ = s.giveBack(ctx, h) }
	return f
}

// newFollowed listens at a path.
func (s *Session) newFollowed(path string, changed chan struct{}, answer func(nth int) subscriber.Answer) *followed {
	names := s.edition.Headers
	f := &followed{
		path: path, answer: answer, endpoint: s.relay.subscribers.EndpointAt(path), side: s.relay, changed: changed,
		eventID: names.EventID, attempt: names.Attempt, scheme: s.scheme(),
	}
	f.endpoint.Handle(f.receive)
	return f
}

// happen lets so many messages come from Meta, each of which goes to every one of the subscriptions.
func (c *relayCheck) happen(n int, subs ...*followed) {
	for range n {
		ev := c.Message("")
		for _, f := range subs {
			f.expect(ev.ID)
		}
		c.Meta(ev)
	}
}

func (f *followed) expect(event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.courses = append(f.courses, &course{Event: event})
}

// receive notes an attempt and answers it.
func (f *followed) receive(ctx context.Context, d subscriber.Delivery) subscriber.Answer {
	if f.course(d) == nil {
		return subscriber.Status(200)
	}
	at := d.Arrived
	var err error
	if f.side.clock.Mode() != target.RealClock {
		// While the answer is out, a virtual clock stands at the moment of the attempt.
		at, err = f.side.clock.Now(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.blind = err
	}
	co := f.find(d)
	number := len(co.Arrivals) + 1
	if last := co.last(); last.Number > 0 {
		number = last.Number + 1
	}
	if co.gap {
		// What the header says is for other specs to judge; here nothing else tells how many were missed.
		if said, err := strconv.Atoi(d.Get(f.attempt)); err == nil {
			number = max(number, said)
		}
		co.gap = false
	}
	co.Arrivals = append(co.Arrivals, arrival{number, at, f.signed(d), d})
	select {
	case f.changed <- struct{}{}:
	default:
	}
	return f.answer(number)
}

func (f *followed) course(d subscriber.Delivery) *course {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(d)
}

// find returns the course of a delivery; nil where it is of another event. The body counts too, because the header may
// be what is wrong. It wants f.mu held.
func (f *followed) find(d subscriber.Delivery) *course {
	id := d.Get(f.eventID)
	for _, co := range f.courses {
		if co.Event == id {
			return co
		}
	}
	for _, co := range f.courses {
		if bytes.Contains(d.Body, []byte(co.Event)) {
			return co
		}
	}
	return nil
}

// signed is the t of a signature that verifies, else 0.
func (f *followed) signed(d subscriber.Delivery) int64 {
	s, err := f.scheme.read(d)
	if err != nil || f.scheme.verify(d, []string{f.secret}, time.Second, time.Unix(s.t, 0)) != nil {
		return 0
	}
	return s.t
}

// each calls look with every course, and stops where it returns false. It returns what ended it.
func (f *followed) each(look func(*course) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, co := range f.courses {
		if !look(co) {
			return false
		}
	}
	return true
}

// trouble is why the time of an arrival is not known.
func (f *followed) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blind
}

// remove deletes the subscription and takes its endpoint away.
func (f *followed) remove(ctx context.Context) error {
	f.endpoint.Release()
	if f.hand != nil {
		f.back(ctx)
		return nil
	}
	defer f.side.subscribers.Remove(f.endpoint)
	if _, err := f.side.management.DeleteSubscription(ctx, f.ID); err != nil && !notThere(err) {
		return fmt.Errorf("a subscription could not be deleted: %w", err)
	}
	return nil
}

// last returns the last attempt that was seen; the zero value where there was none.
func (co *course) last() arrival {
	if len(co.Arrivals) == 0 {
		return arrival{}
	}
	return co.Arrivals[len(co.Arrivals)-1]
}

// number returns an attempt by its number.
func (co *course) number(n int) (arrival, bool) {
	for _, a := range co.Arrivals {
		if a.Number == n {
			return a, true
		}
	}
	return arrival{}, false
}

// await returns true when the condition holds, and false when d of real time has passed before. It is asked after every
// arrival that the channel tells of.
func await(ctx context.Context, changed <-chan struct{}, d time.Duration, holds func() bool) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !holds() {
		select {
		case <-changed:
		case <-timer.C:
			return holds()
		case <-ctx.Done():
			return false
		}
	}
	return true
}
