package relay

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// restart closes the rig's relay and opens it again over the same file, on a clock that begins where the database says.
func (r *rig) restart(data string) {
	r.Helper()
	r.shut(r.Relay)
	at, err := TimeOf(r.ctx, data)
	if err != nil {
		r.Fatal(err)
	}
	r.clock = clock.NewVirtual(at)
	r.net.clock = r.clock
	r.open(func(c *Config) { c.Data, c.Clock = data, r.clock })
}

func TestARestartForgetsNothing(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	r := newRig(t, func(c *Config) { c.Data = data })
	s := r.subscribe(hook, contactCreated, messageReceived)
	added, err := r.AddSecret(r.ctx, r.first, s.ID, 2*time.Hour)
	is.Expect(err).NotTo(HaveOccurred())
	paused := r.subscribe(elsewhere, contactUpdated)
	r.patch(paused.ID, SubscriptionPatch{Status: pointer(store.Paused), Description: pointer(pointer("n8n"))})
	r.net.answer(hook, http.StatusGone)
	r.happens()
	r.net.answer(hook, http.StatusServiceUnavailable)
	due := r.happens()
	r.advance(time.Minute)
	due, _, err = r.Delivery(r.ctx, r.first, due.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(due.Attempts).To(Equal(3))
	known := body(value(firstNumber, message("a", "1"), ""))
	r.ingest(known)
	var c calls
	_, _, err = r.Idempotent(r.ctx, r.first, "k", one, c.run("kept"))
	is.Expect(err).NotTo(HaveOccurred())
	before, err := r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(before.Failures).To(Equal(1))
	r.advance(7 * time.Second) // nothing happens in it, and yet it has passed
	r.posts()
	stood := r.clock.Now()

	r.restart(data)
	is.Expect(r.clock.Now()).To(Equal(stood))
	after, err := r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(after).To(Equal(before))
	old, err := r.Subscription(r.ctx, r.first, paused.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(old.Status).To(Equal(store.Paused))
	is.Expect(r.first.ID).To(HavePrefix("org_"))
	org, err := r.Authenticate(r.ctx, r.keys[0])
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(org).To(Equal(r.first))
	// Meta's duplicate, the kept answer, and the customer.
	r.ingest(known)
	is.Expect(r.posts()).To(BeEmpty())
	_, replayed, err := r.Idempotent(r.ctx, r.first, "k", one, c.run("again"))
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(replayed).To(BeTrue())
	r.ingest(body(value(firstNumber, message("b", "1"), "")))
	is.Expect(r.events()).To(Equal([]string{messageReceived}), "the customer is known")
	// The retry comes at its time, signed by both secrets.
	r.advance(due.NextAt.Sub(r.clock.Now()) - time.Nanosecond)
	for _, p := range r.posts() {
		is.Expect(p.id()).NotTo(Equal(due.EventID), "before its time")
	}
	r.advance(time.Nanosecond)
	found := false
	for _, p := range r.posts() {
		if p.id() == due.EventID {
			found = true
			is.Expect(p.header["X-Kirim-Attempt"]).To(Equal("4"))
			is.Expect(signers(t, p, []string{s.Secrets[0].Value, added.Value})).To(Equal([]int{0, 1}))
		}
	}
	is.Expect(found).To(BeTrue())
	// The count of failures goes on from where it was.
	r.net.answer(hook, http.StatusGone)
	for range r.Edition().Delivery.DisableAfter - 2 {
		r.happens()
	}
	after, err = r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(after.Status).To(Equal(store.Active))
	r.happens()
	after, err = r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(after.Status).To(Equal(store.Disabled))
	r.restart(data)
	after, err = r.Subscription(r.ctx, r.first, s.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(after.Status).To(Equal(store.Disabled))
	r.posts()
	_, err = r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62899999999"})
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(r.posts()).To(BeEmpty())
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Active)})
	r.net.answer(hook, http.StatusOK)
	r.happens()
	is.Expect(r.posts()).To(HaveLen(1))
}

func TestWhatWasPendingAtTheEndIsDeliveredAfterTheNextStart(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	hanging := hangs{began: make(chan struct{}, 100)}
	r := newRig(t, func(c *Config) { c.Data, c.Sender = data, hanging })
	r.subscribe(hook, contactCreated)
	const events = 40 // more than are in flight at once
	for i := range events {
		_, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: fmt.Sprintf("+628100000%02d", i)})
		is.Expect(err).NotTo(HaveOccurred())
	}
	<-hanging.began
	gone, cancel := context.WithTimeout(r.ctx, 10*time.Millisecond)
	defer cancel()
	is.Expect(r.Close(gone)).To(MatchError(ContainSubstring("given up")))
	is.Expect(r.Close(r.ctx)).To(Succeed(), "a second Close has nothing to do")
	is.Expect(r.log.String()).NotTo(ContainSubstring("failed"), "nobody finds the database closed")
	r.restart(data)
	got := r.posts()
	is.Expect(got).To(HaveLen(events))
	for _, p := range got {
		is.Expect(p.header["X-Kirim-Attempt"]).To(Equal("1"), "what was given up was no attempt")
	}
}

// hangs is a network that answers nobody.
type hangs struct{ began chan struct{} }

func (h hangs) Send(ctx context.Context, _ pipeline.Request) pipeline.Response {
	h.began <- struct{}{}
	<-ctx.Done()
	return pipeline.Response{Err: ctx.Err(), Trouble: pipeline.Other}
}

func TestTheTimeOfADatabase(t *testing.T) {
	is := NewWithT(t)
	dir := t.TempDir()
	at, err := TimeOf(t.Context(), filepath.Join(dir, "new.db"))
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(at).To(BeZero())
	data := filepath.Join(dir, "real.db")
	r := newRig(t, func(c *Config) { c.Data, c.Clock = data, clock.Real() })
	r.shut(r.Relay)
	at, err = TimeOf(t.Context(), data)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(at).To(BeZero(), "real time needs no keeping")
	_, err = TimeOf(t.Context(), dir)
	is.Expect(err).To(HaveOccurred())
}

// A clock that was advanced has its time in the database as soon as anything is written, should the process be killed.
func TestTheTimeIsKeptWithWhateverIsWritten(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	kept := func() (at string) {
		is.Expect(r.store.View(r.ctx, func(tx *store.Tx) (err error) { at, _, err = tx.Value(timeSetting); return err })).To(Succeed())
		return at
	}
	r.advance(20 * time.Hour)
	_, err := r.CreateContact(r.ctx, r.first, ContactInput{From: firstNumber, Phone: "+62810000001"})
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(kept()).To(Equal(noon.Add(20 * time.Hour).Format(time.RFC3339Nano)))
}

func TestThePurgeTakesWhatIsOldAndLeavesWhatIsPending(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated, messageReceived)
	r.net.answer(hook, http.StatusGone)
	dead := r.happens()
	r.net.answer(hook, http.StatusOK)
	delivered := r.happens()
	known := body(value(firstNumber, message("a", "1"), ""))
	r.ingest(known)
	r.posts()
	slow := r.subscribe(elsewhere, contactCreated)
	r.net.answer(elsewhere, http.StatusServiceUnavailable)
	r.happens()
	r.patch(slow.ID, SubscriptionPatch{Status: pointer(store.Paused)})
	for range 450 { // more than one step of the purge
		_, _, err := r.Idempotent(r.ctx, r.first, r.NewID("key"), one, func(context.Context) (Answer, error) { return Answer{}, nil })
		is.Expect(err).NotTo(HaveOccurred())
	}
	there := func(id string) string { _, _, err := r.Delivery(r.ctx, r.first, id); return code(err) }
	left := func() (n int) {
		is.Expect(r.store.Update(r.ctx, func(tx *store.Tx) (err error) {
			n, err = tx.PurgeAnswers(r.clock.Now().Add(-answersKept))
			return err
		})).To(Succeed())
		return n
	}
	retention := r.Edition().Delivery.Retention
	r.advance(retention - time.Hour)
	is.Expect(left()).To(Equal(0), "answers are kept for a day")
	is.Expect(there(dead.ID)).To(BeEmpty())
	_, err := r.Replay(r.ctx, r.first, dead.ID)
	is.Expect(err).NotTo(HaveOccurred(), "what was not purged can be replayed")
	r.advance(48 * time.Hour)
	is.Expect(there(dead.ID)).To(Equal("resource_not_found"))
	is.Expect(there(delivered.ID)).To(Equal("resource_not_found"))
	is.Expect(r.deliveries(store.DeliveryFilter{Subscription: slow.ID})).To(HaveLen(1), "what is pending stays")
	replays := r.deliveries(store.DeliveryFilter{Subscription: s.ID})
	is.Expect(replays).To(HaveLen(1))
	body, err := r.EventBody(r.ctx, r.first, replays[0].Event)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(body).NotTo(BeEmpty(), "the event of a younger delivery stays")
	_, err = r.EventBody(r.ctx, r.first, delivered.Event)
	is.Expect(err).To(HaveOccurred())
	r.posts()
	r.ingest(known)
	is.Expect(r.events()).To(Equal([]string{messageReceived}), "after so long Meta's id means nothing any more")
	// The pending one is delivered when the pause ends.
	r.net.answer(elsewhere, http.StatusOK)
	r.patch(slow.ID, SubscriptionPatch{Status: pointer(store.Active)})
	is.Expect(r.posts()).To(HaveLen(1))
}

func TestARelayThatIsRestartedEveryDayPurgesAllTheSame(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	r := newRig(t, func(c *Config) { c.Data = data })
	r.subscribe(hook, contactCreated)
	old := r.happens()
	for range 33 {
		r.advance(23 * time.Hour)
		r.restart(data)
	}
	_, _, err := r.Delivery(r.ctx, r.first, old.ID)
	is.Expect(code(err)).To(Equal("resource_not_found"))
}

// Closing must not race with a purge, nor leave one set; a scaled clock purges in the background.
func TestAPurgeEndsWithItsRelay(t *testing.T) {
	for range 10 {
		r := newRig(t, func(c *Config) {
			scaled, err := clock.Scaled(noon, 1e9)
			if err != nil {
				t.Fatal(err)
			}
			c.Clock = scaled
		})
		r.subscribe(hook, contactCreated)
		r.shut(r.Relay)
		r.Relay.purgeAfter(0)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	is := NewWithT(t)
	r := newRig(t, nil)
	c := Config{Edition: edition(t, ""), Clock: r.clock, Guard: names{}, Sender: r.net}
	_, err := Open(t.Context(), c)
	is.Expect(err).To(MatchError(ContainSubstring("organisation")))
	c.Organisations = []OrganisationConfig{
		{Name: "a", Key: NewKey(), Accounts: []store.Account{{PhoneNumberID: firstNumber}}},
		{Name: "b", Key: NewKey(), Accounts: []store.Account{{PhoneNumberID: firstNumber}}},
	}
	_, err = Open(t.Context(), c)
	is.Expect(err).To(MatchError(ContainSubstring(firstNumber)), "two organisations have the same number")
	c.Data = t.TempDir()
	_, err = Open(t.Context(), c)
	is.Expect(err).To(MatchError(ContainSubstring(c.Data)))
}

// A crash right after the answer to an advance must not give back the time that its caller saw pass.
func TestTimeThatWasAdvancedIsKeptAtOnce(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	kept := func() (text string) {
		is.Expect(r.store.View(r.ctx, func(tx *store.Tx) (err error) {
			text, _, err = tx.Value(timeSetting)
			return err
		})).To(Succeed())
		return text
	}
	_, err := r.Advance(r.ctx, 7*time.Second, time.Second)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(kept()).To(Equal(noon.Add(7 * time.Second).Format(time.RFC3339Nano)))
	// Neither does it where the caller went away half-way.
	gone, leave := context.WithCancel(r.ctx)
	r.clock.AfterFunc(time.Second, leave)
	_, err = r.Advance(gone, time.Minute, time.Second)
	is.Expect(err).To(MatchError(context.Canceled))
	is.Expect(kept()).To(Equal(noon.Add(8 * time.Second).Format(time.RFC3339Nano)))
}

func TestAKeyThatWasReplacedOpensNothing(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	r := newRig(t, func(c *Config) { c.Data = data })
	old, other, first := r.keys[0], r.keys[1], r.first
	r.shut(r.Relay)
	r.keys[0] = NewKey()
	r.open(func(c *Config) { c.Data, c.Organisations = data, c.Organisations[:1] })
	for name, key := range map[string]string{"the old one": old, "that of an organisation no longer configured": other} {
		_, err := r.Authenticate(r.ctx, key)
		is.Expect(err).To(MatchError(ContainSubstring("no such API key")), name)
	}
	org, err := r.Authenticate(r.ctx, r.keys[0])
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(org).To(Equal(first), "the organisation is the same")
}
