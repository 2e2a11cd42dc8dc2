package mutants

import (
	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/target/reference"
)

// idLength is how much of an id a column keeps that was made for ids of Kirim's; those of one customer's messages differ behind it.
const idLength = 32

// cutIDs compares as much of an id as the column keeps.
func cutIDs(b *build) {
	right := b.policy.Key
	b.policy.Key = func(d reference.Delivery, it reference.Item) string {
		d.EventID, it.ID = d.EventID[:min(len(d.EventID), idLength)], it.ID[:min(len(it.ID), idLength)]
		return right(d, it)
	}
}

// oneMessage is longer than a body with one message. To look through a body for each of its thousand items takes too long.
const oneMessage = 16 << 10

// sameTextOnce takes a message whose text its sender has written before for that one.
func sameTextOnce(b *build) {
	right := b.policy.Key
	b.policy.Key = func(d reference.Delivery, it reference.Item) string {
		if len(d.Body) > oneMessage {
			return right(d, it)
		}
		for _, message := range gjson.GetBytes(d.Body, "entry.#.changes.#.value.messages|@flatten|@flatten").Array() {
			if text := message.Get("text.body"); text.Exists() && message.Get("id").String() == it.ID {
				return message.Get("from").String() + "\x00" + text.String()
			}
		}
		return right(d, it)
	}
}

// similarMessages confuses messages that are like each other.
func similarMessages() []Mutant {
	return []Mutant{
		receiver("ids-cut-at-32", "keeps ids in a column of 32 characters, which cuts Meta's ids in the middle", "",
			[]string{"receiver.dedupe.same-customer"}, cutIDs),
		receiver("same-text-once", "takes the second of two messages with the same text for the first", "",
			[]string{"receiver.dedupe.same-customer"}, sameTextOnce),
	}
}

// metaSimilarMessages are the same for receivers of Meta's own webhooks.
func metaSimilarMessages() []Mutant {
	return []Mutant{
		metaReceiver("ids-cut-at-32", "keeps ids in a column of 32 characters, which cuts Meta's ids in the middle", "",
			[]string{"meta-receiver.dedupe.same-customer"}, cutIDs),
		metaReceiver("same-text-once", "takes the second of two messages with the same text for the first", "",
			[]string{"meta-receiver.dedupe.same-customer"}, sameTextOnce),
	}
}
