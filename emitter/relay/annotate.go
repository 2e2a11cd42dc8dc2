package relay

import (
	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// annotated is a body of Meta's as the edition delivers it, about the update that leads it. A message of the API's has an
// id of Kirim's own, so a status gets a new one: the relay keeps no messages.
func (r *Relay) annotated(tx *store.Tx, org int64, u update, body []byte) ([]byte, error) {
	if r.edition.Passthrough != contract.Annotated {
		return body, nil
	}
	a := fixtures.Annotation{MessageID: r.NewID("msg"), PhoneNumberID: u.account.phoneNumberID}
	who := u.from.key
	if u.event == messageReceived {
		a.Contact = &fixtures.AnnotatedContact{}
		if u.from.name != "" {
			a.Contact.Name = &u.from.name
		}
		if u.from.phone != "" {
			a.Contact.PhoneNumber = &u.from.phone
		}
		if hasMedium(body, u) {
			// Nothing fetches it.
			a.MediaStatus = fixtures.MediaPending
		}
	} else if len(u.people) > 0 {
		who = u.people[0]
		if number := digitsOf(who); number != "" {
			who = "+" + number
		}
	}
	c, known, err := tx.ContactByCustomer(org, u.account.phoneNumberID, r.behaviour.Customer(who))
	if err != nil {
		return nil, err
	}
	if known {
		conversation, open, err := tx.ConversationOf(c.Seq)
		if err != nil {
			return nil, err
		}
		if open {
			a.ConversationID = conversation.ID
		}
	}
	if out, err := r.behaviour.Annotate(body, a); err == nil {
		return out, nil
	}
	// What is nested too deep to be written anew goes as it came: that says the same, and the object is
	// nothing that anybody may need (reading Q32).
	return body, nil
}

// hasMedium reports whether a message carries a medium: an object named by its type that has Meta's id of one.
func hasMedium(body []byte, u update) bool {
	for _, entry := range items(gjson.GetBytes(body, "entry")) {
		for _, change := range items(entry.Get("changes")) {
			for _, message := range items(change.Get("value.messages")) {
				if wamid(message) != u.id {
					continue
				}
				kind := message.Get("type").String()
				switch kind {
				case "image", "video", "audio", "voice", "document", "sticker":
					return message.Get(kind + ".id").Exists()
				}
			}
		}
	}
	return false
}
