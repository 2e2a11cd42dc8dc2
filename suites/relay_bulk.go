package suites

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

const day = 24 * time.Hour

// bulkCap is the largest number of deliveries that one bulk replay takes (Kirim, api/operations, webhook_deliveries
// bulk_replay).
const bulkCap = 1000

// relayBulkReplay holds the specs of replaying many deliveries with one call.
func (s *Session) relayBulkReplay() {
	s.relaySpec("relay.replay.bulk", "", replayedAll, target.DeliveryAPI, target.BulkReplays)
	s.serialSpec("relay.replay.bulk-filter", "", replayedChosen, target.DeliveryAPI, target.BulkReplays, target.KirimEvents)
	s.serialSpec("relay.replay.bulk-cap", "", replayedAtMost, target.BulkReplays)
}

// bulk replays deliveries.
func (c *relayCheck) bulk(label string, r target.BulkReplayRequest) target.BulkReplay {
	made, reply, err := c.management.BulkReplay(c.ctx, r)
	c.Must(label, reply, err)
	return made
}

// replays ends the spec as broken unless a bulk replay took so many deliveries.
func (c *relayCheck) replays(what string, made target.BulkReplay, n int, capped bool) {
	if made.Enqueued != n || made.Capped != capped {
		c.Broken(fmt.Sprintf("%s: enqueued %d, capped %t", what, n, capped),
			fmt.Sprintf("enqueued %d, capped %t", made.Enqueued, made.Capped))
	}
}

// replayedAll replays the failed deliveries of one of two subscriptions.
func replayedAll(c *relayCheck) {
	sub := c.Subscribe(messageReceived)
	failed, delivered := c.failMany(sub, listedDeliveries)
	// Subscribed later, so that all of these are its own.
	other := c.Subscribe(messageReceived)
	c.dead(other)
	before := len(sub.Got())
	if want := len(failed) + len(delivered) + 1; before != want {
		c.Error("%d events had %d attempts", want, before)
	}
	made := c.bulk("replaying all failed deliveries", target.BulkReplayRequest{Subscription: sub.ID})
	c.replays("a bulk replay", made, len(failed), false)
	again := sub.Exactly(before+len(failed), "the first deliveries and the replays")[before:]
	for _, ev := range failed {
		if n := len(about(again, ev)); n != 1 {
			c.Broken(fmt.Sprintf("a replay of each of %d deliveries that failed", len(failed)), fmt.Sprintf("%d of that of %s", n, ev.ID))
		}
	}
	other.Exactly(1, "deliveries to the other subscription")
}

// apart is a time that everybody tells from none.
func (c *relayCheck) apart() time.Duration {
	if c.clock.Mode() == target.VirtualClock {
		return time.Hour
	}
	return max(3*time.Second, 5*c.clock.Resolution())
}

// replayedChosen makes failed deliveries of two events at three moments. The bounds of the filters stand between the
// moments, so that it does not matter whether they are part of what is chosen.
func replayedChosen(c *relayCheck) {
	sub := c.Subscribe(messageReceived, contactCreated)
	sub.Always(subscriber.Status(http.StatusGone))
	var bounds []time.Time
	for moment := range 3 {
		if moment > 0 {
			c.Pass(c.apart() / 2)
			bounds = append(bounds, c.now().Truncate(time.Second))
			c.Pass(c.apart() / 2)
		}
		c.Meta(c.Message(""))
		sub.Await(2*(moment+1), "a message and a contact at a moment")
	}
	c.Settle()
	sub.Always(subscriber.Status(http.StatusOK))
	got := 6
	for _, f := range []struct {
		what   string
		filter target.BulkReplayRequest
		n      int
	}{
		{"those of an event", target.BulkReplayRequest{EventType: contactCreated}, 3},
		{"those after a time", target.BulkReplayRequest{CreatedAfter: bounds[0]}, 4},
		{"those before a time", target.BulkReplayRequest{CreatedBefore: bounds[0]}, 2},
		{"those of an event between two times",
			target.BulkReplayRequest{EventType: messageReceived, CreatedAfter: bounds[0], CreatedBefore: bounds[1]}, 1},
	} {
		f.filter.Subscription = sub.ID
		c.replays(f.what, c.bulk("replaying "+f.what, f.filter), f.n, false)
		got += f.n
		sub.Exactly(got, "the first deliveries and the replays of "+f.what)
		// Those that were replayed now are delivered, and the first ones stay as they were.
		c.Settle()
	}
}

// replayedAtMost makes one failed delivery more than a bulk replay takes, the first two of them some time before the others:
// without these there is one fewer than it takes. Whether a replay of exactly as many is called capped, is open.
func replayedAtMost(c *relayCheck) {
	var healthy atomic.Bool
	t := c.tally(messageReceived, func(string, int) subscriber.Answer {
		if healthy.Load() {
			return subscriber.Status(http.StatusOK)
		}
		return subscriber.Status(http.StatusGone)
	})
	const early, fewer = 2, bulkCap - 1
	t.wave(early)
	c.Settle()
	succeed := func() {
		healthy.Store(true)
		c.counted(t.subscription, t.wave(1)[0])
		healthy.Store(false)
	}
	succeed()
	c.Pass(c.apart() / 2)
	from := c.now().Truncate(time.Second)
	c.Pass(c.apart() / 2)
	// A success after every wave, so that the subscription is not disabled.
	for made, most := 0, c.threshold()-2; made < fewer; made += most {
		t.wave(min(most, fewer-made))
		c.Settle()
		succeed()
	}
	healthy.Store(true)
	c.replays(fmt.Sprintf("a bulk replay of %d deliveries", fewer),
		c.bulk("replaying one fewer than are taken", target.BulkReplayRequest{Subscription: t.ID, CreatedAfter: from}), fewer, false)
	// What was replayed is done, so that a relay which takes the old deliveries for the new ones has fewer of them by now.
	c.Settle()
	c.replays(fmt.Sprintf("a bulk replay of %d deliveries", bulkCap+1),
		c.bulk("replaying one more", target.BulkReplayRequest{Subscription: t.ID}), bulkCap, true)
}

// wave lets so many messages come, and waits until each of them had its attempt.
func (t *tally) wave(n int) []fixtures.Event {
	want, events := t.arrivals()+n, t.c.messages(n)
	t.c.floodAll(events)
	if !t.until(want, t.arrivals) {
		t.c.Broken(fmt.Sprintf("%d deliveries", want), fmt.Sprintf("%d within %s", t.arrivals(), t.c.arrivalTimeout()))
	}
	return events
}
