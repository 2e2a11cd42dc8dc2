package slo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Presets returns the names of the presets.
func Presets() []string { return []string{"kirim", "meta"} }

// Preset returns the limits that a contract states for every receiver:
//
//   - meta: Meta's latency standard. The median is bounded, and so is the share of the answers that are slow. An answer
//     that never came is not counted among the fast ones, so the share of the errors has the same bound.
//   - kirim: every event is acknowledged within the advised time, and no attempt reaches the timeout. Every is meant:
//     the limit is on the slowest, and on a share of errors of zero.
//
// All latencies are the corrected ones: the sender waits from the moment at which it wanted to send. The numbers come
// from the contract, those of kirim from the edition.
func Preset(name string, meta contract.Meta, edition contract.Edition) ([]SLO, error) {
	type limit struct {
		text   string
		source contract.Citation
	}
	var limits []limit
	switch name {
	case "meta":
		slow := percent(meta.LatencySlowShare.Value)
		limits = []limit{
			{fmt.Sprintf("p50 <= %s", duration(meta.LatencyMedian.Value)), meta.LatencyMedian.Source},
			{fmt.Sprintf("slower_than(%s) < %s", duration(meta.Latency99th.Value), slow), meta.Latency99th.Source},
			{fmt.Sprintf("errors < %s", slow), meta.LatencySlowShare.Source},
		}
	case "kirim":
		acknowledging := contract.Citation{Document: "Kirim, webhooks/retry", Section: "acknowledging"}
		limits = []limit{
			{fmt.Sprintf("max <= %s", duration(edition.Delivery.AcknowledgeWithin)), acknowledging},
			{fmt.Sprintf("max < %s", duration(edition.Delivery.Timeout)), contract.Citation{Document: "Kirim, webhooks/retry", Section: "timeout"}},
			{"errors <= 0%", acknowledging},
		}
	default:
		return nil, fmt.Errorf("there is no preset %q; there are %s", name, strings.Join(Presets(), " and "))
	}
	var all []SLO
	for _, l := range limits {
		s, err := Parse(l.text, "preset "+name)
		if err != nil {
			return nil, fmt.Errorf("preset %s: %w", name, err)
		}
		s.Source = &l.source
		all = append(all, s)
	}
	return all, nil
}

// Failures is the limit on failures where a search for a capacity has none: that of preset meta. A target that refuses
// what is too much for it at once would have no capacity to be found by its latency alone.
func Failures(meta contract.Meta) (SLO, error) {
	s, err := Parse("errors < "+percent(meta.LatencySlowShare.Value), "capacity without a limit on failures")
	s.Source = &meta.LatencySlowShare.Source
	return s, err
}

// MetaTraffic is what Meta's capacity standard asks of the receiver of a sender: webhooks per second.
type MetaTraffic struct {
	// StatusesPerS and MessagesPerS are the statuses of the outgoing messages, and the incoming messages.
	StatusesPerS, MessagesPerS float64
}

// Total is the rate of both together, in webhooks per second.
func (t MetaTraffic) Total() float64 { return t.StatusesPerS + t.MessagesPerS }

// MetaCapacity returns the traffic of a business that sends messagesPerS messages a second, of which the share replies,
// between 0 and 1, is answered. The limit that goes with it asks that the target takes it: all of it but what the
// latency standard leaves for slow answers.
func MetaCapacity(meta contract.Meta, messagesPerS, replies float64) (MetaTraffic, SLO, error) {
	if !(messagesPerS > 0) || !(replies >= 0 && replies <= 1) {
		return MetaTraffic{}, SLO{}, fmt.Errorf(
			"%v messages per second with a share of replies of %v make no traffic: the rate must be above 0, and the share between 0 and 1",
			messagesPerS, replies)
	}
	traffic := MetaTraffic{StatusesPerS: messagesPerS * meta.StatusesPerMessage.Value, MessagesPerS: messagesPerS * replies}
	s, err := Parse(fmt.Sprintf("rate > %s/s", decimal(traffic.Total()*(1-meta.LatencySlowShare.Value))), "preset meta")
	if err != nil {
		return MetaTraffic{}, SLO{}, err
	}
	s.Source = &meta.StatusesPerMessage.Source
	return traffic, s, nil
}

// ParseAll reads several limits of one origin, and refuses one that is given twice.
func ParseAll(texts []string, from string) ([]SLO, error) {
	var all []SLO
	for _, text := range texts {
		s, err := Parse(text, from)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(other SLO) bool { return other.Text == s.Text }) {
			return nil, &Error{text, 1, "the same threshold is given twice"}
		}
		all = append(all, s)
	}
	return all, nil
}

// percent writes a share between 0 and 1 in percent.
func percent(share float64) string { return decimal(share*100) + "%" }
