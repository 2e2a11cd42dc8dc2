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

// Passthrough says what becomes of Meta's bodies on their way to subscribers.
type Passthrough string

// The ways of passing a body on.
const (
	// Exact leaves every byte as Meta sent it. An edition that says nothing is exact.
	Exact Passthrough = ""
	// Annotated leaves what the JSON says as it is, and not how it is written; an object of Kirim's own, named
	// AnnotationKey, stands beside it.
	Annotated Passthrough = "annotated"
)

// AnnotationKey is the top-level member that annotated bodies have beside Meta's.
const AnnotationKey = "kirim"

// Event is one row of an edition's event catalogue.
type Event struct {
	Name   string `yaml:"name"`
	Source Source `yaml:"source"`
}

// Unseen is an event that an edition's catalogue names, and of which not enough is known to make one: subscriptions may
// list it, and receivers may be sent it.
type Unseen struct {
	Name   string `yaml:"name"`
	Reason string `yaml:"reason"`
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
	ID            string `yaml:"id"`
	Title         string `yaml:"title"`
	Documentation string `yaml:"documentation"`
	APIBase       string `yaml:"api_base"`
	// Standing is authority, second or evidence.
	Standing string `yaml:"standing"`
	// Reading names the reading by which requirements that name no edition hold in this one; empty where its own
	// documentation has them.
	Reading string  `yaml:"reading,omitempty"`
	Events  []Event `yaml:"events"`
	// Unseen are the events of the catalogue that nobody here can make.
	Unseen      []Unseen    `yaml:"unseen,omitempty"`
	Passthrough Passthrough `yaml:"passthrough,omitempty"`
	// TimePrecision is the smallest step of an envelope's created_at; 0 means a second.
	TimePrecision time.Duration  `yaml:"time_precision,omitempty"`
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

// Catalogue returns the names of the edition's events, those that were not seen last.
func (e Edition) Catalogue() []string {
	names := make([]string, 0, len(e.Events)+len(e.Unseen))
	for _, ev := range e.Events {
		names = append(names, ev.Name)
	}
	for _, ev := range e.Unseen {
		names = append(names, ev.Name)
	}
	return names
}

// Outbound is the event of a message to a customer, where the edition has one: message.created when it was accepted and
// queued, or message.sent, which took its place.
func (e Edition) Outbound() (event Event, ok bool) {
	for _, name := range []string{"message.created", "message.sent"} {
		if event, ok = e.Event(name); ok {
			return event, true
		}
	}
	return Event{}, false
}

// Timestamp writes the time of an event as its envelope does: RFC 3339 in UTC, to the edition's precision.
func (e Edition) Timestamp(t time.Time) string {
	if e.TimePrecision == time.Millisecond {
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// check refuses what no other part of the program knows how to follow.
func (e Edition) check() error {
	if e.Passthrough != Exact && e.Passthrough != Annotated {
		return fmt.Errorf("contract/editions/%s.yaml: passthrough is %q; leave it out, or write %s", e.ID, e.Passthrough, Annotated)
	}
	if e.TimePrecision != 0 && e.TimePrecision != time.Millisecond {
		return fmt.Errorf("contract/editions/%s.yaml: time_precision is %s; leave it out for seconds, or write 1ms", e.ID, e.TimePrecision)
	}
	if e.Standing == "evidence" && e.Reading == "" {
		return fmt.Errorf("contract/editions/%s.yaml: what is evidence needs the reading by which other editions' requirements hold in it", e.ID)
	}
	for _, unseen := range e.Unseen {
		if _, both := e.Event(unseen.Name); both || unseen.Reason == "" {
			return fmt.Errorf("contract/editions/%s.yaml: unseen: %s needs a reason, and no row among the events", e.ID, unseen.Name)
		}
	}
	return nil
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
		if err := e.check(); err != nil {
			return nil, err
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
