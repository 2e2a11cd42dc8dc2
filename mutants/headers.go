package mutants

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// headerMutants get the reading of the signature header wrong, or refuse what is genuine.
func headerMutants() []Mutant {
	mutants := []Mutant{
		receiver("fail-open-no-header", "lets a delivery pass that carries no signature header", seenReceivers,
			both("receiver.signature.header-missing", "receiver.signature.header-empty"), refusedFor(signature.HeaderMissing)),
		receiver("fail-open-missing-only", "lets a delivery pass without the header, but not one with an empty header", "",
			both("receiver.signature.header-missing"),
			verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
				if _, present := h[http.CanonicalHeaderKey(b.edition.Headers.Signature)]; !present {
					return nil
				}
				return right.Verify(h, body, now)
			})),
		receiver("fail-open-no-timestamp", "checks nothing where t is missing", "",
			both("receiver.signature.no-timestamp"), refusedFor(signature.TimestampMissing)),
		receiver("fail-open-no-v1", "takes a header without v1, because none of them was wrong", "",
			both("receiver.signature.no-v1"), refusedFor(signature.SignatureMissing)),
		receiver("fail-open-nan", "takes a t that is no number, because a comparison with it is never true", seenReceivers,
			both("receiver.signature.timestamp-not-numeric"), refusedFor(signature.TimestampNotNumeric)),
		receiver("untrimmed-parts", "does not trim the parts of the header", seenVendor,
			[]string{"receiver.parser.blanks"},
			unless(func(header string, _ []byte, _ time.Time) bool { return strings.Contains(header, ", ") })),
		receiver("positional-parts", "takes the first part for t and the second for v1", seenReceivers,
			[]string{"receiver.parser.order", "receiver.parser.unknown-parts", "receiver.signature.other-scheme",
				"receiver.signature.rotation-second", "receiver.parser.bad-v1-beside"},
			withHeader(positional)),
		receiver("t-first", "demands that t is the first part", "",
			[]string{"receiver.parser.order"},
			unless(func(header string, _ []byte, _ time.Time) bool { return !strings.HasPrefix(header, "t=") })),
		receiver("known-parts-only", "refuses a header with a part that it does not know", "",
			[]string{"receiver.parser.unknown-parts", "receiver.signature.other-scheme"},
			unless(func(header string, _ []byte, _ time.Time) bool {
				for part := range strings.SplitSeq(header, ",") {
					key, _, _ := strings.Cut(strings.TrimSpace(part), "=")
					if key != "t" && key != "v1" {
						return true
					}
				}
				return false
			})),
		receiver("hex-or-nothing", "refuses the header as a whole when one v1 is not hexadecimal", seenVendor,
			[]string{"receiver.parser.bad-v1-beside"},
			unless(func(header string, _ []byte, _ time.Time) bool { return malformed(header, false) })),
		receiver("malformed-v1-500", "throws in the comparison when a v1 is not hexadecimal or has another length", seenReceivers,
			[]string{"receiver.parser.bad-v1-beside", "receiver.signature.v1-not-hex.answer", "receiver.signature.v1-truncated.answer",
				"receiver.signature.v1-extended.answer", "receiver.signature.v1-empty.answer"},
			func(b *build) {
				b.handler = onHeader(b, func(header string) int {
					if malformed(header, true) {
						return http.StatusInternalServerError
					}
					return 0
				})
			}),
		receiver("fail-open-no-raw-body", "keeps the raw body of application/json and nothing else, and verifies nothing where it has none", seenReceivers,
			both("receiver.signature.with-charset"),
			verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
				if h.Get("Content-Type") != b.edition.Headers.ContentType {
					return nil
				}
				return right.Verify(h, body, now)
			})),
		receiver("case-sensitive-headers", "looks for the header names as the documentation writes them", seenReceivers,
			[]string{"receiver.delivery.header-case"},
			func(b *build) {
				b.listener = func(l net.Listener) net.Listener { return caseListener{l, b.edition.Headers.Signature} }
			}),
	}
	return append(mutants, refusers()...)
}

// refusers refuse every genuine delivery. Refusal specs must not pass on them: they refuse forgeries too.
func refusers() []Mutant {
	refuse := func(name, defect, seen, cause string, apply func(*build)) Mutant {
		m := receiver(name, defect, seen, []string{"receiver.signature.valid", "receiver.delivery.event-accepted"}, apply)
		m.Blinds = []string{"receiver.*"}
		m.Cause = cause
		return m
	}
	return []Mutant{
		refuse("strips-whsec", "takes the secret without its prefix for the key", seenReceivers, "whsec_ prefix",
			withSecret(func(s string) string { return strings.TrimPrefix(s, "whsec_") })),
		refuse("base64-key", "decodes the secret from base64", "public Standard Webhooks libraries", "base64",
			withSecret(func(s string) string {
				key, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
				if err != nil {
					return s
				}
				return string(key)
			})),
		refuse("millisecond-t", "expects t in milliseconds", "", "milliseconds",
			verifyWith(func(b *build, _ reference.Policy, h http.Header, body []byte, now time.Time) error {
				header := h.Get(b.edition.Headers.Signature)
				t := stamp(header)
				if age := now.UnixMilli() - t; age < -300_000 || age > 300_000 {
					return errRefused
				}
				if strings.Contains(header, genuineV1(b.secret, t, body)) {
					return nil
				}
				return errRefused
			})),
		refuse("other-header-name", "looks for the signature under another name", seenReceivers, "X-Webhook-Signature",
			verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
				renamed := http.Header{}
				renamed.Set(b.edition.Headers.Signature, h.Get("X-Webhook-Signature"))
				return right.Verify(renamed, body, now)
			})),
		refuse("refuses-everything-500", "answers 500 to valid and forged alike", seenReceivers, "none of the known mistakes", refuseWith(http.StatusInternalServerError)),
		refuse("refuses-everything-401", "answers 401 to valid and forged alike", seenReceivers, "none of the known mistakes", refuseWith(http.StatusUnauthorized)),
		refuse("wrong-path", "serves the webhook elsewhere", "", "nothing is served at this path", refuseWith(http.StatusNotFound)),
	}
}

// refuseWith answers every delivery with a status.
func refuseWith(status int) func(*build) {
	return func(b *build) {
		b.handler = onHeader(b, func(string) int { return status })
	}
}

// onHeader answers a delivery with the status that the function returns for its signature header, 0 to let it pass.
func onHeader(b *build, decide func(header string) int) func(http.Handler) http.Handler {
	return onRequest(func(r *http.Request) int { return decide(r.Header.Get(b.edition.Headers.Signature)) })
}

// onRequest answers a delivery with the status that the function returns for it, 0 to let it pass.
func onRequest(decide func(*http.Request) int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == reference.WebhookPath {
				if status := decide(r); status != 0 {
					w.WriteHeader(status)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// positional keeps the first part where it is t, and the second where it is v1.
func positional(header string) string {
	parts := strings.SplitN(header, ",", 3)
	if len(parts) < 2 || !strings.HasPrefix(strings.TrimSpace(parts[0]), "t=") || !strings.HasPrefix(strings.TrimSpace(parts[1]), "v1=") {
		// What the forgery specs send passes on to the correct verification, which refuses it.
		return "v1=unreadable"
	}
	return parts[0] + "," + parts[1]
}

// malformed reports whether a v1 is not hexadecimal or, where length counts, not 64 digits long.
func malformed(header string, length bool) bool {
	for _, v1 := range v1s(header) {
		if _, err := hex.DecodeString(v1); err != nil || (length && len(v1) != hex.EncodedLen(contractMAC)) {
			return true
		}
	}
	return false
}

// contractMAC is the length of the MAC in bytes.
const contractMAC = 32

// caseListener hides a header whose name is not written as documented. net/http canonicalises names before a handler
// sees them, so it is done on the connection.
type caseListener struct {
	net.Listener
	name string
}

func (l caseListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return caseConn{c, l.name}, err
}

type caseConn struct {
	net.Conn
	name string
}

func (c caseConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for _, form := range []string{strings.ToLower(c.name), strings.ToUpper(c.name)} {
		// Of the same length, so that nothing moves.
		copy(p[:n], bytes.ReplaceAll(p[:n], []byte(form+":"), []byte(strings.Repeat("z", len(form))+":")))
	}
	return n, err
}
