// Package contract is what Kirim promises, as data: the editions of its documentation, the readings of what the
// documentation leaves open, and the ledger of requirements. It holds no behaviour beyond loading and looking up.
package contract

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

//go:embed editions/*.yaml requirements/*.yaml meta.yaml readings.yaml
var files embed.FS

// DefaultEdition is the edition used where none is named; it is also the authority where editions differ.
const DefaultEdition = "kckit"

// Source says where an event began, as the header X-Kirim-Source carries it (documentation: events, overview).
type Source string

// The two sources. They also tell the two shapes of body apart.
const (
	SourceMeta  Source = "meta"
	SourceKirim Source = "kirim"
)

// Event is one row of an edition's event catalogue.
type Event struct {
	Name   string `yaml:"name"`
	Source Source `yaml:"source"`
}

// Headers names the headers of a delivery, and the values of those that never change.
type Headers struct {
	Source      string `yaml:"source"`
	Event       string `yaml:"event"`
	EventID     string `yaml:"event_id"`
	DeliveryID  string `yaml:"delivery_id"`
	Attempt     string `yaml:"attempt"`
	Signature   string `yaml:"signature"`
	UserAgent   string `yaml:"user_agent"`
	ContentType string `yaml:"content_type"`
}

// SignatureRule holds the parameters of the signature scheme (documentation: signing).
type SignatureRule struct {
	// Tolerance is the largest difference between t and the receiver's clock, on either side, that is accepted.
	Tolerance time.Duration `yaml:"tolerance"`
	// SecretPrefix begins every secret and is part of the key.
	SecretPrefix string `yaml:"secret_prefix"`
}

// DeliveryRule holds the parameters of the delivery pipeline (documentation: retry and auto-disable).
type DeliveryRule struct {
	// Delays are the waits before each attempt, the first one included; their number is the number of attempts.
	Delays []time.Duration `yaml:"delays"`
	// Jitter is the largest relative deviation of a delay: 0.2 is 20 percent on either side.
	Jitter float64 `yaml:"jitter"`
	// Timeout bounds one attempt; a longer one is a failed attempt.
	Timeout time.Duration `yaml:"timeout"`
	// AcknowledgeWithin is the upper end of the advised time for an answer.
	AcknowledgeWithin time.Duration `yaml:"acknowledge_within"`
	// TerminalStatus is the word for a delivery that will not be tried again.
	TerminalStatus string `yaml:"terminal_status"`
	// DisableAfter is the number of consecutive failed deliveries that disables a subscription.
	DisableAfter int `yaml:"disable_after"`
	// Retention is the age at which deliveries are purged.
	Retention time.Duration `yaml:"retention"`
}

// Paths are the API's resource paths below the API base; {phone_number_id} stands for the scope of an account.
type Paths struct {
	Subscriptions string `yaml:"subscriptions"`
	Deliveries    string `yaml:"deliveries"`
	Contacts      string `yaml:"contacts"`
	Conversations string `yaml:"conversations"`
}

// Edition is one dated version of the contract: every number and name that differs between versions.
type Edition struct {
	ID            string         `yaml:"id"`
	Title         string         `yaml:"title"`
	Documentation string         `yaml:"documentation"`
	APIBase       string         `yaml:"api_base"`
	Standing      string         `yaml:"standing"`
	Events        []Event        `yaml:"events"`
	Headers       Headers        `yaml:"headers"`
	Envelope      []string       `yaml:"envelope"`
	Constants     map[string]any `yaml:"envelope_constants"`
	Signature     SignatureRule  `yaml:"signature"`
	Delivery      DeliveryRule   `yaml:"delivery"`
	Paths         Paths          `yaml:"paths"`
}

// Event looks an event up by its name; ok is false where the edition does not have it.
func (e Edition) Event(name string) (event Event, ok bool) {
	i := slices.IndexFunc(e.Events, func(ev Event) bool { return ev.Name == name })
	if i < 0 {
		return Event{}, false
	}
	return e.Events[i], true
}

// Editions returns every edition, the default one first, then by id.
func Editions() ([]Edition, error) {
	entries, err := files.ReadDir("editions")
	if err != nil {
		return nil, err
	}
	var all []Edition
	for _, entry := range entries {
		var e Edition
		if err := load("editions/"+entry.Name(), &e); err != nil {
			return nil, err
		}
		if want := e.ID + ".yaml"; entry.Name() != want {
			return nil, fmt.Errorf("contract/editions/%s: id is %q, so the file should be named %s", entry.Name(), e.ID, want)
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b Edition) int {
		if (a.ID == DefaultEdition) != (b.ID == DefaultEdition) {
			if a.ID == DefaultEdition {
				return -1
			}
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// LoadEdition returns the edition with this id; an empty id means the default. An unknown id is an error that
// names those there are.
func LoadEdition(id string) (Edition, error) {
	if id == "" {
		id = DefaultEdition
	}
	all, err := Editions()
	if err != nil {
		return Edition{}, err
	}
	var known []string
	for _, e := range all {
		if e.ID == id {
			return e, nil
		}
		known = append(known, e.ID)
	}
	return Edition{}, fmt.Errorf("unknown edition %q; known editions: %s", id, strings.Join(known, ", "))
}

// load decodes one embedded file strictly: a key that the type does not have is an error.
func load(name string, out any) error {
	data, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	if err := yaml.Load(data, out, yaml.WithKnownFields()); err != nil {
		return fmt.Errorf("contract/%s: %w", name, err)
	}
	return nil
}
