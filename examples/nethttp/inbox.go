package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

var events = []string{
	"message.received", "message.status", "message.created",
	"conversation.assigned", "conversation.closed", "contact.created", "contact.updated",
}

// item is what a delivery holds one or more of. It is its own key: sent, delivered and read of one message share its id.
type item struct{ kind, id, status, eventID string }

// itemsOf takes a body apart. An event that is new to us holds nothing, and is no error.
func itemsOf(event, eventID, source string, body []byte) (items []item, err error) {
	var delivery struct {
		ID    *string                    `json:"id"`
		Type  *string                    `json:"type"`
		Data  map[string]json.RawMessage `json:"data"`
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages, Statuses []struct{ ID, Status string }
				}
			}
		}
	}
	switch {
	case !utf8.Valid(body):
		return nil, errors.New("not UTF-8") // encoding/json would replace what is not, in silence
	case event == "" || eventID == "":
		return nil, errors.New("X-Kirim-Event or X-Kirim-Event-Id is missing")
	}
	if err := json.Unmarshal(body, &delivery); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(events, event):
		return nil, nil
	case source == "meta":
		for _, entry := range delivery.Entry {
			for _, change := range entry.Changes {
				for _, m := range change.Value.Messages {
					items = append(items, item{"message", m.ID, "", ""})
				}
				for _, s := range change.Value.Statuses {
					items = append(items, item{"status", s.ID, s.Status, ""})
				}
			}
		}
	case source == "kirim" && delivery.Data != nil && same(delivery.ID, eventID) && same(delivery.Type, event):
		var thing struct {
			ID string `json:"id"`
		}
		kind, _, _ := strings.Cut(event, ".")
		// Where the thing has another form than today, the event's own id is the key.
		_ = json.Unmarshal(delivery.Data[kind], &thing)
		items = append(items, item{event, thing.ID, "", eventID})
	default:
		return nil, errors.New("the envelope has no data, or another id or type than the headers")
	}
	return items, nil
}

// same reports whether the signed body says what a header says, which is not signed.
func same(inBody *string, inHeader string) bool { return inBody == nil || *inBody == inHeader }

// effect is what was done because of an item.
type effect struct{ event, eventID, item, status string }

// inbox knows which items are new. This one lives in the process; yours belongs in the database that holds the work, with
// the key under a unique constraint and both in one transaction.
type inbox struct {
	mu      sync.Mutex
	seen    map[item]bool
	effects []effect
	failing bool
}

// take does the work for every item that is new, or for none of them.
func (b *inbox) take(event, eventID string, items []item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing {
		return errors.New("told to fail by /test/fail")
	}
	for _, it := range items {
		if !b.seen[it] {
			b.seen[it] = true
			b.effects = append(b.effects, effect{event, eventID, it.id, it.status})
		}
	}
	return nil
}

// count is how many effects are of a kind.
func (b *inbox) count(wanted func(effect) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.effects {
		if wanted(e) {
			n++
		}
	}
	return n
}

func (b *inbox) fail(failing bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = failing
}
