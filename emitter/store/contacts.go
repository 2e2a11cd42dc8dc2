package store

import (
	"encoding/json"
	"math"
	"strings"
)

// ContactFilter chooses contacts; an empty field chooses all.
type ContactFilter struct {
	PhoneNumberID string
	Phone         string
	// Search is a part of the name or of the email, in any case of letters.
	Search string
}

const selectContact = `SELECT seq, org, id, phone, name, email, metadata, phone_number_id, created_at, updated_at,
	customer, display FROM contacts `

// InsertContact creates a contact and fills in its Seq.
func (tx *Tx) InsertContact(c *Contact) (err error) {
	c.Seq, err = tx.insert(`INSERT INTO contacts
		(org, id, phone, name, email, metadata, phone_number_id, created_at, updated_at, search, customer, display)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.Org, c.ID, c.Phone, c.Name, c.Email, object(c.Metadata), c.PhoneNumberID,
		c.CreatedAt, c.UpdatedAt, searched(*c), c.Customer, c.Display)
	return err
}

// UpdateContact writes everything of a contact but its id, its customer, and when it was created.
func (tx *Tx) UpdateContact(c Contact) error {
	return tx.change("contact", c.Seq, `UPDATE contacts SET phone = ?, name = ?, email = ?, metadata = ?,
		phone_number_id = ?, updated_at = ?, search = ? WHERE seq = ? AND org = ?`, c.Phone, c.Name, c.Email,
		object(c.Metadata), c.PhoneNumberID, c.UpdatedAt, searched(c), c.Seq, c.Org)
}

// Contact finds a contact by its id.
func (tx *Tx) Contact(org int64, id string) (Contact, bool, error) {
	return first(tx, selectContact+`WHERE id = ? AND org = ?`, readContact, id, org)
}

// ContactBySeq finds a contact by its number.
func (tx *Tx) ContactBySeq(seq int64) (Contact, bool, error) {
	return first(tx, selectContact+`WHERE seq = ?`, readContact, seq)
}

// ContactByCustomer finds the contact of an account by what tells its contacts apart.
func (tx *Tx) ContactByCustomer(org int64, phoneNumberID, customer string) (Contact, bool, error) {
	return first(tx, selectContact+`WHERE org = ? AND phone_number_id = ? AND customer = ?`, readContact,
		org, phoneNumberID, customer)
}

// Contacts returns a page of contacts, the newest first: those with a number below after, or from the newest where after
// is 0.
func (tx *Tx) Contacts(org int64, f ContactFilter, limit int, after int64) ([]Contact, error) {
	if after == 0 {
		after = math.MaxInt64
	}
	q := query{text: selectContact + `WHERE org = ? AND seq < ?`, args: []any{org, after}}
	if f.Phone != "" {
		q = q.and(`phone = ?`, f.Phone)
	}
	if f.PhoneNumberID != "" {
		q = q.and(`phone_number_id = ?`, f.PhoneNumberID)
	}
	if f.Search != "" {
		q = q.and(`instr(search, ?) > 0`, strings.ToLower(f.Search))
	}
	return list(tx, q, ` ORDER BY seq DESC LIMIT ?`, limit, readContact)
}

func readContact(r row) (Contact, error) {
	c := Contact{Seq: r.int(0), Org: r.int(1), ID: r.text(2), Phone: r.optionalText(3), Name: r.optionalText(4),
		Email: r.optionalText(5), PhoneNumberID: r.text(7), CreatedAt: r.time(8), UpdatedAt: r.time(9),
		Customer: r.text(10), Display: r.text(11)}
	if metadata := r.text(6); metadata != "" {
		c.Metadata = json.RawMessage(metadata)
	}
	return c, nil
}

// searched is what ContactFilter.Search looks at. SQLite itself knows the case of ASCII letters only.
func searched(c Contact) string {
	var parts []string
	for _, p := range []*string{c.Name, c.Email} {
		if p != nil {
			parts = append(parts, strings.ToLower(*p))
		}
	}
	return strings.Join(parts, "\n")
}

// object is a JSON object as it is stored: nil where there is none.
func object(raw json.RawMessage) *string {
	if raw == nil {
		return nil
	}
	s := string(raw)
	return &s
}
