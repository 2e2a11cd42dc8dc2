package mutants

import (
	"bytes"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// narrowReaders are receivers of Kirim's that read deliveries by the habits of the sender. Most of them answer 200 and do
// nothing where a delivery is written otherwise, so that nobody is told.
func narrowReaders() []Mutant {
	redirects := receiver("post-redirect-get", "answers one event with a 303 when its work is done, as a form does", "",
		[]string{"receiver.delivery.no-redirect", "receiver.delivery.event-accepted"},
		func(b *build) {
			right := b.policy.Process
			b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
				status := right(s, d, its, key)
				if status == http.StatusOK && d.Event == "conversation.assigned" {
					return http.StatusSeeOther
				}
				return status
			}
		})
	redirects.Blinds = []string{"receiver.delivery.event-takes-effect", "receiver.delivery.within-timeout", "receiver.delivery.acknowledged-quickly"}
	return []Mutant{
		redirects,
		receiver("closed-schema-drops", "validates against a closed schema, and answers 200 and does nothing where there is more", "",
			[]string{"receiver.delivery.unknown-field"},
			func(b *build) {
				process(ignored(func(d reference.Delivery) bool {
					if d.Source == contract.SourceMeta {
						return !closed(d.Body)
					}
					known := slices.Concat(b.edition.Envelope, constants(b.edition))
					return slices.ContainsFunc(keys(gjson.ParseBytes(d.Body)), func(key string) bool { return !slices.Contains(known, key) })
				}))(b)
			}),
		receiver("kirim-member-is-kirims", "takes a body with a member kirim for one of Kirim's own, and finds no data in it", "",
			[]string{"receiver.delivery.extra-object"},
			process(ignored(func(d reference.Delivery) bool {
				return d.Source == contract.SourceMeta && slices.Contains(topKeys(d.Body), "kirim")
			}))),
		receiver("type-before-data", "reads the envelope from front to back, and cannot tell what data is before it has read type", "",
			[]string{"receiver.delivery.key-order", "receiver.signature.raw-bytes"},
			process(ignored(func(d reference.Delivery) bool {
				order := keys(gjson.ParseBytes(d.Body))
				return d.Source == contract.SourceKirim && slices.Index(order, "type") > slices.Index(order, "data")
			}))),
		receiver("charset-not-parsed", "parses bodies of exactly application/json, and finds nothing in others", "",
			[]string{"receiver.delivery.charset"},
			func(b *build) {
				right := b.policy.Describe
				b.policy.Describe = func(h http.Header, body []byte) reference.Delivery {
					d := right(h, body)
					if h.Get("Content-Type") != b.edition.Headers.ContentType {
						d.Event = ""
					}
					return d
				}
			}),
		receiver("event-name-case", "looks for the name of the event in a header written as documented, and finds none", "",
			[]string{"receiver.delivery.header-case"},
			func(b *build) {
				b.listener = func(l net.Listener) net.Listener { return caseListener{l, b.edition.Headers.Event} }
			}),
		receiver("inserts-at-sent", "makes its row for a message at sent, and fails where a later status has made it already", "",
			[]string{"receiver.delivery.status-order"}, insertsAtSent()),
		receiver("blank-ends-header", "reads the signature header up to the first blank", "",
			[]string{"receiver.parser.blanks"},
			withHeader(func(header string) string { before, _, _ := strings.Cut(header, " "); return before })),
	}
}

// metaNarrowReaders are the same for receivers of Meta's own webhooks.
func metaNarrowReaders() []Mutant {
	return []Mutant{
		metaReceiver("closed-schema-drops", "validates against a closed schema, and answers 200 and does nothing where there is more", "",
			[]string{"meta-receiver.delivery.unknown-field"},
			process(ignored(func(d reference.Delivery) bool { return !closed(d.Body) }))),
		metaReceiver("metadata-before-messages", "reads from front to back, and does not know whose messages they are before it has read metadata", "",
			[]string{"meta-receiver.delivery.key-order"},
			process(ignored(func(d reference.Delivery) bool {
				messages := bytes.Index(d.Body, []byte(`"messages":[`))
				return messages >= 0 && messages < bytes.Index(d.Body, []byte(`"metadata":`))
			}))),
		metaReceiver("statuses-or-messages", "looks for statuses only where a body has no messages", "",
			[]string{"meta-receiver.delivery.batch"},
			items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				isStatus := func(it reference.Item) bool { return it.Status != "" }
				if slices.ContainsFunc(right, func(it reference.Item) bool { return !isStatus(it) }) {
					right = slices.DeleteFunc(right, isStatus)
				}
				return right, err
			})),
		metaReceiver("read-not-known", "knows that a message is sent or delivered, and does nothing when it is read", "",
			[]string{"meta-receiver.dedupe.statuses"},
			items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				return slices.DeleteFunc(right, func(it reference.Item) bool { return it.Status == "read" }), err
			})),
		metaReceiver("inserts-at-sent", "makes its row for a message at sent, and fails where a later status has made it already", "",
			[]string{"meta-receiver.delivery.status-order"}, insertsAtSent()),
		metaReceiver("unknown-type-202", "answers 202 to a type of message that is not in its list, which is no success at Meta", "",
			[]string{"meta-receiver.delivery.unknown-type"},
			process(func(d reference.Delivery) int {
				if unknownType(gjson.ParseBytes(d.Body)) {
					return http.StatusAccepted
				}
				return 0
			})),
		metaReceiver("errors-as-own-failure", "takes an object with errors for a failure of its own, and answers 500", "",
			[]string{"meta-receiver.delivery.errors-object"},
			process(func(d reference.Delivery) int {
				if len(values(gjson.ParseBytes(d.Body), "errors")) > 0 {
					return http.StatusInternalServerError
				}
				return 0
			})),
		metaReceiver("other-field-404", "answers 404 to a webhook field that it has no route for", "",
			[]string{"meta-receiver.delivery.other-webhook-field"},
			process(func(d reference.Delivery) int {
				if gjson.GetBytes(d.Body, "entry.0.changes.0.field").String() != "messages" {
					return http.StatusNotFound
				}
				return 0
			})),
		metaReceiver("buffer-256k", "reads as much of a body as its buffer of 256 KiB holds, and finds the signature wrong", "",
			[]string{"meta-receiver.delivery.body-limit", "meta-receiver.delivery.batch"},
			func(b *build) {
				read := b.policy.ReadBody
				b.policy.ReadBody = func(r *http.Request) ([]byte, error) {
					body, err := read(r)
					return body[:min(len(body), 256<<10)], err
				}
			}),
	}
}

// ignored answers 200 and does nothing for the deliveries that are not read right.
func ignored(unread func(d reference.Delivery) bool) func(reference.Delivery) int {
	return func(d reference.Delivery) int {
		if unread(d) {
			return http.StatusOK
		}
		return 0
	}
}

// keys are the names of an object's members, in their order.
func keys(object gjson.Result) (names []string) {
	object.ForEach(func(key, _ gjson.Result) bool {
		names = append(names, key.String())
		return true
	})
	return names
}

// closed reports whether the entries of a body of Meta's have those members alone that Meta's reference shows.
func closed(body []byte) bool {
	for _, entry := range gjson.GetBytes(body, "entry").Array() {
		for _, key := range keys(entry) {
			if key != "id" && key != "time" && key != "changes" {
				return false
			}
		}
	}
	return true
}

// constants are the names of the further members of an edition's envelope.
func constants(ed contract.Edition) (names []string) {
	for name := range ed.Constants {
		names = append(names, name)
	}
	return names
}

// insertsAtSent fails on the status sent of a message of which another status was there before.
func insertsAtSent() func(*build) {
	var mu sync.Mutex
	rows := map[string]bool{}
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			mu.Lock()
			defer mu.Unlock()
			for _, it := range its {
				if it.Status == "sent" && rows[it.ID] {
					return http.StatusInternalServerError
				}
				rows[it.ID] = rows[it.ID] || it.Status != ""
			}
			return right(s, d, its, key)
		}
	}
}
