package api

import (
	"context"
	"slices"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func (f *fake) CreateContact(_ context.Context, org relay.Org, in relay.ContactInput) (store.Contact, error) {
	f.contactInput = in
	if err := f.begin(); err != nil {
		return store.Contact{}, err
	}
	now := f.clock.Now()
	taken := slices.ContainsFunc(f.contacts, func(c store.Contact) bool { return c.Org == org.Seq && *c.Phone == in.Phone })
	if taken {
		return store.Contact{}, relay.Conflict("contact_exists", "it exists")
	}
	c := store.Contact{
		Org: org.Seq, ID: f.NewID("ctc"), Phone: &in.Phone, Name: in.Name, Email: in.Email, Metadata: in.Metadata,
		PhoneNumberID: number, CreatedAt: now, UpdatedAt: now,
	}
	f.contacts = append(f.contacts, c)
	return c, nil
}

func (f *fake) contact(org relay.Org, id string) (*store.Contact, error) {
	if err := f.begin(); err != nil {
		return nil, err
	}
	return find(f.contacts, "contact", func(c store.Contact) bool { return c.Org == org.Seq && c.ID == id })
}

func (f *fake) Contact(_ context.Context, org relay.Org, _, id string) (store.Contact, error) {
	c, err := f.contact(org, id)
	if err != nil {
		return store.Contact{}, err
	}
	return *c, nil
}

func (f *fake) Contacts(_ context.Context, org relay.Org, filter store.ContactFilter, p relay.Page) (
	[]store.Contact, string, error,
) {
	if err := f.begin(); err != nil {
		return nil, "", err
	}
	return page(f.contacts, p, func(c store.Contact) bool {
		return c.Org == org.Seq && (filter.Phone == "" || filter.Phone == *c.Phone)
	})
}

func (f *fake) UpdateContact(_ context.Context, org relay.Org, _, id string, p relay.ContactPatch) (store.Contact, error) {
	f.contactPatch = p
	c, err := f.contact(org, id)
	if err != nil {
		return store.Contact{}, err
	}
	set(&c.Name, p.Name)
	set(&c.Email, p.Email)
	set(&c.Metadata, p.Metadata)
	return *c, nil
}

// converse puts a conversation with the contact into the fake and returns its id.
func (f *fake) converse(c store.Contact) string {
	now := f.clock.Now()
	v := relay.ConversationView{Customer: c, Conversation: store.Conversation{
		Org: c.Org, ID: f.NewID("cnv"), PhoneNumberID: number, Status: store.ConversationOpen, Unread: 2,
		LastMessageAt: &now, CreatedAt: now, UpdatedAt: now,
	}}
	f.conversations = append(f.conversations, v)
	return v.ID
}

func (f *fake) Conversations(_ context.Context, org relay.Org, filter store.ConversationFilter, p relay.Page) (
	[]relay.ConversationView, string, error,
) {
	if err := f.begin(); err != nil {
		return nil, "", err
	}
	return page(f.conversations, p, func(v relay.ConversationView) bool {
		return v.Org == org.Seq && (filter.Status == "" || filter.Status == v.Status) &&
			(filter.Contact == "" || filter.Contact == v.Customer.ID)
	})
}

func (f *fake) conversation(org relay.Org, id string) (*relay.ConversationView, error) {
	if err := f.begin(); err != nil {
		return nil, err
	}
	return find(f.conversations, "conversation", func(v relay.ConversationView) bool { return v.Org == org.Seq && v.ID == id })
}

func (f *fake) Conversation(_ context.Context, org relay.Org, _, id string) (relay.ConversationView, error) {
	v, err := f.conversation(org, id)
	if err != nil {
		return relay.ConversationView{}, err
	}
	return *v, nil
}

func (f *fake) UpdateConversation(_ context.Context, org relay.Org, _, id string, p relay.ConversationPatch) (
	relay.ConversationView, error,
) {
	v, err := f.conversation(org, id)
	if err != nil {
		return relay.ConversationView{}, err
	}
	set(&v.Status, p.Status)
	set(&v.AssignedTo, p.AssignedTo)
	return *v, nil
}

func (f *fake) SendMessage(_ context.Context, _ relay.Org, _, to, text string) (relay.Message, error) {
	if err := f.begin(); err != nil {
		return relay.Message{}, err
	}
	return relay.Message{ID: f.NewID("msg"), To: to, Type: "text", Text: text, CreatedAt: f.clock.Now()}, nil
}
