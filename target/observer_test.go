package target

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hush stands in every place of a configuration where a credential may be; no error may repeat it.
const hush = "hush-hush"

// counter serves one answer to every look.
func counter(t *testing.T, status int, answer string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		// A reader that has seen enough has no use for the error.
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return server
}

func observe(t *testing.T, o Observe) Observer {
	t.Helper()
	obs, closeObserver, err := NewObserver(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeObserver(); err != nil {
			t.Error(err)
		}
	})
	return obs
}

func TestAnswerIsACountOrAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		answer  string
		pointer string
		count   int
		err     string
	}{
		"a bare number":            {200, "3", "", 3, ""},
		"a bare number and a line": {200, " 3\n", "", 3, ""},
		"zero":                     {200, "0", "", 0, ""},
		"in an object":             {200, `{"count":2}`, "/count", 2, ""},
		"deep, in a list":          {200, `{"rows":[{"n":1},{"n":7}]}`, "/rows/1/n", 7, ""},
		"an escaped slash":         {200, `{"a/b":1}`, "/a~1b", 1, ""},
		"an escaped tilde":         {200, `{"a~b":1}`, "/a~0b", 1, ""},
		"tilde, then a digit":      {200, `{"~1":1,"/":2}`, "/~01", 1, ""},
		"an empty name":            {200, `{"":1}`, "/", 1, ""},
		"a number for a name":      {200, `{"0":1}`, "/0", 1, ""},
		"a percent sign in a name": {200, `{"%25":1}`, "/%25", 1, ""},

		"created":                   {201, "3", "", 0, "answered 201; 200 with a count is expected"},
		"no content":                {204, "", "", 0, "answered 204"},
		"not found":                 {404, "0", "", 0, "answered 404"},
		"internal error":            {500, "3", "", 0, "answered 500"},
		"empty":                     {200, "", "", 0, "not JSON"},
		"a page":                    {200, "<html>3</html>", "", 0, "not JSON"},
		"text after the number":     {200, "3 rows", "", 0, "not JSON"},
		"two numbers":               {200, "3 4", "", 0, "not JSON: something follows"},
		"broken off":                {200, `{"count":2`, "/count", 0, "not JSON"},
		"nothing there":             {200, `{"total":2}`, "/count", 0, "there is nothing at /count"},
		"nothing that deep":         {200, `{"count":2}`, "/count/n", 0, "there is nothing at /count/n"},
		"past the end":              {200, `[1]`, "/1", 0, "there is nothing at /1"},
		"before the beginning":      {200, `[1]`, "/-1", 0, "there is nothing at /-1"},
		"the end of a list":         {200, `[1]`, "/-", 0, "there is nothing at /-"},
		"a place with a zero":       {200, `[1,2]`, "/01", 0, "there is nothing at /01"},
		"a place with a sign":       {200, `[1,2]`, "/+1", 0, "there is nothing at /+1"},
		"an object for a number":    {200, `{"count":2}`, "", 0, "the answer is not a number"},
		"text for a number":         {200, `{"count":"2"}`, "/count", 0, "the value at /count is not a number"},
		"null":                      {200, `{"count":null}`, "/count", 0, "the value at /count is not a number"},
		"negative":                  {200, "-1", "", 0, "the answer is -1, not a count"},
		"fractional":                {200, "1.5", "", 0, "the answer is 1.5, not a count"},
		"beyond every integer":      {200, "99999999999999999999", "", 0, "not a count"},
		"with an exponent":          {200, "1e2", "", 0, "the answer is 1e2, not a count"},
		"a million and more blanks": {200, strings.Repeat(" ", 1<<20) + "1", "", 0, "larger than 1048576 bytes"},
		"just under the limit":      {200, strings.Repeat(" ", 1<<20-1) + "1", "", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := counter(t, c.status, c.answer)
			obs := observe(t, Observe{HTTP: &HTTPObserver{URL: server.URL + "/{event_id}?token=" + hush, Count: c.pointer}})
			n, err := obs.Count(t.Context(), Effect{EventID: "e"})
			if c.err == "" && err != nil || n != c.count {
				t.Fatalf("%d, %v; want %d", n, err, c.count)
			}
			if c.err != "" {
				isError(t, err, "observer http: ", c.err)
			}
		})
	}
}

// isError checks that an error is one line, holds every part, and keeps the token to itself.
func isError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want %q in it", err, part)
		}
	}
	if strings.Contains(err.Error(), hush) {
		t.Errorf("the error tells the token: %s", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %s", err)
	}
}

// A wamid is base64 and holds plus, slash and equals signs.
func TestIdsArriveAsTheyAre(t *testing.T) {
	effect := Effect{Event: "message.status", EventID: "wamid.a+b/c== d", ItemID: `%2F &#?;{status}"é`, Status: "read"}
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		got <- strings.Join([]string{r.URL.Path, q.Get("event"), q.Get("item"), q.Get("status")}, "|")
		_, _ = fmt.Fprint(w, 1)
	}))
	defer server.Close()
	obs := observe(t, Observe{HTTP: &HTTPObserver{URL: server.URL + "/effects/{event_id}/n?event={event}&item={item_id}&status={status}"}})
	if n, err := obs.Count(t.Context(), effect); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if want := "/effects/wamid.a+b/c== d/n|message.status|" + effect.ItemID + "|read"; <-got != want {
		t.Errorf("want %s", want)
	}
}

func TestObserversHeaderComesFromTheEnvironment(t *testing.T) {
	t.Setenv("OBSERVER_TOKEN", hush)
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		_, _ = fmt.Fprint(w, 0)
	}))
	defer server.Close()
	obs := observe(t, Observe{HTTP: &HTTPObserver{URL: server.URL + "/{item_id}", Header: map[string]Value{
		"Authorization": {Env: "OBSERVER_TOKEN"}, "X-Tenant": {Text: "7"},
	}}})
	if _, err := obs.Count(t.Context(), Effect{}); err != nil {
		t.Fatal(err)
	}
	if h := <-got; h.Get("Authorization") != hush || h.Get("X-Tenant") != "7" {
		t.Errorf("headers %v", h)
	}
	if text := obs.String(); text != "http, "+strings.TrimPrefix(server.URL, "http://") {
		t.Errorf("described as %q", text)
	}
}

// The limit of one look is 5 s; a shorter client stands in for it.
func TestObserverThatDoesNotAnswerIsAnError(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	config := HTTPObserver{URL: server.URL + "/{event_id}?token=" + hush}
	obs, fieldErr := newHTTPObserver(config, &http.Client{Timeout: 50 * time.Millisecond})
	if fieldErr != nil {
		t.Fatal(fieldErr)
	}
	_, err := obs.Count(t.Context(), Effect{})
	isError(t, err, "observer http: no answer: ")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = observe(t, Observe{HTTP: &config}).Count(ctx, Effect{})
	isError(t, err, "observer http: no answer: context canceled")
}

func TestObserverThatIsNotThereIsAnError(t *testing.T) {
	server := counter(t, 200, "1")
	server.Close()
	_, err := observe(t, Observe{HTTP: &HTTPObserver{URL: server.URL + "/{event_id}?token=" + hush}}).Count(t.Context(), Effect{})
	isError(t, err, "observer http: no answer: ", "refused")

	// A value that makes the host unusable shows only at the first look.
	_, err = observe(t, Observe{HTTP: &HTTPObserver{URL: "http://{event_id}.example.com/?token=" + hush}}).Count(t.Context(), Effect{EventID: "a b"})
	isError(t, err, "observer http: the URL is not usable")
}

func TestObserverThatBreaksOffIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = fmt.Fprint(w, "1")
	}))
	defer server.Close()
	_, err := observe(t, Observe{HTTP: &HTTPObserver{URL: server.URL + "/{event_id}"}}).Count(t.Context(), Effect{})
	isError(t, err, "observer http: the answer broke off")
}

func TestObserverThatCouldNotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		observer HTTPObserver
		want     []string
	}{
		"no URL":                     {HTTPObserver{}, []string{"url: is missing"}},
		"not http":                   {HTTPObserver{URL: "ftp://x/{event_id}?token=" + hush}, []string{"url: ", "http:// or https://"}},
		"unusable":                   {HTTPObserver{URL: "http://x:y/{event_id}?token=" + hush}, []string{"url: ", "is not a URL"}},
		"no host":                    {HTTPObserver{URL: "http:///{event_id}?token=" + hush}, []string{"url: ", "has no host"}},
		"unknown placeholder":        {HTTPObserver{URL: "http://x/{event_id}/{id}"}, []string{"unknown placeholder {id}", "{item_id}"}},
		"placeholder in upper case":  {HTTPObserver{URL: "http://x/{event_id}/{STATUS}"}, []string{"unknown placeholder {STATUS}"}},
		"empty placeholder":          {HTTPObserver{URL: "http://x/{event_id}/{}"}, []string{"unknown placeholder {}"}},
		"effects not told apart":     {HTTPObserver{URL: "http://x/{event}/{status}"}, []string{"could not be told apart"}},
		"count without a slash":      {HTTPObserver{URL: "http://x/{event_id}", Count: "n"}, []string{`count: "n" is not a JSON pointer`}},
		"header from nowhere":        {HTTPObserver{URL: "http://x/{event_id}", Header: map[string]Value{"A": {Env: "NOT_SET_BY_ANYBODY"}}}, []string{"header.A: ", "NOT_SET_BY_ANYBODY is not set"}},
		"header from two places":     {HTTPObserver{URL: "http://x/{event_id}", Header: map[string]Value{"A": {Env: "PATH", Text: "x"}}}, []string{"header.A: ", "keep one"}},
		"unknown, in a query (last)": {HTTPObserver{URL: "http://x/?e={event_id}&s={statuses}"}, []string{"unknown placeholder {statuses}"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := NewObserver(t.Context(), Observe{HTTP: &c.observer}, nil)
			isError(t, err, append(c.want, "observer http: ")...)
		})
	}
}

func TestObserverTellsWhatItsURLTells(t *testing.T) {
	for url, want := range map[string][2]bool{
		"http://x/{event_id}":           {false, false},
		"http://x/{item_id}":            {true, false},
		"http://x/{event_id}/{status}":  {false, true},
		"http://x/{item_id}?s={status}": {true, true},
	} {
		tells := observe(t, Observe{HTTP: &HTTPObserver{URL: url}}).Tells()
		if tells.Item != want[0] || tells.Status != want[1] || tells.EventID != strings.Contains(url, "{event_id}") {
			t.Errorf("%s: %+v", url, tells)
		}
	}
}

func TestTargetWithoutAnObserverHasNone(t *testing.T) {
	obs, closeObserver, err := NewObserver(t.Context(), Observe{Timeout: time.Second}, nil)
	if obs != nil || err != nil || closeObserver() != nil {
		t.Errorf("%v, %v", obs, err)
	}
}

func TestEffectsAreNamedByWhatTheyHave(t *testing.T) {
	for want, effect := range map[string]Effect{
		"event contact.created, event id evt_1, item ctc_1":     {Event: "contact.created", EventID: "evt_1", ItemID: "ctc_1"},
		"event message.status, event id w, item w, status read": {Event: "message.status", EventID: "w", ItemID: "w", Status: "read"},
		"event messages, item wamid.1":                          {Event: "messages", ItemID: "wamid.1"},
	} {
		if got := effect.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
