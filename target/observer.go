package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Effect is what a receiver did because of one item of an event: the question that observers answer.
type Effect struct {
	// Event is the event's type, such as message.status.
	Event string
	// EventID is the value of X-Kirim-Event-Id.
	EventID string
	// ItemID is the id of the message, the status' message, or the object that the event is about.
	ItemID string
	// Status is the status of a message.status item, and empty for everything else.
	Status string
}

// String renders the effect for reports.
func (e Effect) String() string {
	text := "event " + e.Event
	// Meta's own webhooks have no id of an event.
	for _, part := range [][2]string{{"event id", e.EventID}, {"item", e.ItemID}, {"status", e.Status}} {
		if part[1] != "" {
			text += ", " + part[0] + " " + part[1]
		}
	}
	return text
}

// Observer counts effects.
type Observer interface {
	// Count returns how often the target acted on the effect. An error means that nothing is known.
	Count(ctx context.Context, effect Effect) (int, error)
	// Tells says by what the observer claims to tell effects apart.
	Tells() Tells
	// String describes the observer, without secrets.
	String() string
}

// Tells says by what effects can be told apart.
type Tells struct{ EventID, Item, Status bool }

// fieldError is a fault in one key of an adapter's configuration.
type fieldError struct{ key, problem string }

func (e *fieldError) Error() string { return e.key + ": " + e.problem }

// httpObserver asks over HTTP.
type httpObserver struct {
	template string
	count    string
	header   map[string]Value
	client   *http.Client
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

var placeholders = []string{"event", "event_id", "item_id", "status"}

// ObserverTimeout bounds one look; it is far above what a count in a database takes.
const ObserverTimeout = 5 * time.Second

// maxObserverAnswer bounds the answer to one look.
const maxObserverAnswer = 1 << 20

func newHTTPObserver(c HTTPObserver, client *http.Client) (*httpObserver, *fieldError) {
	if _, err := parseHTTPURL(placeholder.ReplaceAllString(c.URL, "x")); err != nil {
		return nil, &fieldError{"url", err.Error()}
	}
	var used []string
	for _, m := range placeholder.FindAllStringSubmatch(c.URL, -1) {
		if !slices.Contains(placeholders, m[1]) {
			return nil, &fieldError{"url", fmt.Sprintf("unknown placeholder {%s}; there are {%s}", m[1], strings.Join(placeholders, "}, {"))}
		}
		used = append(used, m[1])
	}
	if !slices.Contains(used, "event_id") && !slices.Contains(used, "item_id") {
		return nil, &fieldError{"url", "neither {event_id} nor {item_id} occurs, so effects could not be told apart"}
	}
	if c.Count != "" && !strings.HasPrefix(c.Count, "/") {
		return nil, &fieldError{"count", fmt.Sprintf("%q is not a JSON pointer; write one such as /count", c.Count)}
	}
	for name, value := range c.Header {
		if _, err := value.read(); err != nil {
			return nil, &fieldError{"header." + name, err.Error()}
		}
	}
	if client == nil {
		client = &http.Client{Timeout: ObserverTimeout}
	}
	return &httpObserver{template: c.URL, count: c.Count, header: c.Header, client: client}, nil
}

// Count asks the target once.
func (o *httpObserver) Count(ctx context.Context, e Effect) (int, error) {
	values := map[string]string{"event": e.Event, "event_id": e.EventID, "item_id": e.ItemID, "status": e.Status}
	address := placeholder.ReplaceAllStringFunc(o.template, func(p string) string {
		// Percent-encoded so that a slash or a plus in a wamid arrives as such, in a path as well as in a query.
		return strings.ReplaceAll(url.QueryEscape(values[p[1:len(p)-1]]), "+", "%20")
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, o.errorf("the URL is not usable: %w", unwrapURL(err))
	}
	for name, value := range o.header {
		text, err := value.read()
		if err != nil {
			return 0, o.errorf("header %s: %w", name, err)
		}
		req.Header.Set(name, text)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return 0, o.errorf("no answer: %w", unwrapURL(err))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxObserverAnswer+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, o.errorf("the answer broke off: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, o.errorf("answered %d; 200 with a count is expected", resp.StatusCode)
	}
	if len(body) > maxObserverAnswer {
		return 0, o.errorf("the answer is larger than %d bytes", maxObserverAnswer)
	}
	n, err := countAt(body, o.count)
	if err != nil {
		return 0, o.errorf("%w", err)
	}
	return n, nil
}

func (o *httpObserver) errorf(format string, args ...any) error {
	return fmt.Errorf("observer http: "+format, args...)
}

// unwrapURL drops the URL that net/http puts before an error: it may hold a token.
func unwrapURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// Tells reports which placeholders the template has.
func (o *httpObserver) Tells() Tells {
	has := func(p string) bool { return strings.Contains(o.template, p) }
	return Tells{EventID: has("{event_id}"), Item: has("{item_id}"), Status: has("{status}")}
}

// String names the observer and its host.
func (o *httpObserver) String() string {
	if u, err := url.Parse(placeholder.ReplaceAllString(o.template, "x")); err == nil {
		return "http, " + u.Host
	}
	return "http"
}

// countAt reads the whole number at a JSON pointer.
func countAt(doc []byte, pointer string) (int, error) {
	value, err := lookup(doc, pointer)
	if err != nil {
		return 0, err
	}
	n, err := countOf(value)
	if err != nil {
		return 0, fmt.Errorf("%s %w", where(pointer), err)
	}
	return n, nil
}

// countOf reads a count; its error goes on after the name of what was read.
func countOf(value any) (int, error) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, errors.New("is not a number")
	}
	n, err := strconv.Atoi(number.String())
	if err != nil || n < 0 {
		return 0, fmt.Errorf("is %s, not a count", number)
	}
	return n, nil
}

func where(pointer string) string {
	if pointer == "" {
		return "the answer"
	}
	return "the value at " + pointer
}

// lookup finds the value at a JSON pointer (RFC 6901).
func lookup(doc []byte, pointer string) (any, error) {
	value, err := decodeJSON(doc)
	if err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %w", err)
	}
	return walk(value, pointer)
}

// decodeJSON reads one JSON value and nothing behind it. Numbers stay as they are written.
func decodeJSON(doc []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return value, nil
}

// walk finds the value at a JSON pointer in a decoded document.
func walk(value any, pointer string) (any, error) {
	if pointer == "" {
		return value, nil
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[token]
			if !ok {
				return nil, fmt.Errorf("there is nothing at %s", pointer)
			}
			value = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || token != strconv.Itoa(i) {
				return nil, fmt.Errorf("there is nothing at %s", pointer)
			}
			value = v[i]
		default:
			return nil, fmt.Errorf("there is nothing at %s", pointer)
		}
	}
	return value, nil
}
