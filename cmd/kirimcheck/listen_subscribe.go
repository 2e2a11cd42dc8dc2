package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// unsubscribeWithin bounds the call that ends a subscription when listen ends.
const unsubscribeWithin = 5 * time.Second

// ownSubscription is a subscription that listen made for itself.
type ownSubscription struct {
	management target.Management
	id         string
	secret     string
}

// subscribe makes a subscription of the relay at base to this address, for these events; none means all.
func subscribe(ctx context.Context, edition contract.Edition, base, address string, events []string) (*ownSubscription, error) {
	key := os.Getenv(keyVariable)
	if key == "" {
		return nil, usageError{fmt.Errorf("--subscribe needs the API key in the environment variable %s", keyVariable)}
	}
	client, err := wire.NewClient(target.DefaultCallTimeout, "", false)
	if err != nil {
		return nil, err
	}
	rest, err := target.NewREST(target.RESTOptions{
		Config: target.RESTConfig{Base: base}, Edition: edition, Client: client, Key: target.NewSecret(key),
	})
	if err != nil {
		return nil, usageError{fmt.Errorf("--subscribe %w", err)}
	}
	if len(events) == 0 {
		events = target.DefaultEvents(edition, contract.RoleReceiver)
	}
	made, _, err := rest.CreateSubscription(ctx, target.SubscriptionRequest{URL: address, Events: events, Description: "kirimcheck listen"})
	var refused *target.APIError
	switch {
	case errors.As(err, &refused):
		return nil, usageError{fmt.Errorf("--subscribe: %w", err)}
	case err != nil:
		return nil, fmt.Errorf("--subscribe: %w", err)
	}
	return &ownSubscription{management: rest, id: made.ID, secret: made.Secret.Reveal()}, nil
}

// end deletes the subscription. ctx may have ended already.
func (s *ownSubscription) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unsubscribeWithin)
	defer cancel()
	if _, err := s.management.DeleteSubscription(ctx, s.id); err != nil {
		return fmt.Errorf("the subscription %s is left over: %w", s.id, err)
	}
	return nil
}
