package suites

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/schemas"
)

// annotationID says which ids of Kirim's stand in the object that annotates a body.
var annotationID = map[string]*regexp.Regexp{
	"message_id":      regexp.MustCompile(`^msg_[0-9A-HJKMNP-TV-Z]{26}$`),
	"conversation_id": regexp.MustCompile(`^cnv_[0-9A-HJKMNP-TV-Z]{26}$`),
}

// relayAnnotation defines the specs of the object that stands beside Meta's members in editions that have it.
func (s *Session) relayAnnotation() {
	if s.edition.Passthrough != contract.Annotated {
		return
	}
	s.relaySpec("relay.passthrough.kirim-object", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		ev := c.Message("text")
		body := c.annotatedBody(sub, ev)
		const value, note = "/entry/0/changes/0/value", "/" + contract.AnnotationKey
		c.holds(body, note+"/contact/name", c.at(ev.Body, value+"/contacts/0/profile/name"))
		c.holds(body, note+"/contact/phone_number", "+"+customers(ev.Body)[0])
		c.holds(body, note+"/phone_number_id", c.at(ev.Body, value+"/metadata/phone_number_id"))
		for _, member := range []string{"message_id", "conversation_id"} {
			if id, ok := c.at(body, note+"/"+member).(string); !ok || !annotationID[member].MatchString(id) {
				c.Broken(fmt.Sprintf("%s/%s of the form %s", note, member, annotationID[member]), shownValue(c.at(body, note+"/"+member)))
			}
		}
		c.validMetaEvent(messageReceived, body)
	})
	for _, medium := range []string{"image", "video", "document"} {
		s.relaySpec("relay.passthrough.kirim-media", medium, func(c *relayCheck) {
			body := c.annotatedBody(c.Subscribe(messageReceived), c.Message(medium))
			const note = "/" + contract.AnnotationKey
			status, url := c.at(body, note+"/media_status"), c.at(body, note+"/media_url")
			if !slices.Contains([]any{string(fixtures.MediaReady), string(fixtures.MediaPending)}, status) {
				c.Broken(fmt.Sprintf("%s/media_status %s or %s", note, fixtures.MediaReady, fixtures.MediaPending), shownValue(status))
			}
			if text, ok := url.(string); status == string(fixtures.MediaReady) && (!ok || text == "") {
				c.Broken(note+"/media_url, as the medium is ready", shownValue(url))
			}
			c.validMetaEvent(messageReceived, body)
		})
	}
}

// annotatedBody lets a message through and returns the body that is delivered.
func (c *relayCheck) annotatedBody(sub *subscription, ev fixtures.Event) []byte {
	c.MetaPlan("Meta's POST", mockmeta.Plan{Event: ev, Body: fixtures.EscapeMeta(ev.Body)})
	return sub.Exactly(1, "a message")[0].Body
}

// holds ends the spec as broken unless a body has a value at a place (a JSON pointer).
func (c *relayCheck) holds(body []byte, pointer string, want any) {
	if got := c.at(body, pointer); got != want {
		c.Broken(fmt.Sprintf("%s at %s", shownValue(want), pointer), shownValue(got))
	}
}

// validMetaEvent holds a body that Meta began against the edition's schema of it.
func (c *relayCheck) validMetaEvent(event string, body []byte) {
	set, err := schemas.Load()
	if err != nil {
		c.Error("the schemas: %v", err)
	}
	if err := set.ValidateEvent(c.edition.ID, event, body); err != nil {
		c.Broken(event+" by its schema", err.Error())
	}
}
