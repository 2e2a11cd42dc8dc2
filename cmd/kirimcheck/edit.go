package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// edit gives members of a body other values (set) and adds members (add); everything else keeps its bytes. Each edit
// is path=value, the path as `data.contact.name` or `entry.0.id`. A value is taken as JSON where it is JSON, and as text
// otherwise; what was text stays text.
func edit(body []byte, set, add []string) ([]byte, error) {
	for _, assignment := range set {
		path, value, err := split("--set", assignment)
		if err != nil {
			return nil, err
		}
		old := gjson.GetBytes(body, path)
		if !old.Exists() {
			return nil, fmt.Errorf("--set %s: the body has no %s; --add makes a new member", assignment, path)
		}
		if body, err = put(body, path, value, old.Type == gjson.String); err != nil {
			return nil, fmt.Errorf("--set %s: %w", assignment, err)
		}
	}
	for _, assignment := range add {
		path, value, err := split("--add", assignment)
		if err != nil {
			return nil, err
		}
		if gjson.GetBytes(body, path).Exists() {
			return nil, fmt.Errorf("--add %s: the body has %s already; --set changes it", assignment, path)
		}
		if body, err = put(body, path, value, false); err != nil {
			return nil, fmt.Errorf("--add %s: %w", assignment, err)
		}
	}
	return body, nil
}

func split(flag, assignment string) (path, value string, err error) {
	path, value, ok := strings.Cut(assignment, "=")
	if !ok || path == "" {
		return "", "", fmt.Errorf("%s %s: it is of the form path=value", flag, assignment)
	}
	return path, value, nil
}

// put writes a value; text says that a bare value is meant as text.
func put(body []byte, path, value string, text bool) ([]byte, error) {
	quoted := strings.HasPrefix(value, `"`) || value == "null"
	if json.Valid([]byte(value)) && (quoted || !text) {
		return sjson.SetRawBytes(body, path, []byte(value))
	}
	return sjson.SetBytes(body, path, value)
}

// eventID is the event id that belongs to a body which may have been edited.
func eventID(ev fixtures.Event) string {
	path := "id"
	if ev.Source == contract.SourceMeta {
		path = "entry.0.changes.0.value.messages.0.id"
		if ev.Items[0].Status != "" {
			path = "entry.0.changes.0.value.statuses.0.id"
		}
	}
	if id := gjson.GetBytes(ev.Body, path); id.Type == gjson.String {
		return id.String()
	}
	return ev.ID
}
