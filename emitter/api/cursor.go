package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
)

// binding is what a cursor is good for: one list of one organisation with the same filters (documentation: pagination).
type binding [sha256.Size]byte

// bindingBytes is how much of the binding a cursor carries. It is a check on mistakes, not a seal: whoever forged a
// cursor could only look at another place of a list that is their own.
const bindingBytes = 12

// maxCursor bounds a cursor, in characters.
const maxCursor = 512

// bind makes the binding. The parts are preceded by their lengths, so that no two lists share one.
func bind(org, path string, filters url.Values) binding {
	var text []byte
	for _, part := range []string{org, path, filters.Encode()} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}

// tag ties a position to the list.
func (b binding) tag(position string) []byte {
	sum := sha256.Sum256(append(b[:], position...))
	return sum[:bindingBytes]
}

// seal makes the cursor of a position; nil where the list has ended.
func (b binding) seal(position string) *string {
	if position == "" {
		return nil
	}
	text := base64.RawURLEncoding.EncodeToString(append(b.tag(position), position...))
	return &text
}

var errCursor = errors.New("is not a cursor that this list returned for these filters")

// open returns the position that a cursor stands for.
func (b binding) open(cursor string) (string, error) {
	if len(cursor) > maxCursor {
		return "", errCursor
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(text) <= bindingBytes {
		return "", errCursor
	}
	position := string(text[bindingBytes:])
	// Compared as a whole, because the decoder overlooks line breaks and bits to spare.
	if *b.seal(position) != cursor {
		return "", errCursor
	}
	return position, nil
}

// listed is the reply of a list, next being the position at which the service said that it goes on.
func (b binding) listed(items any, next string) reply {
	r := shown(items)
	r.list = &listing{next: b.seal(next)}
	return r
}
