package suites

import (
	"fmt"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
)

// relayRetry holds the specs of when an attempt is repeated.
func (s *Session) relayRetry() {
	s.relaySpec("relay.retry.first", "", firstAtOnce)
	for n := 2; n <= len(s.kirims().Delays); n++ {
		s.serialSpec(fmt.Sprintf("relay.retry.delay-%d", n), "", func(c *relayCheck) { c.delay(n) })
	}
	s.relayJitter()
	s.serialSpec("relay.retry.eight-attempts", "", allAttempts)
	s.serialSpec("relay.retry.no-ninth", "", noneAfterTheLast)
	s.relayTimeout()
	s.relayRetryAfter()
}

// rounding is what a delay may be off for a relay that keeps its due times in whole seconds, as the API writes times.
const rounding = time.Second

// lateness is by how much an attempt may be late through no fault of the relay, where time goes by itself: five times
// what arrivals can tell apart, which is 100 ms of real time. On two cores with other work, the worst of 128 waits was
// off by 23 ms.
func (c *relayCheck) lateness() time.Duration { return 5 * c.clock.Resolution() }

// outliers is how many of n waits may be longer or shorter still: on a virtual clock none, else 1 in 16, for machines
// that stop for a moment. Of a delay that is three tenths too long more than a quarter lie outside, however wide the band
// is made here.
func (c *relayCheck) outliers(n int) int {
	if c.clock.Mode() == target.VirtualClock {
		return 0
	}
	return n / 16
}

// band is the range of the wait before an attempt: the delay with its jitter, what rounding may do to it, and how late
// either of the two attempts may be.
func (c *relayCheck) band(attempt int) (least, most time.Duration) {
	rule := c.edition.Delivery
	if attempt > len(rule.Delays) {
		attempt = len(rule.Delays)
	}
	nominal := float64(rule.Delays[attempt-1])
	slack := rounding + c.lateness()
	return time.Duration(nominal*(1-rule.Jitter)) - slack, time.Duration(nominal*(1+rule.Jitter)) + slack
}

// width is how far jitter spreads the wait before an attempt.
func (c *relayCheck) width(attempt int) time.Duration {
	rule := c.edition.Delivery
	return time.Duration(2 * rule.Jitter * float64(rule.Delays[attempt-1]))
}

// firstAtOnce lets an event of Meta's and one of Kirim's happen. A virtual clock stands still meanwhile.
func firstAtOnce(c *relayCheck) {
	events := c.bothKinds()
	sub := c.Subscribe(events...).Timed()
	before := c.now()
	c.Meta(c.Message(""))
	for _, d := range sub.Await(len(events), "the first attempts of "+strings.Join(events, " and ")+", at once") {
		if late := sub.At(d).Sub(before); c.clock.Mode() == target.VirtualClock && late > rounding {
			c.Broken("a first attempt without waiting", fmt.Sprintf("one %s after the event", late))
		}
	}
}

// wait is the time between two attempts that follow each other.
type wait struct {
	event string
	// took is by the arrivals; signed is by the t of the signatures, where both verify.
	took, signed time.Duration
	known        bool
	from, to     arrival
}

// waits returns the waits before an attempt, as far as both sides of them were seen.
func (sch *schedule) waits(attempt int) (all []wait) {
	sch.each(func(co *course) bool {
		from, began := co.number(attempt - 1)
		to, ended := co.number(attempt)
		if began && ended {
			w := wait{event: co.Event, took: to.At.Sub(from.At), from: from, to: to, known: from.Signed > 0 && to.Signed > 0}
			w.signed = time.Duration(to.Signed-from.Signed) * time.Second
			all = append(all, w)
		}
		return true
	})
	return all
}

// seen is how many deliveries had an attempt that was seen.
func (sch *schedule) seen(attempt int) (n int) {
	sch.each(func(co *course) bool {
		if _, came := co.number(attempt); came {
			n++
		}
		return true
	})
	return n
}

// delay judges the waits before one attempt.
func (c *relayCheck) delay(attempt int) {
	if n := len(c.edition.Delivery.Delays); attempt > n {
		c.NotApplicable("the target declares a schedule of its own, with %d attempts: %s", n, c.target.Delivery.Schedule.Own)
	}
	c.tellsApart(attempt)
	sch := c.watch(attempt)
	least, most := c.band(attempt)
	nominal := c.edition.Delivery.Delays[attempt-1]
	expected := fmt.Sprintf("attempt %d comes %s after attempt %d, give or take %d %% (%s to %s)",
		attempt, nominal, attempt-1, int(100*c.edition.Delivery.Jitter), least, most)
	waits := sch.waits(attempt)
	c.result.Observations = append(c.result.Observations,
		reports.Observation{At: time.Now().UTC(), Question: fmt.Sprintf("waits before attempt %d", attempt), Count: len(waits)})
	var wrong []wait
	shortest, longest := waitRange(waits)
	for _, w := range waits {
		if !c.within(w, least, most) {
			wrong = append(wrong, w)
		}
	}
	if len(wrong) > c.outliers(len(waits)) {
		w := wrong[0]
		c.saw(fmt.Sprintf("attempt %d, %s", attempt-1, w.from.At.Format(time.RFC3339Nano)), w.from.delivery)
		c.saw(fmt.Sprintf("attempt %d, %s", attempt, w.to.At.Format(time.RFC3339Nano)), w.to.delivery)
		c.Broken(expected, fmt.Sprintf("%s after it for the event %s (%s by the t of the signatures), and %d of %d outside; the shortest was %s, the longest %s",
			w.took, w.event, w.signed, len(wrong), len(waits), shortest, longest))
	}
	missing := 0
	sch.each(func(co *course) bool {
		if c.overdue(sch, co, attempt) {
			missing++
		}
		return true
	})
	switch {
	case missing > 0:
		c.Broken(expected, fmt.Sprintf("no attempt %d of %d of %d deliveries", attempt, missing, sch.size()))
	case len(waits) == 0:
		c.Untestable("%s", c.outOfReach(sch, attempt))
	}
	c.Fact(fmt.Sprintf("wait-before-attempt-%d", attempt), "Attempt %d came %s to %s after attempt %d, in %d deliveries.",
		attempt, shortest.Round(time.Millisecond), longest.Round(time.Millisecond), attempt-1, len(waits))
	c.keptOwn(nominal == c.kirims().Delays[attempt-1] && c.edition.Delivery.Jitter == c.kirims().Jitter)
}

// tellsApart ends the spec where arrivals cannot tell the delays before an attempt from wrong ones.
func (c *relayCheck) tellsApart(attempt int) {
	// A schedule without jitter has no width, and delays that are off by a tenth are still told apart.
	if width := max(c.width(attempt), c.edition.Delivery.Delays[attempt-1]/5); 2*c.lateness() > width {
		c.Untestable("in %s time an attempt can be %s of the target's time late through no fault of its own, and the waits before attempt %d lie within %s; see clock.factor in the target file",
			c.clock.Mode(), c.lateness(), attempt, width)
	}
}

// within judges a wait. Where time goes by itself, a busy machine can make an arrival late, and the relay's own t, which
// is made before the request, tells when it was sent.
func (c *relayCheck) within(w wait, least, most time.Duration) bool {
	fits := func(d time.Duration) bool { return d >= least && d <= most }
	return fits(w.took) || (c.clock.Mode() != target.VirtualClock && w.known && fits(w.signed))
}

func waitRange(waits []wait) (shortest, longest time.Duration) {
	for i, w := range waits {
		if i == 0 || w.took < shortest {
			shortest = w.took
		}
		longest = max(longest, w.took)
	}
	return shortest, longest
}

// allAttempts sees every attempt of deliveries that fail for ever, and that they have ended then.
func allAttempts(c *relayCheck) {
	last := len(c.edition.Delivery.Delays)
	sch := c.watch(last + 1)
	c.cameTo(sch, last)
	expected := fmt.Sprintf("%d attempts of each of %d deliveries that fail", last, sch.size())
	late, least := 0, last
	sch.each(func(co *course) bool {
		if n := co.last().Number; n < last && (c.clock.Mode() == target.VirtualClock || c.overdue(sch, co, n+1)) {
			late, least = late+1, min(least, n)
		}
		return true
	})
	switch {
	case late > 0:
		c.Broken(expected, fmt.Sprintf("fewer for %d of them, as few as %d", late, least))
	case !sch.all(last):
		c.Untestable("%s", c.outOfReach(sch, last))
	case sch.unended > 0:
		c.Broken("no delivery that is pending or delivered after its last attempt", fmt.Sprintf("%d such deliveries in the API's list", sch.unended))
	}
	c.keptOwn(last == len(c.kirims().Delays))
}

// noneAfterTheLast looks for a further attempt, once a later event has shown that deliveries still come.
func noneAfterTheLast(c *relayCheck) {
	last := len(c.edition.Delivery.Delays)
	sch := c.watch(last + 1)
	c.cameTo(sch, last+1)
	more, most := 0, arrival{}
	sch.each(func(co *course) bool {
		if a := co.last(); a.Number > last {
			if more++; a.Number > most.Number {
				most = a
			}
		}
		return true
	})
	switch {
	case more > 0:
		c.saw(fmt.Sprintf("attempt %d", most.Number), most.delivery)
		c.Broken(fmt.Sprintf("no attempt after attempt %d", last), fmt.Sprintf("further ones of %d deliveries, up to attempt %d", more, most.Number))
	case sch.count(last) == 0 && sch.over:
		c.Untestable("no delivery came as far as attempt %d, so nothing tells what follows it", last)
	case !sch.over:
		c.Untestable("%s", c.outOfReach(sch, last+1))
	case sch.fenced < len(sch.subs):
		c.Untestable("a later event came to %d of %d subscriptions, so that nothing came may have another cause", sch.fenced, len(sch.subs))
	}
	c.keptOwn(last == len(c.kirims().Delays))
}

// cameTo keeps how many deliveries came to an attempt as an observation.
func (c *relayCheck) cameTo(sch *schedule, attempt int) {
	c.result.Observations = append(c.result.Observations, reports.Observation{
		At: time.Now().UTC(), Question: fmt.Sprintf("deliveries that came to attempt %d", attempt), Count: sch.count(attempt),
	})
}
