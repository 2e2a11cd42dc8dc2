package suites

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/target"
)

// relayContacts defines the specs of contacts that are made and changed.
func (s *Session) relayContacts() {
	s.relaySpec("relay.events.contact-created.inbound", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived, contactCreated)
		ev := c.Message("text")
		c.Meta(ev)
		sub.AwaitEvent(messageReceived, 1)
		created := kirimEvent(sub.AwaitEvent(contactCreated, 1)[0])
		phone := "+" + customers(ev.Body)[0]
		c.says(created, "/data/contact/phone_number", phone)
		// A relay may keep the name that WhatsApp has for a customer elsewhere: name may be null (Kirim, api/operations, contacts).
		if c.at(created.body, "/data/contact/name") != nil {
			c.says(created, "/data/contact/name", c.at(ev.Body, "/entry/0/changes/0/value/contacts/0/profile/name"))
		}
		if c.sees(target.ContactsAPI) {
			contact, reply, err := c.management.Contact(c.ctx, fmt.Sprint(c.at(created.body, "/data/contact/id")))
			c.Must("reading the contact by the id that the event has", reply, err)
			if contact.PhoneNumber == nil || *contact.PhoneNumber != phone {
				c.Broken("the contact "+phone, "another one under its id")
			}
		}
	}, target.KirimEvents)
	s.relaySpec("relay.events.contact-created.once", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived, contactCreated)
		first := c.Message("text")
		c.again(first, 2)
		number := customers(first.Body)[0]
		var several []message
		for _, variant := range []string{"text", "image"} {
			m, err := c.party.genuine(c.from(number, variant), 1)
			if err != nil {
				c.Error("the POST could not be made: %v", err)
			}
			several = append(several, m)
		}
		c.together("two more messages at the same instant", several)
		sub.AwaitEvent(messageReceived, 3)
		sub.AwaitEvent(contactCreated, 1)
		c.Settle()
		ids := map[string]bool{}
		for _, d := range sub.Got() {
			if created := kirimEvent(d); created.Type == contactCreated {
				ids[created.ID] = true
			}
		}
		if len(ids) != 1 {
			c.Broken("one contact.created for one customer", fmt.Sprintf("%d", len(ids)))
		}
	}, target.KirimEvents)
	s.relaySpec("relay.events.contact-created.api", "", func(c *relayCheck) {
		sub := c.Subscribe(contactCreated)
		contact := c.Contact(target.ContactRequest{
			Name: "Ayu Lestari", Email: "ayu@example.com", Metadata: json.RawMessage(`{"plan":"gold","seats":3}`),
		})
		created := kirimEvent(sub.Exactly(1, "contact.created for one new contact")[0])
		c.saysContact(created, contact)
	}, target.ContactsAPI, target.KirimEvents)
	s.relaySpec("relay.events.contact-updated.values", "", func(c *relayCheck) {
		sub := c.Subscribe(contactUpdated)
		contact := c.Contact(ayu(`{"plan":"gold"}`))
		for i, change := range []target.ContactPatch{
			{Name: target.To("Ayu Lestari")},
			{Email: target.To("lestari@example.com")},
			{Metadata: target.To(json.RawMessage(`{"plan":"silver"}`))},
			{Name: target.ToNull[string]()},
		} {
			contact = c.Change(contact.ID, change)
			updated := kirimEvent(sub.Await(i+1, "contact.updated")[i])
			c.saysContact(updated, contact)
		}
		sub.Exactly(4, "contact.updated for four changes")
	}, target.ContactsAPI, target.KirimEvents)
	s.relaySpec("relay.events.contact-updated.fields", "", func(c *relayCheck) { c.changedFields() }, target.ContactsAPI, target.KirimEvents)
	s.relaySpec("relay.events.contact-updated.noop", "", func(c *relayCheck) {
		sub := c.Subscribe(contactUpdated)
		contact := c.Contact(ayu(`{"a":1,"b":2}`))
		c.Rename(contact.ID, "Ayu")
		c.Change(contact.ID, target.ContactPatch{Name: target.To("Ayu"), Email: target.To("ayu@example.com")})
		c.Change(contact.ID, target.ContactPatch{Metadata: target.To(json.RawMessage(`{ "b": 2, "a": 1 }`))})
		c.Rename(contact.ID, "Ayu Lestari")
		updated := kirimEvent(sub.Exactly(1, "contact.updated for the last change alone, the only one that changed anything")[0])
		c.says(updated, "/data/contact/name", "Ayu Lestari")
	}, target.ContactsAPI, target.KirimEvents)
}

// ayu is a contact with every value there is.
func ayu(metadata string) target.ContactRequest {
	return target.ContactRequest{Name: "Ayu", Email: "ayu@example.com", Metadata: json.RawMessage(metadata)}
}

// changedFields makes changes of which some members have their old values.
func (c *relayCheck) changedFields() {
	sub := c.Subscribe(contactUpdated)
	contact := c.Contact(ayu(`{"plan":"gold"}`))
	for i, change := range []struct {
		patch target.ContactPatch
		want  []string
	}{
		{target.ContactPatch{Name: target.To("Ayu Lestari")}, []string{"name"}},
		{target.ContactPatch{Name: target.To("Ayu Lestari"), Email: target.To("lestari@example.com")}, []string{"email"}},
		{
			target.ContactPatch{Email: target.ToNull[string](), Metadata: target.To(json.RawMessage(`{"plan":"silver"}`))},
			[]string{"email", "metadata"},
		},
		{
			target.ContactPatch{Name: target.To("Putri"), Email: target.To("putri@example.com"), Metadata: target.To(json.RawMessage(`{}`))},
			[]string{"email", "metadata", "name"},
		},
	} {
		c.Change(contact.ID, change.patch)
		updated := kirimEvent(sub.Await(i+1, "contact.updated")[i])
		var data struct {
			Changed []string `json:"changed_fields"`
		}
		if err := json.Unmarshal(updated.Data, &data); err != nil {
			c.Broken("data.changed_fields, a list of names", err.Error())
		}
		got := slices.Sorted(slices.Values(data.Changed))
		if !slices.Equal(got, change.want) {
			c.Broken("changed_fields "+strings.Join(change.want, ", "), fmt.Sprintf("%q", data.Changed))
		}
	}
}

// saysContact ends the spec as broken unless an event's contact has the values that the API's answer has.
func (c *relayCheck) saysContact(ev kirimEnvelope, contact target.Contact) {
	var metadata any
	if err := json.Unmarshal(contact.Metadata, &metadata); err != nil {
		c.Broken("metadata in the answer", err.Error())
	}
	for pointer, want := range map[string]any{
		"id": contact.ID, "object": "contact", "phone_number": orNil(contact.PhoneNumber), "name": orNil(contact.Name),
		"email": orNil(contact.Email), "metadata": metadata,
	} {
		c.says(ev, "/data/contact/"+pointer, want)
	}
}

func orNil(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}
