package suites

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relaySignature holds the specs of how deliveries are signed.
func (s *Session) relaySignature() {
	s.relaySpec("relay.signature.form", "", func(c *relayCheck) {
		c.needKirimScheme()
		for _, d := range c.everyEvent(c.Subscribe()) {
			if value := d.Get(c.edition.Headers.Signature); !signatureForm.MatchString(value) {
				c.Broken(c.edition.Headers.Signature+" like "+signatureForm.String(), fmt.Sprintf("%q", value))
			}
		}
	})
	s.relaySpec("relay.signature.lower-case", "", func(c *relayCheck) {
		c.needKirimScheme()
		for _, d := range c.everyEvent(c.Subscribe()) {
			for _, digest := range c.signed(d).digests {
				if digest != strings.ToLower(digest) {
					c.Broken("lower-case digits", digest)
				}
			}
		}
	})
	s.relaySpec("relay.signature.verifies", "every event", func(c *relayCheck) {
		sub := c.Subscribe()
		for _, d := range c.everyEvent(sub) {
			c.signedBy(d, sub.secrets[0], eventOf(d.Body))
		}
	})
	s.relaySpec("relay.signature.verifies", "hostile bodies", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		for _, h := range hostileBodies {
			if h.slug == "unknown-content" {
				// Hostile to what a relay knows, and not to how it signs.
				continue
			}
			ev := c.Message("text")
			c.MetaPlan("Meta's POST: "+h.name, mockmeta.Plan{Event: ev, Body: c.bytes(h.make(ev.Body))})
			c.signedBy(sub.AwaitAbout(ev.ID, 1)[0], sub.secrets[0], h.name)
		}
	})
	s.relaySpec("relay.signature.time", "", func(c *relayCheck) {
		c.needFineClock()
		sub := c.Subscribe(messageReceived).Timed()
		ev := c.Message("text")
		// Meta's own timestamp is hours old, so that it cannot pass for the time of signing.
		old := time.Now().Add(-3 * time.Hour).Unix()
		body := metaTimestamp.ReplaceAll(ev.Body, fmt.Appendf(nil, `"timestamp":"%d"`, old))
		c.MetaPlan("a message that is hours old", mockmeta.Plan{Event: ev, Body: fixtures.EscapeMeta(body)})
		c.signedNow(sub, sub.Await(1, "the message")[0], "the message")
	})
	s.serialSpec("relay.signature.fresh-on-retry", "", func(c *relayCheck) { c.freshOnRetry() })
	s.serialSpec("relay.signature.fresh-on-replay", "", func(c *relayCheck) { c.freshOnReplay() },
		target.DeliveryAPI, target.SingleReplay)
	s.relayOwnSecret()
	s.relaySecrets()
}

// signatureForm is the header's form where one secret is active.
var signatureForm = regexp.MustCompile(`^t=[0-9]{1,19},v1=[0-9A-Fa-f]{64}$`)

// metaTimestamp matches the time of a message in a fixture.
var metaTimestamp = regexp.MustCompile(`"timestamp":"[0-9]+"`)

// signedWithin is by how much t may differ from the arrival: an attempt is signed before it is made, and may take as
// long as the edition allows.
func (c *relayCheck) signedWithin() time.Duration {
	return c.edition.Delivery.Timeout + c.clock.Resolution()
}

// needFineClock ends the spec as untestable where arrivals are told so coarsely that any t would do.
func (c *relayCheck) needFineClock() {
	if c.signedWithin() > c.edition.Signature.Tolerance/2 {
		c.Untestable("arrivals are told to %s of the target's time, too coarse to judge a time of signing by; take a smaller clock factor",
			c.clock.Resolution())
	}
}

// signedNow ends the spec as broken unless a delivery was signed with the subscription's secret at the time it came.
func (c *relayCheck) signedNow(sub *subscription, d subscriber.Delivery, what string) {
	arrived, t := sub.At(d), c.signed(d).t
	if off := arrived.Sub(time.Unix(t, 0)); off.Abs() > c.signedWithin()+time.Second {
		c.Broken(fmt.Sprintf("%s: t within %s of %d, when it arrived", what, c.signedWithin(), arrived.Unix()),
			fmt.Sprintf("t=%d, %s off", t, off))
	}
	c.signedBy(d, sub.secrets[0], what)
}

// freshOnRetry looks at the signatures of attempts that lie further and further behind the first.
func (c *relayCheck) freshOnRetry() {
	c.needFineClock()
	sub := c.Subscribe(messageReceived).Timed()
	sub.Always(subscriber.Status(500))
	c.Meta(c.Message(""))
	c.signedNow(sub, sub.Await(1, "the first attempt")[0], "attempt 1")
	// The sixth comes an hour after the fifth, beyond any receiver's tolerance.
	most := max(c.attempts(6), 3)
	var behind time.Duration
	for attempt := 2; attempt <= most; attempt++ {
		c.PassTo(attempt)
		c.signedNow(sub, sub.Await(attempt, "attempts")[attempt-1], fmt.Sprintf("attempt %d", attempt))
		behind += c.longest(attempt)
	}
	if behind < 2*c.signedWithin() {
		c.Untestable("within the budget attempts come only %s apart, too little to tell an old signature from a new one", behind)
	}
	if behind < c.edition.Signature.Tolerance {
		c.Fact("retries-signed", "Within the budget, the signatures of %d attempts within %s were seen, none beyond the tolerance of receivers.",
			most, behind)
	}
}

// freshOnReplay replays a delivery some time after it ended.
func (c *relayCheck) freshOnReplay() {
	c.needFineClock()
	sub := c.Subscribe(messageReceived).Timed()
	sub.Answer(subscriber.Status(400))
	ev := c.Message("")
	c.Meta(ev)
	sub.Await(1, "the message")
	c.Pass(3 * c.signedWithin())
	c.Replayed(c.rowOf(sub, ev.ID))
	c.signedNow(sub, sub.Await(2, "its replay")[1], "the replay")
}

// relayOwnSecret defines the specs of two subscriptions whose deliveries must not be signed for each other.
func (s *Session) relayOwnSecret() {
	const id = "relay.signature.own-secret"
	// both subscribes twice and lets one message through to both, which answer its first attempt with this status.
	both := func(c *relayCheck, status int) (subs []*subscription, ev fixtures.Event) {
		subs = []*subscription{c.Subscribe(messageReceived), c.Subscribe(messageReceived)}
		if subs[0].secrets[0] == subs[1].secrets[0] {
			if c.byHand != nil {
				c.Untestable("the two subscriptions have the same secret in management.static, so nothing tells whose it is")
			}
			c.Broken("a secret of its own for each subscription", "one secret for two")
		}
		for _, sub := range subs {
			sub.Answer(subscriber.Status(status))
		}
		ev = c.Message("")
		c.Meta(ev)
		return subs, ev
	}
	apart := func(c *relayCheck, subs []*subscription, n int, what string) {
		for i, sub := range subs {
			d := sub.Await(n, what)[n-1]
			c.signedBy(d, sub.secrets[0], what)
			c.notSignedBy(d, subs[1-i].secrets[0], what)
		}
	}
	s.relaySpec(id, "first attempts", func(c *relayCheck) {
		subs, _ := both(c, 200)
		apart(c, subs, 1, "the first attempt")
	})
	s.serialSpec(id, "retries", func(c *relayCheck) {
		subs, _ := both(c, 500)
		apart(c, subs, 1, "the first attempt")
		c.PassTo(2)
		apart(c, subs, 2, "the retry")
	})
	s.relaySpec(id, "replays", func(c *relayCheck) {
		subs, ev := both(c, 400)
		apart(c, subs, 1, "the first attempt")
		c.Settle()
		for _, sub := range slices.Backward(subs) {
			c.Replayed(c.rowOf(sub, ev.ID))
		}
		apart(c, subs, 2, "the replay")
	}, target.DeliveryAPI, target.SingleReplay)
}
