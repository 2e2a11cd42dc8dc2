package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// The keys that the fake knows, and the organisations behind them.
const (
	goodKey    = "kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA"
	otherKey   = "kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB"
	expiredKey = "kdv_live_CCCCCCCCCCCCCCCCCCCCCCCC"
	// number is the phone number id of the first organisation.
	number = "106540352242922"
)

// fake is a service that keeps everything in memory. It is as simple as it can be and yet have state: what one call
// makes, the next finds.
type fake struct {
	clock clock.Clock

	mu            sync.Mutex
	ids           int
	subscriptions []store.Subscription
	deliveries    []store.Delivery
	attempts      map[string][]store.Attempt
	contacts      []store.Contact
	conversations []relay.ConversationView
	answers       map[string]kept
	// err is what every call below returns, where it is set; fault is what it panics with.
	err   error
	fault any
	// The last arguments that a test wants to see.
	subscriptionPatch relay.SubscriptionPatch
	contactPatch      relay.ContactPatch
	contactInput      relay.ContactInput
	expiresIn         time.Duration
	deliveryFilter    store.DeliveryFilter
	page              relay.Page
}

type kept struct {
	fingerprint [32]byte
	answer      relay.Answer
}

func newFake(c clock.Clock) *fake {
	return &fake{clock: c, attempts: map[string][]store.Attempt{}, answers: map[string]kept{}}
}

// begin is what every call does first.
func (f *fake) begin() error {
	if f.fault != nil {
		panic(f.fault)
	}
	return f.err
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func (f *fake) NewID(prefix string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids++
	tail := []byte(strings.Repeat("0", 26))
	for n, i := f.ids, 25; n > 0; n, i = n/32, i-1 {
		tail[i] = crockford[n%32]
	}
	return prefix + "_" + string(tail)
}

func (f *fake) Authenticate(_ context.Context, key string) (relay.Org, error) {
	switch key {
	case goodKey:
		return relay.Org{Seq: 1, ID: "org_1"}, nil
	case otherKey:
		return relay.Org{Seq: 2, ID: "org_2"}, nil
	case expiredKey:
		return relay.Org{}, relay.Unauthenticated("expired_api_key", "the key has expired")
	case "":
		return relay.Org{}, relay.Unauthenticated("missing_api_key", "there is no key")
	}
	return relay.Org{}, relay.Unauthenticated("invalid_api_key", "there is no such key")
}

func (f *fake) Accounts(_ context.Context, org relay.Org) ([]store.Account, error) {
	if org.Seq != 1 {
		return nil, nil
	}
	return []store.Account{{Org: 1, PhoneNumberID: number, Display: "+62 851-1760-0829"}}, nil
}

func (f *fake) Idempotent(ctx context.Context, org relay.Org, key string, fingerprint [32]byte,
	run func(context.Context) (relay.Answer, error)) (relay.Answer, bool, error) {
	at := fmt.Sprint(org.Seq, key)
	if old, ok := f.answers[at]; ok {
		if old.fingerprint != fingerprint {
			return relay.Answer{}, false, &relay.Error{Status: 422, Type: relay.TypeInvalidRequest, Code: "idempotency_key_reuse",
				Message: "the key belongs to another request"}
		}
		return old.answer, true, nil
	}
	answer, err := run(ctx)
	if err == nil {
		f.answers[at] = kept{fingerprint, answer}
	}
	return answer, false, err
}

// page returns a part of a list, the newest first, and the position behind it.
func page[T any](all []T, p relay.Page, keep func(T) bool) (part []T, next string, err error) {
	end := len(all)
	if p.After != "" {
		if end, err = strconv.Atoi(p.After); err != nil {
			return nil, "", relay.Invalid("invalid_cursor", "cursor", "no such position")
		}
	}
	for i := end - 1; i >= 0; i-- {
		if !keep(all[i]) {
			continue
		}
		if len(part) == p.Limit {
			return part, strconv.Itoa(i + 1), nil
		}
		part = append(part, all[i])
	}
	return part, "", nil
}

// find returns the one item of an organisation with this id.
func find[T any](all []T, what string, is func(T) bool) (*T, error) {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i], nil
	}
	return nil, relay.NotFound(what)
}

func secretValue(n int) string { return fmt.Sprintf("whsec_%032d", n) }

func (f *fake) CreateSubscription(_ context.Context, org relay.Org, in relay.SubscriptionInput) (store.Subscription, error) {
	if err := f.begin(); err != nil {
		return store.Subscription{}, err
	}
	if !strings.HasPrefix(in.URL, "https://") {
		return store.Subscription{}, relay.Invalid("invalid_webhook_url", "url", "only https")
	}
	now := f.clock.Now()
	s := store.Subscription{
		Org: org.Seq, ID: f.NewID("wbs"), URL: in.URL, Description: in.Description, Status: store.Active, Events: in.Events,
		Secrets:   []store.Secret{{ID: f.NewID("sec"), Value: secretValue(len(f.subscriptions)), CreatedAt: now}},
		CreatedAt: now, UpdatedAt: now,
	}
	f.subscriptions = append(f.subscriptions, s)
	return s, nil
}

func (f *fake) subscription(org relay.Org, id string) (*store.Subscription, error) {
	if err := f.begin(); err != nil {
		return nil, err
	}
	return find(f.subscriptions, "subscription", func(s store.Subscription) bool { return s.Org == org.Seq && s.ID == id })
}

func (f *fake) Subscription(_ context.Context, org relay.Org, id string) (store.Subscription, error) {
	s, err := f.subscription(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	return *s, nil
}

func (f *fake) Subscriptions(_ context.Context, org relay.Org, p relay.Page) (
	[]store.Subscription, string, error,
) {
	if err := f.begin(); err != nil {
		return nil, "", err
	}
	f.page = p
	return page(f.subscriptions, p, func(s store.Subscription) bool { return s.Org == org.Seq })
}

func (f *fake) UpdateSubscription(_ context.Context, org relay.Org, id string, p relay.SubscriptionPatch) (store.Subscription, error) {
	f.subscriptionPatch = p
	s, err := f.subscription(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	set(&s.URL, p.URL)
	set(&s.Events, p.Events)
	set(&s.Description, p.Description)
	set(&s.Status, p.Status)
	return *s, nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (f *fake) DeleteSubscription(_ context.Context, org relay.Org, id string) error {
	if _, err := f.subscription(org, id); err != nil {
		return err
	}
	f.subscriptions = slices.DeleteFunc(f.subscriptions, func(s store.Subscription) bool { return s.ID == id })
	return nil
}

func (f *fake) AddSecret(_ context.Context, org relay.Org, id string, expiresIn time.Duration) (store.Secret, error) {
	f.expiresIn = expiresIn
	s, err := f.subscription(org, id)
	if err != nil {
		return store.Secret{}, err
	}
	now := f.clock.Now()
	secret := store.Secret{ID: f.NewID("sec"), Value: secretValue(1000 + len(s.Secrets)), CreatedAt: now}
	if expiresIn > 0 {
		secret.ExpiresAt = now.Add(expiresIn)
	}
	s.Secrets = append([]store.Secret{secret}, s.Secrets...)
	return secret, nil
}

func (f *fake) DeleteSecret(_ context.Context, org relay.Org, id, secret string) error {
	s, err := f.subscription(org, id)
	if err != nil {
		return err
	}
	if _, err := find(s.Secrets, "secret", func(x store.Secret) bool { return x.ID == secret }); err != nil {
		return err
	}
	if len(s.Secrets) == 1 {
		return relay.Conflict("last_active_secret", "it is the last one")
	}
	s.Secrets = slices.DeleteFunc(s.Secrets, func(x store.Secret) bool { return x.ID == secret })
	return nil
}

// deliver puts a delivery of every status into the fake, of one subscription, and returns their ids.
func (f *fake) deliver(t testing.TB, subscription string) (pending, delivered, terminal string) {
	t.Helper()
	now := f.clock.Now()
	ids := map[store.DeliveryStatus]string{}
	for _, status := range []store.DeliveryStatus{store.DeliveryPending, store.DeliveryDelivered, store.DeliveryTerminal} {
		d := store.Delivery{
			Org: 1, ID: f.NewID("wbd"), SubscriptionID: subscription, EventID: f.NewID("evt"), EventName: "contact.created",
			Source: "kirim", Status: status, Attempts: 1, CreatedAt: now, UpdatedAt: now,
		}
		attempt := store.Attempt{Number: 1, HeaderID: d.ID, StartedAt: now, EndedAt: now.Add(1500 * time.Millisecond)}
		switch status {
		case store.DeliveryPending:
			d.NextAt, d.LastError = now.Add(10*time.Second), "connection refused"
			attempt.Error, attempt.Outcome = d.LastError, "retry"
		case store.DeliveryDelivered:
			d.LastStatus, attempt.HTTPStatus, attempt.Outcome = 200, 200, "delivered"
		case store.DeliveryTerminal:
			d.LastStatus, attempt.HTTPStatus, attempt.Outcome = 410, 410, "terminal"
		}
		f.deliveries = append(f.deliveries, d)
		f.attempts[d.ID] = []store.Attempt{attempt}
		ids[status] = d.ID
	}
	return ids[store.DeliveryPending], ids[store.DeliveryDelivered], ids[store.DeliveryTerminal]
}

func (f *fake) Deliveries(_ context.Context, org relay.Org, filter store.DeliveryFilter, p relay.Page) (
	[]store.Delivery, string, error,
) {
	if err := f.begin(); err != nil {
		return nil, "", err
	}
	f.deliveryFilter, f.page = filter, p
	return page(f.deliveries, p, func(d store.Delivery) bool {
		return d.Org == org.Seq && (filter.Status == nil || d.Status == *filter.Status) &&
			(filter.Subscription == "" || d.SubscriptionID == filter.Subscription)
	})
}

func (f *fake) Delivery(_ context.Context, org relay.Org, id string) (store.Delivery, []store.Attempt, error) {
	if err := f.begin(); err != nil {
		return store.Delivery{}, nil, err
	}
	d, err := find(f.deliveries, "delivery", func(d store.Delivery) bool { return d.Org == org.Seq && d.ID == id })
	if err != nil {
		return store.Delivery{}, nil, err
	}
	return *d, f.attempts[id], nil
}

func (f *fake) Replay(ctx context.Context, org relay.Org, id string) (store.Delivery, error) {
	old, _, err := f.Delivery(ctx, org, id)
	if err != nil {
		return store.Delivery{}, err
	}
	if old.Status == store.DeliveryPending {
		return store.Delivery{}, relay.Conflict("delivery_pending", "it is still tried")
	}
	d := old
	d.ID, d.ReplayedFrom, d.Status, d.Attempts = f.NewID("wbd"), id, store.DeliveryPending, 0
	f.deliveries = append(f.deliveries, d)
	return d, nil
}

func (f *fake) BulkReplay(_ context.Context, org relay.Org, filter store.DeliveryFilter) (int, bool, error) {
	f.deliveryFilter = filter
	if _, err := f.subscription(org, filter.Subscription); err != nil {
		return 0, false, err
	}
	return 1000, true, nil
}
