package suites

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayGuarantee holds the specs of at least once.
func (s *Session) relayGuarantee() {
	s.serialSpec("relay.guarantee.nothing-lost", "", nothingLost)
	s.serialSpec("relay.guarantee.duplicates", "", duplicatesExplained)
	s.serialSpec("relay.guarantee.intact", "", nothingMixedUp)
	s.serialSpec("relay.guarantee.kill", "", survivesKills)
	s.serialSpec("relay.guarantee.kill-schedule", "", scheduleSurvives)
	s.relayMetaDuplicates()
}

// nothingLost asks for a success of every event.
func nothingLost(c *relayCheck) {
	st := c.stormy()
	for i, t := range st.tallies() {
		if lost := t.missing(st.customers); len(lost) > 0 {
			c.showAttempts(t, lost[0])
			c.Broken(fmt.Sprintf("each of %d %s is delivered in the end", len(st.customers), []string{"messages", "contacts"}[i]),
				fmt.Sprintf("%d are not, that of %s among them, which had %d attempts", len(lost), lost[0], t.attemptsOf(lost[0])))
		}
	}
}

// duplicatesExplained looks for attempts that came although an earlier one of the event had succeeded.
func duplicatesExplained(c *relayCheck) {
	st := c.stormy()
	for _, t := range st.tallies() {
		if twice := t.afterSuccess(c.edition.Delivery.Timeout); len(twice) > 0 {
			c.showAttempts(t, twice[0])
			c.Broken("an event comes again only where an attempt was not answered with a success in time",
				fmt.Sprintf("%d of %d events came again after one was, that of %s among them", len(twice), t.successes(), twice[0]))
		}
	}
}

// afterSuccess returns the events that came again after a success that was given in time.
func (t *tally) afterSuccess(timeout time.Duration) (keys []string) {
	took := map[int]time.Duration{}
	for _, d := range t.endpoint.Received() {
		took[d.Number] = d.Answered.Sub(d.Began)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, ev := range t.events {
		for i, answer := range ev.answers[:len(ev.answers)-1] {
			if success(answer) && took[ev.numbers[i]] < timeout/2 {
				keys = append(keys, key)
				break
			}
		}
	}
	return keys
}

// nothingMixedUp looks for attempts with the body of one event and the event id of another, and for signatures that belong
// to another body. What is wrong with all of them alike is no mixing up, and is judged elsewhere.
func nothingMixedUp(c *relayCheck) {
	st, names, now := c.stormy(), c.edition.Headers, c.now()
	for _, t := range st.tallies() {
		of := map[string]string{}
		var forged []subscriber.Delivery
		first := t.firstAttempts()
		for _, d := range first {
			id, customer := d.Get(names.EventID), customerOf(d.Body)
			if other, twice := of[id]; id != "" && twice && other != customer {
				c.saw("an attempt", d)
				c.Broken("every event has its own body", fmt.Sprintf("the event id %s with the bodies of %s and of %s", id, other, customer))
			}
			of[id] = customer
			if st.ids[id] && !bytes.Contains(d.Body, []byte(id)) {
				c.saw("an attempt", d)
				c.Broken("the body that belongs to the event "+id, "another one")
			}
			// The attempts are spread over time, and how fresh they were is not asked here.
			if c.scheme().verify(d, t.secrets, 30*day, now) != nil {
				forged = append(forged, d)
			}
		}
		if n := len(forged); n > 0 && n < len(first) {
			c.saw("an attempt", forged[0])
			c.Broken("every attempt's signature belongs to its body", fmt.Sprintf("those of %d of %d attempts do not", n, len(first)))
		}
	}
}

// firstAttempts are the first of every event that came.
func (t *tally) firstAttempts() (first []subscriber.Delivery) {
	numbers := map[int]bool{}
	t.each(func(_ string, ev *tallied) { numbers[ev.numbers[0]] = true })
	for _, d := range t.endpoint.Received() {
		if numbers[d.Number] {
			first = append(first, d)
		}
	}
	return first
}

const (
	// killRounds is how often the relay is killed, each time at another moment while killEvents messages come; in a light
	// run it is killed once.
	killRounds = 3
	killEvents = 150
)

// survivesKills kills the relay while messages come and every other one fails at its first attempt.
func survivesKills(c *relayCheck) {
	c.mortal()
	seed := c.random.Uint64()
	t := c.tally(messageReceived, func(customer string, nth int) subscriber.Answer {
		if nth == 1 && chanceOf(seed, customer)%2 == 0 {
			return subscriber.Status(503)
		}
		return subscriber.Status(200)
	})
	rounds := killRounds
	if c.opts.Light {
		rounds = 1
	}
	for round := range rounds {
		moment := killEvents * (round + 1) / (rounds + 1)
		killed := make(chan error, 1)
		events := c.flood(c.messages(killEvents), func(acknowledged int) {
			if acknowledged == moment {
				killed <- c.lifecycle.Kill(c.ctx)
			}
		})
		if len(events) < moment {
			c.Broken(fmt.Sprintf("%d of Meta's POSTs are answered %s", moment, c.party.success()), fmt.Sprintf("%d are", len(events)))
		}
		if err := <-killed; err != nil {
			c.Error("the relay could not be killed: %v", err)
		}
		if err := c.lifecycle.Start(c.ctx); err != nil {
			c.Error("the relay could not be started again: %v", err)
		}
		c.Settle()
		c.retriesTo(2)
		acknowledged := customersOf(events)
		t.until(len(acknowledged), func() int { return len(acknowledged) - len(t.missing(acknowledged)) })
		if lost := t.missing(acknowledged); len(lost) > 0 {
			c.showAttempts(t, lost[0])
			c.Broken(fmt.Sprintf("each of the %d messages that were acknowledged before the relay was killed is delivered", len(acknowledged)),
				fmt.Sprintf("%d are not, that of %s among them, which had %d attempts", len(lost), lost[0], t.attemptsOf(lost[0])))
		}
	}
}

// scheduleSurvives kills the relay between the second and the third attempt of one delivery, and after the end of
// another.
func scheduleSurvives(c *relayCheck) {
	c.mortal()
	pending, ended := c.Subscribe(messageReceived).Timed(), c.Subscribe(messageReceived)
	pending.Always(subscriber.Status(500))
	ended.Always(subscriber.Status(410))
	c.Meta(c.Message(""))
	pending.Await(1, "a first attempt")
	// In small steps, so that the third attempt does not come as well.
	for delay := c.edition.Delivery.Delays[1]; len(pending.Got()) < 2 && c.spent < 4*delay; {
		c.Pass(delay / 4)
	}
	second := pending.Await(2, "a second attempt")[1]
	ended.Exactly(1, "the only attempt of a delivery that failed for good")
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"killed", func() error { return c.lifecycle.Kill(c.ctx) }}, {"started again", func() error { return c.lifecycle.Start(c.ctx) }},
	} {
		if err := step.do(); err != nil {
			c.Error("the relay could not be %s: %v", step.name, err)
		}
	}
	c.Settle()
	c.retriesTo(3)
	c.settled(pending, 3)
	// How long exactly it waits is judged elsewhere. Here it counts that it waits for the third attempt and for no other.
	wait := c.edition.Delivery.Delays[2]
	from, number := pending.At(second), c.attemptOf(second)
	for _, d := range pending.Got()[2:] {
		c.saw("an attempt after the restart", d)
		at, n := pending.At(d), c.attemptOf(d)
		switch {
		case n == number:
			// What came of it was not written down in time, so it was made again: at least once.
			from = at
		case n != number+1:
			c.Broken(fmt.Sprintf("attempt %d after the restart", number+1), fmt.Sprintf("attempt %d", n))
		case at.Sub(from) < wait/2 || at.Sub(from) > 2*wait:
			c.Broken("the next attempt about "+wait.String()+" after the one before the restart", "it comes after "+at.Sub(from).String())
		default:
			ended.Exactly(1, "the only attempt of a delivery that failed for good")
			return
		}
	}
	c.Broken("another attempt after the restart", "none")
}

// attemptOf is the number that an attempt says it has; 0 where it says none.
func (c *relayCheck) attemptOf(d subscriber.Delivery) int {
	n, err := strconv.Atoi(d.Get(c.edition.Headers.Attempt))
	if err != nil {
		return 0
	}
	return n
}

// each looks at every event that came.
func (t *tally) each(look func(key string, ev *tallied)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, ev := range t.events {
		look(key, ev)
	}
}

// attemptsOf is how many attempts of an event came.
func (t *tally) attemptsOf(key string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev := t.events[key]; ev != nil {
		return len(ev.answers)
	}
	return 0
}

// showAttempts keeps the attempts of an event as evidence.
func (c *relayCheck) showAttempts(t *tally, key string) {
	numbers := map[int]bool{}
	t.each(func(k string, ev *tallied) {
		for _, number := range ev.numbers {
			numbers[number] = numbers[number] || k == key
		}
	})
	for _, d := range t.endpoint.Received() {
		if numbers[d.Number] {
			c.saw("an attempt of "+key, d)
		}
	}
}
