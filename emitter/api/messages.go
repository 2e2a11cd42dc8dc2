package api

import "context"

// messageView is an outbound message that was accepted.
type messageView struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	To        string `json:"to"`
	Type      string `json:"type"`
	Status    string `json:"status"`
	CreatedAt string `json:"created_at"`
}

// sendMessage accepts a text message, which is all that the event of an outbound message needs. Nothing is sent to anybody.
func (a *api) sendMessage(ctx context.Context, c *call) (reply, error) {
	f := c.body.fields()
	to := f.text("to", phoneRule)
	f.text("type", choice("text"))
	content := f.nested("text")
	text := content.text("body", messageRule)
	content.finish()
	if err := f.done(); err != nil {
		return reply{}, err
	}
	m, err := a.service.SendMessage(ctx, c.org, c.scope, to, text)
	if err != nil {
		return reply{}, err
	}
	return created(messageView{m.ID, "message", m.To, m.Type, "queued", timestamp(m.CreatedAt)}), nil
}
