package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// contactView is a contact as the API shows it (documentation: operations, contacts: every field is required).
type contactView struct {
	ID              string          `json:"id"`
	Object          string          `json:"object"`
	PhoneNumber     *string         `json:"phone_number"`
	Name            *string         `json:"name"`
	Email           *string         `json:"email"`
	Metadata        json.RawMessage `json:"metadata"`
	WhatsAppAccount accountView     `json:"whatsapp_account"`
	CreatedAt       string          `json:"created_at"`
	UpdatedAt       string          `json:"updated_at"`
}

type accountView struct {
	PhoneNumber *string `json:"phone_number"`
}

// viewAccount finds the number as people write it. It is null where it is not known.
func viewAccount(numbers map[string]store.Account, phoneNumberID string) accountView {
	return accountView{optional(numbers[phoneNumberID].Display)}
}

func viewContact(ct store.Contact, numbers map[string]store.Account) contactView {
	return contactView{
		ID: ct.ID, Object: "contact", PhoneNumber: ct.Phone, Name: ct.Name, Email: ct.Email, Metadata: ct.Metadata,
		WhatsAppAccount: viewAccount(numbers, ct.PhoneNumberID),
		CreatedAt:       timestamp(ct.CreatedAt), UpdatedAt: timestamp(ct.UpdatedAt),
	}
}

// contactReply shows one contact.
func (a *api) contactReply(ctx context.Context, c *call, status int, ct store.Contact) (reply, error) {
	numbers, err := a.numbers(ctx, c.org)
	if err != nil {
		return reply{}, err
	}
	return reply{status: status, data: viewContact(ct, numbers)}, nil
}

func (a *api) createContact(ctx context.Context, c *call) (reply, error) {
	f := c.body.fields()
	in := relay.ContactInput{PhoneNumberID: c.scope}
	if c.scope == "" {
		// Where the path says it, the body has no such field.
		if from := f.given("from", senderRule); from != nil {
			in.From = *from
		}
	}
	in.Phone = f.text("phone_number", phoneRule)
	in.Name, in.Email = f.orNil("name", nameRule), f.orNil("email", emailRule)
	if metadata := f.object("metadata"); metadata != nil {
		in.Metadata = *metadata
	}
	if err := f.done(); err != nil {
		return reply{}, err
	}
	ct, err := a.service.CreateContact(ctx, c.org, in)
	if err != nil {
		return reply{}, err
	}
	return a.contactReply(ctx, c, http.StatusCreated, ct)
}

func (a *api) listContacts(ctx context.Context, c *call) (reply, error) {
	q := readQuery(c.request)
	filter := store.ContactFilter{
		PhoneNumberID: c.scope, Phone: q.text("phone", phoneRule), Search: q.text("search", searchRule),
	}
	page, bound, err := q.page(c)
	if err != nil {
		return reply{}, err
	}
	items, next, err := a.service.Contacts(ctx, c.org, filter, page)
	if err != nil {
		return reply{}, err
	}
	numbers, err := a.numbers(ctx, c.org)
	if err != nil {
		return reply{}, err
	}
	return bound.listed(views(items, func(ct store.Contact) contactView { return viewContact(ct, numbers) }), next), nil
}

func (a *api) getContact(ctx context.Context, c *call) (reply, error) {
	id, err := c.contact()
	if err != nil {
		return reply{}, err
	}
	ct, err := a.service.Contact(ctx, c.org, c.scope, id)
	if err != nil {
		return reply{}, err
	}
	return a.contactReply(ctx, c, http.StatusOK, ct)
}

func (a *api) updateContact(ctx context.Context, c *call) (reply, error) {
	id, err := c.contact()
	if err != nil {
		return reply{}, err
	}
	f := c.body.fields()
	p := relay.ContactPatch{
		Name: f.nullable("name", nameRule), Email: f.nullable("email", emailRule), Metadata: f.object("metadata"),
	}
	if err := f.done(); err != nil {
		return reply{}, err
	}
	ct, err := a.service.UpdateContact(ctx, c.org, c.scope, id, p)
	if err != nil {
		return reply{}, err
	}
	return a.contactReply(ctx, c, http.StatusOK, ct)
}

// contact is the id in the path.
func (c *call) contact() (string, error) { return c.id("id", "ctc", "contact") }
