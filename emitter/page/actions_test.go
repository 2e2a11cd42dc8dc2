package page

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

const hook = "https://toko.example.com/kirim"

func TestEveryEventOfEachEditionHasAButtonThatCausesIt(t *testing.T) {
	editions, err := contract.Editions()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, edition := range editions {
		for _, event := range edition.Events {
			t.Run(edition.ID+" "+event.Name, func(t *testing.T) {
				g := NewWithT(t)
				e := newEmitter(t, edition.ID, 1, false)
				e.subscribe(hook, event.Name)
				g.Expect(e.get("/")).To(ContainSubstring(`action="/events/` + event.Name + `/trigger"`))
				page, at := e.press("/events/"+event.Name+"/trigger", url.Values{"back": {"/"}})
				g.Expect(at).To(Equal("/"))
				g.Expect(page).To(ContainSubstring(event.Name + " happened."))
				g.Expect(e.deliveries()).To(HaveLen(1))
				g.Expect(e.deliveries()[0].EventName).To(Equal(event.Name))
				g.Expect(page).To(ContainSubstring(e.deliveries()[0].ID))
			})
		}
	}
}

func TestAnEventThatNobodyListsSaysSo(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	paused := e.subscribe(hook, "contact.created")
	e.press("/subscriptions/"+paused.ID+"/state", url.Values{"status": {"paused"}})
	page, _ := e.press("/events/contact.created/trigger", url.Values{})
	g.Expect(page).To(ContainSubstring("no active subscription lists it"))
}

func TestReplayMakesANewDelivery(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	old := e.happens("contact.created")

	page, at := e.press("/deliveries/"+old.ID+"/replay", url.Values{})
	made := e.deliveries()[0]
	g.Expect(made.ReplayedFrom).To(Equal(old.ID))
	g.Expect(made.Status).To(Equal(store.DeliveryDelivered))
	g.Expect(at).To(Equal("/deliveries/"+made.ID), "from the page of a delivery to that of its replay")
	g.Expect(page).To(ContainSubstring("contact.created is delivered once more."))
	g.Expect(page).To(ContainSubstring(`href="/deliveries/` + old.ID + `"`))

	_, at = e.press("/deliveries/"+made.ID+"/replay", url.Values{"back": {"/?event=contact.created"}})
	g.Expect(at).To(Equal("/?event=contact.created"), "from the list back to the list as it was filtered")
	g.Expect(e.deliveries()).To(HaveLen(3))
}

func TestAReplayThatIsRefusedSaysWhy(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	e.subs.answer(hook, pipeline.Response{Status: http.StatusInternalServerError})
	pending := e.happens("contact.created")
	g.Expect(e.get("/")).NotTo(ContainSubstring("/replay"), "a pending delivery has no button")
	page, _ := e.press("/deliveries/"+pending.ID+"/replay", url.Values{"back": {"/"}})
	g.Expect(page).To(MatchRegexp(`(?s)role="alert">.{0,300}The delivery is still being tried`))
	g.Expect(e.deliveries()).To(HaveLen(1))

	status, _, _ := e.do(http.MethodPost, "/deliveries/wbd_00000000000000000000000000/replay", url.Values{}, nil)
	g.Expect(status).To(Equal(http.StatusSeeOther))
}

func TestPauseResumeAndEnableAgain(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	s := e.subscribe(hook, "contact.created")
	status := func() store.SubscriptionStatus {
		now, err := e.relay.Subscription(t.Context(), e.org, s.ID)
		g.Expect(err).NotTo(HaveOccurred())
		return now.Status
	}
	set := func(to string) string {
		page, _ := e.press("/subscriptions/"+s.ID+"/state", url.Values{"status": {to}, "back": {"/"}})
		return page
	}
	g.Expect(e.get("/")).To(ContainSubstring(`value="paused">Pause<`))
	g.Expect(set("paused")).To(ContainSubstring(`value="active">Resume<`))
	g.Expect(status()).To(Equal(store.Paused))
	g.Expect(set("active")).To(ContainSubstring(`value="paused">Pause<`))
	g.Expect(status()).To(Equal(store.Active))

	e.subs.answer(hook, pipeline.Response{Status: http.StatusGone})
	for range e.relay.Edition().Delivery.DisableAfter {
		e.happens("contact.created")
	}
	g.Expect(status()).To(Equal(store.Disabled))
	page := e.get("/")
	g.Expect(page).To(ContainSubstring(`value="active">Enable again<`))
	g.Expect(page).To(MatchRegexp(`Failures in a row">20 <span class="quiet">of 20<`))
	page, _ = e.press("/deliveries/"+e.deliveries()[0].ID+"/replay", url.Values{"back": {"/"}})
	g.Expect(page).To(ContainSubstring("The subscription is disabled; set its status to active first."))
	g.Expect(set("active")).To(MatchRegexp(`Failures in a row">0 <`))
	g.Expect(status()).To(Equal(store.Active))

	g.Expect(set("disabled")).To(MatchRegexp(`(?s)role="alert">.{0,300}Status is`), "only the relay disables")
	g.Expect(status()).To(Equal(store.Active))
}

func TestTheClockMovesAndTheRetryHappens(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	e.subs.answer(hook, pipeline.Response{Status: http.StatusServiceUnavailable})
	d := e.happens("contact.created")
	g.Expect(e.get("/")).To(ContainSubstring(moment(d.NextAt)+"</time>, in "), "when the retry is due, and how far that is")

	page, _ := e.press("/clock/advance", url.Values{"by": {"1m0s"}, "back": {"/"}})
	g.Expect(page).To(ContainSubstring("The clock was moved by 1 min."))
	g.Expect(page).To(ContainSubstring("2026-03-01 12:01:00 UTC"))
	g.Expect(page).To(ContainSubstring("3 attempts"))
	for _, by := range []string{"-1h", "0", "", "soon"} {
		page, _ = e.press("/clock/advance", url.Values{"by": {by}})
		g.Expect(page).To(ContainSubstring("write a duration"), by)
	}
	g.Expect(e.clock.Now()).To(Equal(noon.Add(time.Minute)))
}

func TestAFormLeadsBackToOurOwnPagesOnly(t *testing.T) {
	for to, want := range map[string]string{
		"/?status=dead":              "/?status=dead",
		"/deliveries/wbd_1?body=raw": "/deliveries/wbd_1?body=raw",
		"":                           "/home",
		"https://evil.example/":      "/home",
		"//evil.example/":            "/home",
		`/\evil.example/`:            "/home",
		"javascript:alert(1)":        "/home",
		"/v1/health":                 "/home",
		"/deliveries/\r\nX: y":       "/home",
	} {
		req := &http.Request{PostForm: url.Values{"back": {to}}}
		NewWithT(t).Expect(back(req, "/home")).To(Equal(want), to)
	}
}

func TestWhatIsNotThereIsSaidOnAPage(t *testing.T) {
	e := newEmitter(t, "", 2, false)
	for path, want := range map[string]int{
		"/nothing": http.StatusNotFound,
		"/deliveries/wbd_00000000000000000000000": http.StatusNotFound,
		"/?org=org_1":          http.StatusNotFound,
		"/?status=lost":        http.StatusBadRequest,
		"/?event=message.read": http.StatusBadRequest,
		"/?subscription=a%20b": http.StatusBadRequest,
		"/?after=wbd_1":        http.StatusNotFound,
		"/?a=%zz":              http.StatusBadRequest,
	} {
		status, header, body := e.do(http.MethodGet, path, nil, nil)
		g := NewWithT(t)
		g.Expect(status).To(Equal(want), path)
		g.Expect(header.Get("Content-Type")).To(Equal("text/html; charset=utf-8"))
		g.Expect(body).To(ContainSubstring("<h1>" + http.StatusText(want) + "</h1>"))
	}
}

func TestEachOrganisationHasItsOwnPage(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 2, false)
	e.subscribe(hook, "contact.created")
	d := e.happens("contact.created")
	other := e.relay.Organisations()[1]

	page := e.get("/")
	g.Expect(page).To(ContainSubstring("Warung Budi"))
	g.Expect(page).To(ContainSubstring(hook))
	g.Expect(page).To(ContainSubstring(`/deliveries/` + d.ID + `?org=` + e.org.ID))
	page = e.get("/?org=" + other.ID)
	g.Expect(page).NotTo(ContainSubstring(hook))
	g.Expect(page).To(ContainSubstring("Nobody is subscribed yet."))
	g.Expect(page).To(ContainSubstring(`name="org" value="` + other.ID + `"`))
	status, _, _ := e.do(http.MethodGet, "/deliveries/"+d.ID+"?org="+other.ID, nil, nil)
	g.Expect(status).To(Equal(http.StatusNotFound))

	_, at := e.press("/events/contact.created/trigger", url.Values{"org": {other.ID}})
	g.Expect(at).To(Equal("/?org=" + other.ID))
	g.Expect(e.deliveries()).To(HaveLen(1), "the event was the other organisation's")
	contacts, _, err := e.relay.Contacts(t.Context(), other, store.ContactFilter{}, relay.Page{Limit: 10})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(contacts).To(HaveLen(1))
}
