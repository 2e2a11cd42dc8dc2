package relay

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/schemas"
)

func validator(t *testing.T) func(ed, event string, body []byte) error {
	t.Helper()
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	return set.ValidateEvent
}

// data is the data of one of Kirim's events.
func data(t *testing.T, p post) (d struct {
	Contact struct {
		ID    string
		Phone *string `json:"phone_number"`
		Name  *string
	}
	Acquisition   *string  `json:"acquisition_source"`
	ChangedFields []string `json:"changed_fields"`
	Conversation  struct {
		ID, Status string
		ClosedBy   *string `json:"closed_by_user_id"`
	}
	Assignee struct {
		UserID   *string `json:"user_id"`
		Previous *string `json:"previous_user_id"`
	}
}) {
	t.Helper()
	envelope := struct{ Data any }{&d}
	if err := json.Unmarshal([]byte(p.body), &envelope); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAContactIsCreatedOnceAndSaysWhereItCameFrom(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook, contactCreated)
	made, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000001"})
	is.Expect(err).NotTo(HaveOccurred())
	got := r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(data(t, got[0]).Contact.ID).To(Equal(made.ID))
	is.Expect(data(t, got[0]).Acquisition).To(BeNil())
	_, err = r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000001"})
	is.Expect(code(err)).To(Equal("contact_exists"))
	_, err = r.CreateContact(r.ctx, r.first, ContactInput{From: secondNumber, Phone: "+62810000001"})
	is.Expect(err).NotTo(HaveOccurred(), "contacts belong to a number")
	is.Expect(r.posts()).To(HaveLen(1))
	r.ingest(body(value(firstNumber, message("a", "2"), "")))
	got = r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(*data(t, got[0]).Acquisition).To(Equal(organic))
	is.Expect(*data(t, got[0]).Contact.Phone).To(Equal("+62810000002"))
	_, err = r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000002"})
	is.Expect(code(err)).To(Equal("contact_exists"), "the inbound message made it")
	is.Expect(r.posts()).To(BeEmpty())
}

func TestANewContactNeedsANumberOfTheOrganisation(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		org  Org
		in   ContactInput
		code string
	}{
		"several numbers, none named":    {r.first, ContactInput{}, "missing_required_field"},
		"one number, none named":         {r.other, ContactInput{}, ""},
		"by its id":                      {r.first, ContactInput{From: secondNumber}, ""},
		"as people write it":             {r.first, ContactInput{From: "+62 851-1760-0829"}, ""},
		"as digits":                      {r.first, ContactInput{From: "6285117600830"}, ""},
		"another organisation's":         {r.first, ContactInput{From: othersNumber}, "invalid_field_value"},
		"another organisation's, path":   {r.first, ContactInput{PhoneNumberID: othersNumber}, "resource_not_found"},
		"nobody's":                       {r.first, ContactInput{From: "+6281"}, "invalid_field_value"},
		"the path outranks what is said": {r.first, ContactInput{PhoneNumberID: firstNumber, From: "nobody's"}, ""},
	} {
		c.in.Phone = examplePhone()
		if _, err := r.CreateContact(r.ctx, c.org, c.in); code(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

func TestAPatchTellsExactlyWhatChanged(t *testing.T) {
	text := func(s string) **string { p := &s; return &p }
	null := func() **string { var p *string; return &p }
	raw := func(s string) *json.RawMessage {
		m := json.RawMessage(s)
		if s == "" {
			m = nil
		}
		return &m
	}
	for name, c := range map[string]struct {
		patch ContactPatch
		want  []string
	}{
		"nothing":                     {ContactPatch{}, nil},
		"the same name":               {ContactPatch{Name: text("Ayu")}, nil},
		"another name":                {ContactPatch{Name: text("ayu")}, []string{"name"}},
		"no name":                     {ContactPatch{Name: null()}, []string{"name"}},
		"null where it is null":       {ContactPatch{Email: null()}, nil},
		"an email":                    {ContactPatch{Email: text("a@example.com")}, []string{"email"}},
		"all, in their order":         {ContactPatch{Metadata: raw("{}"), Email: text("a@example.com"), Name: null()}, []string{"name", "email", "metadata"}},
		"one of two":                  {ContactPatch{Name: text("Ayu"), Email: text("a@example.com")}, []string{"email"}},
		"metadata as it is":           {ContactPatch{Metadata: raw(`{"n":9007199254740993,"o":{"a":1,"b":[true,null]},"t":"é"}`)}, nil},
		"metadata in other words":     {ContactPatch{Metadata: raw(`{ "t":"\u00e9", "o":{"b":[true,null],"a":1}, "n":9007199254740993 }`)}, nil},
		"a large number that is near": {ContactPatch{Metadata: raw(`{"n":9007199254740992,"o":{"a":1,"b":[true,null]},"t":"é"}`)}, []string{"metadata"}},
		"a list in another order":     {ContactPatch{Metadata: raw(`{"n":9007199254740993,"o":{"a":1,"b":[null,true]},"t":"é"}`)}, []string{"metadata"}},
		"a member less":               {ContactPatch{Metadata: raw(`{"n":9007199254740993,"t":"é"}`)}, []string{"metadata"}},
		"null for a member":           {ContactPatch{Metadata: raw(`{"n":9007199254740993,"o":null,"t":"é"}`)}, []string{"metadata"}},
		"no metadata":                 {ContactPatch{Metadata: raw("")}, []string{"metadata"}},
	} {
		t.Run(name, func(t *testing.T) {
			is, r := NewWithT(t), newRig(t, nil)
			r.subscribe(hook, contactUpdated)
			made, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000001", Name: pointer("Ayu"),
				Metadata: json.RawMessage(`{"n":9007199254740993,"o":{"a":1,"b":[true,null]},"t":"é"}`)})
			is.Expect(err).NotTo(HaveOccurred())
			r.advance(1_000_000_000)
			after, err := r.UpdateContact(r.ctx, r.first, "", made.ID, c.patch)
			is.Expect(err).NotTo(HaveOccurred())
			got := r.posts()
			if c.want == nil {
				is.Expect(got).To(BeEmpty())
				is.Expect(after.UpdatedAt).To(Equal(made.UpdatedAt))
				return
			}
			is.Expect(got).To(HaveLen(1))
			is.Expect(data(t, got[0]).ChangedFields).To(Equal(c.want))
			is.Expect(data(t, got[0]).Contact.Name).To(Equal(after.Name))
			is.Expect(validator(t)("kckit", contactUpdated, []byte(got[0].body))).To(Succeed())
			is.Expect(after.UpdatedAt).To(Equal(r.clock.Now()))
			// The same once more changes nothing.
			_, err = r.UpdateContact(r.ctx, r.first, "", made.ID, c.patch)
			is.Expect(err).NotTo(HaveOccurred())
			is.Expect(r.posts()).To(BeEmpty())
		})
	}
}

func TestNullAndNoMetadataAreTheSameAndAnEmptyObjectIsNot(t *testing.T) {
	for _, c := range []struct {
		a, b json.RawMessage
		same bool
	}{
		{nil, nil, true}, {nil, json.RawMessage("null"), true}, {json.RawMessage(" null"), nil, true}, {nil, json.RawMessage("{}"), false},
		{json.RawMessage("{"), json.RawMessage("["), false},
	} {
		if sameJSON(c.a, c.b) != c.same {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.same)
		}
	}
}

func TestAConversationsChangesAreTheirEvents(t *testing.T) {
	user := func(s string) **string { p := &s; return &p }
	nobody := func() **string { var p *string; return &p }
	open, pending, resolved := store.ConversationOpen, store.ConversationPending, store.ConversationResolved
	type assigned struct{ to, from string }
	type step struct {
		patch    ConversationPatch
		assigned *assigned
		closed   bool
	}
	for name, steps := range map[string][]step{
		"assigned, moved, the same, cleared, the same": {
			{ConversationPatch{AssignedTo: user("usr_a")}, &assigned{"usr_a", ""}, false},
			{ConversationPatch{AssignedTo: user("usr_b")}, &assigned{"usr_b", "usr_a"}, false},
			{ConversationPatch{AssignedTo: user("usr_b")}, nil, false},
			{ConversationPatch{AssignedTo: nobody()}, &assigned{"", "usr_b"}, false},
			{ConversationPatch{AssignedTo: nobody()}, nil, false},
		},
		"closed once, opened, closed": {
			{ConversationPatch{Status: &resolved}, nil, true},
			{ConversationPatch{Status: &resolved}, nil, false},
			{ConversationPatch{Status: &open}, nil, false},
			{ConversationPatch{Status: &pending}, nil, false},
			{ConversationPatch{Status: &resolved}, nil, true},
		},
		"both at once": {
			{ConversationPatch{Status: &resolved, AssignedTo: user("usr_a")}, &assigned{"usr_a", ""}, true},
			{ConversationPatch{Status: &resolved, AssignedTo: user("usr_b")}, &assigned{"usr_b", "usr_a"}, false},
			{ConversationPatch{Status: &open, AssignedTo: user("usr_b")}, nil, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			is, r := NewWithT(t), newRig(t, nil)
			r.ingest(body(value(firstNumber, message("a", "1"), "")))
			r.subscribe(hook, conversationAssigned, conversationClosed)
			list, _, err := r.Conversations(r.ctx, r.first, store.ConversationFilter{}, Page{Limit: 1})
			is.Expect(err).NotTo(HaveOccurred())
			for i, step := range steps {
				after, err := r.UpdateConversation(r.ctx, r.first, "", list[0].ID, step.patch)
				is.Expect(err).NotTo(HaveOccurred())
				got := r.posts()
				if step.assigned != nil {
					is.Expect(got).NotTo(BeEmpty(), "step %d", i)
					is.Expect(got[0].event()).To(Equal(conversationAssigned))
					d := data(t, got[0])
					is.Expect(assigned{text(d.Assignee.UserID), text(d.Assignee.Previous)}).To(Equal(*step.assigned))
					is.Expect(d.Conversation.Status).To(Equal(string(after.Status)))
					is.Expect(validator(t)("kckit", conversationAssigned, []byte(got[0].body))).To(Succeed())
					got = got[1:]
				}
				if step.closed {
					is.Expect(got).NotTo(BeEmpty(), "step %d", i)
					is.Expect(got[0].event()).To(Equal(conversationClosed))
					is.Expect(*data(t, got[0]).Conversation.ClosedBy).To(Equal(r.first.Owner))
					is.Expect(validator(t)("kckit", conversationClosed, []byte(got[0].body))).To(Succeed())
					got = got[1:]
				}
				is.Expect(got).To(BeEmpty(), "step %d", i)
			}
			_, err = r.UpdateConversation(r.ctx, r.first, "", list[0].ID, ConversationPatch{})
			is.Expect(code(err)).To(Equal("missing_required_field"))
		})
	}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func TestEveryEventCanBeTriggeredAgainAndAgain(t *testing.T) {
	for _, id := range []string{"kckit", "kirim.chat", "kirimdev"} {
		ed := edition(t, id)
		for _, ev := range ed.Events {
			for _, second := range []bool{false, true} {
				t.Run(id+"/"+ev.Name, func(t *testing.T) {
					is := NewWithT(t)
					r := newRig(t, func(c *Config) { c.Edition = ed })
					org := r.first
					if second {
						org = r.other
					}
					r.subscribeAs(org, hook)
					for range 5 {
						is.Expect(r.Trigger(r.ctx, org, ev.Name)).To(Succeed())
						happened := 0
						for _, p := range r.posts() {
							is.Expect(validator(t)(id, p.event(), []byte(p.body))).To(Succeed(), p.body)
							if p.event() == ev.Name {
								happened++
							}
						}
						is.Expect(happened).To(Equal(1))
					}
				})
			}
		}
		r := newRig(t, func(c *Config) { c.Edition = ed })
		if err := r.Trigger(r.ctx, r.first, "nothing"); code(err) != "resource_not_found" {
			t.Errorf("an event that there is not: %v", err)
		}
	}
}

func TestNothingCanBeTriggeredForAnOrganisationWithoutANumber(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Organisations[1].Accounts = nil })
	for _, ev := range r.Edition().Events {
		if ev.Name == contactUpdated {
			continue
		}
		if err := r.Trigger(r.ctx, r.other, ev.Name); code(err) != "invalid_field_value" {
			t.Errorf("%s: %v", ev.Name, err)
		}
	}
}

func TestAnOutboundMessageIsAnEventWhereTheEditionHasIt(t *testing.T) {
	for id, events := range map[string][]string{"kckit": nil, "kirim.chat": {messageCreated}, "kirimdev": {messageSent}} {
		is := NewWithT(t)
		r := newRig(t, func(c *Config) { c.Edition = edition(t, id) })
		r.subscribe(hook)
		m, err := r.SendMessage(r.ctx, r.first, firstNumber, "+62810000001", "Halo")
		if events == nil {
			is.Expect(code(err)).To(Equal("resource_not_found"))
			is.Expect(r.posts()).To(BeEmpty())
			continue
		}
		is.Expect(err).NotTo(HaveOccurred())
		got := r.posts()
		is.Expect(got).To(HaveLen(1))
		is.Expect(got[0].body).To(ContainSubstring(`"id":"` + m.ID + `"`))
		is.Expect(validator(t)(id, events[0], []byte(got[0].body))).To(Succeed())
		_, err = r.SendMessage(r.ctx, r.first, othersNumber, "+62810000001", "Halo")
		is.Expect(code(err)).To(Equal("resource_not_found"))
	}
}
