package suites

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// signed is a signature header taken apart.
type signed struct {
	t  int64
	v1 []string
}

// signed takes the signature header of a delivery apart; without a t and a v1 the spec ends as broken.
func (c *relayCheck) signed(d subscriber.Delivery) (out signed) {
	name := c.edition.Headers.Signature
	value := d.Get(name)
	for part := range strings.SplitSeq(value, ",") {
		switch key, of, _ := strings.Cut(strings.TrimSpace(part), "="); key {
		case "t":
			// What is no number stays zero, which is no time either.
			out.t, _ = strconv.ParseInt(of, 10, 64)
		case "v1":
			out.v1 = append(out.v1, of)
		}
	}
	if out.t == 0 || len(out.v1) == 0 {
		c.Broken(name+" with t and v1", fmt.Sprintf("%q", value))
	}
	return out
}

// by reports whether one of the signatures is the MAC under a secret, in either case of its digits.
func (s signed) by(secret string, body []byte) bool {
	want := signature.MAC(secret, s.t, body)
	for _, digest := range s.v1 {
		if got, err := hex.DecodeString(digest); err == nil && hmac.Equal(got, want) {
			return true
		}
	}
	return false
}

// signedBy ends the spec as broken unless a delivery verifies under a secret over the bytes that came. Its age is not
// looked at.
func (c *relayCheck) signedBy(d subscriber.Delivery, secret, what string) {
	s := c.signed(d)
	if s.by(secret, d.Body) {
		return
	}
	seen := "none of its v1 is that"
	for _, mistake := range signingMistakes {
		for _, digest := range s.v1 {
			wrong := mistake.mac(secret, s.t, d.Body, c.edition.Signature.SecretPrefix)
			if len(wrong) > 0 && strings.EqualFold(digest, hex.EncodeToString(wrong)) {
				seen = "v1 is " + mistake.name
			}
		}
	}
	if in64, err := base64.StdEncoding.DecodeString(s.v1[0]); err == nil && len(in64) == sha256.Size {
		seen = "v1 is in base64"
	}
	c.Broken(what+": a v1 that is the HMAC-SHA256 of t, a dot and the body that came, under the subscription's secret", seen)
}

// notSignedBy ends the spec as broken where a delivery verifies under a secret.
func (c *relayCheck) notSignedBy(d subscriber.Delivery, secret, what string) {
	if c.signed(d).by(secret, d.Body) {
		c.Broken(what+": no v1 under the other secret", "one that verifies under it")
	}
}

// signingMistakes are wrong ways to sign that a v1 is compared with, to name the mistake.
var signingMistakes = []struct {
	name string
	mac  func(secret string, t int64, body []byte, prefix string) []byte
}{
	{"the MAC of the body alone, without t", func(secret string, _ int64, body []byte, _ string) []byte {
		return mac(secret, body)
	}},
	{"the MAC under the secret without its prefix", func(secret string, t int64, body []byte, prefix string) []byte {
		return signature.MAC(strings.TrimPrefix(secret, prefix), t, body)
	}},
	{"the MAC of t and the body without the dot between them", func(secret string, t int64, body []byte, _ string) []byte {
		return mac(secret, append(strconv.AppendInt(nil, t, 10), body...))
	}},
	{"the MAC of the body decoded and encoded again", func(secret string, t int64, body []byte, _ string) []byte {
		var value any
		if json.Unmarshal(body, &value) != nil {
			return nil
		}
		again, err := json.Marshal(value)
		if err != nil {
			return nil
		}
		return signature.MAC(secret, t, again)
	}},
	{"the MAC of the body without blanks", func(secret string, t int64, body []byte, _ string) []byte {
		var compact bytes.Buffer
		if json.Compact(&compact, body) != nil || bytes.Equal(compact.Bytes(), body) {
			return nil
		}
		return signature.MAC(secret, t, compact.Bytes())
	}},
}

func mac(secret string, message []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	// hash.Hash.Write never returns an error (package hash).
	_, _ = m.Write(message)
	return m.Sum(nil)
}
