package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// reserialise decodes JSON and encodes it again, as JSON.stringify(JSON.parse(body)) does: the order of the keys stays,
// while blanks, escapes and the forms of numbers do not.
func reserialise(body []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	var out bytes.Buffer
	if err := reencode(dec, &out); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text behind the JSON value")
	}
	return out.Bytes(), nil
}

// reencode copies one value.
func reencode(dec *json.Decoder, out *bytes.Buffer) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return scalar(token, out)
	}
	out.WriteString(delim.String())
	for first := true; dec.More(); first = false {
		if !first {
			out.WriteByte(',')
		}
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if err := scalar(name, out); err != nil {
				return err
			}
			out.WriteByte(':')
		}
		if err := reencode(dec, out); err != nil {
			return err
		}
	}
	end, err := dec.Token()
	if err != nil {
		return err
	}
	out.WriteString(end.(json.Delim).String())
	return nil
}

// scalar writes text without the escapes for HTML that encoding/json would add and JavaScript does not.
func scalar(token json.Token, out *bytes.Buffer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(token); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1)
	return nil
}
