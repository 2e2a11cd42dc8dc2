package relay

import (
	"context"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// IngestMeta takes the body of one of Meta's POSTs, whose signature was verified, and returns when what comes of it is
// durable. What Meta sent before is recognised and changes nothing. An error is a body that is no webhook of a WhatsApp
// business account, or a store that failed; Meta then sends it again.
func (r *Relay) IngestMeta(ctx context.Context, body []byte) error {
	all, ok := updates(body)
	if !ok {
		return Invalid("invalid_field_value", "", "the body is not a webhook of a WhatsApp business account")
	}
	if len(all) == 0 {
		return r.forwardUnlisted(ctx, body)
	}
	return r.update(ctx, func(tx *store.Tx) error {
		now := r.clock.Now()
		shares, err := r.share(tx, all, now)
		if err != nil {
			return err
		}
		for _, org := range shares {
			for _, u := range org.updates {
				if err := r.inbound(tx, org.seq, u, now); err != nil {
					return err
				}
			}
			if err := r.forward(tx, org, body, shareOf{orgs: len(shares), updates: len(all)}, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// owned is what a body holds for one organisation.
type owned struct {
	seq int64
	// updates are those that Meta did not send before. There may be none.
	updates []update
}

// share returns what a body holds for whom, in the order of the body.
func (r *Relay) share(tx *store.Tx, all []update, now time.Time) ([]owned, error) {
	var out []owned
	at, owners := map[int64]int{}, map[string]int64{}
	for _, u := range all {
		org, known := owners[u.account.phoneNumberID]
		if !known {
			owner, _, found, err := tx.AccountOwner(u.account.phoneNumberID)
			if err != nil {
				return nil, err
			}
			if org = owner.Seq; !found {
				org = r.orgs[0].Seq
			}
			owners[u.account.phoneNumberID] = org
		}
		if _, there := at[org]; !there {
			at[org] = len(out)
			out = append(out, owned{seq: org})
		}
		first, err := r.behaviour.Seen(tx, org, []byte(u.key), now)
		if err != nil {
			return nil, err
		}
		if first {
			out[at[org]].updates = append(out[at[org]].updates, u)
		}
	}
	return out, nil
}

// inbound notes what a message says of its customer: who is new is the event contact.created.
func (r *Relay) inbound(tx *store.Tx, org int64, u update, now time.Time) error {
	if u.event != messageReceived || u.from.key == "" {
		return nil
	}
	u.from.key = r.behaviour.Customer(u.from.key)
	c, known, err := tx.ContactByCustomer(org, u.account.phoneNumberID, u.from.key)
	if err != nil {
		return err
	}
	if known {
		conversation, open, err := tx.ConversationOf(c.Seq)
		if err != nil {
			return err
		}
		if open {
			return tx.TouchConversation(conversation.Seq, now)
		}
	} else if c, err = r.meet(tx, org, u, now); err != nil {
		return err
	}
	return tx.InsertConversation(&store.Conversation{
		Org: org, ID: r.NewID("cnv"), Contact: c.Seq, PhoneNumberID: c.PhoneNumberID, Status: store.ConversationOpen, Unread: 1,
		LastMessageAt: &now, LastInboundAt: &now, CreatedAt: now, UpdatedAt: now,
	})
}

// meet makes the contact of a customer who writes for the first time.
func (r *Relay) meet(tx *store.Tx, org int64, u update, now time.Time) (store.Contact, error) {
	c := store.Contact{
		Org: org, ID: r.NewID("ctc"), Customer: u.from.key, PhoneNumberID: u.account.phoneNumberID,
		Display: shown(u.account.display), CreatedAt: now, UpdatedAt: now,
	}
	if _, configured, known, err := tx.AccountOwner(c.PhoneNumberID); err != nil {
		return c, err
	} else if known && configured.Display != "" {
		c.Display = configured.Display
	}
	if u.from.phone != "" {
		c.Phone = &u.from.phone
	}
	if u.from.name != "" {
		c.Name = &u.from.name
	}
	source := organic
	return c, r.insertContact(tx, &c, &source)
}

// shareOf says how many organisations share a body, and how many updates it has in all.
type shareOf struct{ orgs, updates int }

// forward publishes what an organisation gets of a body: of one that others get some of too, its own alone, whether or
// not theirs is new.
func (r *Relay) forward(tx *store.Tx, org owned, body []byte, of shareOf, now time.Time) error {
	if len(org.updates) == 0 {
		return nil
	}
	event := func(first update, body []byte) error {
		body, err := r.annotated(tx, org.seq, first, r.behaviour.Forward(body))
		if err != nil {
			return err
		}
		return r.publish(tx, store.Event{
			Org: org.seq, ID: or(first.id, r.NewID("evt")), Name: first.event, Source: contract.SourceMeta, Body: body, CreatedAt: now,
		})
	}
	split := r.behaviour.Batch == Split && of.updates > 1
	if split || of.orgs > 1 {
		taken, err := dissect(body)
		if err != nil {
			return err
		}
		if split {
			for _, u := range org.updates {
				part, err := taken.only([]update{u})
				if err != nil {
					return err
				}
				if err := event(u, part); err != nil {
					return err
				}
			}
			return nil
		}
		if body, err = taken.only(org.updates); err != nil {
			return err
		}
	}
	// Of those that are new: a receiver may have seen the id of one that Meta sent before, and would drop the others as
	// duplicates.
	events := make([]string, len(org.updates))
	for i, u := range org.updates {
		events[i] = u.event
	}
	return event(org.updates[r.behaviour.Leading(events)], body)
}

// forwardUnlisted deals with a body that holds nothing of what is forwarded.
func (r *Relay) forwardUnlisted(ctx context.Context, body []byte) error {
	event := r.behaviour.Unlisted(body)
	if event == "" {
		return nil
	}
	return r.update(ctx, func(tx *store.Tx) error {
		return r.publish(tx, store.Event{
			Org: r.orgs[0].Seq, ID: r.NewID("evt"), Name: event, Source: contract.SourceMeta, Body: r.behaviour.Forward(body),
			CreatedAt: r.clock.Now(),
		})
	})
}
