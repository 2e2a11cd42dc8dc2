package suites

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayIsolation holds the specs of subscriptions beside others that are in trouble.
func (s *Session) relayIsolation() {
	s.serialSpec("relay.isolation.dead", "", func(c *relayCheck) { c.delivers("dead", deadSubscriber) })
	s.serialSpec("relay.isolation.hanging", "", func(c *relayCheck) { c.delivers("hanging", hangingSubscriber) })
	s.serialSpec("relay.isolation.slow", "", func(c *relayCheck) { c.delivers("slow", slowSubscriber) })
	for name, answer := range map[string]subscriber.Answer{
		"after a 500":                  subscriber.Status(http.StatusInternalServerError),
		"after a 429 with Retry-After": subscriber.RetryAfter(http.StatusTooManyRequests, "3600"),
	} {
		s.relaySpec("relay.isolation.same-subscription", name, func(c *relayCheck) { c.goesOnAfter(answer) })
	}
}

const (
	// isolationEvents is how many messages a measurement takes: several times as many as common pools have workers, so
	// that one for all subscriptions would run dry.
	isolationEvents = 120
	// isolationFactor is how many times as long the healthy subscription may take beside the one in trouble, and
	// isolationFloor is granted always. Of 288 pairs of measurements of the reference, most of them with five other runs on
	// the same 2 cores, the longest took 0.3 s beside a subscriber in trouble, and 2.8 times as long as without; on a
	// machine that was busier still, 1 s was seen. What is to be found waits for seconds: for an answer, a timeout or a
	// retry.
	isolationFactor = 3
	isolationFloor  = 1500 * time.Millisecond
	// isolationLimit is where a relay, or the machine, is too slow for that.
	isolationLimit = 5 * time.Second
	// isolationRounds is how many pairs of measurements are made at most; what isolationAgree of them say counts, and in a
	// light run the first says it all where it is good.
	isolationRounds = 3
	isolationAgree  = 2
	// slowness is how long a slow subscriber takes for an answer: more than is advised, and far from the timeout.
	slowness = 2 * time.Second
)

// delivers compares how long it takes until a healthy subscription has all messages, without and with others beside it
// that are in trouble, in turns.
func (c *relayCheck) delivers(trouble string, sick func(*relayCheck) (cure func())) {
	healthy := c.tally(messageReceived, nil)
	var without, with []time.Duration
	good, bad := 0, 0
	for range isolationRounds {
		alone := healthy.measure("messages without a " + trouble + " subscriber")
		beside := func() time.Duration {
			defer sick(c)()
			return healthy.measure("messages beside a " + trouble + " subscriber")
		}()
		without, with = append(without, alone), append(with, beside)
		if alone > isolationLimit {
			c.Untestable("%d messages take %s without a %s subscriber, so that nothing can be seen beside one",
				isolationEvents, alone.Round(time.Millisecond), trouble)
		}
		if beside <= max(isolationFactor*alone, isolationFloor) {
			good++
		} else {
			bad++
		}
		if good == isolationAgree || bad == isolationAgree || (c.opts.Light && bad == 0) {
			break
		}
	}
	slices.Sort(without)
	slices.Sort(with)
	seen := fmt.Sprintf("%s beside and %s without", rounded(with), rounded(without))
	c.Fact("isolation-"+trouble, "Until a healthy subscription had all of %d messages, it took %s a %s subscriber.",
		isolationEvents, seen, trouble)
	if bad > good {
		c.Broken(fmt.Sprintf("%d messages take at most %d times as long beside a %s subscriber as without, and %s are granted always",
			isolationEvents, isolationFactor, trouble, isolationFloor), seen)
	}
}

func rounded(times []time.Duration) (out []time.Duration) {
	for _, d := range times {
		out = append(out, d.Round(time.Millisecond))
	}
	return out
}

// measure posts messages and returns how long it took until all of them were delivered.
func (t *tally) measure(what string) time.Duration {
	events, want := t.c.messages(isolationEvents), t.successes()+isolationEvents
	began := time.Now()
	t.c.floodAll(events)
	if !t.until(want, t.successes) {
		came := isolationEvents - (want - t.successes())
		t.c.Broken(fmt.Sprintf("%d %s", isolationEvents, what), fmt.Sprintf("%d, and no other for %s", came, t.c.arrivalTimeout()))
	}
	return t.lastTaken().Sub(began)
}

// deadSubscriber refuses every connection or, where the relay knows the harness by one public URL alone, resets it.
func deadSubscriber(c *relayCheck) (cure func()) {
	if c.oneAddress() {
		dead := c.Subscribe(messageReceived)
		dead.endpoint.Default(subscriber.Reset())
		return dead.remove
	}
	gone := c.ownServer("127.0.0.1:0", c.tls)
	e := gone.Endpoint()
	c.closeServer(gone)
	return c.subscribeAt(e, e.URL()).remove
}

func hangingSubscriber(c *relayCheck) (cure func()) {
	hanging := c.Subscribe(messageReceived)
	hanging.endpoint.Default(subscriber.Hang())
	return func() {
		hanging.endpoint.Default(subscriber.Status(http.StatusOK))
		hanging.endpoint.Release()
		hanging.remove()
	}
}

func slowSubscriber(c *relayCheck) (cure func()) {
	slow := c.Subscribe(messageReceived)
	patience, cured := context.WithCancel(c.ctx)
	slow.endpoint.Handle(func(context.Context, subscriber.Delivery) subscriber.Answer {
		// When it is cured, the rest is answered at once.
		_ = target.Wait(patience, slowness)
		return subscriber.Status(http.StatusOK)
	})
	return func() {
		cured()
		slow.remove()
	}
}

// remove deletes the subscription.
func (s *subscription) remove() {
	if s.hand != nil {
		s.giveBack()
		return
	}
	reply, err := s.c.management.DeleteSubscription(s.c.ctx, s.ID)
	s.c.Must("deleting a subscription", reply, err)
	s.deleted = true
}

// goesOnAfter lets one event fail and others follow, before the first one's retry is due.
func (c *relayCheck) goesOnAfter(answer subscriber.Answer) {
	sub := c.Subscribe(messageReceived)
	sub.Answer(answer)
	c.Meta(c.Message(""))
	sub.Await(1, "an event that has to wait for its retry")
	c.Settle()
	const later = 20
	for _, ev := range c.messages(later) {
		c.Meta(ev)
		sub.AwaitAbout(ev.ID, 1)
	}
}
