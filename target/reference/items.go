package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/contract"
)

var (
	errNotUTF8   = errors.New("the body is not UTF-8")
	errNotObject = errors.New("the body is not a JSON object")
)

// metaBody is as much of Meta's body as the receiver needs; everything else is left alone.
type metaBody struct {
	Entry []struct {
		Changes []struct {
			Value struct {
				Messages []struct {
					ID string `json:"id"`
				} `json:"messages"`
				Statuses []struct {
					ID     string `json:"id"`
					Status string `json:"status"`
				} `json:"statuses"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// Items finds every message and status in a Meta body, and the object in a Kirim body. An event type that the
// receiver does not know has no items, and so is acknowledged and nothing else.
func Items(d Delivery) ([]Item, error) {
	// encoding/json takes invalid UTF-8 for replacement characters, so it is looked for first.
	if !utf8.Valid(d.Body) {
		return nil, errNotUTF8
	}
	if trimmed := bytes.TrimLeft(d.Body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(d.Body) {
		return nil, errNotObject
	}
	if d.Source == contract.SourceMeta {
		return metaItems(d.Body)
	}
	object, known := map[string]string{
		"conversation.assigned": "conversation", "conversation.closed": "conversation",
		"contact.created": "contact", "contact.updated": "contact", "message.created": "message", "message.sent": "message",
	}[d.Event]
	if !known {
		return nil, nil
	}
	var envelope struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(d.Body, &envelope); err != nil {
		return nil, err
	}
	var it struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(envelope.Data[object], &it); err != nil {
		return nil, err
	}
	return []Item{{ID: it.ID}}, nil
}

func metaItems(body []byte) ([]Item, error) {
	var meta metaBody
	if err := json.Unmarshal(body, &meta); err != nil {
		return nil, err
	}
	var items []Item
	for _, entry := range meta.Entry {
		for _, change := range entry.Changes {
			for _, m := range change.Value.Messages {
				items = append(items, Item{ID: m.ID})
			}
			for _, s := range change.Value.Statuses {
				items = append(items, Item{ID: s.ID, Status: s.Status})
			}
		}
	}
	return items, nil
}
