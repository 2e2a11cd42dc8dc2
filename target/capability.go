package target

import (
	"slices"
	"strings"
)

// Capability is something that a relay need not have. A target file declares an absent one together with the reason;
// the requirements that need it are then not applicable. What is not declared absent is expected to be there.
type Capability string

// The capabilities. What every relay must do, such as forwarding Meta's bytes and signing, is not among them.
const (
	// ContactsAPI: contacts can be created, read and changed over the management API.
	ContactsAPI Capability = "contacts-api"
	// ConversationsAPI: conversations can be listed, assigned and resolved over the management API.
	ConversationsAPI Capability = "conversations-api"
	// MessagesAPI: messages can be sent over the management API, in editions that have an event of outbound messages.
	MessagesAPI Capability = "messages-api"
	// SubscriptionUpdate: the URL, the events and the description of a subscription can be changed.
	SubscriptionUpdate Capability = "subscription-update"
	// Pausing: a subscription can be paused and taken up again.
	Pausing Capability = "pausing"
	// SecretsAPI: secrets can be added to a subscription, with an expiry, and deleted.
	SecretsAPI Capability = "secrets-api"
	// DeliveryAPI: deliveries can be listed and read, with their status.
	DeliveryAPI Capability = "delivery-api"
	// DeliveryAttempts: a delivery that is read tells its attempts one by one.
	DeliveryAttempts Capability = "delivery-attempts"
	// SingleReplay: one delivery can be sent again.
	SingleReplay Capability = "replay"
	// BulkReplays: many deliveries can be sent again with one call.
	BulkReplays Capability = "bulk-replay"
	// Idempotency: the API honours Idempotency-Key.
	Idempotency Capability = "idempotency"
	// Pagination: lists have limits and cursors.
	Pagination Capability = "pagination"
	// RateLimits: answers tell the rate limit, and too many calls are refused.
	RateLimits Capability = "rate-limits"
	// MultipleOrganisations: organisations are kept apart. To see that, management.rest.other_key is needed.
	MultipleOrganisations Capability = "multiple-organisations"
	// AutoDisable: a subscription is disabled after too many failed deliveries in a row.
	AutoDisable Capability = "auto-disable"
	// RetryAfter: Retry-After of a 429 is honoured.
	RetryAfter Capability = "retry-after"
	// Retention: deliveries are purged when they are old.
	Retention Capability = "retention"
	// HTTPSOnly: subscriptions with an http URL are refused. A relay in a mode for development takes them.
	HTTPSOnly Capability = "https-only"
	// SSRFProtection: URLs that lead to private, link-local and metadata addresses are refused.
	SSRFProtection Capability = "ssrf-protection"
	// LoopbackRefused: URLs that lead to loopback are refused too. A relay in a mode for development takes them.
	LoopbackRefused Capability = "loopback-refused"
	// PrivateSubscribers: the relay, as it is run for the test, delivers to the harness on a loopback or private
	// address. Without it the subscribers have to be reached at a public URL.
	PrivateSubscribers Capability = "private-subscribers"
	// DNSResolution: the relay looks the host of a subscription's URL up when the subscription is made.
	DNSResolution Capability = "dns-resolution"
	// KirimEvents: the relay has events of its own beside those that Meta begins, such as contact.created.
	KirimEvents Capability = "kirim-events"
	// CatalogueOnly: webhook fields of Meta that are no event of Kirim's catalogue are not forwarded.
	CatalogueOnly Capability = "catalogue-only"
)

// Capabilities returns every capability there is, in the order of the documentation.
func Capabilities() []Capability {
	return []Capability{
		ContactsAPI, ConversationsAPI, MessagesAPI, SubscriptionUpdate, Pausing, SecretsAPI, DeliveryAPI, DeliveryAttempts,
		SingleReplay, BulkReplays, Idempotency, Pagination, RateLimits, MultipleOrganisations, AutoDisable, RetryAfter,
		Retention, HTTPSOnly, SSRFProtection, LoopbackRefused, PrivateSubscribers, DNSResolution, KirimEvents, CatalogueOnly,
	}
}

// byAPI are those that nobody sees who has no API of the relay. Auto-disable is one of them: a subscription that was made
// by hand would have to be enabled by hand again.
var byAPI = []Capability{
	ContactsAPI, ConversationsAPI, MessagesAPI, SubscriptionUpdate, Pausing, SecretsAPI, DeliveryAPI, DeliveryAttempts,
	SingleReplay, BulkReplays, Idempotency, Pagination, RateLimits, MultipleOrganisations, AutoDisable, Retention,
}

// Hides reports whether the harness cannot see a capability because it has no API of the relay.
func (c Config) Hides(capability Capability) bool {
	return c.Management.Static != nil && slices.Contains(byAPI, capability)
}

// Absence declares a capability absent.
type Absence struct {
	// Absent is the reason, for the report.
	Absent string `yaml:"absent"`
}

// Lacks reports whether the target declares a capability absent, and why.
func (c Config) Lacks(capability Capability) (reason string, lacks bool) {
	a, ok := c.Capabilities[capability]
	return a.Absent, ok
}

// checkCapabilities checks the names in the order of the alphabet, so that the same file has always the same error.
func checkCapabilities(declared map[Capability]Absence) *fieldError {
	names := make([]Capability, 0, len(declared))
	for name := range declared {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(Capabilities(), name) {
			var known []string
			for _, c := range Capabilities() {
				known = append(known, string(c))
			}
			return &fieldError{"capabilities." + string(name),
				"there is no such capability; there are " + strings.Join(known, ", ")}
		}
		if strings.TrimSpace(declared[name].Absent) == "" {
			return &fieldError{"capabilities." + string(name) + ".absent",
				"is missing; write the reason, such as {absent: \"replays are made by the dashboard\"}, or leave the capability out"}
		}
	}
	return nil
}
