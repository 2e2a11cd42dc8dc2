package payload

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Delivery is one delivery, signed and ready to be sent.
type Delivery struct {
	// Number counts the starts of the run from 0, and At is when it is to start, since the beginning of the run.
	Number uint64
	At     time.Duration
	Event  string
	Kind   Kind
	Header []wire.Field
	Body   []byte
	// Raw is the whole request as it goes over the wire, where an encoder was given.
	Raw []byte
	// Signed is the time that the signature speaks of.
	Signed time.Time

	parcel Parcel
}

// Encoder makes the bytes of a whole request.
type Encoder func(header []wire.Field, body []byte) []byte

// variants are the shapes of Meta's events and how often each comes, in percent. Customers mostly write texts, and a
// status is one of three with now and then a failure; no figures are published, so these are round ones.
var variants = map[string]map[string]float64{
	messageReceived: {
		"text": 75, "image": 10, "voice": 6, "document": 3, "interactive-button-reply": 2, "reaction": 2, "location": 1, "sticker": 1,
	},
	messageStatus: {"sent": 33, "delivered": 33, "read": 33, "failed": 1},
}

// history is how many of each event are remembered for duplicates and retries.
const history = 16

// Builder makes deliveries. It is not safe for concurrent use.
type Builder struct {
	options   Options
	sender    Sender
	encode    Encoder
	generator *fixtures.Generator
	random    *rand.Rand
	events    choice
	variants  map[string]choice
	// batches are the events that Meta puts into batches.
	batches map[string]bool
	sent    map[string][]Parcel
	// attempts is how many Kirim makes of a delivery.
	attempts int
	// now is the moment for which a delivery is built.
	now time.Time
}

// BuilderConfig says what builders need. Builders with the same configuration and stream build the same deliveries.
type BuilderConfig struct {
	Edition contract.Edition
	Role    contract.Role
	Meta    contract.Meta
	Options Options
	Sender  Sender
	// Encode, where it is set, makes the bytes of the whole request ahead.
	Encode Encoder
}

// NewBuilder prepares a builder. stream tells the builders of a run apart. The error is an option that cannot be kept.
func NewBuilder(c BuilderConfig, stream uint64) (*Builder, error) {
	options, err := c.Options.complete(c.Edition, c.Role, c.Meta)
	if err != nil {
		return nil, err
	}
	b := &Builder{
		options: options, sender: c.Sender, encode: c.Encode, random: rand.New(rand.NewPCG(options.Seed, stream)),
		events: newChoice(options.Mix), variants: map[string]choice{}, batches: map[string]bool{}, sent: map[string][]Parcel{},
		attempts: len(c.Edition.Delivery.Delays),
	}
	// Drawn and not added up, so that stream 1 of one seed is not stream 0 of the next.
	if b.generator, err = fixtures.NewGenerator(c.Edition, b.random.Uint64(), func() time.Time { return b.now }); err != nil {
		return nil, err
	}
	all, err := fixtures.Variants(c.Edition)
	if err != nil {
		return nil, err
	}
	for _, event := range Events(c.Edition, c.Role) {
		weights := map[string]float64{}
		for _, v := range all {
			if v.Event != event {
				continue
			}
			if usual, ok := variants[event]; !ok {
				weights[v.Name] = 1
			} else if share := usual[v.Name]; share > 0 {
				weights[v.Name] = share
			}
		}
		if len(weights) == 0 {
			return nil, fmt.Errorf("edition %s has no variant of %s to load with", c.Edition.ID, event)
		}
		b.variants[event] = newChoice(weights)
		b.batches[event] = event == messageReceived || event == messageStatus
	}
	return b, nil
}

// Build makes the delivery that starts at a moment: at since the beginning of the run, which is the time now. event is
// its event, or empty for the mix to decide.
func (b *Builder) Build(number uint64, at time.Duration, now time.Time, event string) (Delivery, error) {
	b.now = now
	if event == "" {
		event = b.events.pick(b.random.Float64())
	}
	d := Delivery{Number: number, At: at, Event: event, Kind: b.kind(event)}
	// Every attempt has a delivery id of its own (reading Q1).
	id := b.generator.ID("wbd")
	if d.Kind == Duplicate || d.Kind == Retry {
		var found bool
		if d.parcel, found = b.again(event, d.Kind); !found {
			d.Kind = Plain
		}
	}
	if d.Kind != Duplicate && d.Kind != Retry {
		var err error
		if d.parcel, err = b.parcel(event, d.Kind); err != nil {
			return Delivery{}, err
		}
	}
	d.parcel.DeliveryID = id
	return d, b.sign(&d, now)
}

// kind draws what is special about a delivery.
func (b *Builder) kind(event string) Kind {
	r := b.random.Float64()
	for _, special := range []struct {
		kind  Kind
		share float64
		can   bool
	}{
		{Duplicate, b.options.Duplicates, true},
		{Retry, b.options.Retries, true},
		{Forged, b.options.WrongSignatures, true},
		{Batched, b.options.Batched, b.batches[event]},
	} {
		if r < special.share {
			if !special.can {
				return Plain
			}
			return special.kind
		}
		r -= special.share
	}
	return Plain
}

// again takes an earlier event: as another first attempt, or as the next one as long as Kirim makes any. Where there is
// none, the delivery becomes a plain one.
func (b *Builder) again(event string, kind Kind) (Parcel, bool) {
	kept := b.sent[event]
	if len(kept) == 0 {
		return Parcel{}, false
	}
	first := b.random.IntN(len(kept))
	for i := range kept {
		earlier := &kept[(first+i)%len(kept)]
		if kind == Duplicate {
			p := *earlier
			p.Attempt = 1
			return p, true
		}
		if earlier.Attempt < b.attempts {
			earlier.Attempt++
			return *earlier, true
		}
	}
	return Parcel{}, false
}

// parcel makes a new event.
func (b *Builder) parcel(event string, kind Kind) (Parcel, error) {
	p := Parcel{Attempt: 1, Forged: kind == Forged}
	variant := b.variants[event].pick(b.random.Float64())
	var err error
	switch {
	case kind == Batched:
		p.Event, err = b.generator.Batch(fixtures.BatchShape{Event: event, Variant: variant, Items: b.options.BatchItems})
	case event == messageReceived && b.options.BodySize > 0:
		p.Event, err = b.generator.Sized(b.options.BodySize)
	default:
		p.Event, err = b.generator.Event(event, variant)
	}
	if err == nil && kind != Forged {
		// A forged event never was one, so it has no duplicates.
		b.remember(event, p)
	}
	return p, err
}

// remember keeps a parcel in place of an earlier one.
func (b *Builder) remember(event string, p Parcel) {
	if b.options.Duplicates+b.options.Retries == 0 {
		return
	}
	if kept := b.sent[event]; len(kept) < history {
		b.sent[event] = append(kept, p)
	} else {
		kept[b.random.IntN(history)] = p
	}
}

// sign composes the request of a delivery for a moment.
func (b *Builder) sign(d *Delivery, now time.Time) error { return sign(b.sender, b.encode, d, now) }

func sign(sender Sender, encode Encoder, d *Delivery, now time.Time) (err error) {
	d.Signed = now
	if d.Header, d.Body, err = sender.Compose(d.parcel, now); err != nil {
		return err
	}
	if encode != nil {
		d.Raw = encode(d.Header, d.Body)
	}
	return nil
}
