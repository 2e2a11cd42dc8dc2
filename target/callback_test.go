package target

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func listenCallback(t *testing.T, c CallbackObserver) *Callback {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	cb, err := ListenCallback(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cb.Close(); err != nil {
			t.Error(err)
		}
	})
	return cb
}

func call(t *testing.T, cb *Callback, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+cb.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func count(t *testing.T, obs Observer, e Effect) int {
	t.Helper()
	n, err := obs.Count(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(s string) *string { return &s }

func TestCallbackCountsWhatIsPosted(t *testing.T) {
	cb := listenCallback(t, CallbackObserver{})
	for range 2 {
		if status, _ := call(t, cb, "POST", "/effects", `{"event":"a","event_id":"1","item_id":"x","status":"read","more":{"status":7}}`); status != 204 {
			t.Fatalf("answered %d", status)
		}
	}
	call(t, cb, "POST", "/effects", `{"event":"a","event_id":"1","item_id":"x","status":"sent"}`)
	call(t, cb, "POST", "/effects", `{"event":"a","event_id":"1","item_id":"y"}`)
	call(t, cb, "POST", "/effects", `{"event":"a","event_id":"1","item_id":"y","status":null}`)
	call(t, cb, "POST", "/effects", `{"event":"a","event_id":"1","item_id":"y","status":""}`)
	for effect, want := range map[Effect]int{
		{"a", "1", "x", "read"}:      2,
		{"a", "1", "x", "sent"}:      1,
		{"a", "1", "x", ""}:          0,
		{"a", "1", "y", ""}:          3,
		{"a", "1", "z", ""}:          0,
		{"a", "2", "y", ""}:          0,
		{"b", "1", "y", ""}:          0,
		{"a", "1", "x", "delivered"}: 0,
	} {
		if got := count(t, cb, effect); got != want {
			t.Errorf("%s: %d, want %d", effect, got, want)
		}
	}
}

// One effect is missing and nobody knows which, so no count is true any more.
func TestCallbackThatIsNotUnderstoodBreaksEveryCount(t *testing.T) {
	const good = `{"event":"a","event_id":"1","item_id":"x"}`
	for name, c := range map[string]struct{ body, want string }{
		"empty":            {"", "not JSON"},
		"not JSON":         {"event=a", "not JSON"},
		"two objects":      {good + good, "not JSON"},
		"a list":           {"[" + good + "]", "nothing at /event"},
		"no event":         {`{"event_id":"1","item_id":"x"}`, "nothing at /event"},
		"no event id":      {`{"event":"a","item_id":"x"}`, "nothing at /event_id"},
		"no item":          {`{"event":"a","event_id":"1"}`, "nothing at /item_id"},
		"an event of null": {`{"event":null,"event_id":"1","item_id":"x"}`, "no text at /event"},
		"a number for an id": {
			`{"event":"a","event_id":1,"item_id":"x"}`, "no text at /event_id",
		},
		"a number for a status": {`{"event":"a","event_id":"1","item_id":"x","status":7}`, "no text at /status"},
		"too large":             {`{"pad":"` + strings.Repeat("x", maxCallback) + `"}`, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			cb := listenCallback(t, CallbackObserver{})
			call(t, cb, "POST", "/effects", good)
			status, answer := call(t, cb, "POST", "/effects", c.body)
			if status != http.StatusBadRequest || !strings.Contains(answer, c.want) {
				t.Errorf("answered %d %q, want %q", status, answer, c.want)
			}
			_, err := cb.Count(t.Context(), Effect{"a", "1", "x", ""})
			isError(t, err, "observer callback: ", c.want)
			// A good one afterwards does not mend it, and the first fault is the one that is told.
			call(t, cb, "POST", "/effects", good)
			call(t, cb, "POST", "/effects", `{"event":true}`)
			_, again := cb.Count(t.Context(), Effect{})
			if again == nil || again.Error() != err.Error() {
				t.Errorf("then the error is %v, want %v", again, err)
			}
			shared := observe(t, Observe{HTTP: new(cb.Shared())})
			_, err = shared.Count(t.Context(), Effect{})
			isError(t, err, "answered 500")
		})
	}
}

func TestCallbackThatTheServerDoesNotKnowIsNoEffect(t *testing.T) {
	cb := listenCallback(t, CallbackObserver{Path: "/hooks/effects"})
	const good = `{"event":"a","event_id":"1","item_id":"x"}`
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/hooks/effects", 204}, {"POST", "/hooks/effects?a=b", 204}, {"GET", "/hooks/effects", 405}, {"PUT", "/hooks/effects", 405},
		{"POST", "/effects", 404}, {"POST", "/hooks/effects/", 404}, {"GET", "/count?event=a", 404},
	} {
		if status, _ := call(t, cb, c.method, c.path, good); status != c.want {
			t.Errorf("%s %s is answered %d, want %d", c.method, c.path, status, c.want)
		}
	}
	if n := count(t, cb, Effect{"a", "1", "x", ""}); n != 2 {
		t.Errorf("%d effects", n)
	}
}

func TestFieldsOfACallbackAreConfigurable(t *testing.T) {
	for name, c := range map[string]struct {
		fields       Fields
		body         string
		asked        Effect
		item, status bool
	}{
		"elsewhere": {
			Fields{Event: text("/type"), EventID: text("/ids/0"), ItemID: text("/data/a~1b"), Status: text("/data/state")},
			`{"type":"a","ids":["1"],"data":{"a/b":"x","state":"read"}}`, Effect{"a", "1", "x", "read"}, true, true,
		},
		"no item":         {Fields{ItemID: text("")}, `{"event":"a","event_id":"1","status":"read"}`, Effect{"a", "1", "any", "read"}, false, true},
		"no status":       {Fields{Status: text("")}, `{"event":"a","event_id":"1","item_id":"x","status":9}`, Effect{"a", "1", "x", "any"}, true, false},
		"the item alone":  {Fields{Event: text(""), EventID: text(""), Status: text("")}, `{"item_id":"x"}`, Effect{"any", "any", "x", "any"}, true, false},
		"only the id":     {Fields{Event: text(""), ItemID: text(""), Status: text("")}, `{"event_id":"1"}`, Effect{"any", "1", "any", "any"}, false, false},
		"a plus and more": {Fields{Event: text("")}, `{"event_id":"wamid.a+b/c==","item_id":"é&="}`, Effect{"", "wamid.a+b/c==", "é&=", ""}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.fields.check(); err != nil {
				t.Fatal(err)
			}
			cb := listenCallback(t, CallbackObserver{Fields: c.fields})
			if status, answer := call(t, cb, "POST", "/effects", c.body); status != 204 {
				t.Fatalf("answered %d %s", status, answer)
			}
			// What other processes of the run see through Shared is the same.
			for which, obs := range map[string]Observer{"itself": cb, "shared": observe(t, Observe{HTTP: new(cb.Shared())})} {
				if n := count(t, obs, c.asked); n != 1 {
					t.Errorf("%s: %d", which, n)
				}
				if n := count(t, obs, Effect{"none", "none", "none", "none"}); n != 0 {
					t.Errorf("%s: %d of what was not posted", which, n)
				}
				if tells := obs.Tells(); tells.Item != c.item || tells.Status != c.status {
					t.Errorf("%s tells %+v", which, tells)
				}
			}
		})
	}
}

func TestFieldsThatCouldNotWorkAreRefused(t *testing.T) {
	for want, fields := range map[string]Fields{
		`"event" is not a JSON pointer`: {Event: text("event")},
		`"a/b" is not a JSON pointer`:   {Status: text("a/b")},
		"could not be told apart":       {EventID: text(""), ItemID: text("")},
	} {
		isError(t, fields.check(), want)
	}
}

// Others that reach the port must not read what the target did.
func TestCountIsServedUnderTheTokenAlone(t *testing.T) {
	cb := listenCallback(t, CallbackObserver{})
	shared := cb.Shared().URL
	if !strings.Contains(shared, cb.token) || len(cb.token) < 20 {
		t.Errorf("shared as %s", shared)
	}
	if strings.Contains(cb.String(), cb.token) || cb.String() != "callback, "+cb.Addr() {
		t.Errorf("described as %s", cb)
	}
	if status, _ := call(t, cb, "GET", "/x/count?event=a", ""); status != http.StatusNotFound {
		t.Errorf("without the token: %d", status)
	}
}

func TestCallbacksAtTheSameTimeAreAllCounted(t *testing.T) {
	cb := listenCallback(t, CallbackObserver{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"event":"a","event_id":"%d","item_id":"x"}`, i%2)
			resp, err := http.Post("http://"+cb.Addr()+"/effects", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range []string{"0", "1"} {
		if n := count(t, cb, Effect{"a", id, "x", ""}); n != 10 {
			t.Errorf("%d of event %s", n, id)
		}
	}
}

func TestAddressInUseIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, _, err = NewObserver(t.Context(), Observe{Callback: &CallbackObserver{Listen: l.Addr().String()}}, nil)
	isError(t, err, "observer callback: cannot listen on "+l.Addr().String(), "in use")
}

func TestClosedCallbackLetsItsAddressGo(t *testing.T) {
	obs, closeObserver, err := NewObserver(t.Context(), Observe{Callback: &CallbackObserver{Listen: "127.0.0.1:0"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	address := obs.(*Callback).Addr()
	if err := closeObserver(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// Where no effect is seen, whoever looks for the reason learns what came.
func TestCallbackTellsWhatItSaw(t *testing.T) {
	cb := listenCallback(t, CallbackObserver{Path: "/told"})
	for _, step := range []struct{ path, want string }{
		{"", "no callback came to /told"},
		{"/effects", `a callback came to "/effects" and none to /told`},
		{"/told", "callbacks came for 1 effects, and none of them is that"},
	} {
		if step.path != "" {
			call(t, cb, "POST", step.path, `{"event":"a","event_id":"1","item_id":"y"}`)
		}
		if got := cb.Saw(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}
