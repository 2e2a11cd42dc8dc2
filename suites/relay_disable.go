package suites

import (
	"fmt"
	"net/http"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayDisable holds the specs of subscriptions that fail too often.
func (s *Session) relayDisable() {
	s.relaySpec("relay.disable.threshold", "", disabledAtThreshold, target.AutoDisable)
	s.relaySpec("relay.disable.not-before", "", notDisabledBefore, target.AutoDisable)
	s.serialSpec("relay.disable.deliveries", "", attemptsDoNotCount, target.AutoDisable)
	s.serialSpec("relay.disable.any-path", "", bothWaysCount, target.AutoDisable)
	s.relaySpec("relay.disable.reset", "", successResets, target.AutoDisable)
	s.serialSpec("relay.disable.reset-by-retry", "", lateSuccessResets, target.AutoDisable)
	s.relaySpec("relay.disable.sporadic", "", sporadicFailures, target.AutoDisable)
	s.serialSpec("relay.disable.nothing-new", "", nothingWhileDisabled, target.AutoDisable)
	s.serialSpec("relay.disable.pending-stops", "", pendingStops, target.AutoDisable)
	s.relaySpec("relay.disable.re-enable", "", reenabled, target.AutoDisable)
	s.relaySpec("relay.disable.from-zero", "", fromZero, target.AutoDisable)
}

func disabledAtThreshold(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold()
	// Where it was disabled before, that is for another spec to say.
	if p.fail(n) == n && !p.disabled() {
		p.broken(fmt.Sprintf("the subscription is disabled after %d failed deliveries in a row", n), "it got the next event")
	}
}

func notDisabledBefore(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold() - 1
	why := fmt.Sprintf("it is disabled after %d failures in a row, and not before", n+1)
	p.mustFail(n, why)
	p.alive(why)
}

// attemptsDoNotCount lets as many deliveries as the threshold fail twice each and then succeed: no delivery has failed, and
// twice as many attempts have.
func attemptsDoNotCount(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold()
	const failures = 2
	left := map[string]int{}
	p.sick.endpoint.Choose(func(d subscriber.Delivery) subscriber.Answer {
		p.sick.mu.Lock()
		defer p.sick.mu.Unlock()
		if customer := customerOf(d.Body); left[customer] < failures {
			left[customer]++
			return subscriber.Status(http.StatusInternalServerError)
		}
		return subscriber.Status(http.StatusOK)
	})
	for range n {
		if !p.delivered(c.Message("")) {
			p.broken(fmt.Sprintf("%d deliveries that are still being tried", n), "the subscription was disabled before")
		}
	}
	c.retriesTo(failures + 1)
	c.settled(p.sick, (failures+1)*n)
	p.sick.endpoint.Handle(p.sick.answer)
	p.alive(fmt.Sprintf("of %d deliveries none has failed, although %d attempts have", n, len(p.sick.Got())-n))
}

// bothWaysCount makes half of the failures by all attempts of the schedule, and the others at once.
func bothWaysCount(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold()
	ways := []subscriber.Answer{
		subscriber.Status(http.StatusInternalServerError), subscriber.Status(http.StatusFound), subscriber.Reset(),
	}
	for i := range n / 2 {
		p.event(ways[i%len(ways)])
	}
	p.sick.Always(subscriber.Status(http.StatusServiceUnavailable))
	c.retriesTo(len(c.edition.Delivery.Delays))
	c.settled(p.sick, n/2*len(c.edition.Delivery.Delays))
	if p.fail(n-n/2) == n-n/2 && !p.disabled() {
		p.broken(fmt.Sprintf("the subscription is disabled when %d deliveries have failed after all attempts and %d at once",
			n/2, n-n/2), "it got the next event")
	}
}

func successResets(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold() - 2
	p.mustFail(n, "fewer failed than disable it")
	p.alive("fewer failed than disable it")
	why := fmt.Sprintf("of %d failures no more than %d came in a row", 2*n, n)
	p.mustFail(n, why)
	p.alive(why)
}

func lateSuccessResets(c *relayCheck) {
	p := c.patient(messageReceived)
	n := c.threshold() - 2
	p.mustFail(n, "fewer failed than disable it")
	before := len(p.sick.Got())
	if !p.event(subscriber.Status(http.StatusInternalServerError)) {
		p.broken("another delivery, because fewer failed than disable it", "none")
	}
	p.sick.Always(subscriber.Status(http.StatusOK))
	c.retriesTo(2)
	if got := c.came(p.sick, before+2); len(got) < before+2 {
		p.broken("a second attempt of the delivery that was answered 500", fmt.Sprintf("%d attempts of it", len(got)-before))
	}
	c.Settle()
	why := fmt.Sprintf("of %d failures no more than %d came in a row: between them a retry succeeded", 2*n, n)
	p.mustFail(n, why)
	p.alive(why)
}

// sporadicFailures lets twice the threshold fail, never more than two in a row.
func sporadicFailures(c *relayCheck) {
	p := c.patient(messageReceived)
	for failed := 0; failed < 2*c.threshold(); failed += 2 {
		why := fmt.Sprintf("after %d failures, never more than two came in a row", failed+2)
		p.mustFail(2, why)
		if !p.event(subscriber.Status(http.StatusOK)) {
			p.broken("the next event is delivered, because "+why, "it is not")
		}
	}
	p.alive("every third delivery succeeded")
}

// nothingWhileDisabled lets new customers write, so that there are events of Meta's and of Kirim's.
func nothingWhileDisabled(c *relayCheck) {
	p := c.patient(c.bothKinds()...)
	p.disable()
	p.sick.Always(subscriber.Status(http.StatusOK))
	before := len(p.sick.Got())
	const events = 3
	for range events {
		c.Meta(c.Message(""))
	}
	p.healthy.Await(p.happened+p.each*events, "events of Meta's and of Kirim's to a healthy subscription")
	c.longAfter()
	p.sick.Exactly(before, "attempts until the subscription was disabled, and since")
}

// pendingStops has the same event fail at the healthy subscription too, where it is tried again.
func pendingStops(c *relayCheck) {
	p := c.patient(messageReceived)
	p.healthy.Answer(subscriber.Status(http.StatusInternalServerError))
	pending := c.Message("")
	p.sick.Always(subscriber.Status(http.StatusInternalServerError))
	if !p.delivered(pending) {
		p.broken("a first delivery", "none")
	}
	p.disable()
	p.sick.Always(subscriber.Status(http.StatusOK))
	// In real time attempts may have been due before it was disabled.
	before := len(about(p.sick.Got(), pending))
	c.longAfter()
	c.settled(p.healthy, p.happened+1)
	if got := about(p.healthy.Got(), pending); len(got) < 2 {
		p.healthy.show(got)
		c.Broken("a second attempt at the subscription that is not disabled", fmt.Sprintf("%d attempts", len(got)))
	}
	c.Settle()
	if got := about(p.sick.Got(), pending); len(got) > before {
		p.sick.show(got)
		c.Broken("no further attempt at the subscription that is disabled", fmt.Sprintf("%d after it was", len(got)-before))
	}
}

func reenabled(c *relayCheck) {
	p := c.patient(messageReceived)
	p.disable()
	p.enable()
	p.alive("it was enabled again")
}

func fromZero(c *relayCheck) {
	p := c.patient(messageReceived)
	p.disable()
	p.enable()
	n := c.threshold() - 2
	why := fmt.Sprintf("no more than %d failed since it was enabled again", n)
	p.mustFail(n, why)
	p.alive(why)
}
