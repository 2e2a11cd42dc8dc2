package mutants

import (
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// lateReceivers send the head of an answer at once, and end the answer late or never.
func lateReceivers() []Mutant {
	flushed := receiver("head-at-once", "sends the head of its answer at once, and the end when its work is done, past the advised time", "",
		[]string{"receiver.delivery.acknowledged-quickly"},
		func(b *build) {
			b.handler = endsLate(b.edition.Headers.Event, "conversation.closed", 2200*time.Millisecond)
		})
	flushed.Filter = "receiver.delivery.acknowledged-quickly"
	stream := receiver("answer-without-end", "keeps its answer open, as a stream of events does", "",
		[]string{"receiver.delivery.within-timeout"},
		func(b *build) { b.handler = endsLate(b.edition.Headers.Event, "conversation.closed", time.Minute) })
	stream.Filter = "receiver.delivery.within-timeout"
	return []Mutant{flushed, stream}
}

// metaLateReceivers are the same for receivers of Meta's own webhooks.
func metaLateReceivers() []Mutant {
	flushed := metaReceiver("head-at-once", "sends the head of its answer at once, and the end when its work is done", "",
		[]string{"meta-receiver.delivery.median-latency"},
		func(b *build) { b.handler = endsLate("", "", 300*time.Millisecond) })
	flushed.Filter = "meta-receiver.delivery.median-latency"
	return []Mutant{flushed}
}

// endsLate ends the answers late to POSTs in which a header has this value.
func endsLate(header, value string, d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method != http.MethodPost || r.URL.Path != reference.WebhookPath || r.Header.Get(header) != value {
				return
			}
			// Whoever went away is not kept waiting.
			if http.NewResponseController(w).Flush() == nil {
				_ = target.Wait(r.Context(), d)
			}
		})
	}
}
