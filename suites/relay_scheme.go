package suites

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// scheme is how a target signs its deliveries, as its target file says.
type scheme interface {
	// headers are the names of those that carry a signature.
	headers() []string
	// read takes the signature of a delivery apart. The error says what it lacks of its form.
	read(d subscriber.Delivery) (signed, error)
	// matches reports whether a digest, as it was written, is that of a body under a secret.
	matches(s signed, digest, secret string, body []byte) bool
	// verify is what a receiver does at a time, with its tolerance.
	verify(d subscriber.Delivery, secrets []string, tolerance time.Duration, now time.Time) error
	// rule says what a right digest is.
	rule() string
	// mistake names a known way to sign that is wrong and leads to this digest; empty where none does. prefix is that of
	// secrets.
	mistake(s signed, digest, secret string, body []byte, prefix string) string
}

// signed is a signature taken apart.
type signed struct {
	// id is that of the message, in schemes that sign it.
	id string
	t  int64
	// digests are as they were written.
	digests []string
}

// scheme is that of the session's target.
func (s *Session) scheme() scheme {
	if config := s.target.Delivery.Signature; config.Scheme == target.StandardScheme {
		id, timestamp, value := config.StandardHeaders()
		return standardScheme{id, timestamp, value}
	}
	return kirimScheme{s.edition.Headers.Signature}
}

// kirimScheme is Kirim's, in the header of this name.
type kirimScheme struct{ header string }

func (k kirimScheme) headers() []string { return []string{k.header} }

func (k kirimScheme) read(d subscriber.Delivery) (out signed, err error) {
	for part := range strings.SplitSeq(d.Get(k.header), ",") {
		switch key, of, _ := strings.Cut(strings.TrimSpace(part), "="); key {
		case "t":
			// What is no number stays zero, which is no time either.
			out.t, _ = strconv.ParseInt(of, 10, 64)
		case "v1":
			out.digests = append(out.digests, of)
		}
	}
	if out.t == 0 || len(out.digests) == 0 {
		return out, errors.New(k.header + " with t and v1")
	}
	return out, nil
}

// matches takes digits in either case; their case has a requirement of its own.
func (k kirimScheme) matches(s signed, digest, secret string, body []byte) bool {
	got, err := hex.DecodeString(digest)
	return err == nil && hmac.Equal(got, signature.MAC(secret, s.t, body))
}

func (k kirimScheme) verify(d subscriber.Delivery, secrets []string, tolerance time.Duration, now time.Time) error {
	return signature.Verifier{Secrets: secrets, Tolerance: tolerance}.Verify(d.Get(k.header), d.Body, now)
}

func (k kirimScheme) rule() string {
	return "a v1 that is the HMAC-SHA256 of t, a dot and the body that came, under the subscription's secret"
}

func (k kirimScheme) mistake(s signed, digest, secret string, body []byte, prefix string) string {
	named := ""
	for _, m := range []struct {
		name string
		mac  []byte
	}{
		{"the MAC of the body alone, without t", mac([]byte(secret), body)},
		{"the MAC under the secret without its prefix", signature.MAC(strings.TrimPrefix(secret, prefix), s.t, body)},
		{"the MAC of t and the body without the dot between them", mac([]byte(secret), append(strconv.AppendInt(nil, s.t, 10), body...))},
	} {
		if strings.EqualFold(digest, hex.EncodeToString(m.mac)) {
			named = m.name
		}
	}
	for name, other := range otherForms(body) {
		if strings.EqualFold(digest, hex.EncodeToString(signature.MAC(secret, s.t, other))) {
			named = name
		}
	}
	if in64, err := base64.StdEncoding.DecodeString(digest); named == "" && err == nil && len(in64) == sha256.Size {
		named = "in base64"
	}
	return named
}

// standardScheme is that of Standard Webhooks, in the headers of these names.
type standardScheme struct{ id, timestamp, value string }

func (w standardScheme) headers() []string { return []string{w.id, w.timestamp, w.value} }

// carried is what a delivery carries of the scheme.
func (w standardScheme) carried(d subscriber.Delivery) signature.StandardSigned {
	return signature.StandardSigned{ID: d.Get(w.id), Timestamp: d.Get(w.timestamp), Signature: d.Get(w.value)}
}

func (w standardScheme) read(d subscriber.Delivery) (signed, error) {
	c := w.carried(d)
	if c.ID == "" {
		return signed{}, errors.New(w.id + " with the id of the message")
	}
	t, err := c.Time()
	if err != nil {
		return signed{}, errors.New(w.timestamp + " in Unix seconds")
	}
	digests := c.Digests()
	if len(digests) == 0 {
		return signed{}, errors.New(w.value + " with a v1 signature")
	}
	return signed{c.ID, t, digests}, nil
}

func (w standardScheme) matches(s signed, digest, secret string, body []byte) bool {
	key, err := signature.StandardKey(secret)
	return err == nil && hmac.Equal([]byte(digest), []byte(base64.StdEncoding.EncodeToString(signature.StandardMAC(key, s.id, s.t, body))))
}

func (w standardScheme) verify(d subscriber.Delivery, secrets []string, tolerance time.Duration, now time.Time) error {
	return signature.StandardVerifier{Secrets: secrets, Tolerance: tolerance}.Verify(w.carried(d), d.Body, now)
}

func (w standardScheme) rule() string {
	return "a v1 that is, in base64, the HMAC-SHA256 of id, timestamp and the body that came, with dots between, under the decoded secret"
}

func (w standardScheme) mistake(s signed, digest, secret string, body []byte, _ string) string {
	key, err := signature.StandardKey(secret)
	if err != nil {
		return "not comparable, because " + err.Error()
	}
	is := func(mac []byte) bool { return digest == base64.StdEncoding.EncodeToString(mac) }
	switch {
	case is(mac(key, body)):
		return "the MAC of the body alone"
	case is(signature.MAC(string(key), s.t, body)):
		return "the MAC of the timestamp and the body, without the id"
	case is(signature.StandardMAC([]byte(secret), s.id, s.t, body)):
		return "the MAC under the secret as text, which is base64 and not decoded"
	case strings.EqualFold(digest, hex.EncodeToString(signature.StandardMAC(key, s.id, s.t, body))):
		return "in hexadecimal digits"
	}
	for name, other := range otherForms(body) {
		if is(signature.StandardMAC(key, s.id, s.t, other)) {
			return name
		}
	}
	return ""
}

// otherForms are bodies that say the same as one in other bytes, by what a MAC of them is called.
func otherForms(body []byte) map[string][]byte {
	forms := map[string][]byte{}
	var value any
	if json.Unmarshal(body, &value) != nil {
		return forms
	}
	if again, err := json.Marshal(value); err == nil && !bytes.Equal(again, body) {
		forms["the MAC of the body decoded and encoded again"] = again
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil && !bytes.Equal(compact.Bytes(), body) {
		forms["the MAC of the body without blanks"] = compact.Bytes()
	}
	return forms
}

func mac(key, message []byte) []byte {
	m := hmac.New(sha256.New, key)
	// hash.Hash.Write never returns an error (package hash).
	_, _ = m.Write(message)
	return m.Sum(nil)
}
