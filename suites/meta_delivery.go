package suites

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// metaDelivery holds the specs of a meta-receiver's duties towards every POST.
func (s *Session) metaDelivery() {
	for _, v := range s.variants {
		if !slices.Contains(s.events, v.Event) {
			continue
		}
		s.spec("meta-receiver.delivery.event-accepted", v.Event+" "+v.Name, func(c *Check) {
			x := c.Genuine("POST", c.must(c.generator.Event(v.Event, v.Name)), 1)
			c.WhyRefused(x)
			c.Acknowledged(x)
		})
	}
	s.spec("meta-receiver.delivery.unknown-type", "", func(c *Check) {
		c.Baseline(anyShape, false)
		ev := c.must(c.generator.Text("halo"))
		body := bytes.Replace(ev.Body, []byte(`"type":"text","text":{`), []byte(`"type":"kirimcheck_new","kirimcheck_new":{`), 1)
		if bytes.Equal(body, ev.Body) {
			c.Error("the fixture has no message type to replace")
		}
		c.Acknowledged(c.Post("unknown message type", mockmeta.Plan{Event: ev, Body: c.party.escaped(body)}))
	})
	s.unknownFields("meta-receiver.delivery.unknown-field", metaRoom)
	s.keyOrder("meta-receiver.delivery.key-order", source{"", metaShape})
	s.statusOrder("meta-receiver.delivery.status-order")
	s.batches("meta-receiver.delivery.batch", mixed)
	s.late("meta-receiver.delivery.late", s.metaLate(), 2, source{"", shape{messageReceived}})
	s.metaFields()
	s.spec("meta-receiver.delivery.concurrent", "", func(c *Check) {
		c.Baseline(anyShape, false)
		c.severalAtOnce()
	})
	s.spec("meta-receiver.delivery.body-limit", "", func(c *Check) { c.bodySizes() })
	s.spec("meta-receiver.delivery.median-latency", "", func(c *Check) {
		c.Baseline(anyShape, false)
		c.medianLatency(func(label string) wire.Exchange { return c.Genuine(label, c.Event(anyShape), 1) })
	})
}

// metaDedupe holds the specs of POSTs that come more than once.
func (s *Session) metaDedupe() {
	s.comesAgain("meta-receiver.dedupe.retry", 2, source{"", shape{"message.received"}})
	s.simultaneous()
	s.cutOff()
	s.everyStatus("meta-receiver.dedupe.statuses")
	s.sameCustomer("meta-receiver.dedupe.same-customer")
}

// metaFields defines the specs of what comes to the same endpoint and is neither a message nor a status.
func (s *Session) metaFields() {
	for _, f := range s.fields {
		id := "meta-receiver.delivery.other-webhook-field"
		if f.Field == metaField {
			id = "meta-receiver.delivery.errors-object"
		}
		s.spec(id, f.Field+" "+f.Name, func(c *Check) {
			c.Baseline(anyShape, false)
			update, err := c.generator.Meta(f.Field, f.Name)
			if err != nil {
				c.Error("the body could not be made: %v", err)
			}
			c.Acknowledged(c.Post(f.Field, mockmeta.Plan{Event: c.Event(anyShape), Body: c.party.escaped(update.Body)}))
		})
	}
	s.spec("meta-receiver.delivery.other-webhook-field", "one that does not exist yet", func(c *Check) {
		c.Baseline(anyShape, false)
		update, err := c.generator.Meta("account_update", "")
		if err != nil {
			c.Error("the body could not be made: %v", err)
		}
		body := bytes.Replace(update.Body, []byte(`"account_update"`), []byte(`"kirimcheck_new_field"`), 1)
		if bytes.Equal(body, update.Body) {
			c.Error("the fixture has no webhook field to replace")
		}
		c.Acknowledged(c.Post("unknown webhook field", mockmeta.Plan{Event: c.Event(anyShape), Body: c.party.escaped(body)}))
	})
}

// latencySamples is how many answers the median is taken of: enough that one slow answer does not decide.
const latencySamples = 21

// medianLatency posts one message after the other. Connecting is part of an answer's time.
func (c *Check) medianLatency(post func(label string) wire.Exchange) {
	var times []time.Duration
	for i := range latencySamples {
		x := post(fmt.Sprintf("message %d of %d", i+1, latencySamples))
		c.mustAcknowledge(x)
		times = append(times, x.Took)
	}
	slices.Sort(times)
	median, limit := times[len(times)/2], c.meta.LatencyMedian.Value
	c.Fact("median-latency", "Of %d answers one after the other, half came within %s and all within %s.",
		latencySamples, median.Round(10*time.Microsecond), times[len(times)-1].Round(10*time.Microsecond))
	if median > limit {
		c.Broken("a median of at most "+limit.String(), median.Round(time.Millisecond).String())
	}
}
