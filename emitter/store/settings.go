package store

// Value finds what SetValue has stored under a key, such as the position of the clock.
func (tx *Tx) Value(key string) (string, bool, error) {
	return first(tx, `SELECT value FROM settings WHERE key = ?`, func(r row) (string, error) { return r.text(0), nil }, key)
}

// SetValue stores a value under a key, in place of the one that is there.
func (tx *Tx) SetValue(key, value string) error {
	_, err := tx.exec(`INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)`, key, value)
	return err
}
