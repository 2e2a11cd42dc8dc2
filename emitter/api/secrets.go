package api

import (
	"context"
	"time"
)

// maxExpiry bounds the lifetime of a secret, in hours: a year. The documentation gives no bound.
const maxExpiry = 365 * 24

// newSecretView is the one answer that shows a secret, beside that of a new subscription.
type newSecretView struct {
	ID        string  `json:"id"`
	Object    string  `json:"object"`
	Secret    string  `json:"secret"`
	CreatedAt string  `json:"created_at"`
	ExpiresAt *string `json:"expires_at"`
}

// addSecret makes a further signing secret. Which secrets expire after expires_in_hours is the service's to say (reading
// Q12).
func (a *api) addSecret(ctx context.Context, c *call) (reply, error) {
	subscription, err := c.subscription()
	if err != nil {
		return reply{}, err
	}
	f := c.body.fields()
	var expiresIn time.Duration
	if hours := f.integer("expires_in_hours", 1, maxExpiry); hours != nil {
		expiresIn = time.Duration(*hours) * time.Hour
	}
	if err := f.done(); err != nil {
		return reply{}, err
	}
	s, err := a.service.AddSecret(ctx, c.org, subscription, expiresIn)
	if err != nil {
		return reply{}, err
	}
	r := created(newSecretView{s.ID, secretObject, s.Value, timestamp(s.CreatedAt), optionalTime(s.ExpiresAt)})
	r.secret = true
	return r, nil
}

func (a *api) deleteSecret(ctx context.Context, c *call) (reply, error) {
	subscription, err := c.subscription()
	if err != nil {
		return reply{}, err
	}
	id, err := c.id("secret", "sec", "secret")
	if err != nil {
		return reply{}, err
	}
	if err := a.service.DeleteSecret(ctx, c.org, subscription, id); err != nil {
		return reply{}, err
	}
	return shown(deletedView{id, secretObject, true}), nil
}
