package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// The events that Kirim begins.
const (
	messageSent          = "message.sent"
	messageCreated       = "message.created"
	conversationAssigned = "conversation.assigned"
	conversationClosed   = "conversation.closed"
	contactCreated       = "contact.created"
	contactUpdated       = "contact.updated"
)

// organic is the only acquisition source that any page shows (reading Q20). What the API created has none.
const organic = "organic"

// The data of Kirim's events, in the order of the examples (documentation: events).
type (
	contactData struct {
		Contact contactBody `json:"contact"`
		// Exactly one of these is set.
		Acquisition   *acquisition `json:"acquisition_source,omitempty"`
		ChangedFields []string     `json:"changed_fields,omitempty"`
	}
	contactBody struct {
		ID          string          `json:"id"`
		Object      string          `json:"object"`
		PhoneNumber *string         `json:"phone_number"`
		Name        *string         `json:"name"`
		Email       *string         `json:"email"`
		Metadata    json.RawMessage `json:"metadata"`
		Account     accountBody     `json:"whatsapp_account"`
		CreatedAt   string          `json:"created_at"`
		UpdatedAt   string          `json:"updated_at"`
	}
	accountBody struct {
		PhoneNumber *string `json:"phone_number"`
	}
	assignedData struct {
		Conversation conversationBody `json:"conversation"`
		Assignee     struct {
			UserID         *string `json:"user_id"`
			TeamID         *string `json:"team_id"`
			PreviousUserID *string `json:"previous_user_id"`
		} `json:"assignee"`
	}
	closedData struct {
		Conversation struct {
			conversationBody
			ClosedBy *string `json:"closed_by_user_id"`
		} `json:"conversation"`
	}
	conversationBody struct {
		ID     string                   `json:"id"`
		Object string                   `json:"object"`
		Status store.ConversationStatus `json:"status"`
	}
	// messageData is the reading Q29: no page shows more.
	messageData struct {
		Message struct {
			ID     string `json:"id"`
			Object string `json:"object"`
		} `json:"message"`
	}
)

// sentData is what receivers of the edition kirimdev read of message.sent (reading Q35).
type sentData struct {
	// Session is the account.
	Session string `json:"session"`
	Message struct {
		ID         string `json:"id"`
		ProviderID string `json:"provider_id"`
		Type       string `json:"type"`
		Body       string `json:"body"`
		To         string `json:"to"`
		Source     string `json:"source"`
	} `json:"message"`
	Contact struct {
		PhoneNumber string `json:"phone_number"`
	} `json:"contact"`
	Timestamp string `json:"timestamp"`
	Meta      struct {
		PhoneNumberID string `json:"phone_number_id"`
	} `json:"meta"`
}

// acquisition is a source that may be null.
type acquisition struct{ source *string }

// MarshalJSON writes the source, or null.
func (a acquisition) MarshalJSON() ([]byte, error) { return json.Marshal(a.source) }

// Timestamp writes the times of a contact as Kirim does: UTC, whole seconds (documentation: events). The time of an event
// has the edition's precision.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func newContactBody(c store.Contact) contactBody {
	body := contactBody{
		ID: c.ID, Object: "contact", PhoneNumber: c.Phone, Name: c.Name, Email: c.Email, Metadata: c.Metadata,
		CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt),
	}
	if body.Metadata == nil {
		body.Metadata = json.RawMessage("null")
	}
	if c.Display != "" {
		body.Account.PhoneNumber = &c.Display
	}
	return body
}

// envelope wraps the data of one of Kirim's events, the members in the order of the edition.
func envelope(ed contract.Edition, id, event string, at time.Time, data any) ([]byte, error) {
	members := map[string]any{"id": id, "type": event, "created_at": ed.Timestamp(at), "data": data}
	for name, value := range ed.Constants {
		members[name] = value
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	// A browser never sees these bodies, and \u003c would only make them harder to read.
	encoder.SetEscapeHTML(false)
	for i, name := range ed.Envelope {
		value, ok := members[name]
		if !ok {
			return nil, fmt.Errorf("edition %s: the envelope has a member %q that nobody fills", ed.ID, name)
		}
		out.WriteByte(",{"[b2i(i == 0)])
		fmt.Fprintf(&out, "%q:", name)
		if err := encoder.Encode(value); err != nil {
			return nil, fmt.Errorf("%s: %w", event, err)
		}
		// Encode ends with a newline.
		out.Truncate(out.Len() - 1)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
