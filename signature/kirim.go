// Package signature signs webhook bodies and verifies their signatures, by Kirim's scheme, by Meta's, and by that of
// Standard Webhooks. It knows nothing of HTTP beyond the text of the headers, and nothing of events.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// MAC returns the 32 bytes of HMAC-SHA256 over the decimal text of t, one dot, and the body as it goes over the wire.
// The key is the whole secret string, its whsec_ prefix included, as UTF-8 bytes (Kirim, webhooks/signing).
func MAC(secret string, t int64, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	// hash.Hash.Write never returns an error (package hash).
	_, _ = mac.Write(strconv.AppendInt(nil, t, 10))
	_, _ = mac.Write([]byte{'.'})
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Header returns the value of X-Kirim-Signature for a body signed at t (Unix seconds): `t=<t>` and one `v1=` for every
// secret, in the order given, without blanks (Kirim, webhooks/signing). With no secret there is no v1 part, which no
// receiver may take.
func Header(t int64, body []byte, secrets ...string) string {
	var b strings.Builder
	b.WriteString("t=")
	b.WriteString(strconv.FormatInt(t, 10))
	for _, secret := range secrets {
		b.WriteString(",v1=")
		b.WriteString(hex.EncodeToString(MAC(secret, t, body)))
	}
	return b.String()
}

// Reason names why a delivery is refused. The names are stable: vectors and reports carry them.
type Reason string

// The reasons, in the order in which Verify looks for them.
const (
	NoSecret            Reason = "no-secret"
	HeaderMissing       Reason = "header-missing"
	TimestampMissing    Reason = "timestamp-missing"
	TimestampNotNumeric Reason = "timestamp-not-numeric"
	TimestampZero       Reason = "timestamp-zero"
	SignatureMissing    Reason = "signature-missing"
	TooOld              Reason = "too-old"
	TooNew              Reason = "too-new"
	NoMatch             Reason = "no-match"
)

// Refusal is the error that Verify returns.
type Refusal struct {
	Reason Reason
	// Detail says what was wrong in words. It never holds a secret or a computed MAC.
	Detail string
}

// Error returns the detail, led by the reason.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Verifier checks X-Kirim-Signature headers.
type Verifier struct {
	// Secrets are the subscription's active secrets; any of them may match.
	Secrets []string
	// Tolerance is the largest difference between t and now that is accepted, on either side; exactly that much is
	// still accepted (Kirim, webhooks/signing).
	Tolerance time.Duration
}

// Verify reports whether a header is a genuine signature of the body at the time now. It returns nil where any pair of
// an active secret and a received v1 matches, and a *Refusal otherwise. Comparison takes constant time; a v1 of
// another length, or one that is not lower-case hexadecimal, is a v1 that does not match and spoils nothing beside it.
func (v Verifier) Verify(header string, body []byte, now time.Time) error {
	if len(v.Secrets) == 0 || hasEmpty(v.Secrets) {
		return &Refusal{NoSecret, "no secret is configured, so nothing can be verified"}
	}
	if strings.TrimSpace(header) == "" {
		return &Refusal{HeaderMissing, "the signature header is missing or empty"}
	}
	parts := parse(header)
	t, err := parts.timestamp()
	if err != nil {
		return err
	}
	if len(parts.v1) == 0 {
		return &Refusal{SignatureMissing, "the header has no v1 part"}
	}
	// Compared as Unix seconds: the header cannot say more, and a fraction of now must not push an exact edge over.
	switch age := now.Unix() - t; {
	case age > int64(v.Tolerance/time.Second):
		return &Refusal{TooOld, "t is " + strconv.FormatInt(age, 10) + " s behind, more than " + v.Tolerance.String()}
	case -age > int64(v.Tolerance/time.Second):
		return &Refusal{TooNew, "t is " + strconv.FormatInt(-age, 10) + " s ahead, more than " + v.Tolerance.String()}
	}
	matched := false
	for _, secret := range v.Secrets {
		want := []byte(hex.EncodeToString(MAC(secret, t, body)))
		for _, got := range parts.v1 {
			// No early exit: which pair matched is nobody's business. hmac.Equal takes unequal lengths for unequal.
			matched = hmac.Equal(want, []byte(got)) || matched
		}
	}
	if !matched {
		return &Refusal{NoMatch, "no v1 part is the MAC of this body under an active secret"}
	}
	return nil
}

func hasEmpty(secrets []string) bool {
	for _, s := range secrets {
		if s == "" {
			return true
		}
	}
	return false
}

// parsed is the signature header taken apart by the recipe of Kirim's signing page: split at commas, blanks around a
// part trimmed, the key before the first equals sign, every v1 kept, unknown keys ignored. The page does not speak of
// a second t; the first counts.
type parsed struct {
	t    string
	hasT bool
	v1   []string
}

func parse(header string) parsed {
	var p parsed
	for part := range strings.SplitSeq(header, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			continue
		}
		switch key {
		case "t":
			if !p.hasT {
				p.t, p.hasT = value, true
			}
		case "v1":
			p.v1 = append(p.v1, value)
		}
	}
	return p
}

func (p parsed) timestamp() (int64, error) {
	if !p.hasT || p.t == "" {
		return 0, &Refusal{TimestampMissing, "the header has no t part"}
	}
	for _, c := range []byte(p.t) {
		if c < '0' || c > '9' {
			return 0, &Refusal{TimestampNotNumeric, "t is not a decimal number of seconds"}
		}
	}
	t, err := strconv.ParseInt(p.t, 10, 64)
	if err != nil {
		return 0, &Refusal{TimestampNotNumeric, "t is too large to be a number of seconds"}
	}
	if t == 0 {
		return 0, &Refusal{TimestampZero, "t is zero"}
	}
	return t, nil
}
