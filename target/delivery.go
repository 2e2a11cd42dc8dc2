package target

import (
	"fmt"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
)

// DeliveryConfig says how the deliveries of a relay that is not Kirim differ from Kirim's in their headers. What it
// leaves out is Kirim's.
type DeliveryConfig struct {
	Headers DeliveryHeaders `yaml:"headers"`
	// UserAgent is what User-Agent says.
	UserAgent Expectation `yaml:"user_agent"`
	// ContentType is the media type of the bodies.
	ContentType string `yaml:"content_type"`
	// Signature is how deliveries are signed.
	Signature SchemeConfig `yaml:"signature"`
	// Schedule is when attempts are made; nil for Kirim's.
	Schedule *ScheduleConfig `yaml:"schedule"`
}

// DeliveryHeaders are the headers of a delivery, its signature aside.
type DeliveryHeaders struct {
	Event      HeaderMapping `yaml:"event"`
	EventID    HeaderMapping `yaml:"event_id"`
	DeliveryID HeaderMapping `yaml:"delivery_id"`
	Attempt    HeaderMapping `yaml:"attempt"`
	Source     HeaderMapping `yaml:"source"`
}

// HeaderMapping is the header that carries what one of Kirim's carries.
type HeaderMapping struct {
	// Name is the header's name; empty for Kirim's own.
	Name string `yaml:"name"`
	// Own is why the header's value is of the relay's own making, and not what Kirim would write there. It is then held
	// to nothing but what holds for any value, such as that it is the same in every attempt.
	Own string `yaml:"own"`
	// Absent is why there is no such header.
	Absent string `yaml:"absent"`
}

// Expectation is a fixed value, or the reason why it is the relay's own and not looked at.
type Expectation struct {
	Value string `yaml:"value"`
	Own   string `yaml:"own"`
}

// SchemeConfig is how deliveries are signed.
type SchemeConfig struct {
	// Scheme is KirimScheme or StandardScheme; by default Kirim's.
	Scheme Scheme `yaml:"scheme"`
	// Name is the header of Kirim's scheme where it is not Kirim's.
	Name string `yaml:"name"`
	// Prefix leads the three headers of Standard Webhooks; by default webhook.
	Prefix string `yaml:"prefix"`
}

// Scheme is a way to sign deliveries.
type Scheme string

// The schemes.
const (
	// KirimScheme is Kirim's: t and v1 in one header, hexadecimal digits.
	KirimScheme Scheme = "kirim"
	// StandardScheme is that of Standard Webhooks: three headers, base64.
	StandardScheme Scheme = "standard-webhooks"
)

// standardPrefix is the beginning of the headers' names in the specification; some senders have their own.
const standardPrefix = "webhook"

// resolve fills in Kirim's names and checks the section. It returns the headers as the relay has them; the name of one
// that it does not send is empty.
func (c *DeliveryConfig) resolve(kirim contract.Headers) (contract.Headers, *fieldError) {
	names := kirim
	taken := map[string]string{}
	for _, h := range []struct {
		key     string
		mapping *HeaderMapping
		name    *string
	}{
		{"event", &c.Headers.Event, &names.Event}, {"event_id", &c.Headers.EventID, &names.EventID},
		{"delivery_id", &c.Headers.DeliveryID, &names.DeliveryID}, {"attempt", &c.Headers.Attempt, &names.Attempt},
		{"source", &c.Headers.Source, &names.Source},
	} {
		fail := func(format string, args ...any) (contract.Headers, *fieldError) {
			return kirim, &fieldError{"headers." + h.key, fmt.Sprintf(format, args...)}
		}
		m := h.mapping
		switch {
		case m.Absent != "" && (m.Name != "" || m.Own != ""):
			return fail("is absent and has a name or values of its own; keep one")
		case m.Absent != "":
			*h.name = ""
			continue
		case m.Name != "" && !headerName.MatchString(m.Name):
			return fail("%q is not the name of a header", m.Name)
		}
		m.Name = orText(m.Name, *h.name)
		*h.name = m.Name
		if other := taken[strings.ToLower(m.Name)]; other != "" {
			return fail("%s is also the header of %s", m.Name, other)
		}
		taken[strings.ToLower(m.Name)] = h.key
	}
	if c.UserAgent.Value != "" && c.UserAgent.Own != "" {
		return kirim, &fieldError{"user_agent", "both value and own are set; keep one"}
	}
	names.UserAgent = orText(c.UserAgent.Value, names.UserAgent)
	if c.ContentType = orText(c.ContentType, names.ContentType); strings.ContainsAny(c.ContentType, "; ") || !strings.Contains(c.ContentType, "/") {
		return kirim, &fieldError{"content_type", fmt.Sprintf("%q is not a media type; write one such as application/json, without parameters", c.ContentType)}
	}
	names.ContentType = c.ContentType
	var err *fieldError
	if names.Signature, err = c.Signature.resolve(kirim.Signature); err != nil {
		return kirim, &fieldError{"signature." + err.key, err.problem}
	}
	return names, nil
}

// resolve returns the name of the header with the signature.
func (s *SchemeConfig) resolve(kirim string) (string, *fieldError) {
	switch s.Scheme {
	case "", KirimScheme:
		s.Scheme = KirimScheme
		if s.Prefix != "" {
			return "", &fieldError{"prefix", "belongs to the scheme " + string(StandardScheme) + "; the header of Kirim's has a name"}
		}
		if s.Name = orText(s.Name, kirim); !headerName.MatchString(s.Name) {
			return "", &fieldError{"name", fmt.Sprintf("%q is not the name of a header", s.Name)}
		}
		return s.Name, nil
	case StandardScheme:
		if s.Name != "" {
			return "", &fieldError{"name", "belongs to the scheme " + string(KirimScheme) + "; " + string(StandardScheme) + " has three headers and their prefix"}
		}
		if s.Prefix = orText(s.Prefix, standardPrefix); !headerName.MatchString(s.Prefix) {
			return "", &fieldError{"prefix", fmt.Sprintf("%q is not the beginning of a header's name; write one such as %s", s.Prefix, standardPrefix)}
		}
		return s.header(signature.StandardSignature), nil
	default:
		return "", &fieldError{"scheme", fmt.Sprintf("there is no scheme %q; there are %s and %s", s.Scheme, KirimScheme, StandardScheme)}
	}
}

// header is a header of Standard Webhooks with the prefix of the relay.
func (s SchemeConfig) header(name string) string {
	return s.Prefix + strings.TrimPrefix(name, standardPrefix)
}

// StandardHeaders are the names of the three headers of Standard Webhooks, as the relay has them.
func (s SchemeConfig) StandardHeaders() (id, timestamp, value string) {
	return s.header(signature.StandardID), s.header(signature.StandardTimestamp), s.header(signature.StandardSignature)
}

// Differences says in what the deliveries are declared not to be Kirim's, for the report; empty where they are.
func (c DeliveryConfig) Differences(kirim contract.Headers) string {
	var all []string
	for _, h := range []struct {
		what    string
		mapping HeaderMapping
		kirims  string
	}{
		{"the event's name", c.Headers.Event, kirim.Event}, {"the event's id", c.Headers.EventID, kirim.EventID},
		{"the delivery's id", c.Headers.DeliveryID, kirim.DeliveryID}, {"the attempt's number", c.Headers.Attempt, kirim.Attempt},
		{"the source", c.Headers.Source, kirim.Source},
	} {
		switch m := h.mapping; {
		case m.Absent != "":
			all = append(all, "no header has "+h.what)
		case m.Own != "":
			all = append(all, fmt.Sprintf("%s has %s, with values of its own", m.Name, h.what))
		case m.Name != "" && m.Name != h.kirims:
			all = append(all, fmt.Sprintf("%s has %s", m.Name, h.what))
		}
	}
	switch s := c.Signature; {
	case s.Scheme == StandardScheme:
		all = append(all, "they are signed by "+string(s.Scheme))
	case s.Name != "" && s.Name != kirim.Signature:
		all = append(all, "the signature is in "+s.Name)
	}
	if c.Schedule != nil {
		all = append(all, "they are tried again by another schedule")
	}
	return strings.Join(all, "; ")
}
