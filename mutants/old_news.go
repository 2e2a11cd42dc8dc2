package mutants

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// newsFor is how long the mutants of this file take an event for new.
const newsFor = 5 * time.Minute

// happened is when what a body tells happened: created_at of Kirim's envelope, timestamp of Meta's first item. ok is false where
// it does not say.
func happened(body []byte) (at time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, gjson.GetBytes(body, "created_at").String()); err == nil {
		return at, true
	}
	for _, list := range []string{"messages", "statuses"} {
		text := gjson.GetBytes(body, "entry.0.changes.0.value."+list+".0.timestamp").String()
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			return time.Unix(seconds, 0), true
		}
	}
	return time.Time{}, false
}

// old reports whether what a body tells is no news at this time.
func old(body []byte, now time.Time) bool {
	at, ok := happened(body)
	return ok && now.Sub(at) > newsFor
}

// oldNewsReceivers judge an event by its age, and so lose what comes with a late retry or a replay.
func oldNewsReceivers() []Mutant {
	return []Mutant{
		receiver("old-events-dropped", "answers 200 and does nothing about what happened more than five minutes ago", seenReceivers,
			[]string{"receiver.delivery.late"}, process(oldNewsDropped)),
		receiver("tolerance-of-created-at", "holds the tolerance of signatures against the time of the event as well", "",
			[]string{"receiver.delivery.late"}, verifyWith(refusesOldNews)),
		receiver("retries-end-at-five", "takes an attempt above 5 for a mistake, and refuses it", "",
			[]string{"receiver.delivery.late"}, process(func(d reference.Delivery) int {
				if n, err := strconv.Atoi(d.Attempt); err == nil && n > 5 {
					return http.StatusBadRequest
				}
				return 0
			})),
	}
}

// metaOldNewsReceivers are the same for receivers of Meta's own webhooks.
func metaOldNewsReceivers() []Mutant {
	return []Mutant{
		metaReceiver("old-messages-dropped", "answers 200 and does nothing about what was written more than five minutes ago", seenReceivers,
			[]string{"meta-receiver.delivery.late"}, process(oldNewsDropped)),
		metaReceiver("tolerance-of-timestamp", "takes the time of the message for that of the signature, and refuses what is old", "",
			[]string{"meta-receiver.delivery.late"}, verifyWith(refusesOldNews)),
	}
}

func oldNewsDropped(d reference.Delivery) int {
	return ignored(func(d reference.Delivery) bool { return old(d.Body, time.Now()) })(d)
}

func refusesOldNews(_ *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
	if err := right.Verify(h, body, now); err != nil || !old(body, now) {
		return err
	}
	return errRefused
}

// relayOldNewsMutants do the same in front.
func relayOldNewsMutants() []Mutant {
	return []Mutant{
		managed("front-old-messages-dropped", "answers Meta 200 and forwards nothing that was written more than five minutes ago",
			func(p *server.Parts) {
				p.Front.Take = func(ctx context.Context, body []byte, ingest func(context.Context, []byte) error) error {
					if old(body, time.Now()) {
						return nil
					}
					return ingest(ctx, body)
				}
			}, "front.late"),
		managed("front-old-messages-refused", "takes a webhook about something old for a replay by an attacker, and refuses it",
			posted(func(_ *server.Parts, next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if old(bodyOf(r), time.Now()) {
						w.WriteHeader(http.StatusBadRequest)
						return
					}
					next.ServeHTTP(w, r)
				})
			}), "front.late"),
	}
}
