package target

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// ManagementConfig says how a relay is managed; exactly one adapter is set.
type ManagementConfig struct {
	REST    *RESTConfig    `yaml:"rest"`
	GraphQL *GraphQLConfig `yaml:"graphql"`
	Static  *StaticConfig  `yaml:"static"`
}

// SubscriberConfig says where the relay reaches the harness's scripted subscribers.
type SubscriberConfig struct {
	// Listen is the address on which the harness listens; by default 127.0.0.1:0, a free port of loopback.
	Listen string `yaml:"listen"`
	// PublicURL is what stands before the paths of subscribers in the URLs that the relay is given; by default the
	// scheme and the address on which the harness listens.
	PublicURL string `yaml:"public_url"`
	// TLS makes the subscribers speak https.
	TLS *SubscriberTLS `yaml:"tls"`
}

// SubscriberTLS is the certificate of the subscribers: two PEM files, or one that is made for the run.
type SubscriberTLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	Generate bool   `yaml:"generate"`
}

// LifecycleConfig says how the relay's process is driven; all three hooks are set, or none.
type LifecycleConfig struct {
	// Start starts the relay and ends; the relay goes on.
	Start *Hook `yaml:"start"`
	// Stop ends the relay in order, and ends when the process has.
	Stop *Hook `yaml:"stop"`
	// Kill ends the relay as a power cut would, and ends when the process has.
	Kill *Hook `yaml:"kill"`
	// Timeout is how long the relay may take until it answers, or no longer does; by default 30 s.
	Timeout time.Duration `yaml:"timeout"`
}

// Defaults of a relay's sections.
const (
	// DefaultListen is a free port of loopback.
	DefaultListen = "127.0.0.1:0"
	// DefaultPhoneNumberID is the documentation's own example (documentation: ids).
	DefaultPhoneNumberID = "106540352242922"
	// DefaultBudget is what a developer waits for; it shows the first four attempts of the schedule in real time.
	DefaultBudget = 3 * time.Minute
	// DefaultCallTimeout bounds one call of the management API. An answer to an Idempotency-Key that is in flight may
	// be held for 30 s (documentation: idempotency).
	DefaultCallTimeout = 40 * time.Second
	// DefaultReady is long enough for a service that reads its store again after a kill.
	DefaultReady = 30 * time.Second
)

// WithBudget returns the configuration with a time budget that comes before that of the file, as a flag's does. A
// budget of 0 changes nothing.
func (c Config) WithBudget(d time.Duration) Config {
	c.Budget = orDefault(d, c.Budget)
	return c
}

// WithKeys returns the configuration with API keys that the program itself chose. other may be empty.
func (c Config) WithKeys(key, other string) Config {
	c.givenKey, c.givenOtherKey = NewSecret(key), NewSecret(other)
	return c
}

// StatePath is the path of the state file, and empty where there is none.
func (c Config) StatePath() string { return c.path(c.State) }

// foreign names the first key of the file that belongs to another role.
func (c Config) foreign() *fieldError {
	relay := c.Role == contract.RoleRelay
	for _, section := range []struct {
		key   string
		set   bool
		relay bool
	}{
		{"observe", c.Observe != Observe{}, false},
		{"hooks", c.Hooks != Hooks{}, false},
		{"events", c.Events != nil, false},
		{"management", c.Management != ManagementConfig{}, true},
		{"subscriber", c.Subscriber != SubscriberConfig{}, true},
		{"clock", c.Clock != ClockConfig{}, true},
		{"capabilities", c.Capabilities != nil, true},
		{"lifecycle", c.Lifecycle != LifecycleConfig{}, true},
		{"delivery", c.Delivery != DeliveryConfig{}, true},
		{"budget", c.Budget != 0, true},
		{"state", c.State != "", true},
	} {
		switch {
		case !section.set || section.relay == relay:
		case section.relay:
			return &fieldError{section.key, "belongs to the role relay; this target's role is " + string(c.Role)}
		default:
			return &fieldError{section.key, "belongs to the roles receiver and meta-receiver; this target's role is relay"}
		}
	}
	return nil
}

// resolveRelay fills in the defaults of a relay's sections, checks them, and reads its keys.
func (t *Target) resolveRelay() (err *fieldError) {
	if t.Contract.Headers, err = t.Delivery.resolve(t.Contract.Headers); err != nil {
		return &fieldError{"delivery." + err.key, err.problem}
	}
	if t.Contract.Delivery, err = t.Delivery.Schedule.resolve(t.Kirims); err != nil {
		return &fieldError{"delivery.schedule." + err.key, err.problem}
	}
	if err := t.resolveSubscriber(); err != nil {
		return &fieldError{"subscriber." + err.key, err.problem}
	}
	resolved, err := t.resolveManagement()
	if err != nil {
		return err
	}
	if t.Clock, err = t.Clock.resolve(resolved); err != nil {
		return &fieldError{"clock." + err.key, err.problem}
	}
	if err := checkCapabilities(t.Capabilities); err != nil {
		return err
	}
	if err := t.resolveLifecycle(); err != nil {
		return err
	}
	if t.Budget < 0 {
		return &fieldError{"budget", fmt.Sprintf("%s is negative; write a duration such as 3m", t.Budget)}
	}
	t.Budget = orDefault(t.Budget, DefaultBudget)
	return nil
}

// resolveManagement checks the adapter and reads its secrets. It returns where the API stands, as far as there is one.
func (t *Target) resolveManagement() (RESTConfig, *fieldError) {
	m := &t.Management
	switch {
	case m.REST != nil && m.Static != nil, m.REST != nil && m.GraphQL != nil, m.GraphQL != nil && m.Static != nil:
		return RESTConfig{}, &fieldError{"management", "several of rest, graphql and static are set; keep one"}
	case m.GraphQL != nil:
		return t.resolveGraphQL()
	case m.Static != nil:
		return RESTConfig{}, t.resolveStatic()
	case m.REST == nil:
		return RESTConfig{}, &fieldError{"management", "is missing; write rest: {base: URL, key: {env: NAME}}, graphql: {url: URL, key: {env: NAME}}, or static with subscriptions made by hand"}
	}
	resolved, err := m.REST.resolve(t.Contract)
	if err != nil {
		return RESTConfig{}, &fieldError{"management.rest." + err.key, err.problem}
	}
	m.REST = &resolved
	if err := t.readKeys(resolved.Key, resolved.OtherKey); err != nil {
		return RESTConfig{}, &fieldError{"management.rest." + err.key, err.problem}
	}
	return resolved, nil
}

func (t *Target) readKeys(key, otherKey SecretRef) *fieldError {
	if t.blind {
		return nil
	}
	var err error
	t.Key, t.OtherKey = t.givenKey, t.givenOtherKey
	if t.givenKey.Reveal() == "" {
		if t.Key, err = key.read(t.dir); err != nil {
			return &fieldError{"key", err.Error()}
		}
	}
	if t.givenOtherKey.Reveal() == "" && otherKey != (SecretRef{}) {
		if t.OtherKey, err = otherKey.read(t.dir); err != nil {
			return &fieldError{"other_key", err.Error()}
		}
	}
	for _, k := range []struct {
		key   string
		value Secret
	}{{"key", t.Key}, {"other_key", t.OtherKey}} {
		if strings.ContainsFunc(k.value.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &fieldError{k.key, "holds a blank or a character that no header takes; write the key alone, without Bearer"}
		}
	}
	if t.Key.Reveal() == t.OtherKey.Reveal() {
		return &fieldError{"other_key", "is the same as key; it must be another organisation's"}
	}
	return nil
}

func (t *Target) resolveSubscriber() *fieldError {
	s := &t.Subscriber
	if s.PublicURL != "" {
		u, err := parseBareURL(s.PublicURL)
		if err != nil {
			return &fieldError{"public_url", err.Error()}
		}
		s.PublicURL = strings.TrimSuffix(u.String(), "/")
		if s.Listen == "" {
			return &fieldError{"listen", "is missing; with public_url write the address that it leads to, such as 0.0.0.0:9912"}
		}
	}
	if s.Listen == "" {
		s.Listen = DefaultListen
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return &fieldError{"listen", fmt.Sprintf("%q is not an address; write one such as %s", s.Listen, DefaultListen)}
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return &fieldError{"listen", fmt.Sprintf("%q is not a port; write a number, such as 9912", port)}
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case s.PublicURL != "" && port == "0":
		return &fieldError{"listen", "port 0 is a different one in every run, and public_url leads to one; write its number"}
	case s.PublicURL == "" && (host == "" || err == nil && ip.IsUnspecified()):
		return &fieldError{"listen", fmt.Sprintf("%q is no address that a relay could call; add public_url, or listen on one address", s.Listen)}
	}
	if _, _, err := t.SubscriberCertificate(); err != nil {
		return &fieldError{"tls", err.Error()}
	}
	return nil
}

// SubscriberCertificate loads the certificate that the target file gives the subscribers. given is false where the file
// gives none: subscriber.tls is absent, or one is to be made.
func (c Config) SubscriberCertificate() (cert tls.Certificate, given bool, err error) {
	s := c.Subscriber.TLS
	switch {
	case s == nil || s.Generate && s.Cert == "" && s.Key == "":
		return tls.Certificate{}, false, nil
	case s.Generate:
		return tls.Certificate{}, false, errors.New("both generate and files are set; keep one")
	case s.Cert == "" && s.Key == "":
		return tls.Certificate{}, false, errors.New("write cert and key, or generate: true")
	case s.Cert == "" || s.Key == "":
		return tls.Certificate{}, false, errors.New("cert and key belong together; one of them is missing")
	}
	cert, err = tls.LoadX509KeyPair(c.path(s.Cert), c.path(s.Key))
	return cert, err == nil, err
}

func (t *Target) resolveLifecycle() *fieldError {
	l := &t.Lifecycle
	set := 0
	for _, h := range []struct {
		key  string
		hook *Hook
	}{{"start", l.Start}, {"stop", l.Stop}, {"kill", l.Kill}} {
		if h.hook == nil {
			continue
		}
		set++
		if err := h.hook.check(); err != nil {
			return &fieldError{"lifecycle." + h.key, err.Error()}
		}
	}
	if set != 0 && set != 3 {
		return &fieldError{"lifecycle", "start, stop and kill belong together; one of them is missing"}
	}
	if l.Timeout < 0 {
		return &fieldError{"lifecycle.timeout", fmt.Sprintf("%s is negative; write a duration such as 30s", l.Timeout)}
	}
	l.Timeout = orDefault(l.Timeout, DefaultReady)
	return nil
}

// parseBareURL takes http and https URLs that something can be appended to.
func parseBareURL(raw string) (*url.URL, error) {
	u, err := parseHTTPURL(raw)
	if err != nil {
		return nil, err
	}
	if u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("it holds a user name, a password, a query or a fragment; write scheme, host and path alone")
	}
	return u, nil
}
