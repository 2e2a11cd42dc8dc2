package relay

import (
	"context"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// CreateContact makes a contact, which is the event contact.created.
func (r *Relay) CreateContact(ctx context.Context, org Org, in ContactInput) (c store.Contact, err error) {
	number, err := r.numberOf(ctx, org, in)
	if err != nil {
		return c, err
	}
	err = r.update(ctx, func(tx *store.Tx) error {
		if _, known, err := tx.ContactByCustomer(org.Seq, number.PhoneNumberID, in.Phone); err != nil {
			return err
		} else if known {
			return Conflict("contact_exists", "there is a contact with this phone number already")
		}
		now := r.clock.Now()
		c = store.Contact{
			Org: org.Seq, ID: r.NewID("ctc"), Customer: in.Phone, Phone: &in.Phone, Name: in.Name, Email: in.Email,
			Metadata: in.Metadata, PhoneNumberID: number.PhoneNumberID, Display: number.Display, CreatedAt: now, UpdatedAt: now,
		}
		return r.insertContact(tx, &c, nil)
	})
	return c, err
}

// numberOf finds the number of ours that a new contact belongs to. Where there is one, nobody needs to name it
// (documentation: operations, contacts).
func (r *Relay) numberOf(ctx context.Context, org Org, in ContactInput) (none store.Account, err error) {
	accounts, err := r.Accounts(ctx, org)
	if err != nil {
		return none, err
	}
	wanted := or(in.PhoneNumberID, in.From)
	if wanted == "" {
		switch len(accounts) {
		case 0:
			return none, Invalid("invalid_field_value", "from", "the organisation has no number")
		case 1:
			return accounts[0], nil
		}
		return none, Invalid("missing_required_field", "from", "the organisation has several numbers; name one in from")
	}
	for _, a := range accounts {
		if wanted == a.PhoneNumberID || (digitsOf(wanted) != "" && digitsOf(wanted) == digitsOf(a.Display)) {
			return a, nil
		}
	}
	if in.PhoneNumberID != "" {
		return none, NotFound("phone number")
	}
	return none, Invalid("invalid_field_value", "from", "the organisation has no such number")
}

// insertContact writes a new contact down, and that it was created. source is where it came from, or nil.
func (r *Relay) insertContact(tx *store.Tx, c *store.Contact, source *string) error {
	if err := tx.InsertContact(c); err != nil {
		return err
	}
	return r.announce(tx, c.Org, contactCreated, contactData{Contact: newContactBody(*c), Acquisition: &acquisition{source}})
}

// announce publishes one of Kirim's own events.
func (r *Relay) announce(tx *store.Tx, org int64, event string, data any) error {
	if _, ok := r.edition.Event(event); !ok {
		return nil
	}
	now := r.clock.Now()
	ev := store.Event{Org: org, ID: r.NewID("evt"), Name: event, Source: contract.SourceKirim, CreatedAt: now}
	var err error
	if ev.Body, err = envelope(r.edition, ev.ID, event, now, data); err != nil {
		return err
	}
	if ev.Body = r.behaviour.Compose(event, ev.Body); ev.Body == nil {
		return nil
	}
	return r.publish(tx, ev)
}

// Contact returns one contact. scope is the number in the call's path, or empty.
func (r *Relay) Contact(ctx context.Context, org Org, scope, id string) (c store.Contact, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		c, err = r.contact(tx, org, scope, id)
		return err
	})
	return c, err
}

func (r *Relay) contact(tx *store.Tx, org Org, scope, id string) (store.Contact, error) {
	c, ok, err := tx.Contact(org.Seq, id)
	if err == nil && (!ok || (scope != "" && c.PhoneNumberID != scope)) {
		err = NotFound("contact")
	}
	return c, err
}

// Contacts returns a part of the list, the newest first, and the place behind it; empty at the end.
func (r *Relay) Contacts(ctx context.Context, org Org, f store.ContactFilter, page Page) (items []store.Contact, next string, err error) {
	after, err := page.seq()
	if err != nil {
		return nil, "", err
	}
	err = r.store.View(ctx, func(tx *store.Tx) error {
		items, err = tx.Contacts(org.Seq, f, page.Limit+1, after)
		return err
	})
	items, next = cut(items, page.Limit, func(c store.Contact) int64 { return c.Seq })
	return items, next, err
}

// UpdateContact changes a contact. What really changed is the event contact.updated; where nothing did, there is none
// (reading Q22).
func (r *Relay) UpdateContact(ctx context.Context, org Org, scope, id string, p ContactPatch) (c store.Contact, err error) {
	err = r.update(ctx, func(tx *store.Tx) error {
		if c, err = r.contact(tx, org, scope, id); err != nil {
			return err
		}
		before := c
		if p.Name != nil {
			c.Name = *p.Name
		}
		if p.Email != nil {
			c.Email = *p.Email
		}
		if p.Metadata != nil {
			c.Metadata = *p.Metadata
		}
		changed := r.behaviour.ChangedFields(before, c)
		if len(ChangedFields(before, c)) > 0 {
			c.UpdatedAt = r.clock.Now()
			if err := tx.UpdateContact(c); err != nil {
				return err
			}
		}
		if !r.behaviour.Updated(changed) {
			return nil
		}
		return r.announce(tx, org.Seq, contactUpdated, contactData{Contact: newContactBody(c), ChangedFields: changed})
	})
	return c, err
}

// shown writes a display number of Meta's with the plus sign that Kirim's examples have.
func shown(display string) string {
	if display == "" || strings.HasPrefix(display, "+") {
		return display
	}
	return "+" + display
}
