package mutants

import (
	"slices"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// relayFailureMutants change what becomes of failures: of subscriptions, of deliveries, and of the relay itself.
func relayFailureMutants() []Mutant {
	return slices.Concat(
		scoped(endedAreas, disableMutants(), replayMutants()),
		scoped(lostAreas, isolationMutants(), guaranteeMutants(), breakerMutants()),
	)
}

// endedAreas and lostAreas are the areas that judge failures: of subscriptions and deliveries, and of the relay itself. Where a
// subscription is disabled too early, specs of other areas wait for their deliveries in vain, each for the time that an
// arrival may take.
const (
	endedAreas = "disable || replay"
	lostAreas  = "isolation || guarantee"
)

// whileDisabled are the requirements that need a subscription that is disabled.
var whileDisabled = []string{
	"relay.disable.nothing-new", "relay.disable.pending-stops", "relay.disable.re-enable", "relay.disable.from-zero",
}

// rules changes what Kirim promises of deliveries.
func rules(change func(r *pipeline.Rules)) func(*server.Parts) {
	return func(p *server.Parts) { change(p.Relay.Rules) }
}

// counting changes how a subscription's failures are counted; correct is the right count.
func counting(count func(before int, o pipeline.Outcome, correct int) int) func(*server.Parts) {
	return rules(func(r *pipeline.Rules) {
		right := r.Failures
		r.Failures = func(before int, o pipeline.Outcome) int { return count(before, o, right(before, o)) }
	})
}

// ignoring leaves attempts out of the count.
func ignoring(ignored func(r pipeline.Record, o pipeline.Outcome) bool) func(*server.Parts) {
	return rules(func(r *pipeline.Rules) {
		r.Counts = func(record pipeline.Record, o pipeline.Outcome) bool { return !ignored(record, o) }
	})
}

func disableMutants() []Mutant {
	resets := []string{"relay.disable.reset", "relay.disable.reset-by-retry", "relay.disable.sporadic"}
	// In these, failures that the spec makes come with successes between them as well.
	mixed := []string{"relay.replay.listed", "relay.replay.bulk", "relay.replay.bulk-cap"}
	return []Mutant{
		{
			Name: "never-disables", Defect: "no subscription is ever disabled",
			Breaks: []string{"relay.disable.threshold", "relay.disable.any-path"}, Blinds: whileDisabled,
			relay: rules(func(r *pipeline.Rules) { r.DisableAfter = 0 }),
		},
		{
			Name: "disable-off-by-one-late", Defect: "a subscription is disabled after one failed delivery more",
			Breaks: []string{"relay.disable.threshold", "relay.disable.any-path"},
			relay:  rules(func(r *pipeline.Rules) { r.DisableAfter++ }),
		},
		{
			Name: "disable-off-by-one-early", Defect: "a subscription is disabled after one failed delivery fewer",
			Breaks: []string{"relay.disable.not-before"},
			relay:  rules(func(r *pipeline.Rules) { r.DisableAfter-- }),
		},
		{
			Name: "disable-counts-attempts", Defect: "every failed attempt counts, and not only the delivery",
			Breaks: []string{"relay.disable.deliveries"},
			relay: counting(func(before int, o pipeline.Outcome, correct int) int {
				if o == pipeline.Retry {
					return before + 1
				}
				return correct
			}),
		},
		{
			Name: "disable-ignores-4xx", Defect: "a delivery that ends at once, on a 4xx, does not count",
			Breaks: []string{"relay.disable.threshold", "relay.disable.any-path"}, Blinds: whileDisabled,
			relay: ignoring(func(r pipeline.Record, _ pipeline.Outcome) bool { return r.HTTPStatus >= 400 && r.HTTPStatus <= 499 }),
		},
		{
			Name: "disable-ignores-exhausted", Defect: "a delivery that fails after its last attempt does not count",
			Breaks: []string{"relay.disable.any-path"},
			relay:  ignoring(func(r pipeline.Record, o pipeline.Outcome) bool { return o == pipeline.Terminal && r.Number > 1 }),
		},
		{
			Name: "success-does-not-reset", Defect: "a success leaves the count of failures as it is",
			Breaks: slices.Concat(resets, mixed),
			relay: counting(func(before int, o pipeline.Outcome, correct int) int {
				if o == pipeline.Delivered {
					return before
				}
				return correct
			}),
		},
		{
			Name: "disable-on-sporadic", Defect: "a success takes back one failure alone, so that failures between successes add up",
			Seen: "a public relay", Breaks: slices.Concat(resets, mixed),
			relay: counting(func(before int, o pipeline.Outcome, correct int) int {
				if o == pipeline.Delivered {
					return max(before-1, 0)
				}
				return correct
			}),
		},
		{
			Name: "late-success-does-not-reset", Defect: "only a success at the first attempt starts the count anew",
			Breaks: []string{"relay.disable.reset-by-retry"},
			relay:  ignoring(func(r pipeline.Record, o pipeline.Outcome) bool { return o == pipeline.Delivered && r.Number > 1 }),
		},
		{
			Name: "delivers-while-disabled", Defect: "disabled is a word in the API, and deliveries go on",
			Breaks: []string{"relay.disable.nothing-new", "relay.disable.pending-stops"},
			relay: func(p *server.Parts) {
				p.Relay.Rules.DeliversTo = func(s pipeline.State) bool { return s != pipeline.Paused }
				p.Relay.Behaviour.Subscribers = disabledToo
			},
		},
		{
			Name: "retries-while-disabled", Defect: "a disabled subscription gets nothing new, and the retries of what it had",
			Breaks: []string{"relay.disable.pending-stops"},
			relay:  rules(func(r *pipeline.Rules) { r.DeliversTo = func(s pipeline.State) bool { return s != pipeline.Paused } }),
		},
		{
			Name: "re-enable-ignored", Defect: "a disabled subscription stays disabled, whatever status is set",
			Breaks: []string{"relay.disable.re-enable", "relay.disable.from-zero"},
			relay: func(p *server.Parts) {
				right := p.Relay.Behaviour.Activate
				p.Relay.Behaviour.Activate = func(s *store.Subscription) {
					if s.Status != store.Disabled {
						right(s)
					}
				}
			},
		},
		{
			Name: "re-enable-keeps-count", Defect: "a subscription that is enabled again goes on counting, and its next failure disables it",
			Breaks: []string{"relay.disable.from-zero"},
			relay:  rules(func(r *pipeline.Rules) { r.Reenabled = func(before int) int { return before } }),
		},
	}
}

// disabledToo returns the subscriptions to an event whether or not they are disabled.
func disabledToo(tx *store.Tx, org int64, event string) (all []store.Subscriber, err error) {
	subscriptions, err := tx.AllSubscriptions()
	for _, s := range subscriptions {
		if s.Org == org && s.Status != store.Paused && slices.Contains(s.Events, event) {
			all = append(all, store.Subscriber{Seq: s.Seq, ID: s.ID})
		}
	}
	return all, err
}
