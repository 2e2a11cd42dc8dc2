package suites

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// eventOf tells by its body alone which event a delivery is of; empty where it is none.
func eventOf(body []byte) string {
	var d struct {
		Type  string `json:"type"`
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages []json.RawMessage `json:"messages"`
					Statuses []json.RawMessage `json:"statuses"`
				} `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &d) != nil || d.Type != "" {
		return d.Type
	}
	event := ""
	for _, entry := range d.Entry {
		for _, change := range entry.Changes {
			if len(change.Value.Messages) > 0 {
				return messageReceived
			}
			if len(change.Value.Statuses) > 0 {
				event = messageStatus
			}
		}
	}
	return event
}

// kirimEnvelope is one of Kirim's own events as it came.
type kirimEnvelope struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	CreatedAt string          `json:"created_at"`
	Livemode  json.RawMessage `json:"livemode"`
	Data      json.RawMessage `json:"data"`
	body      []byte
}

// kirimEvent reads a delivery of one of Kirim's own events. The type is empty where it is none.
func kirimEvent(d subscriber.Delivery) (ev kirimEnvelope) {
	if json.Unmarshal(d.Body, &ev) != nil {
		ev = kirimEnvelope{}
	}
	ev.body = d.Body
	return ev
}

// firstItem is the first message or status in the first change of a body of Meta's.
func firstItem(body []byte) fixtures.Item {
	const value = "/entry/0/changes/0/value"
	for _, list := range []string{"/messages/0", "/statuses/0"} {
		if id, ok := member(body, value+list+"/id").(string); ok {
			status, _ := member(body, value+list+"/status").(string)
			return fixtures.Item{ID: id, Status: status}
		}
	}
	return fixtures.Item{}
}

// says ends the spec as broken unless an event has a value at a place (a JSON pointer). A member that is missing is not
// null.
func (c *relayCheck) says(ev kirimEnvelope, pointer string, want any) {
	if got := c.at(ev.body, pointer); !reflect.DeepEqual(got, want) {
		c.Broken(fmt.Sprintf("%s with %s %v", ev.Type, pointer, shownValue(want)), shownValue(got))
	}
}

// missing is what stands where nothing does.
type missing struct{}

// at is what a body has at a place (a JSON pointer). What is not JSON ends the spec as broken.
func (c *relayCheck) at(body []byte, pointer string) any {
	if !json.Valid(body) {
		c.Broken("a body of JSON", fmt.Sprintf("%d bytes that are not", len(body)))
	}
	return member(body, pointer)
}

// member is what a JSON text has at a place; missing{} where it has nothing there.
func member(body []byte, pointer string) any {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return missing{}
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch in := value.(type) {
		case map[string]any:
			var there bool
			if value, there = in[part]; !there {
				return missing{}
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return missing{}
			}
			value = in[i]
		default:
			return missing{}
		}
	}
	return value
}

func shownValue(value any) string {
	if value == (missing{}) {
		return "no such member"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
