package target

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// RESTConfig configures the management of a relay over Kirim's REST API, or one that differs from it in names.
type RESTConfig struct {
	// Base is the URL that stands before every path, such as http://127.0.0.1:8787/v1.
	Base string `yaml:"base"`
	// Key is the API key; OtherKey, where given, that of another organisation.
	Key      SecretRef `yaml:"key"`
	OtherKey SecretRef `yaml:"other_key"`
	// PhoneNumberID is the account that scoped paths name and that the mock Meta sender's webhooks are about; by
	// default DefaultPhoneNumberID.
	PhoneNumberID string `yaml:"phone_number_id"`
	// Paths and Names are where the relay differs from the edition.
	Paths RESTPaths `yaml:"paths"`
	Names Names     `yaml:"names"`
	// Header is sent with every call.
	Header map[string]Value `yaml:"header"`
	// Timeout bounds one call; by default DefaultCallTimeout.
	Timeout time.Duration `yaml:"timeout"`
}

// RESTPaths are the paths of the API below its base; {phone_number_id} stands for the account. Empty ones are those of
// the edition.
type RESTPaths struct {
	Subscriptions string `yaml:"subscriptions"`
	Deliveries    string `yaml:"deliveries"`
	Contacts      string `yaml:"contacts"`
	Conversations string `yaml:"conversations"`
	// Messages stays empty in an edition without an event of outbound messages.
	Messages string `yaml:"messages"`
	Health   string `yaml:"health"`
	// Secrets follows the path of one subscription, Replay that of one delivery, and BulkReplay that of deliveries.
	Secrets    string `yaml:"secrets"`
	Replay     string `yaml:"replay"`
	BulkReplay string `yaml:"bulk_replay"`
}

// Names are the words of the API that relays choose differently. Empty ones are those of the edition.
type Names struct {
	// InitialSecret is the member that holds the secret of a new subscription, Secret that of an added one.
	InitialSecret string `yaml:"initial_secret"`
	Secret        string `yaml:"secret"`
	// Active, Paused and Disabled are the statuses of a subscription.
	Active   string `yaml:"active"`
	Paused   string `yaml:"paused"`
	Disabled string `yaml:"disabled"`
	// Pending, Delivered and Terminal are the statuses of a delivery.
	Pending   string `yaml:"pending"`
	Delivered string `yaml:"delivered"`
	Terminal  string `yaml:"terminal"`
}

// phoneNumberID is the form of Meta's ids of numbers (documentation: operations, conversations).
var phoneNumberID = regexp.MustCompile(`^[0-9]{6,20}$`)

// phoneNumberIDHole is what stands for the account in paths.
const phoneNumberIDHole = "{phone_number_id}"

// ownHeaders are those that the client writes itself.
var ownHeaders = []string{"authorization", "content-type", "content-length", "host", "idempotency-key"}

// resolve fills in the defaults, puts the account into the paths, and checks everything but the keys.
func (c RESTConfig) resolve(edition contract.Edition) (RESTConfig, *fieldError) {
	if c.Base == "" {
		return c, &fieldError{"base", "is missing; write the URL that stands before every path, such as http://127.0.0.1:8787/v1"}
	}
	u, err := parseBareURL(c.Base)
	if err != nil {
		return c, &fieldError{"base", err.Error()}
	}
	c.Base = strings.TrimRight(u.String(), "/")
	if c.PhoneNumberID == "" {
		c.PhoneNumberID = DefaultPhoneNumberID
	}
	if !phoneNumberID.MatchString(c.PhoneNumberID) {
		return c, &fieldError{"phone_number_id", fmt.Sprintf("%q is none; write 6 to 20 digits, such as %s", c.PhoneNumberID, DefaultPhoneNumberID)}
	}
	if err := c.Paths.resolve(edition, c.PhoneNumberID); err != nil {
		return c, &fieldError{"paths." + err.key, err.problem}
	}
	if err := c.Names.resolve(edition); err != nil {
		return c, &fieldError{"names." + err.key, err.problem}
	}
	if err := checkHeader(c.Header); err != nil {
		return c, &fieldError{"header." + err.key, err.problem}
	}
	if c.Timeout < 0 {
		return c, &fieldError{"timeout", fmt.Sprintf("%s is negative; write a duration such as 40s", c.Timeout)}
	}
	c.Timeout = orDefault(c.Timeout, DefaultCallTimeout)
	return c, nil
}

// word is one setting and what it is where the file leaves it out.
type word struct {
	key       string
	value     *string
	byDefault string
}

func (p *RESTPaths) resolve(edition contract.Edition, account string) *fieldError {
	messages := ""
	if _, ok := edition.Outbound(); ok {
		// The event catalogue names it; the path follows that of contacts.
		messages = "/" + phoneNumberIDHole + "/messages"
	}
	for _, w := range []word{
		{"subscriptions", &p.Subscriptions, edition.Paths.Subscriptions},
		{"deliveries", &p.Deliveries, edition.Paths.Deliveries},
		{"contacts", &p.Contacts, edition.Paths.Contacts},
		{"conversations", &p.Conversations, edition.Paths.Conversations},
		{"messages", &p.Messages, messages},
		{"health", &p.Health, "/health"},
		{"secrets", &p.Secrets, "/secrets"},
		{"replay", &p.Replay, "/replay"},
		{"bulk_replay", &p.BulkReplay, "/bulk_replay"},
	} {
		if *w.value == "" {
			*w.value = w.byDefault
		}
		given := *w.value
		*w.value = strings.ReplaceAll(given, phoneNumberIDHole, account)
		if *w.value == "" {
			continue
		}
		if !plainPath.MatchString(*w.value) {
			return &fieldError{w.key, fmt.Sprintf("%q is not a plain path; write one such as %s, with %s where the account stands", given,
				orText(w.byDefault, "/messages"), phoneNumberIDHole)}
		}
	}
	return nil
}

// plainPath takes paths that something can be appended to: no query, no fragment, no empty or dotted parts, no slash at
// the end.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~:@!$&'()*+,;=-][A-Za-z0-9_.~:@!$&'()*+,;=-]*)+$`)

func (n *Names) resolve(edition contract.Edition) *fieldError {
	words := []word{
		{"initial_secret", &n.InitialSecret, "initial_secret"},
		{"secret", &n.Secret, "secret"},
		// The name of the status after auto-disable was not seen (reading Q11), nor that of a delivery that arrived.
		{"active", &n.Active, "active"},
		{"paused", &n.Paused, "paused"},
		{"disabled", &n.Disabled, "disabled"},
		{"pending", &n.Pending, "pending"},
		{"delivered", &n.Delivered, "delivered"},
		{"terminal", &n.Terminal, edition.Delivery.TerminalStatus},
	}
	for _, w := range words {
		if *w.value == "" {
			*w.value = w.byDefault
		}
	}
	for _, pair := range [][2]word{
		{words[3], words[2]}, {words[4], words[2]}, {words[6], words[5]}, {words[7], words[5]}, {words[7], words[6]},
	} {
		if *pair[0].value == *pair[1].value {
			return &fieldError{pair[0].key, fmt.Sprintf("%q is also the word for %s, so the two could not be told apart", *pair[0].value, pair[1].key)}
		}
	}
	return nil
}

// checkHeader checks headers in the order of their names, so that the same file has always the same error.
func checkHeader(header map[string]Value) *fieldError {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !headerName.MatchString(name) {
			return &fieldError{name, "is not the name of a header"}
		}
		if slices.Contains(ownHeaders, strings.ToLower(name)) {
			return &fieldError{name, "is written by the harness; the API key comes from key"}
		}
		value, err := header[name].read()
		if err != nil {
			return &fieldError{name, err.Error()}
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return &fieldError{name, "holds a line end or a NUL, which no header takes"}
		}
	}
	return nil
}

// headerName is a token (RFC 9110, section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func orText(text, byDefault string) string {
	if text == "" {
		return byDefault
	}
	return text
}
