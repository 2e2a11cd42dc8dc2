package reference

import (
	"crypto/subtle"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
)

// metaField is the webhook field of messages and statuses. Meta's POST has no header that names the event.
const metaField = "messages"

// CorrectMeta returns the policy of a receiver that takes Meta's webhooks directly.
func CorrectMeta(meta contract.Meta, secret, token string) Policy {
	verifier := signature.MetaVerifier{Secret: secret}
	return Policy{
		ReadBody:  ReadBody,
		Handshake: Handshake(meta.Handshake.Value, token),
		Describe: func(_ http.Header, body []byte) Delivery {
			return Delivery{Event: metaField, Source: contract.SourceMeta, Body: body}
		},
		Verify: func(h http.Header, body []byte, _ time.Time) error {
			return verifier.Verify(h.Get(meta.Headers.Signature.Value), body)
		},
		Refused: func(error) (int, bool) { return http.StatusUnauthorized, false },
		Items:   Items,
		Key:     Key,
		Process: Process,
	}
}

// Handshake echoes the challenge of a handshake whose mode and token are right, and answers 403 to any other (Meta,
// webhooks/create-webhook-endpoint, GET requests).
func Handshake(names contract.MetaHandshake, token string) func(url.Values) (int, string) {
	return func(q url.Values) (int, string) {
		// An empty token would match a request without one.
		right := token != "" && subtle.ConstantTimeCompare([]byte(q.Get(names.VerifyToken)), []byte(token)) == 1
		if !right || q.Get(names.Mode) != names.Subscribe || !q.Has(names.Challenge) {
			return http.StatusForbidden, ""
		}
		return http.StatusOK, q.Get(names.Challenge)
	}
}

func (r *Receiver) handshake(w http.ResponseWriter, req *http.Request) {
	status, body := r.policy.Handshake(req.URL.Query())
	// Plain text, so that a browser that is sent here takes a challenge for nothing else.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that went away has no use for the error either.
	_, _ = io.WriteString(w, body)
}
