package mutants

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// The directions in which a number is off.
const (
	less = "less"
	more = "more"
)

// A number is off by so much of itself, which is more than the suite allows for, or by so little that it may go unseen.
// What is allowed is said where a survivor gives its reason.
const (
	little = 0.15
	hardly = 0.05
)

// numberMutants have one number of the edition off by a little, both ways. All of them are made in no time.
func numberMutants(wanted) ([]Mutant, error) {
	ed, err := contract.LoadEdition("")
	if err != nil {
		return nil, err
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		return nil, err
	}
	return slices.Concat(delayNumbers(ed), deliveryNumbers(ed), receiverNumbers(ed), metaNumbers(meta)), nil
}

// both directions of a number that is off by a share of itself.
func bothWays(share float64, make func(direction string, factor float64) Mutant) []Mutant {
	return []Mutant{make(less, 1-share), make(more, 1+share)}
}

// relayEdition is a relay that goes by an edition in which something is different.
func relayEdition(change func(*contract.Edition)) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Relay.Edition.Delivery.Delays = slices.Clone(p.Relay.Edition.Delivery.Delays)
		change(&p.Relay.Edition)
		*p.Relay.Rules = pipeline.RulesOf(p.Relay.Edition)
	}
}

func scaled(d time.Duration, factor float64) time.Duration { return time.Duration(factor * float64(d)) }

// scheduleSeen are the requirements beside those of its steps in which a wrong schedule may show.
var scheduleSeen = []string{
	"relay.retry.jitter-uniform", "relay.retry.retry-after-shorter", "relay.retry.retry-after-seconds", "relay.retry.retry-after-other",
	"relay.outcome.*", "relay.retry.delay-2", "relay.retry.delay-3", "relay.retry.delay-4", "relay.retry.delay-5", "relay.retry.delay-6",
	"relay.retry.delay-7", "relay.retry.delay-8",
}

// delayNumbers change the schedule.
func delayNumbers(ed contract.Edition) (all []Mutant) {
	for i, delay := range ed.Delivery.Delays {
		attempt := i + 1
		if delay == 0 {
			continue
		}
		for _, by := range []struct {
			name  string
			share float64
		}{{"", max(little, plainly.Seconds()/delay.Seconds())}, {"hardly-", min(hardly, barely(delay))}} {
			all = append(all, bothWays(by.share, func(direction string, factor float64) Mutant {
				m := relayNumber(fmt.Sprintf("delay-%d-%s%s", attempt, by.name, direction), direction,
					fmt.Sprintf("the wait before attempt %d is %s instead of %s", attempt, scaled(delay, factor), delay), retryAreas,
					func(ed *contract.Edition) { ed.Delivery.Delays[i] = scaled(delay, factor) }).
					breaks(fmt.Sprintf("relay.retry.delay-%d", attempt)).may(scheduleSeen...)
				if scaled(delay, by.share) < time.Second {
					m = m.survives("relays may keep whole seconds, so that the suite allows a second on either side of the jitter")
				}
				return m
			})...)
		}
	}
	return all
}

// barely is a share of a delay that is half a second, or of a long one everything.
func barely(delay time.Duration) float64 {
	if delay > time.Minute {
		return 1
	}
	return 0.5 / delay.Seconds()
}

// plainly is by how much a delay must be off for the suite to see it in any run: more than a second, which it allows on
// either side, for enough of the deliveries that it looks at.
const plainly = 2500 * time.Millisecond

// deliveryNumbers change the other numbers of deliveries.
func deliveryNumbers(ed contract.Edition) (all []Mutant) {
	d := ed.Delivery
	jitter := func(name string, to float64) Mutant {
		direction := less
		if to > d.Jitter {
			direction = more
		}
		return relayNumber(name, direction, fmt.Sprintf("delays are spread over ±%.0f %% instead of ±%.0f %%", 100*to, 100*d.Jitter),
			retryAreas, func(ed *contract.Edition) { ed.Delivery.Jitter = to })
	}
	tooNarrow := "the distance from an even spread is under what the suite allows, so that it gives a false alarm once in ten thousand runs and no oftener"
	all = append(all,
		jitter("jitter-half", d.Jitter/2).breaks("relay.retry.jitter-uniform"),
		jitter("jitter-less", d.Jitter*3/4).survives(tooNarrow),
		jitter("jitter-more", d.Jitter*5/4).breaks("relay.retry.delay-5").may(scheduleSeen...),
		jitter("jitter-one-and-a-half", d.Jitter*3/2).breaks("relay.retry.delay-5").may(scheduleSeen...),
	)
	timeout := func(name, direction string, factor float64) Mutant {
		return relayNumber(name, direction, fmt.Sprintf("an attempt times out after %s instead of %s", scaled(d.Timeout, factor), d.Timeout),
			retryAreas, func(ed *contract.Edition) { ed.Delivery.Timeout = scaled(d.Timeout, factor) })
	}
	tenth := "the suite answers a tenth before and a tenth after the timeout, since an exchange takes time of its own; this lies between"
	all = append(all,
		timeout("timeout-less", less, 1-little).breaks("relay.retry.timeout-before"),
		timeout("timeout-more", more, 1+little).breaks("relay.retry.timeout-after", "relay.retry.timeout-whole-exchange"),
		timeout("timeout-hardly-less", less, 1-hardly).survives(tenth),
		timeout("timeout-hardly-more", more, 1+hardly).survives(tenth),
	)
	last := len(d.Delays)
	all = append(all,
		relayNumber("attempts-less", less, fmt.Sprintf("there are %d attempts instead of %d", last-1, last), retryAreas,
			func(ed *contract.Edition) { ed.Delivery.Delays = ed.Delivery.Delays[:last-1] }).
			breaks("relay.retry.eight-attempts", fmt.Sprintf("relay.retry.delay-%d", last)).blinds("relay.retry.no-ninth"),
		relayNumber("attempts-more", more, fmt.Sprintf("there are %d attempts instead of %d", last+1, last), retryAreas,
			func(ed *contract.Edition) { ed.Delivery.Delays = append(ed.Delivery.Delays, d.Delays[last-1]) }).
			breaks("relay.retry.no-ninth"),
		relayNumber("threshold-less", less, fmt.Sprintf("a subscription is disabled after %d failures instead of %d", d.DisableAfter-1, d.DisableAfter),
			"disable", func(ed *contract.Edition) { ed.Delivery.DisableAfter-- }).breaks("relay.disable.not-before").may("relay.disable.*"),
		relayNumber("threshold-more", more, fmt.Sprintf("a subscription is disabled after %d failures instead of %d", d.DisableAfter+1, d.DisableAfter),
			"disable", func(ed *contract.Edition) { ed.Delivery.DisableAfter++ }).breaks("relay.disable.threshold").may("relay.disable.*"),
		relayNumber("retention-less", less, "failed deliveries are kept two days less", "replay",
			func(ed *contract.Edition) { ed.Delivery.Retention -= 48 * time.Hour }).breaks("relay.replay.kept"),
		relayNumber("retention-hardly-less", less, "failed deliveries are kept twelve hours less", "replay",
			func(ed *contract.Edition) { ed.Delivery.Retention -= 12 * time.Hour }).
			survives("the purge is daily, so that the suite looks a day before its time"),
		relayNumber("retention-more", more, "failed deliveries are kept a day longer", "replay",
			func(ed *contract.Edition) { ed.Delivery.Retention += 24 * time.Hour }).
			survives("a daily purge removes them some time after 30 days, and no page says how soon"),
	)
	return all
}

// relayNumber is a relay in which one number of the edition is another one.
func relayNumber(name, direction, defect, filter string, change func(*contract.Edition)) Mutant {
	return Mutant{
		Name: name, Role: contract.RoleRelay, Defect: defect, Kind: direction, Filter: filter,
		relay: relayEdition(change),
	}
}

// breaks, may, blinds and survives complete a generated mutant.
func (m Mutant) breaks(ids ...string) Mutant { m.Breaks = ids; return m }
func (m Mutant) may(ids ...string) Mutant    { m.May = ids; return m }
func (m Mutant) blinds(ids ...string) Mutant { m.Blinds = ids; return m }

func (m Mutant) survives(reason string) Mutant {
	m.Survives, m.Breaks, m.May = reason, nil, nil
	return m
}

// receiverNumbers are receivers that go by another tolerance, or take longer than they should.
func receiverNumbers(ed contract.Edition) []Mutant {
	tolerance := func(name, direction string, by time.Duration) Mutant {
		to := ed.Signature.Tolerance + by
		return Mutant{
			Name: name, Role: contract.RoleReceiver, Kind: direction, Filter: "signature",
			Defect: fmt.Sprintf("t may be %s away instead of %s", to, ed.Signature.Tolerance), apply: withTolerance(to),
		}
	}
	const seen, unseen = 15 * time.Second, 5 * time.Second
	margin := "the suite stays 10 s away from the edge of the tolerance, for the time that a delivery is on its way and for clocks that differ"
	limit := ed.Delivery.AcknowledgeWithin
	late := Mutant{
		Name: "acknowledge-more", Role: contract.RoleReceiver, Kind: more, Filter: "receiver.delivery.acknowledged-quickly",
		Defect: fmt.Sprintf("an event is acknowledged after %s instead of %s", scaled(limit, 1+little), limit),
		apply:  delay("contact.updated", scaled(limit, 1+little)),
	}.breaks("receiver.delivery.acknowledged-quickly")
	return []Mutant{
		tolerance("tolerance-less", less, -seen).breaks("receiver.signature.within-tolerance-past", "receiver.signature.within-tolerance-future"),
		tolerance("tolerance-more", more, seen).breaks(both("receiver.signature.stale", "receiver.signature.future")...),
		tolerance("tolerance-hardly-less", less, -unseen).survives(margin),
		tolerance("tolerance-hardly-more", more, unseen).survives(margin),
		late,
	}
}

// metaNumbers are meta-receivers that go by other limits than Meta's.
func metaNumbers(meta contract.Meta) []Mutant {
	size := scaledInt(meta.PayloadLimit.Value, 1-little)
	items := scaledInt(meta.BatchLimit.Value, 1-little)
	return []Mutant{
		Mutant{
			Name: "payload-less", Role: contract.RoleMetaReceiver, Kind: less, Filter: "delivery && !meta-receiver.delivery.median-latency",
			Defect: fmt.Sprintf("bodies over %d bytes are refused; Meta sends up to %d", size, meta.PayloadLimit.Value),
			apply: func(b *build) {
				b.handler = onRequest(func(r *http.Request) int {
					if r.ContentLength > int64(size) {
						return http.StatusRequestEntityTooLarge
					}
					return 0
				})
			},
		}.breaks("meta-receiver.delivery.body-limit"),
		Mutant{
			Name: "batch-less", Role: contract.RoleMetaReceiver, Kind: less, Filter: "delivery && !meta-receiver.delivery.median-latency",
			Defect: fmt.Sprintf("of a batch the first %d items are worked on; Meta sends up to %d", items, meta.BatchLimit.Value),
			apply: keeping(func(right []reference.Item) []reference.Item {
				return right[:min(len(right), items)]
			}),
		}.breaks("meta-receiver.delivery.batch"),
		Mutant{
			Name: "success-status-more", Role: contract.RoleMetaReceiver, Kind: more, Filter: "meta-receiver.signature.valid",
			Defect: fmt.Sprintf("POSTs are answered %d; Meta takes %d alone", meta.SuccessStatus.Value+1, meta.SuccessStatus.Value),
			apply:  wrapping(success(meta.SuccessStatus.Value + 1)),
		}.breaks("meta-receiver.signature.valid"),
	}
}

func scaledInt(n int, factor float64) int { return int(factor * float64(n)) }

// keeping changes the items that are worked on.
func keeping(change func(right []reference.Item) []reference.Item) func(*build) {
	return items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
		return change(right), err
	})
}

// slug makes a name of letters, digits and hyphens.
func slug(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text), "-")
}
