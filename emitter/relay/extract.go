package relay

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// parts is a body of Meta's taken apart, so that it can be put together again with some of its updates. That is done
// once for all of them: a body may hold a thousand.
type parts struct {
	around  frame
	entries []entryParts
}

type entryParts struct {
	around  frame
	changes []changeParts
}

type changeParts struct {
	raw string
	// bare is raw with its lists emptied.
	bare                         string
	messages, statuses, contacts []gjson.Result
	// named are the places of contacts by their names.
	named map[string][]int
}

// frame is what stands around a list.
type frame struct{ before, after string }

func (f frame) with(items []string) string { return f.before + strings.Join(items, ",") + f.after }

// emptied returns the text without the items of the list at path, and what stands around them.
func emptied(text, path string) (string, frame, error) {
	text, err := sjson.SetRaw(text, path, "[]")
	if err != nil {
		return "", frame{}, err
	}
	at := gjson.Get(text, path).Index + 1
	return text, frame{text[:at], text[at:]}, nil
}

// dissect takes a body apart, of which updates has said that it is one of Meta's.
func dissect(body []byte) (p parts, err error) {
	text := string(body)
	if _, p.around, err = emptied(text, "entry"); err != nil {
		return p, err
	}
	for _, entry := range items(gjson.Get(text, "entry")) {
		var e entryParts
		if changes := items(entry.Get("changes")); len(changes) > 0 {
			if _, e.around, err = emptied(entry.Raw, "changes"); err != nil {
				return p, err
			}
			for _, change := range changes {
				c, err := dissectChange(change)
				if err != nil {
					return p, err
				}
				e.changes = append(e.changes, c)
			}
		}
		p.entries = append(p.entries, e)
	}
	return p, nil
}

func dissectChange(change gjson.Result) (c changeParts, err error) {
	value := change.Get("value")
	c = changeParts{
		raw: change.Raw, bare: change.Raw,
		messages: items(value.Get("messages")), statuses: items(value.Get("statuses")), contacts: items(value.Get("contacts")),
		named: map[string][]int{},
	}
	for i, contact := range c.contacts {
		for _, name := range named(contact) {
			c.named[name] = append(c.named[name], i)
		}
	}
	for path, list := range map[string][]gjson.Result{
		"value.messages": c.messages, "value.statuses": c.statuses, "value.contacts": c.contacts,
	} {
		if len(list) > 0 {
			if c.bare, _, err = emptied(c.bare, path); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// only returns the body with these updates alone, which are in its order. Every value stays as it was written. Entries,
// changes and lists that hold none of them are left out, and so are the profiles of other customers.
func (p parts) only(keep []update) ([]byte, error) {
	var entries []string
	for len(keep) > 0 {
		at := keep[0].entry
		var changes []string
		for len(keep) > 0 && keep[0].entry == at {
			n := slices.IndexFunc(keep, func(u update) bool { return u.entry != at || u.change != keep[0].change })
			if n < 0 {
				n = len(keep)
			}
			change, err := p.entries[at].changes[keep[0].change].only(keep[:n])
			if err != nil {
				return nil, err
			}
			changes = append(changes, change)
			keep = keep[n:]
		}
		entries = append(entries, p.entries[at].around.with(changes))
	}
	return []byte(p.around.with(entries)), nil
}

// only returns a change with these of its updates.
func (c changeParts) only(keep []update) (string, error) {
	if len(keep) == len(c.messages)+len(c.statuses) {
		return c.raw, nil
	}
	var messages, statuses []string
	for _, u := range keep {
		if u.event == messageReceived {
			messages = append(messages, c.messages[u.item].Raw)
		} else {
			statuses = append(statuses, c.statuses[u.item].Raw)
		}
	}
	out := c.bare
	for _, list := range []struct {
		path string
		all  []gjson.Result
		keep []string
	}{
		{"value.messages", c.messages, messages}, {"value.statuses", c.statuses, statuses}, {"value.contacts", c.contacts, c.profiles(keep)},
	} {
		if len(list.all) == 0 {
			continue
		}
		if len(list.keep) == 0 {
			var err error
			if out, err = sjson.Delete(out, list.path); err != nil {
				return "", err
			}
			continue
		}
		_, around, err := emptied(out, list.path)
		if err != nil {
			return "", err
		}
		out = around.with(list.keep)
	}
	return out, nil
}

// profiles returns those of the change's contacts that these updates are about, or all where nobody can tell.
func (c changeParts) profiles(keep []update) (out []string) {
	var meant []int
	for _, u := range keep {
		for _, name := range u.people {
			meant = append(meant, c.named[name]...)
		}
	}
	slices.Sort(meant)
	for _, i := range slices.Compact(meant) {
		out = append(out, c.contacts[i].Raw)
	}
	if len(out) == 0 {
		for _, contact := range c.contacts {
			out = append(out, contact.Raw)
		}
	}
	return out
}

// named are the names by which updates refer to a contact.
func named(contact gjson.Result) []string {
	return present(contact.Get("wa_id"), contact.Get("user_id"))
}

// items are those of a list. What is no list has none.
func items(list gjson.Result) []gjson.Result {
	if !list.IsArray() {
		return nil
	}
	return list.Array()
}
