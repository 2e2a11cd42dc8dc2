package relay

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// Relay is a running service. It is safe for concurrent use.
type Relay struct {
	edition   contract.Edition
	clock     clock.Clock
	store     *store.Store
	engine    *pipeline.Engine
	guard     Guard
	behaviour Behaviour
	log       *slog.Logger
	ids       *ids
	answers   answers
	// tallies are the *tally of every subscription, by its id.
	tallies sync.Map
	// orgs are the organisations of the configuration, the first of which gets what belongs to nobody.
	orgs  []Org
	purge purge
	once  sync.Once
}

// Open starts a relay: what the database holds is delivered from where it was.
func Open(ctx context.Context, c Config) (*Relay, error) {
	if len(c.Organisations) == 0 {
		return nil, errors.New("a relay needs an organisation")
	}
	if c.Behaviour == nil {
		correct := Correct()
		c.Behaviour = &correct
	}
	if c.Seed == 0 {
		c.Seed = mathrand.Uint64()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{
		edition: c.Edition, clock: c.Clock, guard: c.Guard, behaviour: *c.Behaviour, log: c.Log,
		ids: newIDs(c.Clock), purge: purge{stopped: make(chan struct{})},
	}
	var err error
	if r.store, err = store.Open(ctx, c.Data, store.OnError(func(err error) { r.log.Error("the database failed", "error", err) })); err != nil {
		return nil, err
	}
	r.engine, err = pipeline.New(pipeline.Config{
		Edition: c.Edition, Clock: c.Clock, Rules: c.Rules, Sender: c.Sender, Journal: journal{r}, Logger: c.Log,
		NewID: func() string { return r.NewID("wbd") }, Seed: c.Seed, OnAttempt: c.OnAttempt,
		OnDisabled: func(id string) {
			r.log.Warn("disabled a subscription after too many failures in a row", "subscription", id)
		},
	})
	if err != nil {
		return nil, errors.Join(err, r.store.Close())
	}
	if err := r.begin(ctx, c.Organisations); err != nil {
		return nil, errors.Join(err, r.engine.Drain(ctx), r.store.Close())
	}
	return r, nil
}

// begin writes the organisations down and takes up what an earlier run left.
func (r *Relay) begin(ctx context.Context, organisations []OrganisationConfig) error {
	now := r.clock.Now()
	err := r.update(ctx, func(tx *store.Tx) error {
		known, err := tx.Organisations()
		if err != nil {
			return err
		}
		// The keys are those of the configuration alone: one that was replaced must not go on opening doors.
		if err := tx.DeleteKeys(); err != nil {
			return err
		}
		for i, c := range organisations {
			org := store.Organisation{ID: r.NewID("org"), Name: c.Name, Owner: r.NewID("usr")}
			if i < len(known) {
				org = known[i]
				org.Name = c.Name
			}
			if err := tx.PutOrganisation(&org); err != nil {
				return err
			}
			key := store.Key{Org: org.Seq, ID: r.NewID("key"), Hash: hashKey(c.Key), Shown: Shown(c.Key), CreatedAt: now}
			if err := tx.PutKey(key); err != nil {
				return err
			}
			for _, account := range c.Accounts {
				account.Org = org.Seq
				if err := tx.PutAccount(account); err != nil {
					return err
				}
			}
			r.orgs = append(r.orgs, org)
		}
		return r.beginPurges(tx, now)
	})
	if err != nil {
		return err
	}
	return r.store.View(ctx, func(tx *store.Tx) error {
		subscriptions, err := tx.AllSubscriptions()
		if err != nil {
			return err
		}
		for _, s := range subscriptions {
			r.tallies.Store(s.ID, &tally{org: s.Org, failures: s.Failures})
			r.engine.Put(subscriber(s))
		}
		return tx.PendingDeliveries(func(d store.Delivery, ev store.Event) error {
			if again, ok := r.behaviour.Resume(pending(d, ev, nil)); ok {
				r.engine.Enqueue([]pipeline.Delivery{again})
			}
			return nil
		})
	})
}

// giveUpWithin is how long Close waits for attempts that it has given up to end.
const giveUpWithin = time.Second

// Close takes nothing new, waits for the attempts in flight until ctx ends, and closes the database.
func (r *Relay) Close(ctx context.Context) error {
	var err error
	r.once.Do(func() {
		r.purge.stop()
		kept := context.WithoutCancel(ctx)
		if err = r.engine.Drain(ctx); err != nil {
			// They end soon, and should not find the database closed. One that does is made again after a restart.
			ending, cancel := context.WithTimeout(kept, giveUpWithin)
			defer cancel()
			_ = r.engine.Drain(ending)
		}
		err = errors.Join(err, r.update(kept, func(*store.Tx) error { return nil }), r.store.Close())
	})
	return err
}

// Edition is the edition of the contract that the relay keeps.
func (r *Relay) Edition() contract.Edition { return r.edition }

// Clock is the relay's time.
func (r *Relay) Clock() clock.Clock { return r.clock }

// Engine is the delivery pipeline, for its figures and its settling.
func (r *Relay) Engine() *pipeline.Engine { return r.engine }

// Organisations are those of the configuration.
func (r *Relay) Organisations() []Org { return r.orgs }

// NewID returns a new id of Kirim's form: a prefix and 26 characters of Crockford's base32 (documentation:
// concepts/resource-ids).
func (r *Relay) NewID(prefix string) string { return prefix + "_" + r.behaviour.IDTail(r.ids.next()) }

// ids makes ULIDs, which have Kirim's form and sort well as keys of a table; nobody may read a time from them.
type ids struct {
	mu      sync.Mutex
	clock   clock.Clock
	entropy *ulid.MonotonicEntropy
}

func newIDs(c clock.Clock) *ids {
	return &ids{clock: c, entropy: ulid.Monotonic(rand.Reader, 0)}
}

func (i *ids) next() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return ulid.MustNew(ulid.Timestamp(i.clock.Now()), i.entropy).String()
}

// NewKey makes an API key: kdv_live_ and 24 characters of URL-safe base64, from 18 random bytes (documentation:
// authentication).
func NewKey() string { return "kdv_live_" + token(18) }

// NewSecret makes a signing secret of an edition.
func NewSecret(ed contract.Edition) string { return ed.Signature.SecretPrefix + token(24) }

func token(n int) string {
	bytes := make([]byte, n)
	// Read never returns an error (package crypto/rand).
	_, _ = rand.Read(bytes)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

// Shown is what people may see of a key: its first 12 and its last 4 characters (documentation: authentication).
func Shown(key string) string {
	if len(key) < 20 {
		return "…"
	}
	return key[:12] + "…" + key[len(key)-4:]
}

// hashKey is what the store keeps of a key. A key has 144 random bits, so that nothing is gained by a slow hash.
func hashKey(key string) [32]byte { return sha256.Sum256([]byte(key)) }

// Authenticate finds the organisation of an API key.
func (r *Relay) Authenticate(ctx context.Context, key string) (Org, error) {
	if key == "" {
		return Org{}, Unauthenticated("missing_api_key", "send the API key as Authorization: Bearer kdv_live_…")
	}
	var org Org
	var found store.Key
	var ok bool
	err := r.store.View(ctx, func(tx *store.Tx) (err error) {
		org, found, ok, err = tx.OrganisationByKey(hashKey(key))
		return err
	})
	switch {
	case err != nil:
		return Org{}, fmt.Errorf("looking the key up: %w", err)
	case !ok:
		return Org{}, Unauthenticated("invalid_api_key", "there is no such API key")
	case !found.ExpiresAt.IsZero() && !r.clock.Now().Before(found.ExpiresAt):
		return Org{}, Unauthenticated("expired_api_key", "the API key has expired")
	}
	return org, nil
}

// Accounts are the numbers of an organisation.
func (r *Relay) Accounts(ctx context.Context, org Org) (accounts []store.Account, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		accounts, err = tx.Accounts(org.Seq)
		return err
	})
	return accounts, err
}
