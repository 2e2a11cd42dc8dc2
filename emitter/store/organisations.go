package store

import (
	"fmt"
)

// PutOrganisation creates an organisation, or changes the one with the same id, and fills in its Seq.
func (tx *Tx) PutOrganisation(o *Organisation) error {
	if _, err := tx.exec(`INSERT INTO organisations (id, name, owner) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, owner = excluded.owner`, o.ID, o.Name, o.Owner); err != nil {
		return err
	}
	return tx.each(`SELECT seq FROM organisations WHERE id = ?`, func(r row) error { o.Seq = r.int(0); return nil }, o.ID)
}

// Organisations returns all organisations in the order of their creation.
func (tx *Tx) Organisations() ([]Organisation, error) {
	return collect(tx, `SELECT seq, id, name, owner FROM organisations ORDER BY seq`, readOrganisation)
}

func readOrganisation(r row) (Organisation, error) {
	return Organisation{Seq: r.int(0), ID: r.text(1), Name: r.text(2), Owner: r.text(3)}, nil
}

// OrganisationByKey finds the organisation of an API key by the key's hash. It does not look at ExpiresAt.
func (tx *Tx) OrganisationByKey(hash [32]byte) (Organisation, Key, bool, error) {
	type found struct {
		org Organisation
		key Key
	}
	f, ok, err := first(tx, `SELECT o.seq, o.id, o.name, o.owner, k.id, k.shown, k.created_at, k.expires_at
		FROM keys k JOIN organisations o ON o.seq = k.org WHERE k.hash = ?`, func(r row) (found, error) {
		org, err := readOrganisation(r)
		return found{org, Key{Org: org.Seq, ID: r.text(4), Hash: hash, Shown: r.text(5), CreatedAt: r.time(6),
			ExpiresAt: r.time(7)}}, err
	}, hash[:])
	return f.org, f.key, ok, err
}

// PutKey creates an API key, or changes the one with the same hash.
func (tx *Tx) PutKey(k Key) error {
	_, err := tx.exec(`INSERT INTO keys (hash, org, id, shown, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET org = excluded.org, id = excluded.id, shown = excluded.shown,
			created_at = excluded.created_at, expires_at = excluded.expires_at`,
		k.Hash[:], k.Org, k.ID, k.Shown, k.CreatedAt, k.ExpiresAt)
	return err
}

// DeleteKeys forgets the API keys of all organisations.
func (tx *Tx) DeleteKeys() error {
	_, err := tx.exec(`DELETE FROM keys`)
	return err
}

// PutAccount creates an account, or changes how it is displayed. A number belongs to one organisation; to put it to
// another is an error.
func (tx *Tx) PutAccount(a Account) error {
	n, err := tx.exec(`INSERT INTO accounts (phone_number_id, org, display) VALUES (?, ?, ?)
		ON CONFLICT (phone_number_id) DO UPDATE SET display = excluded.display WHERE org = excluded.org`,
		a.PhoneNumberID, a.Org, a.Display)
	if err == nil && n == 0 {
		return tx.fail(fmt.Errorf("phone number id %s belongs to another organisation", a.PhoneNumberID))
	}
	return err
}

// Accounts returns the accounts of an organisation in the order of their phone number ids.
func (tx *Tx) Accounts(org int64) ([]Account, error) {
	return collect(tx, `SELECT phone_number_id, display FROM accounts WHERE org = ? ORDER BY phone_number_id`,
		func(r row) (Account, error) {
			return Account{Org: org, PhoneNumberID: r.text(0), Display: r.text(1)}, nil
		}, org)
}

// AccountOwner finds an account and the organisation that it belongs to.
func (tx *Tx) AccountOwner(phoneNumberID string) (Organisation, Account, bool, error) {
	type found struct {
		org     Organisation
		account Account
	}
	f, ok, err := first(tx, `SELECT o.seq, o.id, o.name, o.owner, a.display
		FROM accounts a JOIN organisations o ON o.seq = a.org WHERE a.phone_number_id = ?`,
		func(r row) (found, error) {
			org, err := readOrganisation(r)
			return found{org, Account{Org: org.Seq, PhoneNumberID: phoneNumberID, Display: r.text(4)}}, err
		}, phoneNumberID)
	return f.org, f.account, ok, err
}
