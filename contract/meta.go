package contract

import "time"

// Citation says where a rule is written.
type Citation struct {
	Document string `yaml:"document" json:"document"`
	Section  string `yaml:"section" json:"section"`
}

// String renders the citation as "document, section".
func (c Citation) String() string {
	if c.Section == "" {
		return c.Document
	}
	return c.Document + ", " + c.Section
}

// Parameter is a value of the contract together with the place that states it.
type Parameter[T any] struct {
	Value  T        `yaml:"value"`
	Source Citation `yaml:"source"`
	// Reading says what was chosen and why where the source leaves the value open; empty means that it states it.
	Reading string `yaml:"reading,omitempty"`
}

// Meta holds the parameters of Meta's own webhooks.
type Meta struct {
	// PayloadLimit is the largest body, in bytes.
	PayloadLimit Parameter[int] `yaml:"payload_limit"`
	// BatchLimit is the largest number of updates in one POST.
	BatchLimit Parameter[int] `yaml:"batch_limit"`
	// Handshake is how a callback URL is verified.
	Handshake Parameter[MetaHandshake] `yaml:"handshake"`
	// Headers are those of a POST.
	Headers MetaHeaders `yaml:"headers"`
	// SuccessStatus is the only status that ends a delivery.
	SuccessStatus Parameter[int] `yaml:"success_status"`
	// Timeout bounds one attempt.
	Timeout Parameter[time.Duration] `yaml:"timeout"`
	// RetryWindow is how long Meta goes on trying.
	RetryWindow Parameter[time.Duration] `yaml:"retry_window"`
	// FirstRetryDelay is the wait before the first retry.
	FirstRetryDelay Parameter[time.Duration] `yaml:"first_retry_delay"`
	// RetryDelay is the wait before the second retry.
	RetryDelay Parameter[time.Duration] `yaml:"retry_delay"`
	// RetryGrowth is the ratio of each later wait to the one before it.
	RetryGrowth Parameter[float64] `yaml:"retry_growth"`
	// RetryDelayLimit is the longest wait.
	RetryDelayLimit Parameter[time.Duration] `yaml:"retry_delay_limit"`
	// LatencyMedian is the longest median time of an answer that Meta's standard allows.
	LatencyMedian Parameter[time.Duration] `yaml:"latency_median"`
	// Latency99th is the time within which 99 % of the answers come by that standard.
	Latency99th Parameter[time.Duration] `yaml:"latency_99th"`
	// LatencySlowShare is the share of the answers, between 0 and 1, that must not be reached by those slower than
	// Latency99th.
	LatencySlowShare Parameter[float64] `yaml:"latency_slow_share"`
	// StatusesPerMessage is the number of status webhooks that follow one outgoing message.
	StatusesPerMessage Parameter[float64] `yaml:"statuses_per_message"`
	// ClientCertificate is the common name of the certificate that Meta shows where mutual TLS is switched on.
	ClientCertificate Parameter[string] `yaml:"client_certificate"`
}

// MetaHandshake names the query parameters of the GET that verifies a callback URL.
type MetaHandshake struct {
	Mode        string `yaml:"mode"`
	Challenge   string `yaml:"challenge"`
	VerifyToken string `yaml:"verify_token"`
	// Subscribe is the only value of Mode.
	Subscribe string `yaml:"subscribe"`
}

// MetaHeaders names the signature headers of Meta's POST, and the values of the headers that never change.
type MetaHeaders struct {
	Signature      Parameter[string] `yaml:"signature"`
	SignatureSHA1  Parameter[string] `yaml:"signature_sha1"`
	ContentType    Parameter[string] `yaml:"content_type"`
	UserAgent      Parameter[string] `yaml:"user_agent"`
	Accept         Parameter[string] `yaml:"accept"`
	AcceptEncoding Parameter[string] `yaml:"accept_encoding"`
}

// LoadMeta returns Meta's parameters.
func LoadMeta() (Meta, error) {
	var m Meta
	return m, load("meta.yaml", &m)
}

// Reading is how an open question of the documentation is answered here.
type Reading struct {
	ID       string `yaml:"id"`
	Question string `yaml:"question"`
	Reading  string `yaml:"reading"`
}

// Readings returns every reading by its id.
func Readings() (map[string]Reading, error) {
	var list []Reading
	if err := load("readings.yaml", &list); err != nil {
		return nil, err
	}
	byID := make(map[string]Reading, len(list))
	for _, r := range list {
		byID[r.ID] = r
	}
	return byID, nil
}
