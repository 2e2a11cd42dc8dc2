package reports

import (
	"slices"
	"strings"
)

// evidentParameters are query parameters of the protocols under test whose values are evidence and never secret: those
// of Meta's handshake other than the token, and the size of a page of Kirim's API.
var evidentParameters = []string{"hub.mode", "hub.challenge", "limit"}

// RedactURL drops what a URL commonly hides a credential in: the password, or a user name that stands alone, and the
// values of the query, a parameter without a value included. Everything else stays as it was written, also where the
// text is not a valid URL.
func RedactURL(raw string) string {
	rest, fragment, hasFragment := strings.Cut(raw, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	out := redactUserinfo(rest)
	if hasQuery {
		out += "?" + redactQuery(query)
	}
	if hasFragment {
		out += "#" + fragment
	}
	return out
}

func redactUserinfo(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return s
	}
	userinfo := redactedText
	if user, _, ok := strings.Cut(authority[:at], ":"); ok {
		userinfo = user + ":" + redactedText
	}
	return scheme + "://" + userinfo + authority[at:] + path
}

func redactQuery(query string) string {
	params := strings.Split(query, "&")
	for i, param := range params {
		name, value, ok := strings.Cut(param, "=")
		switch {
		case ok && (value == "" || slices.Contains(evidentParameters, name)):
		case ok:
			params[i] = name + "=" + redactedText
		case param != "":
			params[i] = redactedText
		}
	}
	return strings.Join(params, "&")
}

// password returns the password of a URL, or the user name where it stands alone.
func password(raw string) string {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return ""
	}
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return ""
	}
	user, secret, ok := strings.Cut(authority[:at], ":")
	if !ok {
		return user
	}
	return secret
}
