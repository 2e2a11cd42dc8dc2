package api

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/contract"
)

// rule says which strings a field takes.
type rule struct {
	// code is the error's code for a string that the rule refuses; a value that is no string is always invalid_field_value.
	code string
	// what completes the sentence "must be".
	what  string
	holds func(string) bool
}

// The lengths are in characters. Only those of phone, search and event type are documented (operations, contacts and
// webhook_deliveries); the others are generous.
var (
	nameRule        = rule{invalidValue, "1 to 200 characters, or null", length(1, 200)}
	emailRule       = rule{invalidValue, "an e-mail address, or null", isEmail}
	descriptionRule = rule{invalidValue, "1 to 500 characters, or null", length(1, 500)}
	userRule        = rule{invalidValue, "a user id of 1 to 64 characters, or null", length(1, 64)}
	messageRule     = rule{invalidValue, "a text of 1 to 4096 characters", length(1, 4096)}
	phoneRule       = rule{"invalid_phone_number", "a phone number in E.164 form, such as +628111111111", phonePattern.MatchString}
	senderRule      = rule{invalidValue, "one of your numbers, in E.164 form or as its phone number id", isSender}
	searchRule      = rule{invalidValue, "1 to 200 characters", length(1, 200)}
	eventTypeRule   = rule{invalidValue, "an event type of 1 to 64 characters", length(1, 64)}
	eventIDRule     = rule{invalidValue, "an event id of 1 to 512 characters", length(1, 512)}
	// Where a URL may point to is the service's to say.
	urlRule = rule{"invalid_webhook_url", "an https URL of at most 2048 characters", length(1, 2048)}
)

// phonePattern is the documented form of a phone number (operations, contacts).
var phonePattern = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// length takes strings of so many characters, without NUL, which databases and log files end at.
func length(least, most int) func(string) bool {
	return func(s string) bool {
		n := utf8.RuneCountInString(s)
		return n >= least && n <= most && !strings.ContainsRune(s, 0)
	}
}

func isSender(s string) bool { return phonePattern.MatchString(s) || scopePattern.MatchString(s) }

// choice takes one of several words.
func choice(words ...string) rule {
	return rule{invalidValue, "one of " + strings.Join(words, ", "), func(s string) bool { return slices.Contains(words, s) }}
}

// eventRule takes the events of an edition's catalogue.
func eventRule(edition contract.Edition) rule {
	names := edition.Catalogue()
	r := choice(names...)
	r.what = "events of the catalogue: " + strings.Join(names, ", ")
	return r
}

// idTail is what follows the prefix of an id: Crockford's base32 (documentation: resource ids).
var idTail = regexp.MustCompile(`^_[0-9A-HJKMNP-TV-Z]{26}$`)

func isID(prefix string) func(string) bool {
	return func(s string) bool {
		tail, ok := strings.CutPrefix(s, prefix)
		return ok && idTail.MatchString(tail)
	}
}

// idRule takes ids with a prefix, in bodies and filters. In paths, what is no id is no such object.
func idRule(prefix string) rule {
	return rule{invalidValue, "an id such as " + prefix + "_01HXYZABCDEFGHJKMNPQRSTVWX", isID(prefix)}
}

// label is a part of a domain name (RFC 1123, section 2.1).
const label = `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`

var domainPattern = regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)

// isEmail takes addresses without display name, comment or quotes, within the lengths of RFC 5321, section 4.5.3.1.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 || !domainPattern.MatchString(s[at+1:]) {
		return false
	}
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && address.Name == "" && !strings.ContainsAny(s, `"<>() `)
}
