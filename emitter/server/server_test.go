package server_test

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/signature"
)

// generator makes events of the edition at the clock of a rig.
func (r *rig) generator(edition string) *fixtures.Generator {
	r.Helper()
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		r.Fatal(err)
	}
	g, err := fixtures.NewMetaGenerator(ed, 7, r.clock.Now)
	if err != nil {
		r.Fatal(err)
	}
	return g
}

// event makes one of Meta's.
func (r *rig) event(name, variant string) fixtures.Event {
	r.Helper()
	ev, err := r.generator("").Event(name, variant)
	if err != nil {
		r.Fatal(err)
	}
	return ev
}

func TestAMessageOfAnUnknownCustomerIsTwoEventsAndMetasBytesStayAsTheyAre(t *testing.T) {
	r := newRig(t, "", nil)
	_, secret := r.subscribe("message.received", "contact.created")
	ev := r.event("message.received", "")
	body := fixtures.EscapeMeta(ev.Body)
	r.meta(body, http.StatusOK)
	r.advance("0s")
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	got := r.taken()
	if len(got) != 2 {
		t.Fatalf("%d deliveries, want 2", len(got))
	}
	seen := map[string]bool{}
	for _, d := range got {
		name := d.header.Get("X-Kirim-Event")
		seen[name] = true
		verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: 300 * time.Second}
		if err := verifier.Verify(d.header.Get("X-Kirim-Signature"), d.body, r.clock.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := set.ValidateEvent("kckit", name, d.body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "message.received" {
			if !bytes.Equal(d.body, body) {
				t.Errorf("the body is\n%s\nwant\n%s", d.body, body)
			}
			if id := d.header.Get("X-Kirim-Event-Id"); id != ev.ID {
				t.Errorf("event id %s, want %s", id, ev.ID)
			}
		}
	}
	if !seen["message.received"] || !seen["contact.created"] {
		t.Errorf("got %v", seen)
	}
	// Meta's duplicate, and the customer's second message.
	r.meta(body, http.StatusOK)
	r.advance("0s")
	if got := r.taken(); len(got) != 0 {
		t.Errorf("the duplicate was delivered %d times", len(got))
	}
}

func TestTheWholeScheduleTakesEightAttemptsAndNoRealTime(t *testing.T) {
	r := newRig(t, "", nil)
	r.subscribe("contact.created")
	r.answer(http.StatusInternalServerError)
	r.call(http.MethodPost, "/contacts", map[string]any{"phone_number": "+6281234567"}, http.StatusCreated)
	r.advance("40h")
	got := r.taken()
	if len(got) != 8 {
		t.Fatalf("%d attempts, want 8", len(got))
	}
	delays := []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}
	for i, d := range got {
		if n := d.header.Get("X-Kirim-Attempt"); n != strconv.Itoa(i+1) {
			t.Errorf("attempt %s comes as number %d", n, i+1)
		}
		if i == 0 {
			continue
		}
		wait, nominal := d.at.Sub(got[i-1].at), delays[i-1]
		if wait < nominal*8/10 || wait > nominal*12/10 {
			t.Errorf("attempt %d came after %s, want %s ±20%%", i+1, wait, nominal)
		}
	}
	list := r.call(http.MethodGet, "/webhook_deliveries", nil, http.StatusOK)["data"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["status"] != "dead" {
		t.Fatalf("deliveries: %v", list)
	}
	// Replay: a new delivery of the same event.
	old := list[0].(map[string]any)
	r.answer(http.StatusNoContent)
	replayed := r.call(http.MethodPost, "/webhook_deliveries/"+old["id"].(string)+"/replay", nil, http.StatusAccepted)
	r.advance("0s")
	if replayed["replayed_from"] != old["id"] || replayed["id"] == old["id"] {
		t.Errorf("replayed: %v", replayed)
	}
	again := r.taken()
	if len(again) != 1 || again[0].header.Get("X-Kirim-Event-Id") != got[0].header.Get("X-Kirim-Event-Id") || again[0].header.Get("X-Kirim-Attempt") != "1" {
		t.Errorf("the replay: %v", again)
	}
}

func TestTwentyDeadDeliveriesDisableASubscription(t *testing.T) {
	for edition, threshold := range map[string]int{"kckit": 20, "kirim.chat": 24, "kirimdev": 20} {
		t.Run(edition, func(t *testing.T) {
			r := newRig(t, edition, nil)
			id, _ := r.subscribe("message.status")
			r.answer(http.StatusGone)
			for i := range threshold {
				if status := r.call(http.MethodGet, "/webhook_subscriptions/"+id, nil, http.StatusOK)["status"]; status != "active" {
					t.Fatalf("after %d failures the status is %v", i, status)
				}
				g := r.generator(edition)
				ev, err := g.Event("message.status", "")
				for range i {
					ev, err = g.Event("message.status", "")
				}
				if err != nil {
					t.Fatal(err)
				}
				r.meta(ev.Body, http.StatusOK)
				r.advance("0s")
			}
			if status := r.call(http.MethodGet, "/webhook_subscriptions/"+id, nil, http.StatusOK)["status"]; status != "disabled" {
				t.Errorf("after %d failures the status is %v", threshold, status)
			}
			r.taken()
			r.meta(r.event("message.status", "read").Body, http.StatusOK)
			r.advance("0s")
			if got := r.taken(); len(got) != 0 {
				t.Errorf("a disabled subscription got %d deliveries", len(got))
			}
			r.call(http.MethodPatch, "/webhook_subscriptions/"+id, map[string]any{"status": "active"}, http.StatusOK)
			r.meta(r.event("message.status", "failed").Body, http.StatusOK)
			r.advance("0s")
			if got := r.taken(); len(got) != 1 {
				t.Errorf("a subscription that was enabled again got %d deliveries, want 1", len(got))
			}
		})
	}
}

func TestDevLiftsHTTPAndLoopbackAndNothingElse(t *testing.T) {
	for _, url := range []string{"http://10.0.0.1/", "https://169.254.169.254/", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "http://127.0.0.1/#x"} {
		r := newRig(t, "", nil)
		got := r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": url, "events": []string{"contact.created"}}, http.StatusBadRequest)
		if code := got["error"].(map[string]any)["code"]; code != "invalid_webhook_url" {
			t.Errorf("%s: %v", url, code)
		}
	}
}
