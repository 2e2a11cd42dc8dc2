package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// tally is a subscription that counts by itself. It is for so many events that to look through all deliveries for each
// of them would take too long. Events are told apart by their customers, as the bodies name them: each has its own.
type tally struct {
	*subscription
	// answer is what the nth attempt of an event is answered, counted from 1; nil answers 200 to all.
	answer func(customer string, nth int) subscriber.Answer

	mu      sync.Mutex
	changed chan struct{}
	events  map[string]*tallied
	// came is how many attempts there were; taken is how many events were answered with a success, the last of them new at
	// last.
	came, taken int
	last        time.Time
}

// tallied is what was seen of an event.
type tallied struct {
	// answers are those to its attempts, in the order of arrival; numbers are the attempts' places among all of the endpoint.
	answers []subscriber.Answer
	numbers []int
	// taken is how many of them were a success.
	taken int
}

// tally makes a subscription that counts messages, or contacts.
func (c *relayCheck) tally(event string, answer func(customer string, nth int) subscriber.Answer) *tally {
	t := &tally{subscription: c.Subscribe(event), answer: answer, changed: make(chan struct{}, 1), events: map[string]*tallied{}}
	t.endpoint.Handle(t.receive)
	return t
}

// receive counts an attempt and answers it.
func (t *tally) receive(_ context.Context, d subscriber.Delivery) subscriber.Answer {
	key := customerOf(d.Body)
	t.mu.Lock()
	defer t.mu.Unlock()
	ev := t.events[key]
	if ev == nil {
		ev = &tallied{}
		t.events[key] = ev
	}
	var answer subscriber.Answer
	if t.answer != nil {
		answer = t.answer(key, len(ev.answers)+1)
	}
	ev.answers, ev.numbers = append(ev.answers, answer), append(ev.numbers, d.Number)
	t.came++
	if success(answer) {
		if ev.taken++; ev.taken == 1 {
			t.taken++
			t.last = time.Now()
		}
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
	return answer
}

// success reports whether an answer of ours ends a delivery well, where it is not late.
func success(a subscriber.Answer) bool {
	return a.Fault == subscriber.NoFault && a.Raw == nil && (a.Status == 0 || a.Status >= 200 && a.Status <= 299)
}

// until waits until a count of the tally's has come to n, and reports whether it has. It gives up when nothing has been
// counted for as long as a delivery may take.
func (t *tally) until(n int, count func() int) bool {
	for {
		before := count()
		if await(t.c.ctx, t.changed, t.c.arrivalTimeout(), func() bool { return count() >= n }) {
			return true
		}
		if t.c.ctx.Err() != nil {
			t.c.Error("the run was interrupted")
		}
		if count() == before {
			return false
		}
	}
}

// arrivals is how many attempts there were.
func (t *tally) arrivals() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.came
}

// successes is how many events were taken.
func (t *tally) successes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken
}

// lastTaken is when an event was last taken for the first time, in real time.
func (t *tally) lastTaken() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// missing returns those of the keys that were never taken.
func (t *tally) missing(keys []string) (out []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if ev := t.events[key]; ev == nil || ev.taken == 0 {
			out = append(out, key)
		}
	}
	return out
}

// observed notes a count as what was seen.
func (c *relayCheck) observed(what string, n int) {
	c.result.Observations = append(c.result.Observations, reports.Observation{At: time.Now().UTC(), Question: what, Count: n})
}

// messages makes so many messages, each from a customer of its own.
func (c *relayCheck) messages(n int) []fixtures.Event {
	events := make([]fixtures.Event, n)
	for i := range events {
		events[i] = c.Message("")
	}
	return events
}

// customersOf are the numbers of those who wrote messages.
func customersOf(events []fixtures.Event) []string {
	out := make([]string, len(events))
	for i, ev := range events {
		out[i] = customerOf(ev.Body)
	}
	return out
}

// customerOf is the number, without a plus sign, of the customer that a message or a contact is of.
func customerOf(body []byte) string {
	if wrote := customers(body); len(wrote) > 0 {
		return wrote[0]
	}
	var event struct {
		Data struct {
			Contact struct {
				PhoneNumber string `json:"phone_number"`
			} `json:"contact"`
		} `json:"data"`
	}
	// What is not of that form is an event that nobody waits for.
	_ = json.Unmarshal(body, &event)
	return strings.TrimPrefix(event.Data.Contact.PhoneNumber, "+")
}

// floodWidth is how many POSTs of Meta's are on their way at the same time.
const floodWidth = 16

// flood posts messages, several at a time, and returns those that were acknowledged. each, where it is set, is called
// after every acknowledgement with how many there are.
func (c *relayCheck) flood(events []fixtures.Event, each func(acknowledged int)) (acknowledged []fixtures.Event) {
	posts := make([]wire.Request, len(events))
	for i, ev := range events {
		post, err := c.post(mockmeta.Plan{Event: ev})
		if err != nil {
			c.Error("the POST could not be made: %v", err)
		}
		posts[i] = post.Request
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	for range floodWidth {
		group.Go(func() {
			for i := take(); i < len(posts); i = take() {
				x := c.client.SendReusing(c.ctx, posts[i])
				if !mockmeta.Accepted(c.meta, x) {
					continue
				}
				mu.Lock()
				acknowledged = append(acknowledged, events[i])
				n := len(acknowledged)
				mu.Unlock()
				if each != nil {
					each(n)
				}
			}
		})
	}
	group.Wait()
	if c.ctx.Err() != nil {
		c.Error("the run was interrupted")
	}
	c.observed("messages acknowledged to Meta", len(acknowledged))
	return acknowledged
}

// floodAll is flood, and ends the spec as broken unless all of them are acknowledged.
func (c *relayCheck) floodAll(events []fixtures.Event) {
	if n := len(c.flood(events, nil)); n < len(events) {
		c.Broken("each of Meta's POSTs is answered "+c.party.success(), fmt.Sprintf("%d of %d are", n, len(events)))
	}
}
