package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// The headers of idempotency (documentation: idempotency).
const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	maxKey         = 255
)

// once runs a POST under its Idempotency-Key, where it has one. PATCH and DELETE do not look at the header, nor does GET.
//
// Only answers of calls that were carried out are kept. A refusal, be it of the request's form or of what it asks for,
// has changed nothing: the caller may put the request right and send it under the same key. What is repeated is the
// status, the body and the headers of the first answer, its request id among them. The earlier edition says nothing of
// headers; there it does no harm, and a request id that differs from the body's would break another of its rules.
func (a *api) once(
	ctx context.Context, header http.Header, c *call, run func(context.Context) (relay.Answer, error),
) (relay.Answer, error) {
	keys := c.request.Header.Values(keyHeader)
	if len(keys) == 0 {
		return run(ctx)
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return relay.Answer{}, relay.Invalid(invalidValue, keyHeader,
			"%s must occur once, with 1 to %d characters", keyHeader, maxKey)
	}
	header.Set(replayedHeader, "false")
	answer, replayed, err := a.service.Idempotent(ctx, c.org, keys[0], c.fingerprint(), run)
	if err != nil {
		return relay.Answer{}, err
	}
	if replayed {
		header.Set(replayedHeader, "true")
	}
	return answer, nil
}

// fingerprint tells requests apart (documentation: idempotency): method, path and canonical body. Two bodies that differ
// in blanks or in the order of names are the same request.
func (c *call) fingerprint() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", c.request.Method, c.request.URL.EscapedPath(), c.body.canonical))
}
