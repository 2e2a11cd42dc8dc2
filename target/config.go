// Package target is the system under test as the harness knows it: its configuration, the observers that count its
// effects, the hooks that make its work fail, and for a relay the management API, the clock and the process. It sends no
// delivery and judges nothing.
package target

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// URL is where deliveries go; for a relay, where Meta's webhooks go.
	URL string `yaml:"url"`
	// Secret is the subscription's signing secret, as the target knows it; for a meta-receiver and a relay it is Meta's
	// app secret.
	Secret SecretRef `yaml:"secret"`
	// VerifyToken is the token of Meta's handshake, for the role meta-receiver; a relay may have one.
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
	// Load holds what load tests of the target are judged by.
	Load LoadConfig `yaml:"load,omitempty"`

	// The sections from here on belong to the role relay.

	// Management says how subscriptions, contacts and deliveries are managed.
	Management ManagementConfig `yaml:"management"`
	// Subscriber says where the relay reaches the harness.
	Subscriber SubscriberConfig `yaml:"subscriber"`
	// Clock says how the relay's time can be driven; by default it is real.
	Clock ClockConfig `yaml:"clock"`
	// Capabilities declares what the relay does not have.
	Capabilities map[Capability]Absence `yaml:"capabilities,omitempty"`
	// Delivery says how the relay's deliveries differ from Kirim's in their headers.
	Delivery DeliveryConfig `yaml:"delivery"`
	// Lifecycle starts and ends the relay's process.
	Lifecycle LifecycleConfig `yaml:"lifecycle"`
	// Budget is how much real time the observation of the relay's schedule may take; by default DefaultBudget.
	Budget time.Duration `yaml:"budget"`
	// State is the file in which a run over days keeps what it has seen so far.
	State string `yaml:"state"`

	// dir is the folder of the target file; relative paths and commands start there. place names the file in errors, and
	// source is its text.
	dir, place string
	source     []byte
	// given and givenToken are secrets that the program itself chose, as for the embedded reference; they come before
	// Secret and VerifyToken.
	given, givenToken Secret
	// blind leaves secrets where they are kept; see WithoutSecrets.
	blind bool
	// givenKey and givenOtherKey are such keys of a relay's management.
	givenKey, givenOtherKey Secret
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
	GraphQL  *GraphQLObserver  `yaml:"graphql"`
	Callback *CallbackObserver `yaml:"callback"`
	SQL      *SQLObserver      `yaml:"sql"`
	Command  *CommandObserver  `yaml:"command"`
	Log      *LogObserver      `yaml:"log"`

	// dir is the folder of the target file; relative paths and commands start there.
	dir string
	// at is the file and the line of the adapter that is set; empty where no file names it.
	at string
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

// LoadConfig is what load tests of the target have in common.
type LoadConfig struct {
	// SLO are limits such as "p99 < 250ms", see loadgen/slo. They are read by whoever loads.
	SLO []string `yaml:"slo,omitempty"`
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
