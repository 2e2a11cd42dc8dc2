// Package target is the system under test as the harness knows it: its configuration, the observers that count its
// effects, and the hooks that make its work fail. It sends no delivery and judges nothing.
package target

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Config is a target file. Keys that are not here are errors.
type Config struct {
	// Name is what reports call the target; by default the host of its URL.
	Name string `yaml:"name"`
	// Role is what the target is to Kirim's webhooks; by default a receiver.
	Role contract.Role `yaml:"role"`
	// Edition is the edition of the contract; by default contract.DefaultEdition.
	Edition string `yaml:"edition"`
	// URL is where deliveries go.
	URL string `yaml:"url"`
	// Secret is the subscription's signing secret, as the target knows it.
	Secret SecretRef `yaml:"secret"`
	// VerifyToken is the token of Meta's handshake, for the role meta-receiver.
	VerifyToken SecretRef `yaml:"verify_token"`
	// TLS applies to https URLs.
	TLS TLS `yaml:"tls"`
	// Observe says how effects are seen. Without it, what happens inside the target is untestable.
	Observe Observe `yaml:"observe"`
	// Hooks make the target's work fail and work again.
	Hooks Hooks `yaml:"hooks"`
	// Events are the events that the target is subscribed to; by default all of the edition. Requirements that need
	// another event are not applicable.
	Events []string `yaml:"events,omitempty"`

	// dir is the folder of the target file; relative paths and commands start there.
	dir string
	// given and givenToken are secrets that the program itself chose, as for the embedded reference; they come before
	// Secret and VerifyToken.
	given, givenToken string
}

// SecretRef says where a secret is kept. A secret never stands in a target file itself.
type SecretRef struct {
	// Env is the name of an environment variable.
	Env string `yaml:"env"`
	// File is a path, relative to the target file. One newline at the end is not part of the secret.
	File string `yaml:"file"`
}

// TLS configures https.
type TLS struct {
	// CA is a PEM file of additional roots.
	CA string `yaml:"ca"`
	// Insecure skips the verification of the target's certificate. Neither Kirim nor Meta ever does.
	Insecure bool `yaml:"insecure"`
	// Cert and Key are PEM files of the client certificate that the harness shows, for a target that asks for Meta's.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Observe configures the observer; at most one of its adapters is set.
type Observe struct {
	// Timeout is how long an effect that must come may take; by default 5 s.
	Timeout time.Duration `yaml:"timeout"`
	// Settle is how long the harness waits for an effect that must not come; by default 150 ms. It is never less than
	// three times what the effect of the baseline took.
	Settle time.Duration `yaml:"settle"`
	// Interval is the time between two looks; by default 20 ms.
	Interval time.Duration `yaml:"interval"`

	HTTP     *HTTPObserver     `yaml:"http"`
	Callback *CallbackObserver `yaml:"callback"`
}

// HTTPObserver asks the target for the number of effects.
type HTTPObserver struct {
	// URL is a template with {event}, {event_id}, {item_id} and {status}; values are percent-encoded.
	URL string `yaml:"url"`
	// Count is the JSON pointer (RFC 6901) to the number in the answer; empty where the answer is the number.
	Count string `yaml:"count"`
	// Header is sent along; values may come from the environment.
	Header map[string]Value `yaml:"header"`
}

// CallbackObserver receives the target's effects: the target POSTs one JSON object for every effect.
type CallbackObserver struct {
	// Listen is the address on which the harness listens, such as 127.0.0.1:9911.
	Listen string `yaml:"listen"`
	// Path is the path of the callback; by default /effects.
	Path string `yaml:"path"`
	// Fields are the JSON pointers of the object's members; by default /event, /event_id, /item_id and /status. An
	// empty pointer says that the target does not send the member.
	Fields Fields `yaml:"fields"`
}

// Fields maps an effect's members to JSON pointers; nil means the default.
type Fields struct {
	Event   *string `yaml:"event"`
	EventID *string `yaml:"event_id"`
	ItemID  *string `yaml:"item_id"`
	Status  *string `yaml:"status"`
}

// Value is a string that stands in the file or comes from the environment; exactly one is set.
type Value struct {
	Text string `yaml:"text"`
	Env  string `yaml:"env"`
}

// Hooks are optional; a spec that needs an absent one is untestable.
type Hooks struct {
	// Fail makes the target's work fail from now on.
	Fail *Hook `yaml:"fail"`
	// Recover makes it work again.
	Recover *Hook `yaml:"recover"`
}

// Hook is a command or an HTTP call; exactly one is set.
type Hook struct {
	// Command is a program and its arguments, run without a shell in the folder of the target file.
	Command []string `yaml:"command"`
	HTTP    *Call    `yaml:"http"`
	// Timeout bounds the hook; by default 10 s.
	Timeout time.Duration `yaml:"timeout"`
}

// Call is an HTTP request without a body. Any 2xx answer is success.
type Call struct {
	Method string           `yaml:"method"`
	URL    string           `yaml:"url"`
	Header map[string]Value `yaml:"header"`
}

// Defaults of the waits. A target file can change the first two.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultSettle   = 150 * time.Millisecond
	DefaultInterval = 20 * time.Millisecond
	// hookTimeout is long for an HTTP call and short for a restart: whoever restarts a service says so in the file.
	hookTimeout = 10 * time.Second
)

// Target is a configuration that was checked, together with its secret.
type Target struct {
	Config
	// Contract is the edition's data.
	Contract contract.Edition
	// Signing is the secret: Kirim's for a receiver, Meta's app secret for a meta-receiver.
	Signing Secret
	// Token is the verify token of a meta-receiver.
	Token Secret
}

// Resolve fills in the defaults, checks the whole configuration and reads the secret. place names the file or the
// flags in errors.
func (c Config) Resolve(place string) (*Target, error) {
	fail := func(key, format string, args ...any) (*Target, error) {
		return nil, &ConfigError{Place: place, Key: key, Problem: fmt.Sprintf(format, args...)}
	}
	if c.Role == "" {
		c.Role = contract.RoleReceiver
	}
	if c.Role != contract.RoleReceiver && c.Role != contract.RoleMetaReceiver {
		return fail("role", "%q cannot be certified; the roles that can are receiver and meta-receiver", c.Role)
	}
	edition, err := contract.LoadEdition(c.Edition)
	if err != nil {
		return fail("edition", "%v", err)
	}
	c.Edition = edition.ID
	u, err := parseHTTPURL(c.URL)
	if err != nil {
		return fail("url", "%v", err)
	}
	if u.User != nil || u.Fragment != "" {
		return fail("url", "it holds a user name, a password or a fragment, which neither Kirim nor Meta sends")
	}
	if c.Name == "" {
		c.Name = u.Host
	}
	secret := NewSecret(c.given)
	if c.given == "" {
		if secret, err = c.Secret.read(c.dir); err != nil {
			return fail("secret", "%v", err)
		}
	}
	token := NewSecret(c.givenToken)
	if c.Role == contract.RoleMetaReceiver {
		if c.givenToken == "" {
			if token, err = c.VerifyToken.read(c.dir); err != nil {
				return fail("verify_token", "%v", err)
			}
		}
	} else if c.VerifyToken != (SecretRef{}) {
		return fail("verify_token", "belongs to the role meta-receiver")
	}
	if c.Events == nil {
		c.Events = DefaultEvents(edition, c.Role)
	}
	if len(c.Events) == 0 {
		return fail("events", "is empty; name at least one event, or leave the key out for all of them")
	}
	for _, name := range c.Events {
		if !slices.Contains(DefaultEvents(edition, c.Role), name) {
			return fail("events", "there is no event %q for a %s; there are %s", name, c.Role, strings.Join(DefaultEvents(edition, c.Role), ", "))
		}
	}
	if _, err := c.Client(0); err != nil {
		return fail("tls", "%v", err)
	}
	if c.Observe.HTTP != nil && c.Observe.Callback != nil {
		return fail("observe", "both http and callback are set; keep one")
	}
	for key, d := range map[string]*time.Duration{
		"observe.timeout": &c.Observe.Timeout, "observe.settle": &c.Observe.Settle, "observe.interval": &c.Observe.Interval,
	} {
		if *d < 0 {
			return fail(key, "%s is negative; write a duration such as 5s", *d)
		}
	}
	c.Observe.Timeout = orDefault(c.Observe.Timeout, DefaultTimeout)
	c.Observe.Settle = orDefault(c.Observe.Settle, DefaultSettle)
	c.Observe.Interval = orDefault(c.Observe.Interval, DefaultInterval)
	if err := c.checkAdapters(); err != nil {
		err.Place = place
		return nil, err
	}
	return &Target{Config: c, Contract: edition, Signing: secret, Token: token}, nil
}

// WithSecret returns the configuration with a secret that the program itself chose.
func (c Config) WithSecret(secret string) Config {
	c.given = secret
	return c
}

// WithVerifyToken returns the configuration with a verify token that the program itself chose.
func (c Config) WithVerifyToken(token string) Config {
	c.givenToken = token
	return c
}

// checkAdapters checks the observer and the hooks; the error's place is left to the caller.
func (c Config) checkAdapters() *ConfigError {
	if h := c.Observe.HTTP; h != nil {
		if _, err := newHTTPObserver(*h, nil); err != nil {
			return &ConfigError{Key: "observe.http." + err.key, Problem: err.problem}
		}
	}
	if cb := c.Observe.Callback; cb != nil {
		if cb.Listen == "" {
			return &ConfigError{Key: "observe.callback.listen", Problem: "is missing; write an address such as 127.0.0.1:9911"}
		}
		if cb.Path != "" && !strings.HasPrefix(cb.Path, "/") {
			return &ConfigError{Key: "observe.callback.path", Problem: fmt.Sprintf("%q does not begin with a slash", cb.Path)}
		}
		// net/http takes braces for patterns, never sees a query in a path, and redirects paths that are not clean.
		if cb.Path != "" && (strings.ContainsAny(cb.Path, "{}?#% \t") || path.Join(cb.Path, "x") != strings.TrimSuffix(cb.Path, "/")+"/x") {
			return &ConfigError{Key: "observe.callback.path", Problem: fmt.Sprintf("%q is not a plain path; write one such as /effects", cb.Path)}
		}
		if err := cb.Fields.check(); err != nil {
			return &ConfigError{Key: "observe.callback.fields", Problem: err.Error()}
		}
	}
	for key, hook := range map[string]*Hook{"hooks.fail": c.Hooks.Fail, "hooks.recover": c.Hooks.Recover} {
		if hook == nil {
			continue
		}
		if err := hook.check(); err != nil {
			return &ConfigError{Key: key, Problem: err.Error()}
		}
	}
	if (c.Hooks.Fail == nil) != (c.Hooks.Recover == nil) {
		return &ConfigError{Key: "hooks", Problem: "fail and recover belong together; one of them is missing"}
	}
	return nil
}

// parseHTTPURL takes absolute http and https URLs.
func parseHTTPURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, fmt.Errorf("is missing; write the URL of the endpoint, such as https://example.com/kirim-webhook")
	}
	u, err := url.Parse(raw)
	// Host and path tell which URL is meant; a password may stand before them, and a token in the query.
	shown, _, _ := strings.Cut(raw, "?")
	if at := strings.LastIndexByte(shown, '@'); at >= 0 {
		shown = shown[at+1:]
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL", shown)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q does not begin with http:// or https://", shown)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q has no host", shown)
	}
	return u, nil
}

// DefaultEvents are the events that a target of a role can be sent: all of the edition, or those that Meta began.
func DefaultEvents(edition contract.Edition, role contract.Role) []string {
	var names []string
	for _, e := range edition.Events {
		if role != contract.RoleMetaReceiver || e.Source == contract.SourceMeta {
			names = append(names, e.Name)
		}
	}
	return names
}

func orDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}

// Client returns what sends to the target, by its TLS section. Every exchange ends after the timeout.
func (c Config) Client(timeout time.Duration) (*wire.Client, error) {
	var options []wire.Option
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return nil, errors.New("cert and key belong together; one of them is missing")
	}
	if c.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.path(c.TLS.Cert), c.path(c.TLS.Key))
		if err != nil {
			return nil, err
		}
		options = append(options, wire.WithClientCertificate(pair))
	}
	return wire.NewClient(timeout, c.path(c.TLS.CA), c.TLS.Insecure, options...)
}

// path resolves a path of the target file; an empty one stays empty.
func (c Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// read returns the value of a header, from the file or the environment.
func (v Value) read() (string, error) {
	switch {
	case v.Text != "" && v.Env != "":
		return "", fmt.Errorf("both text and env are set; keep one")
	case v.Env != "":
		value, ok := os.LookupEnv(v.Env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", v.Env)
		}
		return value, nil
	default:
		return v.Text, nil
	}
}
