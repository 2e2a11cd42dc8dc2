package suites

import (
	"fmt"
	"strings"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// signed takes the signature of a delivery apart; one that lacks something of its form ends the spec as broken.
func (c *relayCheck) signed(d subscriber.Delivery) signed {
	scheme := c.scheme()
	s, err := scheme.read(d)
	if err != nil {
		var seen []string
		for _, name := range scheme.headers() {
			seen = append(seen, fmt.Sprintf("%s %q", name, d.Get(name)))
		}
		c.Broken(err.Error(), strings.Join(seen, ", "))
	}
	return s
}

// by reports whether one of the signatures of a delivery is that under a secret, over the bytes that came.
func (c *relayCheck) by(s signed, secret string, body []byte) bool {
	scheme := c.scheme()
	for _, digest := range s.digests {
		if scheme.matches(s, digest, secret, body) {
			return true
		}
	}
	return false
}

// signedBy ends the spec as broken unless a delivery verifies under a secret over the bytes that came. Its age is not
// looked at.
func (c *relayCheck) signedBy(d subscriber.Delivery, secret, what string) {
	s, scheme := c.signed(d), c.scheme()
	if c.by(s, secret, d.Body) {
		return
	}
	seen := "none of its v1 is that"
	for _, digest := range s.digests {
		if wrong := scheme.mistake(s, digest, secret, d.Body, c.edition.Signature.SecretPrefix); wrong != "" {
			seen = "v1 is " + wrong
		}
	}
	if c.byHand != nil {
		c.result.Cause = "is the secret in management.static the one that the relay has for this subscription?"
	}
	c.Broken(what+": "+scheme.rule(), seen)
}

// notSignedBy ends the spec as broken where a delivery verifies under a secret.
func (c *relayCheck) notSignedBy(d subscriber.Delivery, secret, what string) {
	if c.by(c.signed(d), secret, d.Body) {
		c.Broken(what+": no v1 under the other secret", "one that verifies under it")
	}
}
