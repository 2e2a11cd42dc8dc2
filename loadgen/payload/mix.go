// Package payload builds what a load run sends: unique deliveries of an event mix, signed for the moment at which each is
// to start, and ready in a bounded queue ahead of it. When they start, and how they are sent, is decided elsewhere.
package payload

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
)

// The events that Meta's bodies carry, by Kirim's names.
const (
	messageReceived = "message.received"
	messageStatus   = "message.status"
	messageCreated  = "message.created"
)

// Mix is the share of each event, in percent. The shares add up to 100.
type Mix map[string]float64

// DefaultReplies is the part of the messages to customers that is answered in Meta's example of a callback URL's load: 1000
// messages a second with 30 % replies are 3000 statuses and 300 messages (Meta, throughput).
const DefaultReplies = 0.3

// DefaultMix is what a WhatsApp business sees, of the events that the target is sent. A message to a customer causes three
// statuses (sent, delivered, read), and 30 of 100 customers reply; Meta sizes callback URLs by these figures. An edition
// with message.created has one for each message to a customer. Contacts and conversations change far less often: one
// delivery in twenty is about them.
func DefaultMix(events []string, meta contract.Meta) Mix {
	messages := Mix{messageStatus: meta.StatusesPerMessage.Value, messageReceived: DefaultReplies, messageCreated: 1}
	maps.DeleteFunc(messages, func(event string, _ float64) bool { return !slices.Contains(events, event) })
	var others []string
	for _, e := range events {
		if _, ok := messages[e]; !ok {
			others = append(others, e)
		}
	}
	aboutOthers := 5.0 // percent
	switch {
	case len(others) == 0:
		aboutOthers = 0
	case len(messages) == 0:
		aboutOthers = 100
	}
	mix, total := Mix{}, 0.0
	for _, e := range slices.Sorted(maps.Keys(messages)) {
		total += messages[e]
	}
	for e, perMessage := range messages {
		mix[e] = (100 - aboutOthers) * perMessage / total
	}
	for _, e := range others {
		mix[e] = aboutOthers / float64(len(others))
	}
	return mix
}

// MetaMix is the traffic by which Meta sizes callback URLs, and nothing else: the statuses of each message to a customer,
// and the replies.
func MetaMix(meta contract.Meta, replies float64) Mix {
	statuses := meta.StatusesPerMessage.Value
	mix := Mix{messageStatus: 100 * statuses / (statuses + replies)}
	if replies > 0 {
		mix[messageReceived] = 100 * replies / (statuses + replies)
	}
	return mix
}

// Events are the events that a target of a role can be sent, in the edition's order.
func Events(edition contract.Edition, role contract.Role) []string {
	var out []string
	for _, e := range edition.Events {
		if role != contract.RoleMetaReceiver || e.Source == contract.SourceMeta {
			out = append(out, e.Name)
		}
	}
	return out
}

// sumTolerance is how far from 100 the shares may add up to: what rounding to two decimals of a handful of events leaves.
const sumTolerance = 0.05

// ParseMix reads a mix such as message.received=70,message.status=30, in percent, of the events that the target is sent.
// The error says what is wrong.
func ParseMix(text string, events []string) (Mix, error) {
	mix, sum := Mix{}, 0.0
	for part := range strings.SplitSeq(text, ",") {
		name, value, given := strings.Cut(strings.TrimSpace(part), "=")
		share, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		_, twice := mix[name]
		switch {
		case !slices.Contains(events, name):
			return nil, fmt.Errorf("mix: unknown event %q; this target is sent: %s", name, strings.Join(events, ", "))
		case !given || err != nil || !(share >= 0 && share <= 100):
			return nil, fmt.Errorf("mix: %q is not a share in percent from 0 to 100, such as %s=70", part, name)
		case twice:
			return nil, fmt.Errorf("mix: %s is there twice", name)
		}
		mix[name] = share
		sum += share
	}
	if math.Abs(sum-100) > sumTolerance {
		return nil, fmt.Errorf("mix: the shares add up to %s and not to 100", strconv.FormatFloat(sum, 'f', -1, 64))
	}
	maps.DeleteFunc(mix, func(_ string, share float64) bool { return share == 0 })
	return mix, nil
}

// Shares returns the mix as parts of one, which add up to 1.
func (m Mix) Shares() map[string]float64 {
	sum := 0.0
	for _, e := range slices.Sorted(maps.Keys(m)) {
		sum += m[e]
	}
	out := make(map[string]float64, len(m))
	for e, share := range m {
		out[e] = share / sum
	}
	return out
}

// choice picks one of its names by weight.
type choice struct {
	names []string
	// upTo are the weights added up, the last is 1.
	upTo []float64
}

func newChoice(weights map[string]float64) choice {
	var c choice
	sum := 0.0
	// In a fixed order, so that the same seed picks the same.
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		sum += weights[name]
		c.names, c.upTo = append(c.names, name), append(c.upTo, sum)
	}
	for i := range c.upTo {
		c.upTo[i] /= sum
	}
	return c
}

// pick takes a number from 0 to 1, without 1.
func (c choice) pick(r float64) string {
	for i, upTo := range c.upTo {
		if r < upTo {
			return c.names[i]
		}
	}
	return c.names[len(c.names)-1]
}
