package suites

import (
	"fmt"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// rotationHours is the expiry that specs ask for where it does not matter: longer than any of them.
const rotationHours = 24

// relaySecrets holds the specs of secrets that come and go.
func (s *Session) relaySecrets() {
	s.relaySpec("relay.signature.rotation", "a new delivery", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		c.addSecret(sub, rotationHours)
		c.Meta(c.Message(""))
		c.signedByAll(sub, sub.Await(1, "a message")[0], "a delivery during the rotation")
	}, target.SecretsAPI)
	s.serialSpec("relay.signature.rotation", "a retry", func(c *relayCheck) { c.rotatedRetry() }, target.SecretsAPI)
	s.serialSpec("relay.signature.expired", "", func(c *relayCheck) { c.secretExpires() }, target.SecretsAPI)
	s.relaySpec("relay.signature.deleted", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		added := c.addSecret(sub, rotationHours)
		for _, listed := range c.listedSecrets(sub) {
			if listed.ID != added.ID {
				reply, err := c.management.DeleteSecret(c.ctx, sub.ID, listed.ID)
				c.Must("deleting the first secret", reply, err)
			}
		}
		c.Meta(c.Message(""))
		d := sub.Await(1, "a message")[0]
		c.signedBy(d, sub.secrets[1], "a delivery after the first secret was deleted")
		c.notSignedBy(d, sub.secrets[0], "a delivery after the first secret was deleted")
	}, target.SecretsAPI)
	s.relaySpec("relay.signature.secret-once", "", func(c *relayCheck) { c.secretsStayHidden() })
	s.relaySpec("relay.signature.secret-form", "", func(c *relayCheck) {
		const shortest = 16
		if c.byHand != nil {
			c.Untestable("which secrets the relay makes: %v", target.ErrByHand)
		}
		sub := c.Subscribe(messageReceived)
		prefix := c.edition.Signature.SecretPrefix
		if secret := sub.secrets[0]; !strings.HasPrefix(secret, prefix) || len(secret) < len(prefix)+shortest {
			c.Broken(fmt.Sprintf("%s and at least %d characters more", prefix, shortest),
				fmt.Sprintf("%d characters that begin with %q", len(secret), secret[:min(len(secret), len(prefix))]))
		}
		if listed := c.listedSecrets(sub); listed[0].ExpiresAt != "" {
			c.Broken("a first secret that does not expire", "expires_at "+string(listed[0].ExpiresAt))
		}
	})
}

// rotatedRetry adds a secret while a delivery waits for a retry.
func (c *relayCheck) rotatedRetry() {
	sub := c.Subscribe(messageReceived)
	sub.Always(subscriber.Status(500))
	c.Meta(c.Message(""))
	c.signedByAll(sub, sub.Await(1, "the first attempt")[0], "the first attempt")
	if c.clock.Mode() == target.VirtualClock {
		c.Settle()
	}
	c.addSecret(sub, rotationHours)
	made := len(sub.Got())
	look := made + 1
	if c.clock.Mode() != target.VirtualClock {
		// Time goes on by itself, so that the next attempt may have been signed before the secret was there.
		look++
	}
	if look > len(c.edition.Delivery.Delays) {
		c.Untestable("%d attempts were made before a secret could be added; take a smaller clock factor", made)
	}
	for attempt := made + 1; attempt <= look; attempt++ {
		c.PassTo(attempt)
	}
	c.signedByAll(sub, sub.Await(look, "a retry")[look-1], "a retry of a delivery that is older than the second secret")
}

// addSecret adds a secret to a subscription.
func (c *relayCheck) addSecret(sub *subscription, hours int) target.SigningSecret {
	made, reply, err := c.management.AddSecret(c.ctx, sub.ID, hours)
	c.Must("adding a secret", reply, err)
	sub.secrets = append(sub.secrets, made.Secret.Reveal())
	return made
}

// listedSecrets are the secrets of a subscription as it is read, without the secrets themselves. There are as many as the
// spec knows.
func (c *relayCheck) listedSecrets(sub *subscription) []target.SecretID {
	read, reply, err := c.management.Subscription(c.ctx, sub.ID)
	c.Must("reading the subscription", reply, err)
	if len(read.Secrets) != len(sub.secrets) {
		c.Broken(fmt.Sprintf("%d secrets in the subscription", len(sub.secrets)), fmt.Sprintf("%d", len(read.Secrets)))
	}
	return read.Secrets
}

// signedByAll ends the spec as broken unless a delivery has one v1 for each secret that the spec knows, and no more.
func (c *relayCheck) signedByAll(sub *subscription, d subscriber.Delivery, what string) {
	for i, secret := range sub.secrets {
		c.signedBy(d, secret, fmt.Sprintf("%s, secret %d of %d", what, i+1, len(sub.secrets)))
	}
	if n := len(c.signed(d).digests); n != len(sub.secrets) {
		c.Broken(fmt.Sprintf("%s: %d v1, one for each active secret", what, len(sub.secrets)), fmt.Sprintf("%d", n))
	}
}

// secretExpires adds a secret with an expiry, which the new one or the old one gets, and looks at deliveries shortly
// before and shortly after it.
func (c *relayCheck) secretExpires() {
	margin := max(2*time.Minute, 2*c.clock.Resolution())
	if margin > 20*time.Minute {
		c.Untestable("arrivals are told to %s of the target's time, too coarse for an expiry of an hour; take a smaller clock factor",
			c.clock.Resolution())
	}
	sub := c.Subscribe(messageReceived)
	added := c.addSecret(sub, 1)
	expires, index := c.expiry(sub, added)
	now := c.targetTime()
	if off := expires.Sub(now.Add(time.Hour)); off.Abs() > margin {
		c.Broken("expires_at an hour from now, at "+now.Add(time.Hour).UTC().Format(time.RFC3339),
			expires.UTC().Format(time.RFC3339))
	}
	c.Pass(expires.Sub(now) - margin)
	c.Meta(c.Message(""))
	c.signedByAll(sub, sub.Await(1, "a message")[0], margin.String()+" before the expiry")
	c.Pass(2 * margin)
	c.Meta(c.Message(""))
	d := sub.Await(2, "a message")[1]
	c.signedBy(d, sub.secrets[1-index], margin.String()+" after the expiry, the secret that did not expire")
	c.notSignedBy(d, sub.secrets[index], margin.String()+" after the expiry, the secret that expired")
}

// expiry finds which of two secrets expires, and when.
func (c *relayCheck) expiry(sub *subscription, added target.SigningSecret) (at time.Time, index int) {
	found := 0
	for _, listed := range c.listedSecrets(sub) {
		if listed.ExpiresAt == "" {
			continue
		}
		var err error
		if at, err = listed.ExpiresAt.Time(); err != nil {
			c.Broken("expires_at in the form of RFC 3339", fmt.Sprintf("%q", listed.ExpiresAt))
		}
		found++
		if index = 0; listed.ID == added.ID {
			index = 1
		}
	}
	if found != 1 {
		c.Broken("one of the two secrets with an expires_at", fmt.Sprintf("%d of them", found))
	}
	return at, index
}

// targetTime is what time it is at the target.
func (c *relayCheck) targetTime() time.Time {
	now, err := c.clock.Now(c.ctx)
	if err != nil {
		c.Error("the target's clock cannot be read: %v", err)
	}
	return now
}

// secretsStayHidden reads everything that tells of a subscription after its secrets were made.
func (c *relayCheck) secretsStayHidden() {
	sub := c.Subscribe(messageReceived)
	if c.sees(target.SecretsAPI) {
		c.addSecret(sub, rotationHours)
	}
	c.Meta(c.Message(""))
	for _, d := range sub.Await(1, "a message") {
		for _, field := range d.Header {
			c.without(sub, "the header of a delivery", []byte(field.Value))
		}
		c.without(sub, "the body of a delivery", d.Body)
	}
	look := func(what string, reply target.Reply, err error) {
		c.Must(what, reply, err)
		c.without(sub, "the answer to "+what, reply.Exchange.Body)
	}
	_, reply, err := c.management.Subscription(c.ctx, sub.ID)
	look("reading the subscription", reply, err)
	_, reply, err = c.management.Subscriptions(c.ctx, target.Page{})
	look("listing the subscriptions", reply, err)
	if c.sees(target.SubscriptionUpdate) {
		_, reply, err = c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{Description: target.To("changed")})
		look("changing the subscription", reply, err)
	}
	if c.sees(target.DeliveryAPI) {
		_, reply, err = c.management.Deliveries(c.ctx, target.DeliveryFilter{Subscription: sub.ID})
		look("listing the deliveries", reply, err)
	}
}

// without ends the spec as broken where a text holds a secret of the subscription.
func (c *relayCheck) without(sub *subscription, where string, text []byte) {
	for _, secret := range sub.secrets {
		if strings.Contains(string(text), secret) {
			c.Broken("no secret in "+where, "a secret, whole")
		}
	}
}
