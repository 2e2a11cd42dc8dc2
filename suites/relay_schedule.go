package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// schedule is one observation of deliveries that fail for ever. It takes more than a day of the target's time, so the
// specs of all steps look at the same one. On a virtual clock it is made at once; on the others each spec waits for as
// much of it as it needs, within the budget, and a state file lets a later run go on with it.
type schedule struct {
	subs    []*followed
	changed chan struct{}
	// listens is when this run began to listen, and since when it began to wait, in real time.
	listens, since time.Time
	// making says whether everything is in place; over that it went to its end, with the fence.
	making
	over bool
	// fence is a later event that shows, on every subscription, that deliveries still come; fenced is how many had it.
	fence  string
	fenced int
	// unended is how many deliveries the API showed as not ended after their last attempt; -1 where it was not asked.
	unended int
	// file keeps the observation for a later run; empty where there is none.
	file string
}

const (
	// Every message goes to each of the subscriptions. That many deliveries show a wrong delay, and how jitter spreads.
	scheduleSubscriptions = 8
	// scheduleMessages is how many deliveries end terminal on each, which is fewer than what disables a subscription in
	// any edition.
	scheduleMessages = 16
)

// watch returns the observation of the schedule, gone on until the given attempt of every delivery has come or ought to
// have come, or the budget has ended. The number after the last attempt's stands for the quiet after it.
func (c *relayCheck) watch(attempt int) *schedule {
	if c.schedule == nil {
		c.beginSchedule()
	}
	sch := c.schedule
	sch.need(c.Check, "the schedule could not be watched")
	last := len(c.edition.Delivery.Delays)
	if c.clock.Mode() == target.VirtualClock {
		// It costs nothing to go through all of it, and the sooner its subscriptions are gone the better for other specs.
		attempt = last + 1
	}
	for n := 2; n <= attempt && !sch.over; n++ {
		if n <= last {
			c.passTo(sch, n)
		} else {
			c.endSchedule(sch)
		}
	}
	for _, f := range sch.subs {
		if err := f.trouble(); err != nil {
			c.Error("the target's clock did not tell the time of an arrival: %v", err)
		}
	}
	return sch
}

// beginSchedule makes the subscriptions and lets the messages happen, or takes an earlier run's up again.
func (c *relayCheck) beginSchedule() {
	now := time.Now()
	sch := &schedule{changed: make(chan struct{}, 1), listens: now, since: now, unended: -1, file: c.stateFile()}
	if sch.file != "" && !c.opts.Resume {
		c.discard(sch.file)
	}
	if c.earlier != nil {
		sch = c.earlier
		sch.since = now
	}
	c.relaySide.schedule = sch
	if c.earlierErr != nil {
		c.Error("%v", c.earlierErr)
	}
	if !sch.done {
		defer c.endUnmade(sch)
		for range c.scheduleWidth() {
			sch.subs = append(sch.subs, c.follow(sch.changed, fails))
		}
		c.happen(scheduleMessages, sch.subs...)
		first := func() bool { return sch.all(1) }
		if c.clock.Mode() == target.VirtualClock {
			c.Settle()
		} else {
			// Those that do not come are missed by the specs.
			await(c.ctx, sch.changed, c.arrivalTimeout(), first)
		}
		if !first() {
			c.Broken(fmt.Sprintf("the first attempts of %d deliveries", sch.size()), fmt.Sprintf("%d of them", sch.count(1)))
		}
		sch.done = true
	}
	c.saveSchedule(sch)
}

// endUnmade gives the subscriptions of an observation back that did not begin.
func (c *relayCheck) endUnmade(sch *schedule) {
	if sch.made(c.Check); sch.done {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.arrivalTimeout())
	defer cancel()
	if err := sch.remove(ctx); err != nil {
		c.Fact("cleanup", "After the observation of the schedule could not begin %v.", err)
	}
	sch.subs = nil
}

// scheduleWidth is how many subscriptions the schedule is watched on. Of those that were made by hand, as many are left
// as most specs need meanwhile.
func (c *relayCheck) scheduleWidth() int {
	if c.byHand == nil {
		return scheduleSubscriptions
	}
	free := c.byHand.free(messageReceived)
	if c.clock.Mode() != target.VirtualClock {
		const spare = 2
		free -= spare
	}
	if free < 1 {
		c.Untestable("the schedule needs a subscription to %s of its own for as long as it is watched, beside two for other specs; name more of them in management.static: %v",
			messageReceived, target.ErrByHand)
	}
	return min(free, scheduleSubscriptions)
}

func fails(int) subscriber.Answer { return subscriber.Status(500) }

// passTo lets time pass until an attempt of every delivery has come or ought to have come.
func (c *relayCheck) passTo(sch *schedule, attempt int) {
	if sch.all(attempt) {
		return
	}
	d := c.due(sch, attempt).Sub(c.now())
	if c.clock.Mode() == target.VirtualClock {
		c.Pass(max(d, 0))
		return
	}
	wait := min(c.clock.Real(max(d, 0))+c.arrivalTimeout(), time.Until(sch.since.Add(c.target.Budget)))
	await(c.ctx, sch.changed, max(wait, 0), func() bool { return sch.all(attempt) })
	if c.ctx.Err() != nil {
		c.Error("the run was interrupted")
	}
	c.saveSchedule(sch)
}

// endSchedule waits for what should not come any more, and sees a later event come.
func (c *relayCheck) endSchedule(sch *schedule) {
	last := len(c.edition.Delivery.Delays)
	quiet := c.quiet(sch)
	d := max(quiet.Sub(c.now()), 0)
	if c.clock.Mode() != target.VirtualClock && time.Now().Add(c.clock.Real(d)).After(sch.since.Add(c.target.Budget)) {
		return
	}
	if err := c.clock.Pass(c.ctx, d); err != nil {
		c.Error("the target's time could not pass: %v", err)
	}
	if c.sees(target.DeliveryAPI) && sch.all(last) {
		sch.unended = c.unended(sch)
	}
	c.fenceOff(sch)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.arrivalTimeout())
	defer cancel()
	sch.over = true
	if err := sch.remove(ctx); err != nil {
		c.Fact("cleanup", "After the observation of the schedule %v.", err)
	}
	c.saveSchedule(sch)
}

// fenceOff lets another event happen and counts the subscriptions that it came to.
func (c *relayCheck) fenceOff(sch *schedule) {
	ev := c.Message("")
	sch.fence = ev.ID
	for _, f := range sch.subs {
		f.mu.Lock()
		f.courses, f.answer = append(f.courses, &course{Event: ev.ID}), taken
		f.mu.Unlock()
	}
	c.Meta(ev)
	came := func() bool {
		sch.fenced = 0
		for _, f := range sch.subs {
			f.each(func(co *course) bool {
				if co.Event == ev.ID && len(co.Arrivals) > 0 {
					sch.fenced++
				}
				return true
			})
		}
		return sch.fenced == len(sch.subs)
	}
	await(c.ctx, sch.changed, c.arrivalTimeout(), came)
}

func taken(int) subscriber.Answer { return subscriber.Status(200) }

// unended asks the API for the deliveries that have not ended.
func (c *relayCheck) unended(sch *schedule) (n int) {
	words := c.management.Names()
	for _, f := range sch.subs {
		list, reply, err := c.management.Deliveries(c.ctx, target.DeliveryFilter{Subscription: f.ID})
		if errors.Is(err, errors.ErrUnsupported) {
			return -1
		}
		c.Must("listing the deliveries", reply, err)
		for _, d := range list.Items {
			if d.Subscription == f.ID && (d.Status == words.Pending || d.Status == words.Delivered) {
				n++
			}
		}
	}
	return n
}

// now is the target's time.
func (c *relayCheck) now() time.Time {
	now, err := c.clock.Now(c.ctx)
	if err != nil {
		c.Error("the target's clock did not tell the time: %v", err)
	}
	return now
}

// due is when an attempt of every delivery ought to have come, by the target's clock.
func (c *relayCheck) due(sch *schedule, attempt int) (latest time.Time) {
	sch.each(func(co *course) bool {
		if at := c.latest(co, attempt); at.After(latest) {
			latest = at
		}
		return true
	})
	return latest
}

// latest is when an attempt of one delivery ought to have come, counted from the last one that was seen before it.
func (c *relayCheck) latest(co *course, attempt int) time.Time {
	from := arrival{}
	for _, a := range co.Arrivals {
		if a.Number < attempt {
			from = a
		}
	}
	at := from.At
	for n := from.Number + 1; n <= attempt; n++ {
		_, most := c.band(n)
		at = at.Add(most)
	}
	return at
}

// quiet is the end of the time after the last attempts in which no other may come: what the longest wait of the schedule
// may take.
func (c *relayCheck) quiet(sch *schedule) time.Time {
	last := len(c.edition.Delivery.Delays)
	_, longest := c.band(last)
	return c.due(sch, last).Add(longest)
}

// overdue reports whether an attempt has not come although its time is over. Where nobody listened when it could come, it
// may have come.
func (c *relayCheck) overdue(sch *schedule, co *course, attempt int) bool {
	last := co.last()
	if last.Number >= attempt {
		return false
	}
	if least, _ := c.band(attempt); co.gap && (last.Number < attempt-1 || last.At.Add(least).Before(sch.listens)) {
		return false
	}
	late := c.latest(co, attempt)
	if second := c.clock.Real(time.Second); second > 0 {
		late = late.Add(time.Duration(float64(c.arrivalTimeout()) / second.Seconds()))
	}
	return !c.now().Before(late)
}

// remove deletes the subscriptions.
func (sch *schedule) remove(ctx context.Context) error {
	var errs []error
	for _, f := range sch.subs {
		errs = append(errs, f.remove(ctx))
	}
	return errors.Join(errs...)
}

// close ends an observation that did not come to its end. One that a later run can go on with is left as it is.
func (sch *schedule) close(r *relaySide) error {
	if sch == nil || sch.over || (sch.done && sch.file != "") || r.reference != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	return sch.remove(ctx)
}

// each calls look with the deliveries that fail, until it returns false.
func (sch *schedule) each(look func(*course) bool) bool {
	for _, f := range sch.subs {
		if !f.each(func(co *course) bool { return co.Event == sch.fence || look(co) }) {
			return false
		}
	}
	return true
}

// all reports whether an attempt of every delivery has come, or a later one.
func (sch *schedule) all(attempt int) bool {
	return sch.each(func(co *course) bool { return co.last().Number >= attempt })
}

// count is how many deliveries came to an attempt.
func (sch *schedule) count(attempt int) (n int) {
	sch.each(func(co *course) bool {
		if co.last().Number >= attempt {
			n++
		}
		return true
	})
	return n
}

// size is how many deliveries there are.
func (sch *schedule) size() int { return sch.count(0) }
