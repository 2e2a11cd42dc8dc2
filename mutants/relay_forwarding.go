package mutants

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/signature"
)

// forwardingAreas limits the specs to those of forwarding. What is wrong with a header or a signature shows in many
// others too, and each waits for a delivery that it does not recognise.
const forwardingAreas = "passthrough || headers || signature || events"

// relayForwardingMutants change what is forwarded, labelled, signed and told.
func relayForwardingMutants() []Mutant {
	return scoped(forwardingAreas, relayBodyMutants(), relayHeaderMutants(), relaySignatureMutants(), relaySecretMutants(),
		relayEventMutants(), relayIdentityMutants())
}

// forwards replaces the body of what Meta sent.
func forwards(change func(body []byte) ([]byte, error)) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Relay.Behaviour.Forward = func(body []byte) []byte {
			if out, err := change(body); err == nil {
				return out
			}
			return body
		}
	}
}

// relayBodyMutants do not leave Meta's bodies alone, or make of them what they are not.
func relayBodyMutants() []Mutant {
	return []Mutant{
		{
			Name: "body-reserialised", Defect: "Meta's bytes are decoded and encoded again", Seen: "a public relay",
			Breaks: []string{
				"relay.passthrough.message-received", "relay.passthrough.message-status", "relay.passthrough.escapes",
				"relay.passthrough.layout", "relay.passthrough.numbers",
			},
			May:   []string{"relay.passthrough.batch", "relay.passthrough.mixed"},
			relay: forwards(reserialise),
		},
		{
			Name: "kirim-object-added", Defect: "an object of the relay's own is added to Meta's body", Seen: "a capture of live traffic",
			Breaks: []string{
				"relay.passthrough.message-received", "relay.passthrough.message-status", "relay.passthrough.escapes",
				"relay.passthrough.layout", "relay.passthrough.numbers", "relay.passthrough.unknown-content",
				"relay.passthrough.large", "relay.passthrough.batch", "relay.passthrough.mixed",
			},
			relay: forwards(func(body []byte) ([]byte, error) {
				return sjson.SetRawBytes(body, "kirim", []byte(`{"phone_number_id":"106540352242922"}`))
			}),
		},
		{
			Name: "blanks-removed", Defect: "Meta's body is stored as compact JSON",
			Breaks: []string{"relay.passthrough.layout"},
			relay: forwards(func(body []byte) ([]byte, error) {
				var out bytes.Buffer
				err := json.Compact(&out, body)
				return out.Bytes(), err
			}),
		},
		{
			Name: "known-types-only", Defect: "messages of types that are not in its list are acknowledged and dropped",
			Breaks: []string{"relay.passthrough.unknown-content"},
			relay:  swallows(unknownType),
		},
		{
			Name: "body-limit-1m", Defect: "the framework's limit of a megabyte holds at Meta's callback URL",
			Breaks: []string{"relay.passthrough.large"},
			relay: func(p *server.Parts) {
				p.Wrap = func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if req.ContentLength > 1<<20 {
							http.Error(w, "too large", http.StatusRequestEntityTooLarge)
							return
						}
						next.ServeHTTP(w, req)
					})
				}
			},
		},
		{
			Name: "split-batch", Defect: "a batch becomes a delivery for each of its items",
			Breaks: []string{"relay.passthrough.batch", "relay.passthrough.mixed", "relay.passthrough.large"},
			May:    []string{"relay.passthrough.batch-id"},
			relay:  func(p *server.Parts) { p.Relay.Behaviour.Batch = relay.Split },
		},
		{
			Name: "batch-id-of-last", Defect: "a batch has the id of its last item",
			Breaks: []string{"relay.passthrough.batch-id"},
			relay: func(p *server.Parts) {
				right := p.Relay.Behaviour.Leading
				p.Relay.Behaviour.Leading = func(events []string) int {
					last := right(events)
					for i, event := range events {
						if event == events[last] {
							last = i
						}
					}
					return last
				}
			},
		},
		{
			Name: "mixed-as-status", Defect: "a body with messages and statuses counts as one of statuses",
			Breaks: []string{"relay.passthrough.mixed"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Leading = func(events []string) int { return max(slices.Index(events, "message.status"), 0) }
			},
		},
		{
			Name: "forwards-everything", Defect: "whatever Meta sends is forwarded, as a message where it is none",
			Breaks: []string{"relay.passthrough.other-fields"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Unlisted = func([]byte) string { return "message.received" }
			},
		},
		{
			Name: "retry-reserialised", Defect: "a retry carries the body with a line end behind it, and is signed for that",
			Breaks: []string{"relay.passthrough.retry-bytes"},
			relay:  retriesWith(func(body []byte) []byte { return append(slices.Clone(body), '\n') }),
		},
	}
}

// retriesWith sends, and signs, another body with retries.
func retriesWith(change func(body []byte) []byte) func(*server.Parts) {
	return func(p *server.Parts) {
		right, attempt := p.Relay.Rules.Sign, p.Relay.Edition.Headers.Attempt
		p.Relay.Rules.Sign = func(s pipeline.Signing) string {
			if s.Attempt > 1 {
				s.Body = change(s.Body)
			}
			return right(s)
		}
		onWire(func(r *pipeline.Request) {
			if n, err := strconv.Atoi(get(r, attempt)); err == nil && n > 1 {
				r.Body = change(r.Body)
			}
		})(p)
	}
}

// knownTypes are the message types of Meta's reference, and those that were seen.
var knownTypes = []string{
	"audio", "button", "contacts", "document", "edit", "ephemeral", "image", "interactive", "location", "order", "reaction",
	"request_welcome", "revoke", "sticker", "system", "text", "unknown", "unsupported", "video", "voice",
}

func unknownType(body gjson.Result) bool {
	for _, types := range values(body, "messages.#.type") {
		if !slices.Contains(knownTypes, types) {
			return true
		}
	}
	return false
}

// metaSignature is what Meta's signature header would carry.
func metaSignature(p *server.Parts, body []byte) string {
	return signature.MetaHeader(p.Front.AppSecret, body)
}
