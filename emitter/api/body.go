package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Bounds of a body. The documentation gives none; nothing that the API takes comes near.
const (
	// maxBody is in bytes.
	maxBody = 1 << 20
	// maxDepth is the nesting of metadata, the one place where callers nest.
	maxDepth = 100
	// maxNumber is the length of a number.
	maxNumber = 100
	// maxExponent keeps numbers within what receivers of events can hold: a 64-bit float.
	maxExponent = 307
)

const jsonType = "application/json"

// body is the JSON object that a request carries.
type body struct {
	members map[string]any
	// canonical is the object in one spelling: sorted names, no blanks. It is empty where there was no body.
	canonical []byte
}

// readBody reads the body of a request. None at all is an empty object, since some calls need no member. The media type
// must be right because a form that any web page can post is not a request to obey.
func readBody(w http.ResponseWriter, r *http.Request) (body, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return body{}, &relay.Error{
			Status: http.StatusRequestEntityTooLarge, Type: relay.TypeInvalidRequest, Code: "request_too_large",
			Message: fmt.Sprintf("the body is larger than %d bytes", maxBody),
		}
	case err != nil:
		return body{}, relay.Invalid("invalid_json", "", "the body could not be read to its end")
	case len(text) == 0:
		return body{}, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != jsonType {
		return body{}, relay.Invalid("invalid_content_type", "Content-Type", "the body must be sent as Content-Type: %s", jsonType)
	}
	return decode(text)
}

// decode reads exactly one JSON object. A name that occurs twice counts as its last occurrence says, as everywhere in
// encoding/json, and only that one goes on to events.
func decode(text []byte) (body, error) {
	if !utf8.Valid(text) {
		return body{}, relay.Invalid("invalid_json", "", "the body is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	// Numbers keep their digits.
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return body{}, relay.Invalid("invalid_json", "", "the body is not JSON: %s", reason(err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return body{}, relay.Invalid("invalid_json", "", "the body goes on after its JSON object")
	}
	members, isObject := value.(map[string]any)
	if !isObject {
		return body{}, relay.Invalid("invalid_json", "", "the body must be a JSON object, but is %s", kind(value))
	}
	// Sorted, so that of several faults the same one is told every time.
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := reasonable(members[name], 1); err != nil {
			return body{}, relay.Invalid(invalidValue, clip(name), "%s %s", clip(name), err)
		}
	}
	canonical, err := encode(members)
	if err != nil {
		return body{}, fmt.Errorf("encoding a body anew: %w", err)
	}
	return body{members: members, canonical: canonical}, nil
}

// reason words a decoder's error without Go's own names.
func reason(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return "it ends too early"
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s, at byte %d", syntax, syntax.Offset)
	}
	return err.Error()
}

// reasonable refuses what a receiver's JSON parser would choke on if it came along in an event.
func reasonable(value any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nests more than %d deep", maxDepth)
	}
	switch v := value.(type) {
	case json.Number:
		if !fits(string(v)) {
			return fmt.Errorf("has a number that no 64-bit float can hold: %s", clip(string(v)))
		}
	case []any:
		for _, item := range v {
			if err := reasonable(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, member := range v {
			if err := reasonable(member, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func fits(number string) bool {
	if len(number) > maxNumber {
		return false
	}
	if at := strings.IndexAny(number, "eE"); at >= 0 {
		exponent, err := strconv.Atoi(number[at+1:])
		if err != nil || max(exponent, -exponent) > maxExponent {
			return false
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	return err == nil && !math.IsInf(value, 0)
}

// kind names a JSON value's type for a message.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}
