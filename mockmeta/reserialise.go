package mockmeta

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// reserialise decodes a body and encodes it again, as receivers do that keep no raw body: the order of the members and
// the forms of numbers stay, while blanks go and strings lose every escape that JSON does not demand.
func reserialise(body []byte) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil {
		return nil, err
	}
	text := compact.Bytes()
	var out bytes.Buffer
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			out.WriteByte(text[i])
			continue
		}
		end := i + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		if err := recode(&out, text[i:end+1]); err != nil {
			return nil, fmt.Errorf("the string at byte %d: %w", i, err)
		}
		i = end
	}
	return out.Bytes(), nil
}

// recode decodes one string and encodes it again.
func recode(out *bytes.Buffer, quoted []byte) error {
	var plain string
	if err := json.Unmarshal(quoted, &plain); err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	// What encoding/json escapes for HTML, no other language does.
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the newline
	return nil
}
