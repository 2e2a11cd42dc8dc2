package relay

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func inKirimdev(t testing.TB) func(*Config) {
	return func(c *Config) { c.Edition = edition(t, "kirimdev") }
}

// without returns what a body says but for the annotation, with numbers as they are written.
func without(t *testing.T, body []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	delete(object, contract.AnnotationKey)
	return object
}

func TestEveryFixtureOfMetasIsAnnotatedAndSaysTheSame(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	r.subscribe(hook, messageReceived, messageStatus)
	g := newGenerator(t, "kirimdev")
	for _, v := range variants(t, "kirimdev") {
		if v.Event != messageReceived && v.Event != messageStatus {
			continue
		}
		ev, err := g.Event(v.Event, v.Name)
		is.Expect(err).NotTo(HaveOccurred())
		r.ingest(escaped(ev))
		got := r.posts()
		is.Expect(got).To(HaveLen(1), v.Name)
		body := []byte(got[0].body)
		is.Expect(validator(t)("kirimdev", v.Event, body)).To(Succeed(), v.Name)
		if !reflect.DeepEqual(without(t, body), without(t, ev.Body)) {
			t.Errorf("%s: %s\nof %s", v.Name, body, ev.Body)
		}
		is.Expect(got[0].id()).To(Equal(ev.ID), v.Name)
		note := gjson.GetBytes(body, contract.AnnotationKey)
		is.Expect(note.Get("phone_number_id").String()).To(Equal(firstNumber), v.Name)
		is.Expect(note.Get("message_id").String()).To(MatchRegexp(`^msg_[0-9A-HJKMNP-TV-Z]{26}$`), v.Name)
		is.Expect(note.Get("media_url").Exists()).To(BeFalse(), v.Name)
	}
}

func TestTheAnnotationNamesWhoWroteAndWhere(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	r.subscribe(hook, messageReceived, messageStatus)
	r.ingest([]byte(strings.Replace(string(body(value(firstNumber, message("1", "1"), ""))), `"messages":[`,
		`"contacts":[{"wa_id":"62810000001","profile":{"name":"Ayu"}}],"messages":[`, 1)))
	conversations, _, err := r.Conversations(r.ctx, r.first, store.ConversationFilter{}, Page{Limit: 2})
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(conversations).To(HaveLen(1))
	first := gjson.Get(r.posts()[0].body, contract.AnnotationKey)
	is.Expect(first.Get("contact").Raw).To(Equal(`{"name":"Ayu","phone_number":"+62810000001"}`))
	is.Expect(first.Get("conversation_id").String()).To(Equal(conversations[0].ID))

	r.ingest(body(value(firstNumber, message("2", "1"), "")))
	second := gjson.Get(r.posts()[0].body, contract.AnnotationKey)
	is.Expect(second.Get("contact").Raw).To(Equal(`{"name":null,"phone_number":"+62810000001"}`))
	is.Expect(second.Get("conversation_id").String()).To(Equal(conversations[0].ID))
	is.Expect(second.Get("message_id").String()).NotTo(Equal(first.Get("message_id").String()))

	r.ingest(body(value(firstNumber, "", status("3", "read"))))
	third := gjson.Get(r.posts()[0].body, contract.AnnotationKey)
	is.Expect(third.Get("contact").Exists()).To(BeFalse())
	is.Expect(third.Get("conversation_id").String()).To(Equal(conversations[0].ID))
}

func TestOnlyMediaHaveAMediaStatus(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	r.subscribe(hook, messageReceived)
	g := newGenerator(t, "kirimdev")
	for variant, want := range map[string]string{"text": "", "location": "", "image": "pending", "document": "pending", "voice": "pending"} {
		ev, err := g.Event(messageReceived, variant)
		is.Expect(err).NotTo(HaveOccurred())
		r.ingest(escaped(ev))
		is.Expect(gjson.Get(r.posts()[0].body, "kirim.media_status").String()).To(Equal(want), variant)
	}
}

// Rewriting is bounded, and nothing that Meta sent is lost to that.
func TestABodyTooDeepToBeWrittenAnewGoesAsItCame(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	r.subscribe(hook, messageReceived)
	deep := strings.Repeat(`[`, 2000) + strings.Repeat(`]`, 2000)
	meta := body(value(firstNumber, strings.Replace(message("1", "1"), `"type"`, `"deep":`+deep+`,"type"`, 1), ""))
	r.ingest(meta)
	is.Expect(r.posts()[0].body).To(Equal(string(meta)))
}

func TestExactEditionsHaveNoAnnotation(t *testing.T) {
	for _, id := range []string{"kckit", "kirim.chat"} {
		is := NewWithT(t)
		r := newRig(t, func(c *Config) { c.Edition = edition(t, id) })
		r.subscribe(hook, messageReceived)
		meta := body(value(firstNumber, message("1", "1"), ""))
		r.ingest(meta)
		is.Expect(r.posts()[0].body).To(Equal(string(meta)), id)
	}
}

func TestASentMessageIsLinkedToMetasID(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	r.subscribe(hook, messageSent)
	m, err := r.SendMessage(r.ctx, r.first, firstNumber, "+62810000001", "Halo")
	is.Expect(err).NotTo(HaveOccurred())
	got := r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(got[0].header["X-Kirim-Source"]).To(Equal("kirim"))
	data := gjson.Get(got[0].body, "data")
	is.Expect(data.Get("message.id").String()).To(Equal(m.ID))
	is.Expect(data.Get("message.provider_id").String()).To(HavePrefix("wamid."))
	is.Expect(data.Get("message.to").String()).To(Equal("+62810000001"))
	is.Expect(data.Get("message.body").String()).To(Equal("Halo"))
	is.Expect(data.Get("session").String()).To(Equal(firstNumber))
	for _, at := range []string{"created_at", "data.timestamp"} {
		is.Expect(gjson.Get(got[0].body, at).String()).To(Equal("2026-03-01T12:00:00.000Z"), at)
	}
}

// What the catalogue lists can be subscribed to, also where nobody knows how it would come about.
func TestUnseenEventsCanBeSubscribedToAndNotTriggered(t *testing.T) {
	is, r := NewWithT(t), newRig(t, inKirimdev(t))
	s := r.subscribe(hook, r.Edition().Catalogue()...)
	is.Expect(s.Events).To(HaveLen(16))
	for _, unseen := range r.Edition().Unseen {
		is.Expect(code(r.Trigger(r.ctx, r.first, unseen.Name))).To(Equal("resource_not_found"), unseen.Name)
	}
	_, err := r.CreateSubscription(r.ctx, r.first, SubscriptionInput{URL: hook, Events: []string{"message.created"}})
	is.Expect(code(err)).To(Equal("invalid_field_value"))
}
