package suites

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayReplay holds the specs of deliveries that failed for good, and of how they come back.
func (s *Session) relayReplay() {
	// The editions have different words for it, and so different requirements.
	for _, id := range []string{"relay.replay.status-dead", "relay.replay.status-failed", "relay.replay.status-seen"} {
		if _, ok := s.ledger.Get(id); ok {
			s.relaySpec(id, "after a 4xx", failedAtOnce, target.DeliveryAPI)
			s.serialSpec(id, "after all attempts", failedAfterAll, target.DeliveryAPI)
		}
	}
	s.relaySpec("relay.replay.listed", "", failedStayListed, target.DeliveryAPI)
	for _, event := range []string{messageReceived, contactCreated} {
		alone, asBefore := func(c *relayCheck) { replayedAlone(c, event) }, func(c *relayCheck) { replayedAsBefore(c, event) }
		needs := []target.Capability{target.DeliveryAPI, target.SingleReplay}
		if event == contactCreated {
			needs = append(needs, target.KirimEvents)
		}
		s.relaySpec(s.byPassthrough("relay.replay.single", "relay.replay.same-content"), event, alone, needs...)
		s.relaySpec("relay.replay.event-id", event, asBefore, needs...)
	}
	s.relaySpec("relay.replay.new-row", "", replayedBeside, target.DeliveryAPI, target.SingleReplay)
	s.serialSpec("relay.replay.attempt", "", replayedFromOne, target.DeliveryAPI, target.SingleReplay)
	s.serialSpec("relay.replay.retried", "after a 500", replayRetried, target.DeliveryAPI, target.SingleReplay)
	s.relaySpec("relay.replay.retried", "after a 4xx", replayFailed, target.DeliveryAPI, target.SingleReplay)
	s.serialSpec("relay.replay.kept", "", keptUntilPurged, target.DeliveryAPI, target.SingleReplay, target.Retention)
	s.relayBulkReplay()
}

// dead lets a new customer write, which a subscription answers with a 4xx: that ends the delivery at once. It returns the
// attempt and the delivery; the subscription answers 200 from then on.
func (c *relayCheck) dead(sub *subscription) (subscriber.Delivery, target.Delivery) {
	before := len(sub.Got())
	sub.Always(subscriber.Status(http.StatusGone))
	ev := c.Message("")
	c.Meta(ev)
	d := sub.Await(before+1, "a delivery that fails for good")[before]
	c.Settle()
	sub.Always(subscriber.Status(http.StatusOK))
	id := ev.ID
	if kirim := kirimEvent(d); kirim.ID != "" {
		id = kirim.ID
	}
	return d, c.endedRow(sub, id)
}

// endedRow finds the delivery of an event in the list, once it is no longer pending.
func (c *relayCheck) endedRow(sub *subscription, event string) (row target.Delivery) {
	c.eventually("the delivery has come to its end", func() bool {
		row = c.rowOf(sub, event)
		return row.Status != c.management.Names().Pending
	})
	return row
}

// eventually looks until the condition holds, and for no longer than a delivery may take. What an attempt makes of its
// delivery is written down a moment after the attempt; only a virtual clock says when that is over.
func (c *relayCheck) eventually(what string, holds func() bool) {
	ctx, cancel := context.WithTimeout(c.ctx, c.arrivalTimeout())
	defer cancel()
	for !holds() {
		if c.clock.Mode() == target.VirtualClock || target.Wait(ctx, c.target.Observe.Interval) != nil {
			c.Broken(what, "it has not")
		}
	}
}

// failed reports whether a delivery is shown as failed for good, whatever the word for it.
func (c *relayCheck) failed(d target.Delivery) bool {
	words := c.management.Names()
	return d.Status != words.Pending && d.Status != words.Delivered
}

func failedAtOnce(c *relayCheck) {
	_, row := c.dead(c.Subscribe(messageReceived))
	c.calledTerminal(row)
}

func failedAfterAll(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	sub.Always(subscriber.Status(http.StatusInternalServerError))
	ev := c.Message("")
	c.Meta(ev)
	sub.Await(1, "a first attempt")
	c.retriesTo(len(c.edition.Delivery.Delays))
	c.settled(sub, len(c.edition.Delivery.Delays))
	c.calledTerminal(c.endedRow(sub, ev.ID))
}

func (c *relayCheck) calledTerminal(row target.Delivery) {
	if want := c.management.Names().Terminal; row.Status != want {
		c.Broken("the status "+want, strconv.Quote(row.Status))
	}
}

// listedDeliveries is how many the spec of the list lets fail: more than a page.
const listedDeliveries = 30

// failMany lets so many deliveries fail for good, and others succeed in between so that the subscription is not
// disabled. It returns the events that failed and those that were delivered.
func (c *relayCheck) failMany(sub *subscription, n int) (failed, delivered []fixtures.Event) {
	for i := 0; len(failed) < n; i++ {
		answer := subscriber.Status(http.StatusGone)
		if i%(c.threshold()/2) == c.threshold()/2-1 {
			answer = subscriber.Status(http.StatusOK)
		}
		sub.Always(answer)
		ev := c.Message("")
		c.Meta(ev)
		sub.mustHave(i + 1)
		sub.answered()
		if success(answer) {
			c.counted(sub, ev)
			delivered = append(delivered, ev)
		} else {
			failed = append(failed, ev)
		}
	}
	c.Settle()
	sub.Always(subscriber.Status(http.StatusOK))
	return failed, delivered
}

func failedStayListed(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	failed, _ := c.failMany(sub, listedDeliveries)
	seen := map[string]int{}
	ended := func() bool {
		clear(seen)
		for _, d := range c.listed(sub) {
			if c.failed(d) {
				seen[d.EventID]++
			}
		}
		return len(seen) >= len(failed) || c.clock.Mode() == target.VirtualClock
	}
	c.eventually(fmt.Sprintf("the list holds %d deliveries that failed for good", len(failed)), ended)
	for _, ev := range failed {
		if seen[ev.ID] != 1 {
			c.Broken(fmt.Sprintf("each of %d deliveries that failed for good once in the list", len(failed)),
				fmt.Sprintf("that of %s %d times, and %d in all", ev.ID, seen[ev.ID], len(seen)))
		}
	}
}

// listed walks the list of a subscription's deliveries.
func (c *relayCheck) listed(sub *subscription) []target.Delivery {
	var last target.Reply
	page := func(ctx context.Context, cursor string) (target.List[target.Delivery], target.Reply, error) {
		f := target.DeliveryFilter{Subscription: sub.ID, Page: target.Page{Cursor: cursor}}
		list, reply, err := c.management.Deliveries(ctx, f)
		last = reply
		return list, reply, err
	}
	all, err := target.Collect(c.ctx, maxListed, page)
	c.Must("listing the deliveries", last, err)
	// A relay that does not know the filter lists others too.
	own := all[:0]
	for _, d := range all {
		if d.Subscription == sub.ID || d.Subscription == "" {
			own = append(own, d)
		}
	}
	return own
}

// replayedAlone replays the delivery to one of two subscriptions. A contact that was changed since is sent as it was.
func replayedAlone(c *relayCheck, event string) {
	sub, other := c.Subscribe(event), c.Subscribe(event)
	first, row := c.dead(sub)
	if event == contactCreated && c.sees(target.ContactsAPI) {
		c.Rename(fmt.Sprint(c.at(first.Body, "/data/contact/id")), "Ayu Lestari")
	}
	c.Replayed(row)
	c.sameAgain("the first delivery", first, sub.Await(2, "the first delivery and its replay")[1])
	sub.Exactly(2, "the first delivery and its replay")
	other.Exactly(1, "deliveries to the other subscription")
}

// replayedAsBefore compares what the headers say of the event.
func replayedAsBefore(c *relayCheck, event string) {
	c.needHeader(theEventID, c.target.Delivery.Headers.EventID)
	sub := c.Subscribe(event)
	first, row := c.dead(sub)
	c.Replayed(row)
	second := sub.Await(2, "the first delivery and its replay")[1]
	names := c.edition.Headers
	for _, name := range []string{names.EventID, names.Event, names.Source} {
		if name == "" {
			// The target declares it absent.
			continue
		}
		c.header(second, name, first.Get(name), "as in the first delivery")
	}
}

func replayedBeside(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	_, old := c.dead(sub)
	made := c.Replayed(old)
	words := c.management.Names()
	if made.ID == old.ID || made.ReplayedFrom != old.ID || made.Status != words.Pending {
		c.Broken(fmt.Sprintf("another id than %s, replayed_from that one, and the status %s", old.ID, words.Pending),
			fmt.Sprintf("the id %s, replayed_from %q and the status %q", made.ID, made.ReplayedFrom, made.Status))
	}
	sub.Await(2, "the first delivery and its replay")
	c.Settle()
	var now, again target.Delivery
	c.eventually("the replay is listed as delivered", func() bool {
		for _, d := range c.listed(sub) {
			switch d.ID {
			case old.ID:
				now = d
			case made.ID:
				again = d
			}
		}
		return again.Status == words.Delivered
	})
	if now.Status != old.Status {
		c.Broken("the first delivery in the list, still "+old.Status, strconv.Quote(now.Status))
	}
}

// replayedFromOne replays a delivery that had more than one attempt.
func replayedFromOne(c *relayCheck) {
	c.needHeader(theAttempt, c.target.Delivery.Headers.Attempt)
	sub := c.Subscribe(messageReceived)
	again, never := subscriber.Status(http.StatusInternalServerError), subscriber.Status(http.StatusGone)
	sub.Answer(again, again, never)
	ev := c.Message("")
	c.Meta(ev)
	first := sub.Await(1, "a first attempt")[0]
	c.Settle()
	c.retriesTo(3)
	sub.Await(3, "three attempts, the last of which ends the delivery")
	c.Settle()
	c.Replayed(c.endedRow(sub, ev.ID))
	replay := sub.Await(4, "three attempts and a replay")[3]
	c.header(replay, c.edition.Headers.Attempt, first.Get(c.edition.Headers.Attempt), "the number of a first attempt")
}

func replayRetried(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	_, row := c.dead(sub)
	sub.Always(subscriber.Status(http.StatusInternalServerError))
	made := c.Replayed(row)
	sub.Await(2, "the first delivery and its replay")
	c.Settle()
	c.notDelivered(sub, made)
	c.retriesTo(2)
	if got := c.came(sub, 3); len(got) < 3 {
		c.Broken("a second attempt of a replay that was answered 500", fmt.Sprintf("%d attempt of it", len(got)-1))
	}
}

// replayFailed lets a replay fail for good as well, and replays that.
func replayFailed(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	_, row := c.dead(sub)
	sub.Always(subscriber.Status(http.StatusGone))
	made := c.Replayed(row)
	sub.Await(2, "the first delivery and its replay")
	c.Settle()
	c.notDelivered(sub, made)
	sub.Always(subscriber.Status(http.StatusOK))
	c.Replayed(made)
	sub.Await(3, "the first delivery, its replay and the replay of that")
}

// notDelivered ends the spec as broken when a replay is shown as delivered whose attempt failed.
func (c *relayCheck) notDelivered(sub *subscription, replay target.Delivery) {
	for _, d := range c.listed(sub) {
		if d.ID == replay.ID && d.Status == c.management.Names().Delivered {
			c.Broken("a replay whose attempt failed is not shown as delivered", "it is")
		}
	}
}

// keptUntilPurged lets a day less than the retention pass.
func keptUntilPurged(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	first, row := c.dead(sub)
	c.Pass(c.edition.Delivery.Retention - day)
	if found := c.rowOf(sub, row.EventID); found.ID != row.ID {
		c.Broken("the delivery in the list, a day before it is purged", "another one with the id "+found.ID)
	}
	c.Replayed(row)
	c.sameAgain("the first delivery", first, sub.Await(2, "the first delivery and its replay")[1])
}
