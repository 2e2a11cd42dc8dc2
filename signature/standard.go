package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The headers of the scheme Standard Webhooks (standard-webhooks specification 1.0.0, "Webhook Headers").
const (
	StandardID        = "webhook-id"
	StandardTimestamp = "webhook-timestamp"
	StandardSignature = "webhook-signature"
)

// Why a signature by Standard Webhooks is refused, beside those of Kirim's scheme.
const (
	SecretMalformed Reason = "secret-malformed"
	IDMissing       Reason = "id-missing"
)

// standardPrefix leads secrets of the scheme. It is not part of the key.
const standardPrefix = "whsec_"

// standardVersion leads a signature with a symmetric key, as opposed to v1a, which has an asymmetric one.
const standardVersion = "v1,"

// StandardKey returns the key of a secret: what follows whsec_, decoded from base64 (standard-webhooks specification,
// "Symmetric signature schemes"). The prefix may be missing, as the public libraries have it. The error does not hold
// the secret.
func StandardKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standardPrefix))
	switch {
	case err != nil:
		return nil, errors.New("the secret is not whsec_ and base64, as Standard Webhooks has it")
	case len(key) == 0:
		return nil, errors.New("the secret holds no key")
	}
	return key, nil
}

// StandardMAC returns the 32 bytes of HMAC-SHA256 over the message's id, the decimal text of t (Unix seconds) and the
// body as it goes over the wire, with a dot between each.
func StandardMAC(key []byte, id string, t int64, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	// hash.Hash.Write never returns an error (package hash).
	_, _ = mac.Write([]byte(id))
	_, _ = mac.Write([]byte{'.'})
	_, _ = mac.Write(strconv.AppendInt(nil, t, 10))
	_, _ = mac.Write([]byte{'.'})
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// StandardHeader returns the value of webhook-signature: `v1,` and base64 for every secret, in the order given, with a
// blank between them. The error is a secret that is not of the scheme's form.
func StandardHeader(id string, t int64, body []byte, secrets ...string) (string, error) {
	parts := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := StandardKey(secret)
		if err != nil {
			return "", err
		}
		parts[i] = standardVersion + base64.StdEncoding.EncodeToString(StandardMAC(key, id, t, body))
	}
	return strings.Join(parts, " "), nil
}

// StandardSigned is what a delivery carries of the scheme, as it was written.
type StandardSigned struct {
	ID, Timestamp, Signature string
}

// Time is the timestamp in Unix seconds. The error is a *Refusal.
func (s StandardSigned) Time() (int64, error) {
	t := parsed{t: s.Timestamp, hasT: s.Timestamp != ""}
	return t.timestamp()
}

// Digests are the signatures with a symmetric key, as they were written; others are left out.
func (s StandardSigned) Digests() (digests []string) {
	for part := range strings.SplitSeq(s.Signature, " ") {
		if digest, ok := strings.CutPrefix(part, standardVersion); ok {
			digests = append(digests, digest)
		}
	}
	return digests
}

// StandardVerifier checks signatures by Standard Webhooks.
type StandardVerifier struct {
	// Secrets are the active secrets; any of them may match.
	Secrets []string
	// Tolerance is the largest difference between the timestamp and now that is accepted, on either side.
	Tolerance time.Duration
}

// Verify reports whether a delivery is genuinely signed at the time now. It returns nil where any pair of a secret and a
// signature matches, and a *Refusal otherwise. Comparison takes constant time.
func (v StandardVerifier) Verify(s StandardSigned, body []byte, now time.Time) error {
	if len(v.Secrets) == 0 || hasEmpty(v.Secrets) {
		return &Refusal{NoSecret, "no secret is configured, so nothing can be verified"}
	}
	switch {
	case s.ID == "":
		return &Refusal{IDMissing, StandardID + " is missing or empty"}
	case s.Signature == "":
		return &Refusal{HeaderMissing, StandardSignature + " is missing or empty"}
	}
	t, err := s.Time()
	if err != nil {
		return err
	}
	digests := s.Digests()
	if len(digests) == 0 {
		return &Refusal{SignatureMissing, StandardSignature + " has no v1 signature"}
	}
	if err := v.age(now.Unix() - t); err != nil {
		return err
	}
	matched := false
	for _, secret := range v.Secrets {
		key, err := StandardKey(secret)
		if err != nil {
			return &Refusal{SecretMalformed, err.Error()}
		}
		want := []byte(base64.StdEncoding.EncodeToString(StandardMAC(key, s.ID, t, body)))
		for _, got := range digests {
			// No early exit, as in Verifier.
			matched = hmac.Equal(want, []byte(got)) || matched
		}
	}
	if !matched {
		return &Refusal{NoMatch, "no v1 signature is the MAC of this id, timestamp and body under an active secret"}
	}
	return nil
}

// age holds the age of a timestamp in seconds, negative in the future, to the tolerance.
func (v StandardVerifier) age(seconds int64) error {
	switch {
	case seconds > int64(v.Tolerance/time.Second):
		return &Refusal{TooOld, "the timestamp is " + strconv.FormatInt(seconds, 10) + " s behind, more than " + v.Tolerance.String()}
	case -seconds > int64(v.Tolerance/time.Second):
		return &Refusal{TooNew, "the timestamp is " + strconv.FormatInt(-seconds, 10) + " s ahead, more than " + v.Tolerance.String()}
	}
	return nil
}
