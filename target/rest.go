package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// The environment variables from which repeat lines take the keys.
const (
	KeyVariable      = "KIRIM_KEY"
	OtherKeyVariable = "KIRIM_OTHER_KEY"
)

// wrongKey has the form of a key (documentation: authentication) and is nobody's.
const wrongKey = "kdv_live_WrongWrongWrongWrongWron"

// RESTOptions say where and how a REST client calls.
type RESTOptions struct {
	// Config is the section of the target file; what it leaves out is the edition's.
	Config  RESTConfig
	Edition contract.Edition
	// Client makes the exchanges; its timeout should be the configuration's.
	Client *wire.Client
	// Key is the API key. OtherKey is empty where there is no other organisation.
	Key, OtherKey Secret

	// patience is with limits of calls.
	patience patience
}

// REST manages a relay over Kirim's REST API.
type REST struct {
	config        RESTConfig
	client        *wire.Client
	key, otherKey Secret
	// variable and otherVariable are where repeat lines find the keys.
	variable, otherVariable string
	header                  []configuredHeader
	secretForm              *regexp.Regexp
	hidden                  *hidden
	patience                patience
}

type configuredHeader struct {
	wire.Field
	// variable is the environment variable that the value came from, empty for one that is no secret.
	variable string
}

var _ Management = (*REST)(nil)

// NewREST checks the options. Nothing is sent yet.
func NewREST(o RESTOptions) (*REST, error) {
	config, problem := o.Config.resolve(o.Edition)
	switch {
	case problem != nil:
		return nil, fmt.Errorf("management rest: %w", problem)
	case o.Client == nil:
		return nil, errors.New("management rest: the client is missing")
	case o.Key.Reveal() == "":
		return nil, errors.New("management rest: the API key is missing")
	}
	m := &REST{
		config: config, client: o.Client, key: o.Key, otherKey: o.OtherKey, patience: o.patience,
		variable: KeyVariable, otherVariable: OtherKeyVariable, hidden: &hidden{known: map[string]bool{}},
		// What follows the prefix is url-safe base64; shorter pieces are words about secrets.
		secretForm: regexp.MustCompile(regexp.QuoteMeta(o.Edition.Signature.SecretPrefix) + `[A-Za-z0-9_-]{8,}`),
	}
	for _, name := range slices.Sorted(maps.Keys(config.Header)) {
		value, err := config.Header[name].read()
		if err != nil {
			return nil, fmt.Errorf("management rest: header %s: %w", name, err)
		}
		m.header = append(m.header, configuredHeader{wire.Field{Name: name, Value: value}, config.Header[name].Env})
		if config.Header[name].Env != "" {
			m.hidden.add(value)
		}
	}
	m.hidden.add(o.Key.Reveal())
	m.hidden.add(o.OtherKey.Reveal())
	return m, nil
}

// Other is the same API with the keys exchanged.
func (m *REST) Other() (Management, bool) {
	if m.otherKey.Reveal() == "" {
		return nil, false
	}
	other := *m
	other.key, other.otherKey = m.otherKey, m.key
	other.variable, other.otherVariable = m.otherVariable, m.variable
	return &other, true
}

// Names are the words of this API.
func (m *REST) Names() Names { return m.config.Names }

// Paths are the paths of this API.
func (m *REST) Paths() RESTPaths { return m.config.Paths }

// PhoneNumberID is the account that webhooks should be about.
func (m *REST) PhoneNumberID() string { return m.config.PhoneNumberID }

// Secrets returns everything that reports must hide.
func (m *REST) Secrets() []string { return m.hidden.all() }

// String names the API and its base.
func (m *REST) String() string { return "rest, " + hostAndPath(m.config.Base) }

// Call makes one request, again where the relay said that there were too many and has a clock that goes on.
func (m *REST) Call(ctx context.Context, r Request) Reply {
	shown, _, _ := strings.Cut(r.Path, "?")
	reply := Reply{call: r.Method + " " + shown, fresh: map[int]string{}}
	if !strings.HasPrefix(r.Path, "/") {
		reply.failure = fmt.Errorf("the path %q does not begin with a slash", shown)
		return reply
	}
	if r.Key == OtherKey && m.otherKey.Reveal() == "" {
		reply.failure = fmt.Errorf("there is no key of another organisation: %w", errors.ErrUnsupported)
		return reply
	}
	request := wire.Request{Method: r.Method, URL: m.config.Base + r.Path, Body: r.Body}
	replaced := func(name string) bool {
		return slices.ContainsFunc(r.Header, func(f wire.Field) bool { return strings.EqualFold(f.Name, name) })
	}
	add := func(name, value, shown string) {
		if replaced(name) {
			return
		}
		if shown != "" {
			reply.fresh[len(request.Header)] = shown
		}
		request.Header = append(request.Header, wire.Field{Name: name, Value: value})
	}
	switch r.Key {
	case DefaultKey:
		add("Authorization", "Bearer "+m.key.Reveal(), "Bearer $"+m.variable)
	case OtherKey:
		add("Authorization", "Bearer "+m.otherKey.Reveal(), "Bearer $"+m.otherVariable)
	case WrongKey:
		add("Authorization", "Bearer "+wrongKey, "")
	case NoKey:
	}
	add("Accept", "application/json", "")
	if len(r.Body) > 0 {
		add("Content-Type", "application/json", "")
	}
	add("User-Agent", "kirimcheck", "")
	for _, h := range m.header {
		if h.variable == "" {
			add(h.Name, h.Value, "")
		} else {
			add(h.Name, h.Value, "$"+h.variable)
		}
	}
	request.Header = append(request.Header, r.Header...)
	reply.Exchange, reply.Waited = m.patience.call(ctx, func(ctx context.Context) wire.Exchange { return m.client.Send(ctx, request) })
	m.notice(reply.Body)
	reply.read(m.hide)
	return reply
}

// notice remembers the signing secrets of an answer, wherever in it they stand: a relay that shows one where it must not
// is at fault, and the report must not be.
func (m *REST) notice(body []byte) {
	for _, found := range m.secretForm.FindAll(body, -1) {
		m.hidden.add(string(found))
	}
	var envelope struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		m.hidden.add(textOf(envelope.Data[m.config.Names.InitialSecret]))
		m.hidden.add(textOf(envelope.Data[m.config.Names.Secret]))
	}
}

func (m *REST) hide(s string) string {
	for _, secret := range m.hidden.all() {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	return s
}

// hidden is a set of secrets that grows.
type hidden struct {
	mu    sync.Mutex
	known map[string]bool
}

func (h *hidden) add(secret string) {
	if secret == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[secret] = true
}

// all returns the secrets, the longest first: one may begin with another.
func (h *hidden) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Keys(h.known), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
}

// send makes a typed call: body is encoded, and the answer's data decoded into out, unless they are nil.
func (m *REST) send(ctx context.Context, method, path string, query url.Values, body, out any) (Reply, error) {
	r := Request{Method: method, Path: path}
	if len(query) > 0 {
		r.Path += "?" + query.Encode()
	}
	if body != nil {
		data, err := encode(body)
		if err != nil {
			return Reply{}, fmt.Errorf("%s %s: the body cannot be encoded: %w", method, path, err)
		}
		r.Body = data
	}
	if path == m.config.Paths.Health {
		r.Key = NoKey
	}
	reply := m.Call(ctx, r)
	if out == nil {
		return reply, reply.failure
	}
	return reply, reply.decode(out)
}

// one makes a call whose answer is an object with an id.
func one[T any](ctx context.Context, m *REST, method, path string, body any, id func(T) string) (T, Reply, error) {
	var item T
	reply, err := m.send(ctx, method, path, nil, body, &item)
	if err == nil && id(item) == "" {
		err = reply.off("data has no id: %s", excerpt([]byte(m.hide(string(reply.Data)))))
	}
	return item, reply, err
}

// list makes a call whose answer is a list.
func list[T any](ctx context.Context, m *REST, path string, query url.Values) (List[T], Reply, error) {
	var items []T
	reply, err := m.send(ctx, http.MethodGet, path, query, nil, &items)
	return List[T]{Items: items, HasMore: reply.HasMore, NextCursor: reply.NextCursor}, reply, err
}

func describeJSON(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}
