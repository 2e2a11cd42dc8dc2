package signature

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// Why a signature of Meta's is refused, beside NoSecret, HeaderMissing and NoMatch.
const (
	PrefixMissing   Reason = "prefix-missing"
	DigestMalformed Reason = "digest-malformed"
)

// What leads Meta's two signature headers.
const (
	prefixSHA256 = "sha256="
	prefixSHA1   = "sha1="
)

// MetaMAC returns the 32 bytes of HMAC-SHA256 over the body as it goes over the wire. The key is the app secret as
// ASCII text: its 32 hexadecimal digits are not decoded (Meta, webhooks/create-webhook-endpoint, POST requests).
func MetaMAC(secret string, body []byte) []byte { return metaMAC(sha256.New, secret, body) }

// MetaMACSHA1 returns the 20 bytes of HMAC-SHA1 over the body, under the same key.
func MetaMACSHA1(secret string, body []byte) []byte { return metaMAC(sha1.New, secret, body) }

// MetaHeader returns the value of X-Hub-Signature-256: `sha256=` and 64 lower-case hexadecimal digits.
func MetaHeader(secret string, body []byte) string {
	return prefixSHA256 + hex.EncodeToString(MetaMAC(secret, body))
}

// MetaHeaderSHA1 returns the value of the old X-Hub-Signature: `sha1=` and 40 lower-case hexadecimal digits. Meta was
// still seen to send it beside the other, but no WhatsApp page mentions it, so nobody should rely on it.
func MetaHeaderSHA1(secret string, body []byte) string {
	return prefixSHA1 + hex.EncodeToString(MetaMACSHA1(secret, body))
}

func metaMAC(algorithm func() hash.Hash, secret string, body []byte) []byte {
	mac := hmac.New(algorithm, []byte(secret))
	// hash.Hash.Write never returns an error (package hash).
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// MetaVerifier checks the signature headers of Meta's webhooks.
type MetaVerifier struct {
	// Secret is the app secret.
	Secret string
}

// Verify reports whether a header is the X-Hub-Signature-256 of the body. It returns nil or a *Refusal. Comparison
// takes constant time, and no byte sequence makes it panic, such as text outside ASCII.
func (v MetaVerifier) Verify(header string, body []byte) error {
	return v.verify(header, prefixSHA256, sha256.New, body)
}

// VerifySHA1 is Verify for the old X-Hub-Signature.
func (v MetaVerifier) VerifySHA1(header string, body []byte) error {
	return v.verify(header, prefixSHA1, sha1.New, body)
}

func (v MetaVerifier) verify(header, prefix string, algorithm func() hash.Hash, body []byte) error {
	if v.Secret == "" {
		return &Refusal{NoSecret, "no app secret is configured, so nothing can be verified"}
	}
	if strings.TrimSpace(header) == "" {
		return &Refusal{HeaderMissing, "the signature header is missing or empty"}
	}
	digest, ok := strings.CutPrefix(header, prefix)
	if !ok {
		return &Refusal{PrefixMissing, "the header does not begin with " + prefix}
	}
	want := hex.EncodeToString(metaMAC(algorithm, v.Secret, body))
	// The form is no secret: only the comparison of two digests must not tell how far they agree.
	if len(digest) != len(want) || strings.Trim(digest, "0123456789abcdef") != "" {
		return &Refusal{DigestMalformed, "what follows " + prefix + " is not " + strconv.Itoa(len(want)) +
			" lower-case hexadecimal digits"}
	}
	if !hmac.Equal([]byte(want), []byte(digest)) {
		return &Refusal{NoMatch, "the digest is not the MAC of this body under the app secret"}
	}
	return nil
}
