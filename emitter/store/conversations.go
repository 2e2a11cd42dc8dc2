package store

import "time"

// ConversationFilter chooses conversations; an empty field chooses all.
type ConversationFilter struct {
	PhoneNumberID string
	// Contact is a contact's id.
	Contact string
	Status  ConversationStatus
}

// Position is a place in a list of conversations, which is ordered by the last message and not by number. The zero
// Position is before the first one.
type Position struct {
	// At is the LastMessageAt of the last conversation of the page before; zero where that one has no message.
	At time.Time
	// Seq is its number.
	Seq int64
}

// Position is where the page after this conversation begins.
func (c Conversation) Position() Position { return Position{At: optional(c.LastMessageAt), Seq: c.Seq} }

const selectConversation = `SELECT seq, org, id, contact, phone_number_id, status, assigned_to, unread, last_message_at,
	last_inbound_at, created_at, updated_at FROM conversations `

// InsertConversation creates a conversation and fills in its Seq.
func (tx *Tx) InsertConversation(c *Conversation) (err error) {
	c.Seq, err = tx.insert(`INSERT INTO conversations (org, id, contact, phone_number_id, status, assigned_to, unread,
		last_message_at, last_inbound_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.Org, c.ID, c.Contact, c.PhoneNumberID, string(c.Status), c.AssignedTo, c.Unread, optional(c.LastMessageAt),
		optional(c.LastInboundAt), c.CreatedAt, c.UpdatedAt)
	return err
}

// UpdateConversation writes everything of a conversation but its id, its contact, its account and when it was created.
func (tx *Tx) UpdateConversation(c Conversation) error {
	return tx.change("conversation", c.Seq, `UPDATE conversations SET status = ?, assigned_to = ?, unread = ?,
		last_message_at = ?, last_inbound_at = ?, updated_at = ? WHERE seq = ? AND org = ?`, string(c.Status), c.AssignedTo,
		c.Unread, optional(c.LastMessageAt), optional(c.LastInboundAt), c.UpdatedAt, c.Seq, c.Org)
}

// TouchConversation counts a message that came in at this time, which opens a resolved conversation again. An older
// time moves nothing back.
func (tx *Tx) TouchConversation(seq int64, at time.Time) error {
	return tx.change("conversation", seq, `UPDATE conversations SET unread = unread + 1,
		status = CASE status WHEN 'resolved' THEN 'open' ELSE status END,
		last_message_at = max(last_message_at, ?1), last_inbound_at = max(last_inbound_at, ?1),
		updated_at = max(updated_at, ?1) WHERE seq = ?2`, at, seq)
}

// Conversation finds a conversation by its id.
func (tx *Tx) Conversation(org int64, id string) (Conversation, bool, error) {
	return first(tx, selectConversation+`WHERE id = ? AND org = ?`, readConversation, id, org)
}

// ConversationOf finds the newest conversation of a contact.
func (tx *Tx) ConversationOf(contact int64) (Conversation, bool, error) {
	return first(tx, selectConversation+`WHERE contact = ? ORDER BY seq DESC LIMIT 1`, readConversation, contact)
}

// Conversations returns a page of conversations, the one with the newest message first. A conversation that gets a
// message while pages are read moves to the front, and the place of the others stays right.
func (tx *Tx) Conversations(org int64, f ConversationFilter, limit int, after Position) ([]Conversation, error) {
	index := "conversations_by_activity"
	if f.Contact != "" {
		index = "conversations_by_contact"
	}
	q := query{text: selectConversation + `INDEXED BY ` + index + ` WHERE org = ?`, args: []any{org}}
	if f.PhoneNumberID != "" {
		q = q.and(`phone_number_id = ?`, f.PhoneNumberID)
	}
	if f.Contact != "" {
		q = q.and(`contact = (SELECT c.seq FROM contacts c WHERE c.id = ?)`, f.Contact)
	}
	if f.Status != "" {
		q = q.and(`status = ?`, string(f.Status))
	}
	const order = ` ORDER BY last_message_at DESC, seq DESC LIMIT ?`
	if after == (Position{}) {
		return list(tx, q, order, limit, readConversation)
	}
	return listAfter(tx, q.and(`last_message_at = ? AND seq < ?`, after.At, after.Seq), q.and(`last_message_at < ?`, after.At),
		order, limit, readConversation)
}

func readConversation(r row) (Conversation, error) {
	return Conversation{Seq: r.int(0), Org: r.int(1), ID: r.text(2), Contact: r.int(3), PhoneNumberID: r.text(4),
		Status: ConversationStatus(r.text(5)), AssignedTo: r.optionalText(6), Unread: int(r.int(7)),
		LastMessageAt: r.optionalTime(8), LastInboundAt: r.optionalTime(9), CreatedAt: r.time(10), UpdatedAt: r.time(11)}, nil
}
