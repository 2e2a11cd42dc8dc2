package suites

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// hands makes subscriptions by hand: each path with its events.
func hands(t *testing.T, made ...target.HandMade) *byHand {
	t.Helper()
	server, err := subscriber.Listen(t.Context(), subscriber.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return newByHand(made, server)
}

func made(path string, events ...string) target.HandMade {
	return target.HandMade{Path: path, Events: events}
}

func TestSubscriptionsMadeByHandAreTakenInTurns(t *testing.T) {
	b := hands(t, made("/wide", messageReceived, messageStatus), made("/a", messageReceived), made("/b", messageReceived),
		target.HandMade{Path: "/paused", Events: []string{messageReceived}, Paused: true})
	take := func(exact bool, events ...string) string {
		t.Helper()
		h, err := b.take(events, exact)
		if err != nil {
			return err.Error()
		}
		return h.Path
	}
	back := func(path string) {
		for _, h := range b.all {
			if h.Path == path {
				h.end()
				h.taken = false
			}
		}
	}
	if got := b.free(messageReceived); got != 3 {
		t.Errorf("%d are free, not 3", got)
	}
	var got []string
	for range 3 {
		got = append(got, take(false, messageReceived))
	}
	if want := []string{"/a", "/b", "/wide"}; !slices.Equal(got, want) {
		t.Errorf("taken in the order %s, not %s: those that get nothing else come first", got, want)
	}
	if err := take(false, messageReceived); !strings.Contains(err, "another subscription to message.received; the 3 of management.static are in use") {
		t.Errorf("the fourth: %s", err)
	}
	back("/a")
	back("/b")
	if first, second := take(false, messageReceived), take(false, messageReceived); first != "/a" || second != "/b" {
		t.Errorf("then %s and %s", first, second)
	}
	back("/a")
	if again := take(false, messageReceived); again != "/a" {
		t.Errorf("the free one is %s", again)
	}
	back("/wide")
	if err := take(true, messageStatus); !strings.Contains(err, "and to nothing else") {
		t.Errorf("a subscription to more passes for one to message.status alone: %s", err)
	}
	if got := take(false, messageStatus); got != "/wide" {
		t.Errorf("message.status: %s", got)
	}
}

// What is left over from an earlier spec, or was not asked for, must not be taken for the spec's own; what nobody is
// subscribed to must be seen.
func TestSubscriptionMadeByHandShowsASpecItsOwnEvents(t *testing.T) {
	b := hands(t, made("/a", messageReceived, messageStatus))
	const message, status = `{"entry":[{"changes":[{"value":{"messages":[{}]}}]}]}`, `{"entry":[{"changes":[{"value":{"statuses":[{}]}}]}]}`
	answered := http.StatusOK
	post := func(h *handMade, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.endpoint.URL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != answered {
			t.Fatalf("%d, %v", resp.StatusCode, err)
		}
	}
	settled := func(h *handMade) (bodies []string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := h.endpoint.WaitFor(ctx, func(all []subscriber.Delivery) bool {
			return !slices.ContainsFunc(all, func(d subscriber.Delivery) bool { return d.Answered.IsZero() })
		}); err != nil {
			t.Fatal(err)
		}
		for _, d := range h.endpoint.Received() {
			bodies = append(bodies, string(d.Body))
		}
		return bodies
	}
	h, err := b.take([]string{messageReceived}, false)
	if err != nil {
		t.Fatal(err)
	}
	post(h, status)
	post(h, message)
	post(h, `{"other":1}`)
	if got := settled(h); !slices.Equal(got, []string{message, `{"other":1}`}) {
		t.Errorf("the first spec sees %q", got)
	}
	if h.end() {
		t.Error("nothing failed, and it is healed")
	}
	h.begin([]string{messageReceived})
	post(h, message)
	post(h, message+" ")
	if got := settled(h); !slices.Equal(got, []string{message + " "}) {
		t.Errorf("the second spec sees %q", got)
	}
	h.endpoint.Default(subscriber.Status(503))
	answered = 503
	post(h, message+"  ")
	settled(h)
	if !h.end() {
		t.Error("a delivery was made to fail, and it is not healed")
	}
}
