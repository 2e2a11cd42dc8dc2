package mutants

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/wire"
)

// madeUp is an id of Kirim's form that is the same for the same number.
func madeUp(prefix string, n int64) string { return fmt.Sprintf("%s_%026d", prefix, n) }

// relayHeaderMutants label deliveries wrongly.
func relayHeaderMutants() []Mutant {
	return []Mutant{
		{
			Name: "drops-kirim-headers", Defect: "the bytes are forwarded without the headers of the event", Seen: "a public relay",
			Breaks: append([]string{
				"relay.headers.once", "relay.headers.source", "relay.headers.event", "relay.headers.event-id.message",
				"relay.headers.event-id.status", "relay.headers.event-id.kirim", "relay.headers.delivery-id.*",
				"relay.headers.attempt", "relay.passthrough.batch-id", "relay.passthrough.mixed",
				"relay.signature.form", "relay.signature.lower-case",
			}, everySignature...),
			relay: drops(func(f wire.Field, _ *pipeline.Request) bool {
				return strings.HasPrefix(strings.ToLower(f.Name), "x-kirim-")
			}),
		},
		{
			Name: "content-type-text", Defect: "bodies are sent as plain text",
			Breaks: []string{"relay.headers.json-post"},
			relay:  rewrites("Content-Type", func(string) string { return "text/plain; charset=utf-8" }),
		},
		{
			Name: "user-agent-default", Defect: "the user agent is that of the HTTP library",
			Breaks: []string{"relay.headers.user-agent"},
			relay:  rewrites("User-Agent", func(string) string { return "Go-http-client/2.0" }),
		},
		{
			Name: "source-always-kirim", Defect: "Meta's events have the source kirim too",
			Breaks: []string{"relay.headers.source"},
			relay:  rewrites("X-Kirim-Source", func(string) string { return string(contract.SourceKirim) }),
		},
		{
			Name: "event-missing-for-kirim", Defect: "Kirim's events name themselves in the body alone",
			Breaks: []string{"relay.headers.event", "relay.headers.once"},
			relay: drops(func(f wire.Field, r *pipeline.Request) bool {
				return f.Name == "X-Kirim-Event" && get(r, "X-Kirim-Source") == string(contract.SourceKirim)
			}),
		},
		{
			Name: "event-id-invented", Defect: "Meta's events get an id of the relay's own",
			Breaks: []string{"relay.headers.event-id.message", "relay.headers.event-id.status", "relay.passthrough.batch-id"},
			relay:  eventIDs(contract.SourceMeta, func(d pipeline.Delivery, _ int) string { return madeUp("evt", d.Event.Seq) }),
		},
		{
			Name: "event-id-not-of-the-body", Defect: "the header of Kirim's events has another id than their bodies",
			Breaks: []string{"relay.headers.event-id.kirim"},
			relay:  eventIDs(contract.SourceKirim, func(d pipeline.Delivery, _ int) string { return madeUp("evt", d.Event.Seq) }),
		},
		{
			Name: "id-per-attempt", Defect: "every retry has a new event id", Seen: "a public relay",
			Breaks: []string{"relay.headers.event-id.stable"},
			relay: func(p *server.Parts) {
				p.Relay.Rules.EventID = func(d pipeline.Delivery, attempt int) string {
					if attempt > 1 {
						return madeUp("evt", d.Seq*100+int64(attempt))
					}
					return d.Event.ID
				}
			},
		},
		{
			Name: "id-per-subscription", Defect: "every subscription gets Kirim's events under an id of its own",
			Breaks: []string{"relay.headers.event-id.shared", "relay.headers.event-id.kirim"},
			relay:  eventIDs(contract.SourceKirim, func(d pipeline.Delivery, _ int) string { return madeUp("evt", d.Seq) }),
		},
		{
			Name: "delivery-id-prefix", Defect: "delivery ids begin with dlv_", Seen: "a page of a later product generation",
			Breaks: []string{"relay.headers.delivery-id.form"},
			relay:  rewrites("X-Kirim-Delivery-Id", func(id string) string { return strings.Replace(id, "wbd_", "dlv_", 1) }),
		},
		{
			Name: "delivery-id-per-event", Defect: "all deliveries of an event share one delivery id",
			Breaks: []string{"relay.headers.delivery-id.unique"},
			relay: func(p *server.Parts) {
				p.Relay.Rules.DeliveryID = func(d pipeline.Delivery, _ int, _ func() string) string { return madeUp("wbd", d.Event.Seq) }
			},
		},
		{
			Name: "attempt-from-0", Defect: "attempts are counted from 0",
			Breaks: []string{"relay.headers.attempt"},
			relay: rewrites("X-Kirim-Attempt", func(value string) string {
				if n, err := strconv.Atoi(value); err == nil {
					return strconv.Itoa(n - 1)
				}
				return value
			}),
		},
		{
			Name: "header-twice", Defect: "the event id comes in two header lines",
			Breaks: []string{"relay.headers.once"},
			relay: onWire(func(r *pipeline.Request) {
				r.Header = append(r.Header, wire.Field{Name: "X-Kirim-Event-Id", Value: get(r, "X-Kirim-Event-Id")})
			}),
		},
		{
			Name: "forwards-hub-signature", Defect: "Meta's signature header is passed on",
			Breaks: []string{"relay.headers.no-meta-signature"},
			relay: func(p *server.Parts) {
				onWire(func(r *pipeline.Request) {
					if get(r, "X-Kirim-Source") == string(contract.SourceMeta) {
						r.Header = append(r.Header, wire.Field{Name: "X-Hub-Signature-256", Value: metaSignature(p, r.Body)})
					}
				})(p)
			},
		},
	}
}

// eventIDs replaces the event ids of one source.
func eventIDs(source contract.Source, id func(d pipeline.Delivery, attempt int) string) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.EventID
		p.Relay.Rules.EventID = func(d pipeline.Delivery, attempt int) string {
			if d.Event.Source == source {
				return id(d, attempt)
			}
			return right(d, attempt)
		}
	}
}
