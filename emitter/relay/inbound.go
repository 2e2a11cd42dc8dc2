package relay

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// The events that Meta begins.
const (
	messageReceived = "message.received"
	messageStatus   = "message.status"
)

// metaObject is what every body of a WhatsApp business account says it is (Meta, webhooks/create-webhook-endpoint).
const metaObject = "whatsapp_business_account"

// metaField is the webhook field that Kirim relays; other fields are not forwarded (reading Q4).
const metaField = "messages"

// update is one message or one status in a body of Meta's.
type update struct {
	// event is message.received or message.status.
	event string
	// id is the wamid: of the message, or of the message that the status is about. It is empty in broken bodies.
	id string
	// key tells the update from every other one, and is the same when Meta sends it again.
	key string
	// people are the numbers and user ids by which it refers to a contact of its change.
	people []string
	// entry, change and item are its place in the body.
	entry, change, item int
	// account is the number that the update came to.
	account account
	// from is who wrote a message; zero for a status.
	from customer
}

// account is the number of ours in a change's metadata.
type account struct{ phoneNumberID, display string }

// customer is who wrote a message, as far as the body tells.
type customer struct {
	// key tells customers apart: the number, or the user id where the number is withheld.
	key string
	// phone is in E.164 form with its plus sign; empty where it is withheld.
	phone string
	name  string
}

// updates takes a body of Meta's apart. ok is false for what is no webhook of a WhatsApp business account. What is
// missing inside is left empty: the schema is Meta's, and a relay forwards what it does not understand.
func updates(body []byte) (found []update, ok bool) {
	// Not gjson's own check: that follows brackets as deep as they go, and three million of them take gigabytes of stack.
	if !json.Valid(body) {
		return nil, false
	}
	root := gjson.ParseBytes(body)
	if root.Get("object").String() != metaObject || !root.Get("entry").IsArray() {
		return nil, false
	}
	for e, entry := range items(root.Get("entry")) {
		for c, change := range items(entry.Get("changes")) {
			if change.Get("field").String() != metaField {
				continue
			}
			value := change.Get("value")
			at := update{entry: e, change: c, account: account{
				phoneNumberID: value.Get("metadata.phone_number_id").String(),
				display:       value.Get("metadata.display_phone_number").String(),
			}}
			found = append(found, at.messages(value)...)
			found = append(found, at.statuses(value)...)
		}
	}
	return found, true
}

// messages returns the messages of a change's value.
func (at update) messages(value gjson.Result) []update {
	all, contacts := items(value.Get("messages")), items(value.Get("contacts"))
	names := map[string]string{}
	for _, contact := range contacts {
		for _, person := range named(contact) {
			names[person] = contact.Get("profile.name").String()
		}
	}
	var out []update
	for i, message := range all {
		u := at
		u.event, u.item, u.id = messageReceived, i, wamid(message)
		u.key = digest("message", u.id, message)
		u.people = present(message.Get("from"), message.Get("from_user_id"))
		u.from = sender(message)
		for _, person := range u.people {
			u.from.name = or(u.from.name, names[person])
		}
		if len(all) == 1 && len(contacts) == 1 {
			// No other can be meant, though its number may differ from the message's (Meta, messages webhook reference).
			u.from.name = contacts[0].Get("profile.name").String()
		}
		out = append(out, u)
	}
	return out
}

// statuses returns the statuses of a change's value. Sent, delivered and read of one message share its id (reading
// Q2), and in a group every member's status does, so those belong to the key.
func (at update) statuses(value gjson.Result) []update {
	var out []update
	for i, status := range items(value.Get("statuses")) {
		u := at
		u.event, u.item, u.id = messageStatus, i, wamid(status)
		u.key = digest("status", u.id, status, "status", "timestamp", "recipient_id", "recipient_participant_id",
			"recipient_participant_user_id")
		u.people = present(status.Get("recipient_id"), status.Get("recipient_user_id"),
			status.Get("recipient_participant_id"), status.Get("recipient_participant_user_id"))
		out = append(out, u)
	}
	return out
}

// maxID is the length of the longest id that is taken for one. Meta's have about 60 characters.
const maxID = 512

// wamid returns the id of a message or a status, or nothing where it is not one that a header could carry.
func wamid(item gjson.Result) string {
	id := item.Get("id")
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	if id.Type != gjson.String || len(id.Str) > maxID || strings.ContainsFunc(id.Str, strange) {
		return ""
	}
	return id.Str
}

// digest is the key of an update: of its id and of these of its fields, or of all of it where it has no id.
func digest(kind, id string, item gjson.Result, fields ...string) string {
	h := sha256.New()
	// hash.Hash.Write never returns an error (package hash).
	write := func(text string) { _, _ = fmt.Fprintf(h, "%d:%s", len(text), text) }
	write(kind)
	if id == "" {
		write(item.Raw)
	} else {
		write(id)
		for _, field := range fields {
			write(item.Get(field).String())
		}
	}
	return string(h.Sum(nil))
}

// sender finds out who wrote a message.
func sender(message gjson.Result) customer {
	if number := digitsOf(message.Get("from").String()); number != "" {
		return customer{key: "+" + number, phone: "+" + number}
	}
	return customer{key: message.Get("from_user_id").String()}
}

// present are those of the values that say something.
func present(values ...gjson.Result) (out []string) {
	for _, v := range values {
		if text := v.String(); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// digitsOf returns a number without plus sign, blanks and hyphens, or nothing where it is no phone number.
func digitsOf(number string) string {
	number = unpunctuated.Replace(number)
	if _, err := strconv.ParseUint(number, 10, 64); err != nil || len(number) < 7 || len(number) > 15 || number[0] == '0' {
		return ""
	}
	return number
}

// unpunctuated takes away what people write between digits.
var unpunctuated = strings.NewReplacer("+", "", " ", "", "-", "")

func or(value, byDefault string) string {
	if value == "" {
		return byDefault
	}
	return value
}
