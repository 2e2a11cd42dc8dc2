package page

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func TestEmptyPagesSayWhatToDoNext(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "kirim.chat", 1, false)
	page := e.get("/")
	g.Expect(page).To(ContainSubstring("Nobody is subscribed yet."))
	g.Expect(page).To(ContainSubstring(e.url + "/v1/webhook_subscriptions"))
	g.Expect(page).To(ContainSubstring("message.created"), "the command names every event of the edition")
	g.Expect(page).To(ContainSubstring("Make a subscription first"))
	e.subscribe(hook, "contact.created")
	page = e.get("/")
	g.Expect(page).NotTo(ContainSubstring("Nobody is subscribed yet."))
	g.Expect(page).To(ContainSubstring("Press one of the buttons above"))
	g.Expect(e.get("/?status=pending")).To(ContainSubstring("No delivery matches the filter."))
}

func TestStatusesAreInTheWordsOfTheEdition(t *testing.T) {
	for edition, word := range map[string]string{"kckit": "dead", "kirim.chat": "failed", "kirimdev": "dead"} {
		g := NewWithT(t)
		e := newEmitter(t, edition, 1, false)
		e.subscribe(hook, "contact.created")
		e.subs.answer(hook, pipeline.Response{Status: http.StatusGone})
		d := e.happens("contact.created")
		page := e.get("/?status=" + word)
		g.Expect(page).To(ContainSubstring(d.ID))
		g.Expect(page).To(ContainSubstring("</svg>" + word + "</span>"))
		g.Expect(page).To(ContainSubstring("410 Gone"))
		g.Expect(e.get("/?status=delivered")).NotTo(ContainSubstring(d.ID))
		g.Expect(e.get("/?status=pending")).NotTo(ContainSubstring(d.ID))
	}
}

func TestDeliveriesAreFilteredAndTurnedOver(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	first := e.subscribe(hook, "contact.created", "contact.updated")
	second := e.subscribe("https://other.example.com/", "contact.created")
	e.happens("contact.updated")
	for range deliveriesShown {
		e.happens("contact.created")
	}
	var all, ofFirst []string
	for _, d := range e.deliveries() {
		all = append(all, d.ID)
		if d.SubscriptionID == first.ID && d.EventName == "contact.created" {
			ofFirst = append(ofFirst, d.ID)
		}
	}
	g.Expect(turnOver(t, e, "/")).To(Equal(all))
	g.Expect(turnOver(t, e, "/?event=contact.created&subscription="+first.ID)).To(Equal(ofFirst))
	g.Expect(turnOver(t, e, "/?event=contact.updated")).To(HaveLen(1))
	g.Expect(turnOver(t, e, "/?event=contact.updated&subscription="+second.ID)).To(BeEmpty())
	page := e.get("/?subscription=" + second.ID)
	g.Expect(page).To(ContainSubstring(`<option value="` + second.ID + `" selected>https://other.example.com/, ` + second.ID + "<"))
}

// turnOver follows the links to older deliveries and returns the ids that it saw, in their order.
func turnOver(t *testing.T, e *emitter, path string) (ids []string) {
	t.Helper()
	heading := regexp.MustCompile(`<h3>.*\n?.*href="/deliveries/(wbd_\w+)"`)
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	for range 10 {
		page := e.get(path)
		found := heading.FindAllStringSubmatch(page, -1)
		NewWithT(t).Expect(len(found)).To(BeNumerically("<=", deliveriesShown))
		for _, match := range found {
			ids = append(ids, match[1])
		}
		link := next.FindStringSubmatch(page)
		if link == nil {
			return ids
		}
		path = strings.ReplaceAll(link[1], "&amp;", "&")
	}
	t.Fatal("the links to older deliveries have no end")
	return nil
}

func TestSubscriptionsAreTurnedOver(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	oldest := e.subscribe(hook, "contact.created")
	for range subscriptionsShown {
		e.subscribe("https://other.example.com/", "contact.updated")
	}
	page := e.get("/")
	g.Expect(page).NotTo(ContainSubstring(oldest.ID))
	link := regexp.MustCompile(`href="([^"]*)">More subscriptions`).FindStringSubmatch(page)
	g.Expect(link).NotTo(BeNil())
	page = e.get(link[1])
	g.Expect(page).To(ContainSubstring(oldest.ID))
	g.Expect(page).NotTo(ContainSubstring("More subscriptions"))
	g.Expect(e.get("/?subscription="+oldest.ID)).To(ContainSubstring(`<option value="`+oldest.ID+`" selected>`+oldest.ID), "one that is not listed can be chosen")
}

func TestADeliveryShowsItsAttempts(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	s := e.subscribe(hook, "contact.created")
	e.subs.answer(hook, refusedConnection("connection refused"))
	d := e.happens("contact.created")
	_, err := e.clock.Advance(t.Context(), time.Minute, 10*time.Second)
	g.Expect(err).NotTo(HaveOccurred())
	_, attempts, err := e.relay.Delivery(t.Context(), e.org, d.ID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(attempts).To(HaveLen(3))
	page := e.get("/deliveries/" + d.ID)
	for _, attempt := range attempts {
		g.Expect(page).To(ContainSubstring(attempt.HeaderID))
		g.Expect(page).To(ContainSubstring(moment(attempt.StartedAt)))
	}
	g.Expect(page).To(ContainSubstring("connection refused"))
	g.Expect(page).To(ContainSubstring("next attempt"))
	g.Expect(e.get("/deliveries/"+attempts[1].HeaderID)).To(ContainSubstring(d.ID), "found by the id that a later attempt carried")

	paused := store.Paused
	_, err = e.relay.UpdateSubscription(t.Context(), e.org, s.ID, relay.SubscriptionPatch{Status: &paused})
	g.Expect(err).NotTo(HaveOccurred())
	page = e.get("/deliveries/" + d.ID)
	g.Expect(page).To(ContainSubstring("waits until the subscription is resumed"))
	g.Expect(page).NotTo(ContainSubstring("next attempt"))

	g.Expect(e.relay.DeleteSubscription(t.Context(), e.org, s.ID)).To(Succeed())
	e.settle()
	g.Expect(e.get("/")).To(ContainSubstring("which was deleted"))
	g.Expect(e.get("/deliveries/" + d.ID)).To(ContainSubstring("the subscription was deleted"))
}

func TestADeliveryShowsItsBody(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	d := e.happens("contact.created")
	page := e.get("/deliveries/" + d.ID)
	g.Expect(page).To(ContainSubstring("indented for reading"))
	g.Expect(page).To(ContainSubstring("\n  &#34;type&#34;: &#34;contact.created&#34;"))
	page = e.get("/deliveries/" + d.ID + "?body=raw")
	sent := strings.NewReplacer(`"`, "&#34;", "+", "&#43;").Replace(string(e.subs.body(hook)))
	g.Expect(page).To(ContainSubstring(">" + sent + "</pre>"))
}

func TestSecretsAndKeysAreNotShown(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	s := e.subscribe(hook, "contact.created")
	added, err := e.relay.AddSecret(t.Context(), e.org, s.ID, time.Hour)
	g.Expect(err).NotTo(HaveOccurred())
	d := e.happens("contact.created")
	pages := []string{e.get("/"), e.get("/deliveries/" + d.ID)}
	g.Expect(pages[0]).To(ContainSubstring("2 active<"))
	for _, page := range pages {
		for _, secret := range []string{added.Value, s.Secrets[0].Value, e.keys[0]} {
			g.Expect(page).NotTo(ContainSubstring(secret[:16]))
		}
	}
	_, err = e.clock.Advance(t.Context(), 2*time.Hour, 10*time.Second)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.get("/")).To(ContainSubstring("1 active, 1 expired"))
}

const hostile = "\"'><script>window.pwned=1</script><img src=x onerror=pwned=1>{{.Org}}\u202egnp.exe\x1b[2J"

// tag finds the elements of a page. Escaped text holds no < and so none of them.
var tag = regexp.MustCompile(`<[a-zA-Z][^>]*>`)

func TestHostileTextStaysText(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	description := hostile
	s, err := e.relay.CreateSubscription(t.Context(), e.org, relay.SubscriptionInput{
		URL: "https://x.example/" + hostile, Events: []string{"contact.created", "message.received"}, Description: &description,
	})
	g.Expect(err).NotTo(HaveOccurred())
	e.subs.answer(s.URL, refusedConnection(hostile))
	d := e.happens("contact.created")
	e.subs.answer(s.URL, pipeline.Response{Status: http.StatusGone, Body: []byte(hostile)})
	_, err = e.clock.Advance(t.Context(), time.Minute, 10*time.Second)
	g.Expect(err).NotTo(HaveOccurred())
	e.subs.answer(s.URL, pipeline.Response{Status: http.StatusOK})
	g.Expect(e.relay.IngestMeta(t.Context(), []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages",
		"value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"106540352242922","display_phone_number":"1"},
		"contacts":[{"wa_id":"628","profile":{"name":"x"}}],
		"messages":[{"id":"wamid.<script>pwned=1</script>","from":"628","type":"text","timestamp":"1","text":{"body":"<script>"}}]}}]}]}`))).
		To(Succeed())
	e.settle()
	pages := []string{e.get("/"), e.get("/deliveries/" + d.ID), e.get("/deliveries/" + e.deliveries()[0].ID)}
	form := url.Values{"status": {hostile}, "by": {hostile}, "back": {hostile}}
	for _, path := range []string{"/subscriptions/" + s.ID + "/state", "/clock/advance",
		"/events/" + url.PathEscape(hostile) + "/trigger"} {
		page, _ := e.press(path, form)
		pages = append(pages, page)
	}
	for _, path := range []string{"/?event=", "/?status=", "/?subscription=", "/deliveries/"} {
		_, _, page := e.do(http.MethodGet, path+url.PathEscape(hostile), nil, nil)
		_, page, _ = strings.Cut(page, "</style>")
		page, _, _ = strings.Cut(page, "<script>")
		pages = append(pages, page)
	}
	g.Expect(pages[0]).To(ContainSubstring("&lt;script&gt;window.pwned=1&lt;/script&gt;"), "the text itself is shown")
	g.Expect(pages[0]).To(ContainSubstring("{{.Org}}"))
	g.Expect(pages[0]).To(ContainSubstring(`\u202egnp.exe\u001b[2J`))
	for _, page := range pages {
		g.Expect(page).NotTo(MatchRegexp(`[\x00-\x08\x0b\x0c\x0e-\x1f\x{202a}-\x{202e}]`), "no control acts on the reader")
		for _, element := range tag.FindAllString(page, -1) {
			g.Expect(element).NotTo(MatchRegexp(`(?i)^<(script|img)`))
			g.Expect(element).NotTo(MatchRegexp(`(?i)\s(on[a-z]+|style)\s*=`))
			g.Expect(element).NotTo(MatchRegexp(`(?i)(href|src|action)\s*=\s*["']?\s*javascript:`))
		}
	}
}

func TestAFlashIsSaidOnceAndIsText(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	page, _ := e.press("/events/contact.created/trigger", url.Values{})
	g.Expect(page).To(ContainSubstring("contact.created happened"))
	g.Expect(e.get("/")).NotTo(ContainSubstring("contact.created happened"))
	for _, value := range []string{"nothing", "eyJ0ZXh0Ijo", "e30", "eyJ0ZXh0IjoiPHNjcmlwdD4ifQ"} {
		_, _, page := e.do(http.MethodGet, "/", nil, func(req *http.Request) {
			req.AddCookie(&http.Cookie{Name: flashCookie, Value: value})
		})
		g.Expect(strings.Count(page, "<script>")).To(Equal(1), "only the page's own")
	}
}
