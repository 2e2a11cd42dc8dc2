package target

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Target is a configuration that was checked, together with its secret.
type Target struct {
	Config
	// Contract is the edition's data; of a relay that is not Kirim it has the names of its headers and its schedule. The
	// name of a header that the relay does not send is empty. Kirims and KirimsHeaders are the edition's own.
	Contract      contract.Edition
	Kirims        contract.DeliveryRule
	KirimsHeaders contract.Headers
	// Signing is the secret: Kirim's for a receiver, Meta's app secret for a meta-receiver and a relay.
	Signing Secret
	// Token is the verify token of a meta-receiver, or of a relay that has one.
	Token Secret
	// Key is a relay's API key, OtherKey that of another organisation, where there is one.
	Key, OtherKey Secret
	// HandMade are the subscriptions of a relay that were made by hand.
	HandMade []HandMade
}

// Resolve fills in the defaults, checks the whole configuration and reads the secret. place names the file or the
// flags in errors.
func (c Config) Resolve(place string) (*Target, error) {
	fail := func(key, format string, args ...any) (*Target, error) {
		return nil, &ConfigError{Place: place, Key: key, Problem: fmt.Sprintf(format, args...)}
	}
	c.place = place
	if c.Role == "" {
		c.Role = contract.RoleReceiver
	}
	if !slices.Contains([]contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver, contract.RoleRelay}, c.Role) {
		return fail("role", "%q cannot be certified; the roles that can are receiver, meta-receiver and relay", c.Role)
	}
	if err := c.foreign(); err != nil {
		return fail(err.key, "%s", err.problem)
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
	secret := c.given
	if c.given.Reveal() == "" && !c.blind {
		if secret, err = c.Secret.read(c.dir); err != nil {
			return fail("secret", "%v", err)
		}
	}
	token := c.givenToken
	switch {
	case c.blind:
	case c.Role == contract.RoleReceiver && c.VerifyToken != (SecretRef{}):
		return fail("verify_token", "belongs to the roles meta-receiver and relay")
	case c.Role == contract.RoleMetaReceiver && c.givenToken.Reveal() == "", c.VerifyToken != (SecretRef{}) && c.givenToken.Reveal() == "":
		if token, err = c.VerifyToken.read(c.dir); err != nil {
			return fail("verify_token", "%v", err)
		}
	}
	if c.Events == nil {
		c.Events = DefaultEvents(edition, c.Role)
	}
	if len(c.Events) == 0 {
		return fail("events", "is empty; name at least one event, or leave the key out for all of them")
	}
	for _, name := range c.Events {
		// What nobody can make may be subscribed to all the same.
		unseen := c.Role == contract.RoleReceiver && slices.Contains(edition.Catalogue(), name)
		if !slices.Contains(DefaultEvents(edition, c.Role), name) && !unseen {
			return fail("events", "there is no event %q for a %s; there are %s", name, c.Role, strings.Join(DefaultEvents(edition, c.Role), ", "))
		}
	}
	if !slices.ContainsFunc(c.Events, func(name string) bool { return slices.Contains(DefaultEvents(edition, c.Role), name) }) {
		return fail("events", "nobody knows what %s look like, so nothing could be sent; name one of %s too",
			strings.Join(c.Events, ", "), strings.Join(DefaultEvents(edition, c.Role), ", "))
	}
	if _, err := c.Client(0); err != nil {
		return fail("tls", "%v", err)
	}
	if err := c.Observe.checkOne(); err != nil {
		return fail(err.key, "%s", err.problem)
	}
	c.Observe.dir, c.Observe.at = c.dir, c.Observe.place(place, c.source)
	if g := c.Observe.GraphQL; g != nil {
		own := *g
		own.dir, own.words, own.located = c.dir, c.Events, (&Target{Config: c}).located
		if c.Role == contract.RoleMetaReceiver {
			// Meta has no names for events; the harness asks by the webhook field.
			own.words = []string{"messages"}
		}
		c.Observe.GraphQL = &own
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
	t := &Target{Config: c, Contract: edition, Kirims: edition.Delivery, KirimsHeaders: edition.Headers, Signing: secret, Token: token}
	if c.Role == contract.RoleRelay {
		if err := t.resolveRelay(); err != nil {
			return fail(err.key, "%s", err.problem)
		}
	}
	if err := t.checkGraphQL(); err != nil {
		return nil, err
	}
	return t, nil
}

// WithoutSecrets returns the configuration for whoever only describes it: no secret is read, and none has to be there yet.
// The target is of no use for anything else.
func (c Config) WithoutSecrets() Config {
	c.blind = true
	return c
}

// WithSecret returns the configuration with a secret that the program itself chose.
func (c Config) WithSecret(secret string) Config {
	c.given = NewSecret(secret)
	return c
}

// WithVerifyToken returns the configuration with a verify token that the program itself chose.
func (c Config) WithVerifyToken(token string) Config {
	c.givenToken = NewSecret(token)
	return c
}

// checkAdapters checks the observer and the hooks; the error's place is left to the caller.
func (c Config) checkAdapters() *ConfigError {
	if h := c.Observe.HTTP; h != nil {
		if _, err := newHTTPObserver(*h, nil); err != nil {
			return &ConfigError{Key: "observe.http." + err.key, Problem: err.problem}
		}
	}
	if g := c.Observe.GraphQL; g != nil {
		if _, err := g.check(); err != nil {
			return err
		}
	}
	if cb := c.Observe.Callback; cb != nil {
		if cb.Listen == "" {
			return &ConfigError{Key: "observe.callback.listen", Problem: "is missing; write an address such as 127.0.0.1:9911"}
		}
		if _, _, err := net.SplitHostPort(cb.Listen); err != nil {
			return &ConfigError{Key: "observe.callback.listen", Problem: fmt.Sprintf("%q is not an address with a port; write one such as 127.0.0.1:9911", cb.Listen)}
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
	if err := c.Observe.checkNew(); err != nil {
		return &ConfigError{Key: "observe." + err.key, Problem: err.problem}
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
