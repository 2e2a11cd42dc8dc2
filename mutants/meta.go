package mutants

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// The names of Meta's signature headers, as contract/meta.yaml has them.
const (
	hubSignature     = "X-Hub-Signature-256"
	hubSignatureSHA1 = "X-Hub-Signature"
)

func metaReceiver(name, defect, seen string, breaks []string, apply func(*build)) Mutant {
	return Mutant{Name: name, Role: contract.RoleMetaReceiver, Defect: defect, Seen: seen, Breaks: breaks, apply: apply}
}

// metaOrElse takes a signature that the correct verification refuses, where open says so.
func metaOrElse(open func(h http.Header, body []byte) bool) func(*build) {
	return verifyWith(func(_ *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		err := right.Verify(h, body, now)
		if err != nil && open(h, body) {
			return nil
		}
		return err
	})
}

// handshake returns a mutation of the answer to a GET.
func handshake(change func(q url.Values, status int, body string) (int, string)) func(*build) {
	return func(b *build) {
		right := b.policy.Handshake
		b.policy.Handshake = func(q url.Values) (int, string) {
			status, body := right(q)
			return change(q, status, body)
		}
	}
}

// with returns a copy of a query in which one parameter has another value.
func with(q url.Values, name, value string) url.Values {
	out := url.Values{}
	for k, v := range q {
		out[k] = v
	}
	out.Set(name, value)
	return out
}

// metaMutants are wrong receivers of Meta's own webhooks.
func metaMutants() []Mutant {
	answers, effects := []string{"meta-receiver.signature.*.answer"}, []string{"meta-receiver.signature.*.effect"}
	all := append(append([]string(nil), answers...), effects...)
	blind := func(m Mutant, may ...string) Mutant { m.Blinds = may; return m }

	reserialised := metaReceiver("verify-reserialised", "makes the MAC over JSON that was decoded and encoded again", seenReceivers,
		[]string{"meta-receiver.signature.raw-bytes", "meta-receiver.delivery.event-accepted"}, withBody(reserialise))
	// Which of the other bodies hold something that is escaped is left to the generated texts.
	reserialised.May, reserialised.Blinds = []string{"meta-receiver.*"}, []string{"meta-receiver.*"}
	reserialised.Cause = "decoded and encoded again"
	slow := metaReceiver("slow-sync-work", "works before it answers", seenReceivers,
		[]string{"meta-receiver.delivery.median-latency"}, func(b *build) { b.handler = slowPosts })
	slow.Filter = "meta-receiver.delivery.median-latency"
	noContent := blind(metaReceiver("answers-204", "answers 204, which is a success everywhere but at Meta", "",
		[]string{"meta-receiver.signature.valid", "meta-receiver.delivery.event-accepted"},
		insteadOf(http.StatusOK, http.StatusNoContent)), "meta-receiver.signature.*", "meta-receiver.delivery.*", "meta-receiver.dedupe.*")

	return append([]Mutant{
		reserialised, slow, noContent,
		metaReceiver("no-verify", "takes any POST without looking at the signature", seenReceivers, all,
			verifyWith(func(*build, reference.Policy, http.Header, []byte, time.Time) error { return nil })),
		metaReceiver("bad-signature-200", "answers 200 to a bad signature, and does nothing", seenReceivers, answers,
			func(b *build) { b.policy.Refused = func(error) (int, bool) { return http.StatusOK, false } }),
		metaReceiver("works-then-401", "answers 401 to a bad signature after it has done the work", "", effects,
			func(b *build) { b.policy.Refused = func(error) (int, bool) { return http.StatusUnauthorized, true } }),
		metaReceiver("compacts-body", "drops blanks from the body before the MAC", "",
			[]string{"meta-receiver.signature.raw-bytes"}, withBody(func(body []byte) ([]byte, error) {
				var out bytes.Buffer
				err := json.Compact(&out, body)
				return out.Bytes(), err
			})),
		metaReceiver("sha1-only", "looks at the old X-Hub-Signature alone", seenReceivers,
			[]string{"meta-receiver.signature.sha1-only.answer", "meta-receiver.signature.sha1-only.effect"},
			verifyWith(func(_ *build, _ reference.Policy, h http.Header, body []byte, _ time.Time) error {
				return signature.MetaVerifier{Secret: reference.MetaSecret}.VerifySHA1(h.Get(hubSignatureSHA1), body)
			})),
		metaReceiver("fail-open-no-header", "lets a POST pass that carries no signature header", seenReceivers,
			[]string{"meta-receiver.signature.missing.*", "meta-receiver.signature.empty.*", "meta-receiver.signature.sha1-only.*"},
			metaOrElse(func(h http.Header, _ []byte) bool { return h.Get(hubSignature) == "" })),
		metaReceiver("prefix-compare", "compares as many characters as were sent", seenReceivers,
			[]string{"meta-receiver.signature.truncated.*"},
			metaOrElse(func(h http.Header, body []byte) bool {
				got := h.Get(hubSignature)
				return len(got) > len("sha256=") && strings.HasPrefix(signature.MetaHeader(reference.MetaSecret, body), got)
			})),
		metaReceiver("any-digest", "takes whichever digest matches, whatever the header calls it", "",
			[]string{"meta-receiver.signature.sha1-as-sha256.*"},
			metaOrElse(func(h http.Header, body []byte) bool {
				return strings.HasSuffix(h.Get(hubSignature), "="+hex.EncodeToString(signature.MetaMACSHA1(reference.MetaSecret, body)))
			})),
		metaReceiver("non-ascii-500", "throws when the signature header is not ASCII", seenReceivers,
			[]string{"meta-receiver.signature.non-ascii.answer"},
			func(b *build) {
				b.handler = onRequest(func(r *http.Request) int {
					if strings.IndexFunc(r.Header.Get(hubSignature), func(c rune) bool { return c > 127 }) >= 0 {
						return http.StatusInternalServerError
					}
					return 0
				})
			}),

		blind(metaReceiver("handshake-signed", "refuses the GET because it carries no signature", seenReceivers,
			[]string{"meta-receiver.handshake.challenge", "meta-receiver.handshake.text-challenge", "meta-receiver.handshake.escaped-challenge", "meta-receiver.handshake.unsigned"},
			func(b *build) {
				b.handler = onRequest(func(r *http.Request) int {
					if r.Method == http.MethodGet && r.Header.Get(hubSignature) == "" {
						return http.StatusUnauthorized
					}
					return 0
				})
			}), "meta-receiver.handshake.*"),
		blind(metaReceiver("challenge-as-json", "answers with the challenge as a JSON string", seenReceivers,
			[]string{"meta-receiver.handshake.challenge", "meta-receiver.handshake.text-challenge", "meta-receiver.handshake.escaped-challenge"},
			handshake(func(_ url.Values, status int, body string) (int, string) {
				if quoted, err := json.Marshal(body); err == nil && status == http.StatusOK {
					body = string(quoted)
				}
				return status, body
			})), "meta-receiver.handshake.*"),
		metaReceiver("challenge-as-number", "takes the challenge for a number", seenReceivers,
			[]string{"meta-receiver.handshake.text-challenge", "meta-receiver.handshake.escaped-challenge"},
			handshake(func(_ url.Values, status int, body string) (int, string) {
				if strings.Trim(body, "0123456789") != "" {
					body = "0"
				}
				return status, body
			})),
		metaReceiver("plus-for-blank", "decodes the challenge once more, so that a plus becomes a blank", "",
			[]string{"meta-receiver.handshake.escaped-challenge"},
			handshake(func(_ url.Values, status int, body string) (int, string) {
				return status, strings.ReplaceAll(body, "+", " ")
			})),
		metaReceiver("wrong-token-echo", "does not check the verify token", seenReceivers,
			[]string{"meta-receiver.handshake.wrong-token", "meta-receiver.handshake.missing-token"},
			func(b *build) {
				right := b.policy.Handshake
				b.policy.Handshake = func(q url.Values) (int, string) {
					return right(with(q, "hub.verify_token", reference.MetaToken))
				}
			}),
		metaReceiver("no-token-echo", "checks the verify token only where there is one", "",
			[]string{"meta-receiver.handshake.missing-token"},
			func(b *build) {
				right := b.policy.Handshake
				b.policy.Handshake = func(q url.Values) (int, string) {
					if !q.Has("hub.verify_token") {
						q = with(q, "hub.verify_token", reference.MetaToken)
					}
					return right(q)
				}
			}),
		metaReceiver("mode-not-checked", "does not look at the mode", seenReceivers,
			[]string{"meta-receiver.handshake.wrong-mode", "meta-receiver.handshake.missing-parameters"},
			func(b *build) {
				right := b.policy.Handshake
				b.policy.Handshake = func(q url.Values) (int, string) { return right(with(q, "hub.mode", "subscribe")) }
			}),
	}, slices.Concat(metaWorkMutants(), metaDoorMutants(), metaNarrowReaders(), metaSharingReceivers(), metaLateReceivers(), metaOldNewsReceivers(), metaSimilarMessages())...)
}

// metaWorkMutants take genuine POSTs wrongly, or do their work twice or never.
func metaWorkMutants() []Mutant {
	var statuses = statusOrder()
	return []Mutant{
		metaReceiver("unknown-type-500", "fails on a message type that it does not know", seenReceivers,
			[]string{"meta-receiver.delivery.unknown-type"},
			process(func(d reference.Delivery) int {
				if bytes.Contains(d.Body, []byte(`"kirimcheck_new":`)) {
					return http.StatusInternalServerError
				}
				return 0
			})),
		metaReceiver("unknown-field-400", "decodes strictly, and refuses a field that it does not know", seenReceivers,
			[]string{"meta-receiver.delivery.unknown-field"},
			process(func(d reference.Delivery) int {
				if bytes.Contains(d.Body, []byte(`"kirimcheck_new_field":`)) {
					return http.StatusBadRequest
				}
				return 0
			})),
		metaReceiver("messages-or-statuses", "throws where there are neither messages nor statuses", seenReceivers,
			[]string{"meta-receiver.delivery.errors-object", "meta-receiver.delivery.other-webhook-field"},
			items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				if len(right) == 0 && err == nil {
					err = errors.New("no messages")
				}
				return right, err
			})),
		metaReceiver("first-message-only", "reads entry[0].changes[0].messages[0] and drops the rest of a batch", seenReceivers,
			[]string{"meta-receiver.delivery.batch"},
			items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				return right[:min(len(right), 1)], err
			})),
		metaReceiver("first-key", "expects object to be the first key", "",
			[]string{"meta-receiver.delivery.key-order"},
			process(func(d reference.Delivery) int {
				if !bytes.HasPrefix(bytes.TrimLeft(d.Body, "{ \n\t"), []byte(`"object"`)) {
					return http.StatusBadRequest
				}
				return 0
			})),
		metaReceiver("status-order-409", "refuses a status that comes after a later one", seenReceivers,
			[]string{"meta-receiver.delivery.status-order"}, statuses),
		metaReceiver("body-limit-100k", "keeps the framework's default limit and answers 413 to a larger body", seenReceivers,
			[]string{"meta-receiver.delivery.body-limit", "meta-receiver.delivery.batch"}, limit(100<<10)),
		metaReceiver("one-at-a-time", "answers 503 while another POST is being worked on", "",
			[]string{"meta-receiver.delivery.concurrent", "meta-receiver.dedupe.simultaneous.answer"},
			func(b *build) { b.handler = oneAtATime }),
		metaReceiver("no-dedupe", "does the work of every copy", seenReceivers,
			[]string{"meta-receiver.dedupe.retry.effect", "meta-receiver.dedupe.simultaneous.effect"}, working(workAlways)),
		metaReceiver("dedupe-race", "looks an event up, works, and remembers it, in three steps", seenReceivers,
			[]string{"meta-receiver.dedupe.simultaneous.effect"}, working(racing)),
		metaReceiver("409-on-duplicate", "answers a duplicate with a refusal", seenReceivers,
			[]string{"meta-receiver.dedupe.retry.answer", "meta-receiver.dedupe.simultaneous.answer"},
			refuseDuplicates(func(reference.Delivery) bool { return true })),
		metaReceiver("status-not-in-key", "knows a status by its message alone, and drops delivered and read", seenReceivers,
			[]string{"meta-receiver.dedupe.statuses"},
			keyed(func(_ reference.Delivery, it reference.Item) []string { return []string{it.ID} })),
		metaReceiver("partial-body", "remembers the ids in a body that broke off", "",
			[]string{"meta-receiver.dedupe.cut-off"}, func(b *build) { b.handler = rememberPartial }),
		metaReceiver("store-id-before-work", "marks the event as seen, fails, and calls the retry a duplicate", seenVendor,
			[]string{"meta-receiver.dedupe.failed-work.effect"}, working(rememberFirst)),
		metaReceiver("swallows-failure", "answers 200 although its work failed", seenReceivers,
			[]string{"meta-receiver.dedupe.failed-work.answer", "meta-receiver.dedupe.failed-work.effect"}, insteadOf(http.StatusInternalServerError, http.StatusOK)),
	}
}
