package target

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
)

// StaticConfig lists the subscriptions of a relay that people made by hand: the harness has no API to make any. It sees
// what comes to them, and nothing else.
type StaticConfig struct {
	Subscriptions []StaticSubscription `yaml:"subscriptions"`
}

// StaticSubscription is one that was made by hand.
type StaticSubscription struct {
	// Path is where below the subscribers' URL its deliveries come.
	Path string `yaml:"path"`
	// Events are those that it is subscribed to; by default all that the target is.
	Events []string `yaml:"events"`
	// Secret signs its deliveries.
	Secret SecretRef `yaml:"secret"`
	// Paused says that it was paused by hand, and must get nothing.
	Paused bool `yaml:"paused"`
}

// HandMade is a subscription that was made by hand, with its secret.
type HandMade struct {
	Path   string
	Events []string
	Secret Secret
	Paused bool
}

// resolve fills in the defaults, and checks everything but the secrets.
func (c StaticConfig) resolve(edition contract.Edition) (StaticConfig, *fieldError) {
	if len(c.Subscriptions) == 0 {
		return c, &fieldError{"subscriptions",
			"is missing; name at least one that is made by hand, such as {path: /hooks/1, events: [message.received], secret: {env: NAME}}"}
	}
	c.Subscriptions = slices.Clone(c.Subscriptions)
	seen := map[string]bool{}
	for i := range c.Subscriptions {
		s := &c.Subscriptions[i]
		fail := func(format string, args ...any) (StaticConfig, *fieldError) {
			return c, &fieldError{"subscriptions", fmt.Sprintf("number %d: ", i+1) + fmt.Sprintf(format, args...)}
		}
		switch {
		case s.Path == "":
			return fail("path is missing; write one such as /hooks/%d", i+1)
		case !plainPath.MatchString(s.Path):
			return fail("path %q is not a plain path; write one such as /hooks/%d", s.Path, i+1)
		case seen[s.Path]:
			return fail("path %s is that of an earlier one; deliveries to it could not be told apart", s.Path)
		}
		seen[s.Path] = true
		if len(s.Events) == 0 {
			s.Events = DefaultEvents(edition, contract.RoleRelay)
		}
		for _, event := range s.Events {
			if _, ok := edition.Event(event); !ok {
				return fail("there is no event %q; there are %s", event, strings.Join(DefaultEvents(edition, contract.RoleRelay), ", "))
			}
		}
	}
	return c, nil
}

// read fetches the secrets, unless it is to leave them where they are. Each must say where that is.
func (c StaticConfig) read(dir string, blind bool) ([]HandMade, *fieldError) {
	var made []HandMade
	for i, s := range c.Subscriptions {
		var secret Secret
		var err error
		if !blind || s.Secret == (SecretRef{}) {
			secret, err = s.Secret.read(dir)
		}
		if err != nil {
			return nil, &fieldError{"subscriptions", fmt.Sprintf("number %d (%s): secret: %v", i+1, s.Path, err)}
		}
		made = append(made, HandMade{s.Path, s.Events, secret, s.Paused})
	}
	return made, nil
}

// resolveStatic checks the subscriptions that were made by hand, and that they lead to one address.
func (t *Target) resolveStatic() *fieldError {
	resolved, err := t.Management.Static.resolve(t.Contract)
	if err == nil {
		t.HandMade, err = resolved.read(t.dir, t.blind)
	}
	if err != nil {
		return &fieldError{"management.static." + err.key, err.problem}
	}
	t.Management.Static = &resolved
	if _, port, _ := net.SplitHostPort(t.Subscriber.Listen); port == "" || port == "0" {
		return &fieldError{"subscriber.listen", "is no fixed address; what is set up by hand leads to one, such as 127.0.0.1:9912"}
	}
	return nil
}

// SubscriberURL is where a relay reaches a path of the subscribers.
func (t *Target) SubscriberURL(path string) string {
	base := t.Subscriber.PublicURL
	switch {
	case base != "":
	case t.Subscriber.TLS != nil:
		base = "https://" + t.Subscriber.Listen
	default:
		base = "http://" + t.Subscriber.Listen
	}
	return base + path
}

// Place says where a secret is kept, for people: never the secret.
func (r SecretRef) Place() string {
	if r.Env != "" {
		return "the value of $" + r.Env
	}
	return "the content of the file " + r.File
}
