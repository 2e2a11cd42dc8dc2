package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// The rig's numbers: two of the first organisation, one of the second.
const (
	firstNumber  = "106540352242922"
	secondNumber = "106540352242923"
	othersNumber = "206540352242922"
)

// hook is where subscriptions of the rig point to, unless the test says otherwise.
const hook = "https://hook.example.com/"

// post is a request that the relay made.
type post struct {
	url    string
	header map[string]string
	body   string
	at     time.Time
}

func (p post) event() string { return p.header["X-Kirim-Event"] }
func (p post) id() string    { return p.header["X-Kirim-Event-Id"] }

// network is what the relay sends into. Every URL answers 200 unless the test says otherwise.
type network struct {
	clock clock.Clock

	mu      sync.Mutex
	answers map[string]pipeline.Response
	posts   []post
}

func (n *network) Send(_ context.Context, r pipeline.Request) pipeline.Response {
	p := post{url: r.URL, header: map[string]string{}, body: string(r.Body), at: n.clock.Now()}
	for _, f := range r.Header {
		p.header[f.Name] = f.Value
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.posts = append(n.posts, p)
	if answer, ok := n.answers[r.URL]; ok {
		return answer
	}
	return pipeline.Response{Status: http.StatusOK}
}

func (n *network) answer(url string, status int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[url] = pipeline.Response{Status: status}
}

// names is a guard that refuses one host.
type names struct{}

func (names) CheckURL(_ context.Context, url string) error {
	if strings.Contains(url, "refused.example.com") {
		return errors.New("the address is refused")
	}
	return nil
}

// rig is a relay with two organisations, on a clock that stands.
type rig struct {
	*testing.T
	*Relay
	clock *clock.Virtual
	net   *network
	log   *bytes.Buffer
	ctx   context.Context
	first Org
	other Org
	keys  []string
}

// newRig opens a relay, which the test's end closes.
func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{T: t, clock: clock.NewVirtual(noon), log: &bytes.Buffer{}, ctx: t.Context(), keys: []string{NewKey(), NewKey()}}
	r.net = &network{clock: r.clock, answers: map[string]pipeline.Response{}}
	r.open(change)
	return r
}

// open begins a run of the rig's relay; of a second one over the same file, the first is closed.
func (r *rig) open(change func(*Config)) {
	r.Helper()
	c := Config{
		Edition: edition(r, ""), Clock: r.clock, Guard: names{}, Sender: r.net, Seed: 1,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Organisations: []OrganisationConfig{
			{Name: "first", Key: r.keys[0], Accounts: []store.Account{
				{PhoneNumberID: firstNumber, Display: "+62 851-1760-0829"}, {PhoneNumberID: secondNumber, Display: "+62 851-1760-0830"}}},
			{Name: "second", Key: r.keys[1], Accounts: []store.Account{{PhoneNumberID: othersNumber, Display: "+62 851-1760-0831"}}},
		},
	}
	if change != nil {
		change(&c)
	}
	var err error
	if r.Relay, err = Open(r.ctx, c); err != nil {
		r.Fatal(err)
	}
	opened := r.Relay
	r.clock.Settler(opened.Engine().Settle)
	r.first = opened.Organisations()[0]
	if len(c.Organisations) > 1 {
		r.other = opened.Organisations()[1]
	}
	r.Cleanup(func() { r.shut(opened) })
}

// shut closes a relay, as often as it is called.
func (r *rig) shut(opened *Relay) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := opened.Close(ctx); err != nil {
		r.Error(err)
	}
}

// advance lets time pass and returns how many timers fired.
func (r *rig) advance(d time.Duration) {
	r.Helper()
	if _, err := r.clock.Advance(r.ctx, d, 5*time.Second); err != nil {
		r.Fatal(err)
	}
}

// posts settles and returns what was sent since the last call, in the order of its events.
func (r *rig) posts() []post {
	r.Helper()
	r.advance(0)
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	got := r.net.posts
	r.net.posts = nil
	slices.SortStableFunc(got, func(a, b post) int { return strings.Compare(a.url+" "+a.event(), b.url+" "+b.event()) })
	return got
}

// events are the names of what was sent since the last call.
func (r *rig) events() (names []string) {
	r.Helper()
	for _, p := range r.posts() {
		names = append(names, p.event())
	}
	return names
}

// subscribe makes a subscription of the first organisation.
func (r *rig) subscribe(url string, events ...string) store.Subscription {
	r.Helper()
	return r.subscribeAs(r.first, url, events...)
}

func (r *rig) subscribeAs(org Org, url string, events ...string) store.Subscription {
	r.Helper()
	if len(events) == 0 {
		for _, ev := range r.Edition().Events {
			events = append(events, ev.Name)
		}
	}
	s, err := r.CreateSubscription(r.ctx, org, SubscriptionInput{URL: url, Events: events})
	if err != nil {
		r.Fatal(err)
	}
	return s
}

// ingest takes a body of Meta's.
func (r *rig) ingest(body []byte) {
	r.Helper()
	if err := r.IngestMeta(r.ctx, body); err != nil {
		r.Fatal(err)
	}
}

// deliveries are those of the first organisation, the newest first.
func (r *rig) deliveries(f store.DeliveryFilter) []store.Delivery {
	r.Helper()
	r.advance(0)
	list, _, err := r.Deliveries(r.ctx, r.first, f, Page{Limit: 5000})
	if err != nil {
		r.Fatal(err)
	}
	return list
}

// happens creates a contact, and returns the delivery of its event.
func (r *rig) happens() store.Delivery {
	r.Helper()
	if _, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: examplePhone()}); err != nil {
		r.Fatal(err)
	}
	return r.deliveries(store.DeliveryFilter{})[0]
}

// body is a body of Meta's with these values, each in a change of its own.
func body(values ...string) []byte {
	var changes []string
	for _, v := range values {
		changes = append(changes, `{"field":"messages","value":`+v+`}`)
	}
	return []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[` + strings.Join(changes, ",") + `]}]}`)
}

// value is the value of a change to a number: lists as JSON.
func value(number, messages, statuses string) string {
	v := `{"messaging_product":"whatsapp","metadata":{"display_phone_number":"6285117600829","phone_number_id":"` + number + `"}`
	if messages != "" {
		v += `,"messages":[` + messages + `]`
	}
	if statuses != "" {
		v += `,"statuses":[` + statuses + `]`
	}
	return v + "}"
}

// message is a message of a customer of the number +6281000000n.
func message(id string, n string) string {
	return `{"id":"` + id + `","from":"6281000000` + n + `","timestamp":"1716480000","type":"text","text":{"body":"Halo"}}`
}

func status(id, status string) string {
	return `{"id":"` + id + `","status":"` + status + `","timestamp":"1716480000","recipient_id":"62810000001"}`
}

// code is the code of an error of the domain, or what the error says.
func code(err error) string {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func pointer[T any](v T) *T { return &v }

// escaped is a body as Meta's sender writes it.
func escaped(ev fixtures.Event) []byte { return fixtures.EscapeMeta(ev.Body) }
