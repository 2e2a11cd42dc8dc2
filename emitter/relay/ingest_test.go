package relay

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func TestWhatMetaSendsAgainIsRecognisedAndWhatIsNewIsNot(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second []byte
		// id is the event id of what the second body becomes, or empty for a duplicate.
		event, id string
	}{
		{"the identical body", body(value(firstNumber, message("a", "1"), "")), body(value(firstNumber, message("a", "1"), "")), "", ""},
		{"the message in another batch", body(value(firstNumber, message("a", "1")+","+message("b", "1"), "")),
			body(value(firstNumber, message("b", "1"), "")), "", ""},
		{"the message written otherwise", body(value(firstNumber, `{"id":"a","from":"62810000001"}`, "")),
			body(value(firstNumber, `{"from":"62810000001","id":"\u0061"}`, "")), "", ""},
		{"a batch that is new in part", body(value(firstNumber, message("a", "1"), "")),
			body(value(firstNumber, message("a", "1")+","+message("b", "1"), "")), messageReceived, "b"},
		{"a batch of which the message is known and the status is new", body(value(firstNumber, message("a", "1"), "")),
			body(value(firstNumber, message("a", "1"), status("c", "read"))), messageStatus, "c"},
		{"delivered after sent", body(value(firstNumber, "", status("c", "sent"))), body(value(firstNumber, "", status("c", "delivered"))), messageStatus, "c"},
		{"read after delivered", body(value(firstNumber, "", status("c", "delivered"))), body(value(firstNumber, "", status("c", "read"))), messageStatus, "c"},
		{"read again", body(value(firstNumber, "", status("c", "read"))), body(value(firstNumber, "", status("c", "read"))), "", ""},
		{"a status of a message that came in", body(value(firstNumber, message("a", "1"), "")),
			body(value(firstNumber, "", status("a", "read"))), messageStatus, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			is, r := NewWithT(t), newRig(t, nil)
			r.subscribe(hook, messageReceived, messageStatus)
			r.ingest(test.first)
			is.Expect(r.posts()).To(HaveLen(1))
			r.ingest(test.second)
			got := r.posts()
			if test.id == "" {
				is.Expect(got).To(BeEmpty())
				return
			}
			is.Expect(got).To(HaveLen(1))
			is.Expect(got[0].event()).To(Equal(test.event))
			is.Expect(got[0].id()).To(Equal(test.id))
			is.Expect(got[0].body).To(Equal(string(test.second)), "Meta's bytes")
		})
	}
}

func TestABodyIsOneDeliveryUnderWhatItHoldsOrOneOfEachWhenSplit(t *testing.T) {
	both := value(firstNumber, message("a", "1")+","+message("b", "2"), status("c", "sent")+","+status("c", "read"))
	for name, c := range map[string]struct {
		batch Batch
		body  []byte
		want  []string
	}{
		"whole":             {Whole, body(both), []string{"message.received a"}},
		"statuses first":    {Whole, body(value(firstNumber, "", status("c", "sent")), value(firstNumber, message("a", "1"), "")), []string{"message.received a"}},
		"statuses alone":    {Whole, body(value(firstNumber, "", status("c", "sent")+","+status("d", "sent"))), []string{"message.status c"}},
		"split":             {Split, body(both), []string{"message.received a", "message.received b", "message.status c", "message.status c"}},
		"split, one update": {Split, body(value(firstNumber, message("a", "1"), "")), []string{"message.received a"}},
		"split, one twice":  {Split, body(value(firstNumber, message("a", "1")+","+message("a", "1"), "")), []string{"message.received a"}},
		"nothing of ours":   {Whole, body(`{"metadata":{"phone_number_id":"` + firstNumber + `"},"errors":[]}`), nil},
		"split, nothing":    {Split, body(), nil},
		"split, two numbers": {Split, body(value(firstNumber, message("a", "1"), ""), value(secondNumber, message("b", "1"), "")),
			[]string{"message.received a", "message.received b"}},
	} {
		t.Run(name, func(t *testing.T) {
			is := NewWithT(t)
			r := newRig(t, func(config *Config) { b := Correct(); b.Batch = c.batch; config.Behaviour = &b })
			r.subscribe(hook, messageReceived, messageStatus)
			r.ingest(c.body)
			var got []string
			for _, p := range r.posts() {
				got = append(got, p.event()+" "+p.id())
				if len(c.want) == 1 && !strings.Contains(name, "twice") {
					is.Expect(p.body).To(Equal(string(c.body)), "Meta's bytes")
				}
			}
			slices.Sort(got)
			is.Expect(got).To(Equal(c.want))
		})
	}
}

func TestNobodyGetsWhatMetaSentForAnother(t *testing.T) {
	ours, theirs := value(firstNumber, message("ours", "1"), status("ours2", "sent")), value(othersNumber, message("theirs", "2"), status("theirs2", "sent"))
	for _, batch := range []Batch{Whole, Split} {
		for name, bodies := range map[string][][]byte{
			"one after the other": {body(ours), body(theirs)},
			"in one body":         {body(ours, theirs)},
			"one is known":        {body(ours), body(ours, theirs), body(theirs, ours)},
			"the other is known":  {body(theirs), body(theirs, ours)},
			"in two entries":      {bytes.Replace(body(ours, theirs), []byte(`,{"field":`), []byte(`]},{"id":"2","changes":[{"field":`), 1)},
		} {
			t.Run(fmt.Sprintf("%d %s", batch, name), func(t *testing.T) {
				is := NewWithT(t)
				r := newRig(t, func(c *Config) { b := Correct(); b.Batch = batch; c.Behaviour = &b })
				r.subscribeAs(r.first, "https://first.example.com/")
				r.subscribeAs(r.other, "https://other.example.com/")
				for _, b := range bodies {
					r.ingest(b)
				}
				got := map[string][]string{}
				for _, p := range r.posts() {
					got[p.url] = append(got[p.url], p.event())
					mine, foreign := "ours", "theirs"
					if p.url == "https://other.example.com/" {
						mine, foreign = foreign, mine
					}
					is.Expect(p.body).NotTo(ContainSubstring(`"`+foreign), p.url)
					if p.event() != contactCreated {
						is.Expect(p.body).To(ContainSubstring(`"`+mine), p.url)
					}
				}
				want := []string{contactCreated, messageReceived}
				if batch == Split {
					want = append(want, messageStatus)
				}
				is.Expect(got).To(Equal(map[string][]string{"https://first.example.com/": want, "https://other.example.com/": want}))
			})
		}
	}
}

func TestANumberThatNobodyHasBelongsToTheFirstOrganisation(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribeAs(r.first, "https://first.example.com/")
	r.subscribeAs(r.other, "https://other.example.com/")
	r.ingest(body(value("999999999999999", message("a", "1"), "")))
	for _, p := range r.posts() {
		is.Expect(p.url).To(Equal("https://first.example.com/"))
	}
}

func TestAnUpdateWithoutAnIDHasAnEventIDAllTheSame(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook, messageReceived)
	for range 2 {
		r.ingest(body(value(firstNumber, `{"id":"a\r\nX-Evil: 1","from":"62810000001"}`, "")))
	}
	got := r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(got[0].id()).To(MatchRegexp(`^evt_[0-9A-HJKMNP-TV-Z]{26}$`))
}

func TestEveryFixtureOfMetasIsForwardedAsItCame(t *testing.T) {
	for _, id := range []string{"kckit", "kirim.chat"} {
		is := NewWithT(t)
		r := newRig(t, func(c *Config) { c.Edition = edition(t, id) })
		r.subscribe(hook, messageReceived, messageStatus)
		g := newGenerator(t, id)
		for _, v := range variants(t, id) {
			if v.Event != messageReceived && v.Event != messageStatus {
				continue
			}
			ev, err := g.Event(v.Event, v.Name)
			is.Expect(err).NotTo(HaveOccurred())
			r.ingest(escaped(ev))
			got := r.posts()
			is.Expect(got).To(HaveLen(1), v.Name)
			is.Expect(got[0].body).To(Equal(string(escaped(ev))), v.Name)
			is.Expect(got[0].event()).To(Equal(v.Event), v.Name)
			is.Expect(got[0].id()).To(Equal(ev.ID), v.Name)
			is.Expect(got[0].header["X-Kirim-Source"]).To(Equal("meta"), v.Name)
		}
	}
}

func TestABodyThatIsNoWebhookIsRefusedAndChangesNothing(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook)
	for _, b := range []string{"", "{}", "[]", `{"object":"page","entry":[]}`} {
		err := r.IngestMeta(r.ctx, []byte(b))
		is.Expect(code(err)).To(Equal("invalid_field_value"), b)
	}
	is.Expect(r.posts()).To(BeEmpty())
}

func TestACustomerIsOneContactHoweverManyMessages(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook, contactCreated)
	withheld := func(id, user string) string { return `{"id":"` + id + `","from_user_id":"` + user + `","type":"text"}` }
	group := `{"id":"g","from":"62810000001","group_id":"Y2FwaV9ncm91cDo","type":"text"}`
	for _, step := range []struct {
		body []byte
		new  int
	}{
		{body(value(firstNumber, message("1", "1"), "")), 1},
		{body(value(firstNumber, message("2", "1"), "")), 0},
		{body(value(firstNumber, message("3", "1")+","+message("4", "2")+","+message("5", "2"), "")), 1},
		{body(value(secondNumber, message("6", "1"), "")), 1}, // contacts belong to a number
		{body(value(firstNumber, withheld("7", "ID.1"), "")), 1},
		{body(value(firstNumber, withheld("8", "ID.1")+","+withheld("9", "ID.2"), "")), 1},
		{body(value(firstNumber, group, "")), 0},
		{body(value(firstNumber, `{"id":"nobody"}`, "")), 0},
		{body(value(firstNumber, "", status("s", "sent"))), 0},
	} {
		r.ingest(step.body)
		is.Expect(r.posts()).To(HaveLen(step.new), string(step.body))
	}
	contacts, _, err := r.Contacts(r.ctx, r.first, store.ContactFilter{}, Page{Limit: 100})
	is.Expect(err).NotTo(HaveOccurred())
	var customers []string
	for _, c := range contacts {
		customers = append(customers, c.PhoneNumberID[14:]+" "+c.Customer)
		is.Expect(c.Phone != nil).To(Equal(strings.HasPrefix(c.Customer, "+")), "a number that is withheld is null")
	}
	slices.Sort(customers)
	is.Expect(customers).To(Equal([]string{"2 +62810000001", "2 +62810000002", "2 ID.1", "2 ID.2", "3 +62810000001"}))
}

func TestAMessageOpensAConversationOrWakesIt(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	made, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000001"})
	is.Expect(err).NotTo(HaveOccurred())
	r.subscribe(hook, contactCreated)
	conversation := func() ConversationView {
		list, _, err := r.Conversations(r.ctx, r.first, store.ConversationFilter{Contact: made.ID}, Page{Limit: 10})
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(list).To(HaveLen(1))
		return list[0]
	}
	r.ingest(body(value(firstNumber, message("1", "1"), "")))
	is.Expect(r.posts()).To(BeEmpty(), "the API created the contact before")
	is.Expect(conversation().Customer.ID).To(Equal(made.ID))
	is.Expect(conversation().Unread).To(Equal(1))
	_, err = r.UpdateConversation(r.ctx, r.first, "", conversation().ID, ConversationPatch{Status: pointer(store.ConversationResolved)})
	is.Expect(err).NotTo(HaveOccurred())
	r.advance(60_000_000_000)
	r.ingest(body(value(firstNumber, message("2", "1"), "")))
	is.Expect(conversation().Status).To(Equal(store.ConversationOpen))
	is.Expect(conversation().Unread).To(Equal(2))
	is.Expect(*conversation().LastInboundAt).To(Equal(r.clock.Now()))
}
