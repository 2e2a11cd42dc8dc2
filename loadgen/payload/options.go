package payload

import (
	"fmt"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Options say what the deliveries of a run are like.
type Options struct {
	// Mix is the share of each event.
	Mix Mix
	// Duplicates, Retries, WrongSignatures and Batched are shares of the deliveries, each from 0 to 1 and together at
	// most 1; see Kind. All others are plain.
	Duplicates, Retries, WrongSignatures, Batched float64
	// BatchItems is the number of updates in a batched body; 0 means DefaultBatchItems.
	BatchItems int
	// BodySize is the size that the bodies of message.received are filled up to, in bytes; 0 leaves them as they are.
	BodySize int
	// Seed begins the ids and texts. The same seed and schedule make the same deliveries.
	Seed uint64
}

// DefaultBatchItems is what a busy number's batch holds; public captures have few.
const DefaultBatchItems = 10

// Kind is what is special about a delivery.
type Kind uint8

// The kinds. A duplicate and a retry are events that were sent before: a duplicate as another first attempt, a retry as
// the next attempt. A forged delivery has a signature under a secret that is nobody's. A batched one holds several updates.
const (
	Plain Kind = iota
	Duplicate
	Retry
	Forged
	Batched
)

// complete checks the options and fills in what was left out.
func (o Options) complete(edition contract.Edition, role contract.Role, meta contract.Meta) (Options, error) {
	if len(o.Mix) == 0 {
		o.Mix = DefaultMix(Events(edition, role), meta)
	}
	sum := 0.0
	for name, share := range map[string]float64{
		"duplicates": o.Duplicates, "retries": o.Retries, "wrong signatures": o.WrongSignatures, "batched bodies": o.Batched,
	} {
		if !(share >= 0 && share <= 1) {
			return o, fmt.Errorf("the share of %s is not between 0%% and 100%%", name)
		}
		sum += share
	}
	if sum > 1+1e-9 {
		return o, fmt.Errorf("duplicates, retries, wrong signatures and batched bodies are %.4g%% of the deliveries together; at most 100%% can be", sum*100)
	}
	if o.BatchItems == 0 {
		o.BatchItems = DefaultBatchItems
	}
	if o.BatchItems < 2 || o.BatchItems > meta.BatchLimit.Value {
		return o, fmt.Errorf("a batch of %d updates is outside 2 to %d (%s)", o.BatchItems, meta.BatchLimit.Value, meta.BatchLimit.Source)
	}
	if o.Batched > 0 && o.Mix[messageReceived]+o.Mix[messageStatus] == 0 {
		return o, fmt.Errorf("only %s and %s come in batches, and the mix has neither", messageReceived, messageStatus)
	}
	if o.BodySize != 0 {
		if o.BodySize < fixtures.MinSized || o.BodySize > meta.PayloadLimit.Value {
			return o, fmt.Errorf("a body of %d bytes is outside %d to %d (%s)",
				o.BodySize, fixtures.MinSized, meta.PayloadLimit.Value, meta.PayloadLimit.Source)
		}
		if o.Mix[messageReceived] == 0 {
			return o, fmt.Errorf("a body size fills up %s, and the mix has none", messageReceived)
		}
	}
	return o, nil
}
