package relay

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func TestAReplayIsANewDeliveryOfTheSameEvent(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusGone)
	old := r.happens()
	sent := r.posts()[0]
	again, err := r.Replay(r.ctx, r.first, old.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(again.ID).NotTo(Equal(old.ID))
	is.Expect(again.ReplayedFrom).To(Equal(old.ID))
	is.Expect(again.Status).To(Equal(store.DeliveryPending))
	got := r.posts()
	is.Expect(got).To(HaveLen(1))
	is.Expect(got[0].id()).To(Equal(sent.id()))
	is.Expect(got[0].body).To(Equal(sent.body))
	is.Expect(got[0].header["X-Kirim-Attempt"]).To(Equal("1"))
	is.Expect(got[0].header["X-Kirim-Delivery-Id"]).NotTo(Equal(sent.header["X-Kirim-Delivery-Id"]))
	// A replay of a replay, of which the last one succeeds; and one of that.
	r.net.answer(hook, http.StatusOK)
	third, err := r.Replay(r.ctx, r.first, again.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(third.ReplayedFrom).To(Equal(again.ID))
	is.Expect(r.posts()[0].id()).To(Equal(sent.id()))
	_, err = r.Replay(r.ctx, r.first, third.ID)
	is.Expect(err).NotTo(HaveOccurred(), "what was delivered can be sent again")
	kept, _, err := r.Delivery(r.ctx, r.first, old.ID)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(kept.Status).To(Equal(store.DeliveryTerminal), "the old row stays for audit")
	is.Expect(r.deliveries(store.DeliveryFilter{})).To(HaveLen(4))
}

func TestAReplayHasTheWholeScheduleBeforeIt(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusGone)
	old := r.happens()
	r.posts()
	r.net.answer(hook, http.StatusServiceUnavailable)
	_, err := r.Replay(r.ctx, r.first, old.ID)
	is.Expect(err).NotTo(HaveOccurred())
	r.advance(40 * time.Hour)
	is.Expect(r.posts()).To(HaveLen(8))
}

func TestWhatCannotBeReplayed(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook, contactCreated)
	r.net.answer(hook, http.StatusServiceUnavailable)
	pending := r.happens()
	replay := func(id string) string { _, err := r.Replay(r.ctx, r.first, id); return code(err) }
	bulk := func(id string) string {
		_, _, err := r.BulkReplay(r.ctx, r.first, store.DeliveryFilter{Subscription: id})
		return code(err)
	}
	is.Expect(replay(pending.ID)).To(Equal("delivery_pending"))
	is.Expect(replay("wbd_none")).To(Equal("resource_not_found"))
	is.Expect(bulk("wbs_none")).To(Equal("resource_not_found"))
	r.net.answer(hook, http.StatusGone)
	var dead store.Delivery
	for range r.Edition().Delivery.DisableAfter {
		dead = r.happens()
	}
	is.Expect(replay(dead.ID)).To(Equal("subscription_disabled"))
	is.Expect(bulk(s.ID)).To(Equal("subscription_disabled"))
	is.Expect(replay(pending.ID)).To(Equal("subscription_disabled"), "disabling stopped what was pending")
	r.patch(s.ID, SubscriptionPatch{Status: pointer(store.Active)})
	is.Expect(replay(pending.ID)).To(BeEmpty())
	is.Expect(replay(dead.ID)).To(BeEmpty())
}

func TestABulkReplayTakesAThousandAtMostAndSaysSo(t *testing.T) {
	is := NewWithT(t)
	r := newRig(t, nil)
	s := r.subscribe(hook, messageStatus)
	// Stopped ends deliveries without failures, which would disable the subscription.
	arrive := func(n int) {
		for range n {
			r.ingest(body(value(firstNumber, "", status(r.NewID("x"), "sent"))))
		}
	}
	stop := func() {
		var stops []pipeline.Stop
		for _, d := range r.deliveries(store.DeliveryFilter{Status: pointer(store.DeliveryPending)}) {
			stops = append(stops, pipeline.Stop{Delivery: d.Seq, Reason: pipeline.NoAttemptLeft, At: noon})
		}
		journal{r.Relay}.Stopped(stops)
		is.Expect(journal{r.Relay}.Flush(r.ctx)).To(Succeed())
	}
	replay := func() (int, bool) {
		enqueued, capped, err := r.BulkReplay(r.ctx, r.first, store.DeliveryFilter{Subscription: s.ID, CreatedBefore: noon.Add(time.Second)})
		is.Expect(err).NotTo(HaveOccurred())
		return enqueued, capped
	}
	r.net.answer(hook, http.StatusServiceUnavailable)
	arrive(replayCap)
	enqueued, capped := replay()
	is.Expect(enqueued).To(Equal(0), "what is pending is not replayed")
	is.Expect(capped).To(BeFalse())
	stop()
	r.ingest(body(value(firstNumber, "", status("one-more", "sent"))))
	more := r.deliveries(store.DeliveryFilter{Status: pointer(store.DeliveryPending)})
	is.Expect(more).To(HaveLen(1))
	r.advance(time.Second) // replays are created outside the bounds
	enqueued, capped = replay()
	is.Expect(enqueued).To(Equal(replayCap))
	is.Expect(capped).To(BeFalse(), "a thousand are no more than a thousand")
	journal{r.Relay}.Stopped([]pipeline.Stop{{Delivery: more[0].Seq, Reason: pipeline.NoAttemptLeft, At: noon}})
	is.Expect(journal{r.Relay}.Flush(r.ctx)).To(Succeed())
	enqueued, capped = replay()
	is.Expect(enqueued).To(Equal(replayCap))
	is.Expect(capped).To(BeTrue())
}

func TestABulkReplayChoosesByItsFilters(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s, other := r.subscribe(hook, contactCreated, contactUpdated, messageStatus), r.subscribe(elsewhere, contactCreated)
	r.net.answer(hook, http.StatusGone)
	r.net.answer(elsewhere, http.StatusGone)
	r.happens() // one of each subscription
	r.advance(time.Hour)
	r.happens()
	r.ingest(body(value(firstNumber, "", status("w", "sent"))))
	r.posts()
	r.net.answer(hook, http.StatusOK)
	r.happens() // delivered to the first, dead to the other
	r.posts()
	for name, c := range map[string]struct {
		filter store.DeliveryFilter
		want   int
	}{
		"another subscription's":      {store.DeliveryFilter{Subscription: other.ID}, 3},
		"of an event":                 {store.DeliveryFilter{Subscription: s.ID, EventName: messageStatus}, 1},
		"of an event that is absent":  {store.DeliveryFilter{Subscription: s.ID, EventName: contactUpdated}, 0},
		"before":                      {store.DeliveryFilter{Subscription: s.ID, CreatedBefore: noon.Add(time.Minute)}, 1},
		"after":                       {store.DeliveryFilter{Subscription: s.ID, CreatedAfter: noon.Add(time.Minute)}, 2},
		"between":                     {store.DeliveryFilter{Subscription: s.ID, CreatedAfter: noon.Add(time.Minute), CreatedBefore: noon.Add(2 * time.Minute)}, 0},
		"status pending is not heard": {store.DeliveryFilter{Subscription: s.ID, EventName: messageStatus, Status: pointer(store.DeliveryPending)}, 1},
	} {
		enqueued, capped, err := r.BulkReplay(r.ctx, r.first, c.filter)
		is.Expect(err).NotTo(HaveOccurred(), name)
		is.Expect(enqueued).To(Equal(c.want), name)
		is.Expect(capped).To(BeFalse(), name)
		is.Expect(r.posts()).To(HaveLen(c.want), name)
	}
}
