package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayCheck is a Check with the harness's means around a relay: it subscribes, lets events happen, lets time pass, and
// looks at what the subscribers got.
type relayCheck struct {
	*Check
	*relaySide
	// subs are the spec's own subscriptions; they are deleted when it ends.
	subs []*subscription
	// needles tell this spec's events from those of other processes; see Expect. Endpoints read them while they grow.
	mu      sync.Mutex
	needles []string
	// spent is how much of the target's time the spec let pass.
	spent time.Duration
}

// arrivalTimeout is how long a delivery that is due may take to arrive, in real time. Everything here is on one
// machine or a network away; what takes longer than an attempt's own timeout is no delivery at once.
func (c *relayCheck) arrivalTimeout() time.Duration { return c.target.Observe.Timeout }

// leave ends the spec's subscriptions.
func (c *relayCheck) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.arrivalTimeout())
	defer cancel()
	for _, s := range c.subs {
		if s.hand != nil {
			s.giveBack()
			continue
		}
		// What is queued behind an attempt that hangs must not hang in its turn: the next spec would wait for it.
		s.Always(subscriber.Status(200))
		s.endpoint.Release()
		if !s.deleted {
			if reply, err := c.management.DeleteSubscription(ctx, s.ID); err != nil && !notThere(err) {
				// It costs later specs some deliveries to nobody, and says nothing of the requirement.
				c.Fact("cleanup", "A subscription could not be deleted after a spec (status %d).", reply.Status)
			}
		}
		c.subscribers.Remove(s.endpoint)
	}
}

// called keeps a call of the management API as evidence, and what repeats it. A call that was not made is none.
func (c *relayCheck) called(label string, reply target.Reply) {
	if reply.Request.Method == "" {
		return
	}
	c.result.Exchanges = append(c.result.Exchanges, c.hide(evidence(label, reply.Exchange)))
	c.last = repeated{reply}
	if reply.Waited > 0 && reply.Status != http.StatusTooManyRequests {
		c.Fact("rate-limit", "The relay refused calls because there were too many, and took them when they were made again after the time "+
			"that it named. This makes a run longer; a higher limit for the harness's key makes it shorter.")
	}
}

// repeated is a reply as what a repeat line repeats.
type repeated struct{ target.Reply }

func (r repeated) Wire() wire.Request { return r.Exchange.Request }

// limited ends the spec as an error where a call was refused because there were too many: rate limits are the relay's right, and
// say nothing of any other requirement.
func (c *relayCheck) limited(label string, err error) {
	if refused := (*target.APIError)(nil); errors.As(err, &refused) && refused.Status == http.StatusTooManyRequests {
		c.Error("%s: %v; give the harness's key a higher limit", label, err)
	}
}

// Must ends the spec unless a call of the management API succeeded: as not applicable where the relay has no such call, as
// untestable where the harness has none, as an error where there was no answer or the harness called too often, and as
// broken where it refused what it should do.
func (c *relayCheck) Must(label string, reply target.Reply, err error) {
	c.called(label, reply)
	c.limited(label, err)
	var none *target.NoAnswerError
	switch {
	case err == nil:
	case errors.Is(err, target.ErrByHand):
		c.Untestable("%v", err)
	case errors.Is(err, errors.ErrUnsupported):
		c.NotApplicable("%v", err)
	case errors.As(err, &none):
		c.Error("%s: %v", label, err)
	default:
		c.Broken(label+" succeeds", err.Error())
	}
}

// Refused ends the spec as broken unless a call was refused with this status and one of the codes; without codes any will
// do. It returns the refusal.
func (c *relayCheck) Refused(label string, reply target.Reply, err error, status int, codes ...string) target.APIError {
	c.called(label, reply)
	c.limited(label, err)
	var none *target.NoAnswerError
	var refused *target.APIError
	var unknown *target.UnknownRefusalError
	want := fmt.Sprintf("%s is refused with %d", label, status)
	if len(codes) > 0 {
		want += " and the code " + strings.Join(codes, " or ")
	}
	switch {
	case errors.As(err, &none):
		c.Error("%s: %v", label, err)
	case errors.Is(err, target.ErrByHand):
		c.Untestable("%v", err)
	case errors.Is(err, errors.ErrUnsupported):
		c.NotApplicable("%v", err)
	case errors.As(err, &unknown):
		c.Untestable("%s: %v", label, err)
	case err == nil:
		c.Broken(want, fmt.Sprintf("status %d: it was done", reply.Status))
	case !errors.As(err, &refused):
		c.Broken(want, err.Error())
	case refused.Status != status || (len(codes) > 0 && !slices.Contains(codes, refused.Code)):
		c.Broken(want, err.Error())
	}
	return *refused
}

// Expect names something that the bodies or ids of this spec's events hold, such as a phone number or a wamid. What
// holds none of it belongs to others, who share the relay: it is answered 200 and not looked at.
func (c *relayCheck) Expect(needles ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.needles = append(c.needles, needles...)
}

// expected are the needles so far.
func (c *relayCheck) expected() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.needles)
}

// Meta posts an event as Meta does, and ends the spec unless it is acknowledged.
func (c *relayCheck) Meta(ev fixtures.Event) wire.Exchange {
	return c.MetaPlan("Meta's POST", mockmeta.Plan{Event: ev})
}

// MetaPlan posts a plan as Meta does, and ends the spec unless it is acknowledged. The event's ids and its customers'
// numbers are expected from then on.
func (c *relayCheck) MetaPlan(label string, p mockmeta.Plan) wire.Exchange {
	c.expectItems(p.Event)
	x := c.Post(label, p)
	if !mockmeta.Accepted(c.meta, x) {
		if x.Status == http.StatusUnauthorized || x.Status == http.StatusForbidden {
			c.result.Cause = "the signature was refused: is secret in the target file the app secret that the relay knows?"
		}
		c.Broken("Meta's POST is answered "+c.party.success(), answer(x))
	}
	return x
}

func (c *relayCheck) expectItems(ev fixtures.Event) {
	c.Expect(ev.ID)
	for _, item := range ev.Items {
		c.Expect(item.ID)
	}
	c.Expect(customers(ev.Body)...)
}

// customers are the numbers that wrote the messages in a body of Meta's, without plus signs; none where it has none.
func customers(body []byte) (numbers []string) {
	var post struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages []struct {
						From string `json:"from"`
					} `json:"messages"`
				} `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &post) != nil {
		return nil
	}
	for _, entry := range post.Entry {
		for _, change := range entry.Changes {
			for _, message := range change.Value.Messages {
				if len(message.From) >= 7 {
					numbers = append(numbers, message.From)
				}
			}
		}
	}
	return numbers
}

// Message makes a message.received of a variant, from a customer of its own; an empty variant is the first.
func (c *relayCheck) Message(variant string) fixtures.Event {
	return c.must(c.generator.Event("message.received", variant))
}

// Status makes a message.status of a variant; an empty variant is the first.
func (c *relayCheck) Status(variant string) fixtures.Event {
	return c.must(c.generator.Event("message.status", variant))
}

// Phone makes up a customer's number, and expects it.
func (c *relayCheck) Phone() string {
	phone := fmt.Sprintf("+62811%09d", c.random.Uint64N(1e9))
	c.Expect(phone)
	return phone
}

// Contact makes a contact over the API. What the request leaves empty but the number stays so.
func (c *relayCheck) Contact(r target.ContactRequest) target.Contact {
	if r.PhoneNumber == "" {
		r.PhoneNumber = c.Phone()
	} else {
		c.Expect(r.PhoneNumber)
	}
	contact, reply, err := c.management.CreateContact(c.ctx, r)
	c.Must("creating a contact", reply, err)
	c.Expect(contact.ID)
	return contact
}

// Conversation lets a new customer write, and returns the conversation and the contact that this made.
func (c *relayCheck) Conversation() (target.Conversation, fixtures.Event) {
	ev := c.Message("")
	c.Meta(ev)
	phone := "+" + customers(ev.Body)[0]
	if c.clock.Mode() == target.VirtualClock {
		// What Meta was answered for may be worked on later.
		c.Settle()
	}
	var contacts target.List[target.Contact]
	c.eventually("there is a contact with the number of the customer who wrote", func() bool {
		var reply target.Reply
		var err error
		contacts, reply, err = c.management.Contacts(c.ctx, target.ContactFilter{Phone: phone})
		c.Must("looking the new contact up", reply, err)
		return len(contacts.Items) > 0
	})
	if len(contacts.Items) != 1 {
		c.Broken("a contact with the number of the customer who wrote", fmt.Sprintf("%d contacts with it", len(contacts.Items)))
	}
	contact := contacts.Items[0].ID
	var found target.Conversation
	c.eventually("there is a conversation with the customer who wrote", func() bool {
		list, reply, err := c.management.Conversations(c.ctx, target.ConversationFilter{Contact: contact})
		c.Must("looking the new conversation up", reply, err)
		// A relay that does not know the filter lists others too.
		at := slices.IndexFunc(list.Items, func(talk target.Conversation) bool { return talk.Contact.ID == contact })
		if at >= 0 {
			found = list.Items[at]
		}
		return at >= 0
	})
	c.Expect(found.ID, contact)
	return found, ev
}

// Pass lets some of the target's time pass. In real time that is limited by the budget: what would take longer is
// untestable.
func (c *relayCheck) Pass(d time.Duration) {
	c.spent += d
	if c.clock.Mode() != target.VirtualClock && c.clock.Real(c.spent) > c.target.Budget {
		c.Untestable("it needs %s of the target's time, and in %s time the budget of %s does not reach; see clock and budget in the target file",
			c.spent, c.clock.Mode(), c.target.Budget)
	}
	if err := c.clock.Pass(c.ctx, d); err != nil {
		c.Error("the target's time could not pass: %v", err)
	}
}

// Settle returns when what is due has been done, as far as that can be known: a virtual clock says so, with others it
// is a wait.
func (c *relayCheck) Settle() {
	if c.clock.Mode() == target.VirtualClock {
		if err := c.clock.Advance(c.ctx, 0); err != nil {
			c.Error("the target's time could not pass: %v", err)
		}
		return
	}
	if err := target.Wait(c.ctx, c.target.Observe.Settle); err != nil {
		c.Error("the run was interrupted")
	}
}

// saw keeps a delivery as evidence.
func (c *relayCheck) saw(label string, d subscriber.Delivery) {
	x := wire.Exchange{
		Request: wire.Request{Method: d.Method, URL: c.subscribersURL() + d.Target, Header: d.Header, Body: d.Body},
		Started: d.Began, Status: d.Status, Proto: d.Proto,
	}
	if !d.Answered.IsZero() {
		x.Took = d.Answered.Sub(d.Began)
	}
	c.result.Exchanges = append(c.result.Exchanges, evidence(label, x))
}

// subscribersURL is where the subscribers stand, without a path.
func (c *relayCheck) subscribersURL() string {
	if public := c.target.Subscriber.PublicURL; public != "" {
		return public
	}
	if c.reference != nil || c.target.Subscriber.TLS != nil {
		return "https://" + c.subscribers.Addr()
	}
	return "http://" + c.subscribers.Addr()
}
