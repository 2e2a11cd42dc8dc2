package mockmeta

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// TokenVariable is the environment variable from which a repeat line takes the verify token.
const TokenVariable = "META_VERIFY_TOKEN"

// Handshake describes the GET by which Meta verifies a callback URL. The zero value of every field but Challenge is
// what Meta does (Meta, webhooks/create-webhook-endpoint, GET requests).
type Handshake struct {
	// Challenge is what the receiver must send back; see NewChallenge.
	Challenge string
	// Mode replaces "subscribe".
	Mode string
	// VerifyToken replaces the token that the receiver expects.
	VerifyToken string
	// Omit names the query parameters that are left out, such as hub.verify_token.
	Omit []string
	// Blank names the query parameters that are sent without a value.
	Blank []string
	// Extra are headers that Meta does not send.
	Extra []wire.Field
}

// parameter is one query parameter of a handshake.
type parameter struct {
	name, value string
	// ownToken says that the value is the receiver's verify token, a secret.
	ownToken bool
}

// Verification is the request of a handshake, ready to be sent.
type Verification struct {
	wire.Request

	// What follows is for the line that repeats the request (see Repeat).
	callback   string
	parameters []parameter
}

// BuildHandshake makes the request of a handshake. The parameters are appended to the callback URL, whose own query
// stays as it is, in the order of Meta's page; values are escaped as in a form, a blank as a plus sign. There is no
// signature. The error is a callback that is not a URL, or an unknown name in Omit or Blank.
func BuildHandshake(meta contract.Meta, callback, token string, h Handshake) (Verification, error) {
	names := meta.Handshake.Value
	all := []parameter{
		{name: names.Mode, value: names.Subscribe},
		{name: names.Challenge, value: h.Challenge},
		{name: names.VerifyToken, value: token, ownToken: true},
	}
	if h.Mode != "" {
		all[0].value = h.Mode
	}
	if h.VerifyToken != "" {
		all[2] = parameter{name: names.VerifyToken, value: h.VerifyToken}
	}
	known := []string{names.Mode, names.Challenge, names.VerifyToken}
	for _, name := range slices.Concat(h.Omit, h.Blank) {
		if !slices.Contains(known, name) {
			return Verification{}, fmt.Errorf("a handshake has no parameter %q; it has %s", name, strings.Join(known, ", "))
		}
	}
	u, err := url.Parse(callback)
	if err != nil {
		return Verification{}, fmt.Errorf("the callback URL: %w", err)
	}
	v := Verification{callback: callback}
	var query []string
	if u.RawQuery != "" {
		query = append(query, u.RawQuery)
	}
	for _, p := range all {
		if slices.Contains(h.Omit, p.name) {
			continue
		}
		if slices.Contains(h.Blank, p.name) {
			p = parameter{name: p.name}
		}
		v.parameters = append(v.parameters, p)
		query = append(query, p.name+"="+url.QueryEscape(p.value))
	}
	u.RawQuery = strings.Join(query, "&")
	v.Request = wire.Request{Method: http.MethodGet, URL: u.String(), Header: append([]wire.Field{
		{Name: "User-Agent", Value: meta.Headers.UserAgent.Value},
		{Name: "Accept", Value: meta.Headers.Accept.Value},
		{Name: "Accept-Encoding", Value: meta.Headers.AcceptEncoding.Value},
	}, h.Extra...)}
	return v, nil
}

// Repeat returns a line for a POSIX shell that makes the request again with curl. The receiver's verify token comes
// from the environment variable META_VERIFY_TOKEN.
func (v Verification) Repeat() string {
	var data strings.Builder
	data.WriteString("-G")
	for _, p := range v.parameters {
		word := wire.ShellQuote(p.name + "=" + p.value)
		if p.ownToken {
			word = `"` + p.name + "=$" + TokenVariable + `"`
		}
		data.WriteString(" --data-urlencode " + word)
	}
	bare := v.Request
	bare.URL = v.callback
	return bare.Curl(data.String(), nil)
}

// ChallengeEchoed reports whether an answer is the right one to a genuine handshake: status 200, and the challenge as
// the whole body, byte for byte (Meta, webhooks/create-webhook-endpoint, GET requests).
func ChallengeEchoed(x wire.Exchange, challenge string) bool {
	return x.Trouble == wire.None && x.Status == http.StatusOK && !x.BodyCut && string(x.Body) == challenge
}
