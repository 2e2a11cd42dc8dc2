package relay

import (
	"errors"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

const elsewhere = "https://elsewhere.example.com/"

func (r *rig) patch(id string, p SubscriptionPatch) store.Subscription {
	r.Helper()
	s, err := r.UpdateSubscription(r.ctx, r.first, id, p)
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func TestARetryGoesToTheURLThatTheSubscriptionHasByThen(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusServiceUnavailable)
	r.happens()
	is.Expect(r.posts()).To(HaveLen(1))
	r.patch(s.ID, SubscriptionPatch{URL: pointer(elsewhere)})
	is.Expect(r.posts()).To(BeEmpty(), "the retry keeps its time")
	r.advance(12 * time.Second)
	got := r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(got[0].url).To(Equal(elsewhere))
	is.Expect(got[0].header["X-Kirim-Attempt"]).To(Equal("2"))
}

func TestASubscriptionGetsTheEventsThatItListsWhenTheyHappen(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated, contactCreated, messageReceived)
	is.Expect(s.Events).To(Equal([]string{contactCreated, messageReceived}), "without repetitions")
	r.ingest(body(value(firstNumber, message("a", "1"), "")))
	is.Expect(r.events()).To(Equal([]string{contactCreated, messageReceived}))
	r.patch(s.ID, SubscriptionPatch{Events: &[]string{messageReceived}})
	r.ingest(body(value(firstNumber, message("b", "2"), "")))
	is.Expect(r.events()).To(Equal([]string{messageReceived}))
	r.patch(s.ID, SubscriptionPatch{Description: pointer(pointer("n8n"))})
	r.ingest(body(value(firstNumber, message("c", "3"), "")))
	is.Expect(r.events()).To(Equal([]string{messageReceived}), "what is not named stays")
}

func TestWhatASubscriptionMayNotBeSetTo(t *testing.T) {
	r := newRig(t, nil)
	s := r.subscribe(hook)
	disabled, strange := store.Disabled, store.SubscriptionStatus("x")
	for name, c := range map[string]struct {
		patch       SubscriptionPatch
		code, param string
	}{
		"a URL that is refused":    {SubscriptionPatch{URL: pointer("https://refused.example.com/")}, "invalid_webhook_url", "url"},
		"no events":                {SubscriptionPatch{Events: &[]string{}}, "invalid_field_value", "events"},
		"an unknown event":         {SubscriptionPatch{Events: &[]string{contactCreated, "contact.deleted"}}, "invalid_field_value", "events"},
		"another edition's event":  {SubscriptionPatch{Events: &[]string{messageCreated}}, "invalid_field_value", "events"},
		"disabled":                 {SubscriptionPatch{Status: &disabled}, "invalid_field_value", "status"},
		"a status that is no word": {SubscriptionPatch{Status: &strange}, "invalid_field_value", "status"},
	} {
		_, err := r.UpdateSubscription(r.ctx, r.first, s.ID, c.patch)
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Param != c.param || refused.Status != http.StatusBadRequest {
			t.Errorf("%s: %v %+v", name, err, refused)
		}
	}
	for _, in := range []SubscriptionInput{{URL: "https://refused.example.com/", Events: []string{contactCreated}}, {URL: hook}, {URL: hook, Events: []string{"x"}}} {
		if _, err := r.CreateSubscription(r.ctx, r.first, in); err == nil {
			t.Errorf("%+v was accepted", in)
		}
	}
}

func TestAPauseKeepsWhatIsPendingAndTakesNothingNew(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusServiceUnavailable)
	d := r.happens()
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Paused)})
	r.posts()
	r.happens()
	r.advance(time.Hour)
	is.Expect(r.posts()).To(BeEmpty())
	is.Expect(r.deliveries(store.DeliveryFilter{})).To(HaveLen(1), "what happens during a pause is not delivered")
	is.Expect(r.deliveries(store.DeliveryFilter{})[0].Status).To(Equal(store.DeliveryPending))
	r.net.answer(hook, http.StatusOK)
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Active)})
	got := r.posts()
	is.Expect(got).To(HaveLen(1), "it was due during the pause")
	is.Expect(got[0].header["X-Kirim-Attempt"]).To(Equal("2"))
	after, _, err := r.Delivery(r.ctx, r.first, d.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(after.Status).To(Equal(store.DeliveryDelivered))
}

func TestAPauseDoesNotResetTheCountAndReenablingDoes(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	threshold := r.Edition().Delivery.DisableAfter
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusGone)
	state := func() store.Subscription {
		r.advance(0)
		s, err := r.Subscription(r.ctx, r.first, s.ID)
		is.Expect(err).NotTo(HaveOccurred())
		return s
	}
	for range threshold - 1 {
		r.happens()
	}
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Paused)})
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Active)})
	is.Expect(state().Failures).To(Equal(threshold - 1))
	is.Expect(state().Status).To(Equal(store.Active))
	r.happens()
	is.Expect(state().Status).To(Equal(store.Disabled))
	is.Expect(r.log.String()).To(ContainSubstring(s.ID), "the log tells of it")
	r.patch(s.ID, SubscriptionPatch{Description: pointer(pointer("still disabled"))})
	is.Expect(state().Status).To(Equal(store.Disabled))
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Active)})
	is.Expect(state().Failures).To(Equal(0))
	for range threshold - 1 {
		r.happens()
	}
	is.Expect(state().Status).To(Equal(store.Active))
	r.net.answer(hook, http.StatusOK)
	r.happens()
	is.Expect(state().Failures).To(Equal(0), "a success begins anew")
}

// A PATCH that was read before the database knew of the disabling must not enable the subscription in the pipeline.
func TestAPatchAtTheMomentOfDisablingDoesNotEnable(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	threshold := r.Edition().Delivery.DisableAfter
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusGone)
	for range threshold - 1 {
		r.happens()
	}
	disabled := pipeline.Record{Subscription: s.ID, Failures: threshold, Disabled: true, Outcome: pipeline.Terminal, Number: 1,
		Delivery: r.lastDelivery(), StartedAt: noon, EndedAt: noon}
	// The transaction waits until the pipeline has disabled the subscription, whose record then stands behind it.
	entered, leave := make(chan struct{}), make(chan struct{})
	patched := make(chan error)
	go func() {
		_, err := r.changeSubscription(r.ctx, r.first, s.ID, func(tx *store.Tx, s *store.Subscription) error {
			close(entered)
			<-leave
			s.URL = elsewhere
			return tx.UpdateSubscription(*s)
		})
		patched <- err
	}()
	<-entered
	journal{r.Relay}.Attempted(disabled)
	close(leave)
	is.Expect(<-patched).To(Succeed())
	is.Expect(r.engine.Settle(r.ctx, time.Second)).To(Succeed())
	// In the pipeline a disabled subscription keeps nothing: what reaches it is stopped.
	r.engine.Enqueue([]pipeline.Delivery{{Seq: disabled.Delivery, ID: "wbd", Subscription: s.ID, Due: noon}})
	is.Expect(r.engine.Stats().Pending()).To(Equal(0))
	r.posts()
}

func (r *rig) lastDelivery() int64 {
	r.Helper()
	var seq int64
	err := r.store.Update(r.ctx, func(tx *store.Tx) error {
		list, err := tx.Deliveries(r.first.Seq, store.DeliveryFilter{}, 1, 0)
		if err == nil && len(list) == 0 {
			err = errors.New("there is no delivery")
		}
		if err == nil {
			seq = list[0].Seq
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return seq
}

func TestDeletingStopsEverything(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusServiceUnavailable)
	r.happens()
	is.Expect(r.posts()).To(HaveLen(1))
	is.Expect(r.DeleteSubscription(r.ctx, r.first, s.ID)).To(Succeed())
	r.happens()
	r.advance(40 * time.Hour)
	is.Expect(r.posts()).To(BeEmpty())
	old := r.deliveries(store.DeliveryFilter{Subscription: s.ID})
	is.Expect(old).To(HaveLen(1))
	is.Expect(old[0].Status).To(Equal(store.DeliveryTerminal))
	is.Expect(old[0].LastError).To(ContainSubstring("deleted"))
	for name, err := range map[string]error{
		"delete": r.DeleteSubscription(r.ctx, r.first, s.ID),
		"replay": func() error { _, err := r.Replay(r.ctx, r.first, old[0].ID); return err }(),
	} {
		is.Expect(code(err)).To(Equal("resource_not_found"), name)
	}
	known := 0
	r.tallies.Range(func(any, any) bool { known++; return true })
	is.Expect(known).To(Equal(0), "nothing is kept of a subscription that is gone")
	is.Expect(r.Engine().Stats().Subscriptions).To(Equal(0))
}
