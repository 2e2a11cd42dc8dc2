package suites

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// shape is a kind of event that a spec can do its work with: names in the order of preference.
type shape []string

// The shapes. A contact is small and has plain text to play with, so it comes first.
var (
	kirimShape = shape{"contact.created", "contact.updated", "conversation.closed", "conversation.assigned", "message.created", "message.sent"}
	metaShape  = shape{"message.received", "message.status"}
	anyShape   = append(slices.Clone(kirimShape), metaShape...)
)

// pick returns the first event of the shape that the target is subscribed to.
func (s *Session) pick(sh shape) (name string, ok bool) {
	for _, name := range sh {
		if slices.Contains(s.events, name) {
			return name, true
		}
	}
	return "", false
}

// event makes a new event of a shape, in the first variant of the catalogue.
func (s *Session) event(sh shape) (fixtures.Event, error) {
	name, ok := s.pick(sh)
	if !ok {
		return fixtures.Event{}, fmt.Errorf("the target is subscribed to none of %s", strings.Join(sh, ", "))
	}
	i := slices.IndexFunc(s.variants, func(v fixtures.Variant) bool { return v.Event == name })
	if i < 0 {
		return fixtures.Event{}, fmt.Errorf("there is no fixture of %s", name)
	}
	return s.generator.Event(name, s.variants[i].Name)
}

// Event makes a new event of a shape; without a subscription to one the spec is not applicable.
func (c *Check) Event(sh shape) fixtures.Event {
	if _, ok := c.pick(sh); !ok {
		c.NotApplicable("the target is subscribed to none of %s", strings.Join(sh, ", "))
	}
	return c.must(c.event(sh))
}

// must ends the spec as an error of the harness where a fixture could not be made.
func (c *Check) must(ev fixtures.Event, err error) fixtures.Event {
	if err != nil {
		c.Error("the event could not be made: %v", err)
	}
	return ev
}

// Attempt builds the request of a plan.
func (c *Check) Attempt(p emitter.Plan) emitter.Attempt {
	a, err := c.attempt(p)
	if err != nil {
		c.Error("the delivery could not be made: %v", err)
	}
	return a
}

// Deliver sends one attempt and keeps the exchange as evidence.
func (c *Check) Deliver(label string, p emitter.Plan) wire.Exchange {
	return c.Send(label, c.Attempt(p))
}

// Genuine sends what the party sends for an event; attempt counts from 1.
func (c *Check) Genuine(label string, ev fixtures.Event, attempt int) wire.Exchange {
	return c.Send(label, c.Message(ev, attempt))
}

// Message builds what the party sends for an event.
func (c *Check) Message(ev fixtures.Event, attempt int) message {
	m, err := c.party.genuine(ev, attempt)
	if err != nil {
		c.Error("the delivery could not be made: %v", err)
	}
	return m
}

// Send sends a message and keeps the exchange as evidence.
func (c *Check) Send(label string, m message) wire.Exchange {
	return c.Saw(label, m, c.client.Send(c.ctx, m.Wire()))
}

// maxTimeouts is how many exchanges in a row may time out before the harness asks whether the target answers at all:
// one is a finding about one event, two may be a target that hangs, and every further one costs the sender's timeout.
const maxTimeouts = 2

// Saw keeps an exchange as evidence, and what repeats it. It ends the spec where the exchange says nothing about the
// target: the run was interrupted, or the target went away.
func (c *Check) Saw(label string, sent message, x wire.Exchange) wire.Exchange {
	c.result.Exchanges = append(c.result.Exchanges, evidence(label, x))
	c.last = sent
	if x.Trouble != wire.TimedOut {
		c.timeouts = 0
	}
	switch x.Trouble {
	case wire.Stopped:
		c.Error("the run was interrupted")
	case wire.NotReached, wire.BadTLS:
		if c.comesBack(c.ctx) {
			c.Error("the target could not be reached for this delivery (%v), and could be a moment later", x.Err)
		}
		c.lost = fmt.Sprintf("the target could no longer be reached: %v", x.Err)
		c.halted = c.lost + "; nothing more was sent"
		c.Error("%s", c.lost)
	case wire.TimedOut:
		if c.timeouts++; c.timeouts >= maxTimeouts {
			c.timeouts = 0
			c.stillThere()
		}
	case wire.None, wire.BrokenOff, wire.NotHTTP:
	}
	if x.BodyCut {
		c.Fact("answer-size", "An answer was longer than %d bytes; the rest was left unread.", len(x.Body))
	}
	return x
}

// A target that restarts is away for a moment: it is looked for so many times before it is given up.
const (
	lookAgain = 4
	lookEvery = 500 * time.Millisecond
)

// looksAgain reports whether a target that could not be reached comes back.
func (s *Session) looksAgain(ctx context.Context) bool {
	for range lookAgain {
		if target.Wait(ctx, lookEvery) != nil {
			return false
		}
		if trouble, _ := s.client.Reach(ctx, s.target.URL); trouble == wire.None {
			return true
		}
	}
	return false
}

// stillThere sends a plain delivery to a target that let several time out. Where it has no answer either, the rest of
// the run is called off.
func (c *Check) stillThere() {
	ev, err := c.event(anyShape)
	if err != nil {
		return
	}
	m, err := c.party.genuine(ev, 1)
	if err != nil {
		return
	}
	x := c.client.Send(c.ctx, m.Wire())
	c.result.Exchanges = append(c.result.Exchanges, evidence("is the target still there", x))
	if x.Trouble == wire.TimedOut {
		c.halted = fmt.Sprintf("the target answered none of %d deliveries in a row within %s, so nothing more was sent",
			maxTimeouts+1, c.party.timeout())
	}
}

// answer describes what came back, for the line "seen".
func answer(x wire.Exchange) string {
	switch x.Trouble {
	case wire.None:
		return strings.TrimSpace("status " + strconv.Itoa(x.Status) + " " + http.StatusText(x.Status))
	case wire.BrokenOff:
		return fmt.Sprintf("no complete answer: the connection ended early (%v)", x.Err)
	case wire.NotHTTP:
		return fmt.Sprintf("something that is not an HTTP answer (%v)", x.Err)
	case wire.TimedOut, wire.NotReached, wire.BadTLS, wire.Stopped:
	}
	return x.Err.Error()
}

// Acknowledged ends the spec as broken unless the party takes the answer for a success.
func (c *Check) Acknowledged(x wire.Exchange) {
	if !c.party.accepts(x) {
		c.Broken(c.party.success(), answer(x))
	}
}

// Taken ends the spec as broken unless the delivery was acknowledged and, where effects can be seen, had one for each
// item: a receiver that answers 200 to everything takes nothing by that alone.
func (c *Check) Taken(x wire.Exchange, ev fixtures.Event) {
	c.Acknowledged(x)
	// One spec looks even where the first effect was not seen: it has to show that.
	if c.observer != nil && (c.unseen == "" || c.req.ID == c.validSignature() && c.observerError == "") {
		c.HasEffect(ev)
	}
}

// Baseline sends a valid delivery of a new event of the shape and ends the spec as untestable unless it is taken:
// where a valid delivery is refused, a refusal proves nothing. With effects it must also have had its effect, or
// seeing none would prove nothing.
func (c *Check) Baseline(sh shape, effects bool) {
	ev := c.Event(sh)
	x := c.Genuine("baseline", ev, 1)
	if !c.party.accepts(x) {
		c.Untestable("a valid delivery of the same shape was not taken (%s), so what comes after it would prove nothing", answer(x))
	}
	if !effects {
		return
	}
	counts := c.await(c.effectsOf(ev))
	if slices.Contains(counts, 0) {
		c.Untestable("the effect of a valid delivery of the same shape was not seen within %s, so seeing none would prove nothing", c.watch.timeout)
	}
}

// NeedObserver ends the spec as untestable where effects cannot be seen.
func (c *Check) NeedObserver() {
	if c.observer == nil {
		c.Untestable("the target file has no observe section, so effects cannot be seen")
	}
	if c.unseen != "" {
		c.Untestable("%s", c.unseen)
	}
}

// NeedItems ends the spec as untestable where the observer cannot tell items apart.
func (c *Check) NeedItems() {
	c.NeedObserver()
	if !c.tells.Item {
		c.Untestable("the observer does not tell items apart: it has no item_id, or does not look at it")
	}
}

// NeedEventIDs ends the spec as untestable where the observer cannot tell event ids apart.
func (c *Check) NeedEventIDs() {
	c.NeedObserver()
	if !c.tells.EventID {
		c.Untestable("the observer does not tell event ids apart: it has no event_id, or does not look at it")
	}
}

// NotYet ends the spec as untestable where the observer counts effects of an event that was not sent yet.
func (c *Check) NotYet(ev fixtures.Event) {
	counts, err := c.watch.look(c.ctx, c.effectsOf(ev))
	if err != nil {
		c.Error("%v", err)
	}
	if slices.Max(counts) > 0 {
		c.Untestable("%s", countedTooEarly(counts))
	}
}

// NeedStatus ends the spec as untestable where the observer cannot tell statuses apart. Whether it really looks at them
// is seen with NotYet.
func (c *Check) NeedStatus() {
	c.NeedObserver()
	if !c.tells.Status {
		c.Untestable("the observer does not tell statuses apart: it has no status")
	}
}

// effectsOf lists the effects that an event must have: one for each item.
func (s *Session) effectsOf(ev fixtures.Event) []target.Effect {
	var out []target.Effect
	for _, it := range ev.Items {
		out = append(out, s.party.effect(ev, it))
	}
	return out
}

// await waits for the effects to come and keeps what was seen. An observer that fails ends the spec.
func (c *Check) await(effects []target.Effect) []int {
	counts, took, err := c.watch.await(c.ctx, effects)
	if err != nil {
		c.Error("%v", err)
	}
	c.baselineTook = max(c.baselineTook, took)
	c.result.Observations = append(c.result.Observations, observations(effects, counts)...)
	return counts
}

// hold waits to see that no count passes want and keeps what was seen.
func (c *Check) hold(effects []target.Effect, want int) []int {
	counts, err := c.watch.hold(c.ctx, effects, want, c.baselineTook)
	if err != nil {
		c.Error("%v", err)
	}
	c.result.Observations = append(c.result.Observations, observations(effects, counts)...)
	return counts
}

// HasEffect ends the spec as broken unless every item of the event takes effect in time.
func (c *Check) HasEffect(ev fixtures.Event) {
	effects := c.effectsOf(ev)
	counts := c.await(effects)
	if missing := slices.Index(counts, 0); missing >= 0 {
		c.Broken(fmt.Sprintf("an effect for every item within %s", c.watch.timeout), "none for "+effects[missing].String())
	}
}

// HasOneEffect ends the spec as broken unless every item takes effect exactly once, and stays at that.
func (c *Check) HasOneEffect(ev fixtures.Event) {
	c.HasEffect(ev)
	effects := c.effectsOf(ev)
	for i, n := range c.hold(effects, 1) {
		if n != 1 {
			c.Broken("exactly one effect", fmt.Sprintf("%d effects for %s", n, effects[i]))
		}
	}
}

// HasNoEffect ends the spec as broken when the event takes effect after all.
func (c *Check) HasNoEffect(ev fixtures.Event) {
	effects := c.effectsOf(ev)
	for i, n := range c.hold(effects, 0) {
		if n != 0 {
			c.Broken("no effect", fmt.Sprintf("%d for %s", n, effects[i]))
		}
	}
}

// Refused ends the spec as broken unless the answer is a 4xx that the sender does not retry.
func (c *Check) Refused(x wire.Exchange) {
	const want = "a 4xx status other than 408 and 429 (401 is documented)"
	switch {
	case x.Trouble != wire.None:
		c.Broken(want, answer(x)+"; the sender would retry")
	case c.party.retries(x.Status):
		c.Broken(want, answer(x)+"; the sender would retry")
	case x.Acknowledged():
		c.Broken(want, answer(x)+"; a mistyped secret would lose every event unseen")
	case x.Status < 400:
		c.Broken(want, answer(x))
	}
}

// maxEvidence is how much of a body a report keeps, in bytes.
const maxEvidence = 16 << 10

// evidence turns an exchange into its form for the report.
func evidence(label string, x wire.Exchange) reports.Exchange {
	out := reports.Exchange{
		Label: label, Started: x.Started.UTC(), DurationMS: float64(x.Took) / float64(time.Millisecond),
		Request: reports.Request{Method: x.Request.Method, URL: reports.RedactURL(x.Request.URL), Body: body(x.Request.Body, false)},
	}
	if u, err := url.Parse(x.Request.URL); err == nil {
		out.Request.Header = append(out.Request.Header, reports.Header{Name: "Host", Value: u.Host})
	}
	for _, f := range x.Request.Header {
		out.Request.Header = append(out.Request.Header, reports.Header{Name: f.Name, Value: f.Value})
	}
	out.Request.Header = append(out.Request.Header, reports.Header{Name: "Content-Length", Value: strconv.Itoa(len(x.Request.Body))})
	if x.Err != nil {
		out.Error = x.Err.Error()
	}
	if x.Status == 0 {
		return out
	}
	out.Response = &reports.Response{Status: x.Status, Proto: x.Proto, Body: body(x.Body, x.BodyCut)}
	for _, name := range slices.Sorted(maps.Keys(x.Header)) {
		for _, value := range x.Header[name] {
			out.Response.Header = append(out.Response.Header, reports.Header{Name: name, Value: value})
		}
	}
	return out
}

func body(b []byte, cut bool) reports.Body {
	sum := sha256.Sum256(b)
	out := reports.Body{Size: len(b), SHA256: hex.EncodeToString(sum[:]), Truncated: cut}
	if !utf8.Valid(b) {
		out.Truncated = out.Truncated || len(b) > maxEvidence
		out.Base64 = base64.StdEncoding.EncodeToString(b[:min(len(b), maxEvidence)])
		return out
	}
	if len(b) > maxEvidence {
		out.Truncated = true
		b = b[:maxEvidence]
		for !utf8.Valid(b) {
			b = b[:len(b)-1]
		}
	}
	out.Text = string(b)
	return out
}
