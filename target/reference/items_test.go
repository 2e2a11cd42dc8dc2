package reference

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Every event of every edition, in every variant: the items that the catalogue names are those that are found.
func TestEveryEventHasTheItemsOfTheCatalogue(t *testing.T) {
	editions, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	for _, ed := range editions {
		generator, err := fixtures.NewGenerator(ed, 1, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		variants, err := fixtures.Variants(ed)
		if err != nil {
			t.Fatal(err)
		}
		var events []fixtures.Event
		for _, v := range variants {
			ev, err := generator.Event(v.Event, v.Name)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, ev)
		}
		for _, shape := range []fixtures.BatchShape{
			{Event: "message.received", Items: 3}, {Event: "message.status", Items: 3},
			{Event: "message.received", Changes: 3}, {Event: "message.received", Entries: 3, Changes: 2, Items: 2},
		} {
			ev, err := generator.Batch(shape)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, ev)
		}
		for _, ev := range events {
			for form, body := range map[string][]byte{"as it is": ev.Body, "with blanks": fixtures.Spaced(ev.Body)} {
				got, err := Items(Delivery{Event: ev.Name, EventID: ev.ID, Source: ev.Source, Body: body})
				if err != nil {
					t.Errorf("%s: %s %s, %s: %v", ed.ID, ev.Name, ev.Variant, form, err)
				}
				var want []Item
				for _, it := range ev.Items {
					want = append(want, Item{ID: it.ID, Status: it.Status})
				}
				if len(want) == 0 || !slices.Equal(got, want) {
					t.Errorf("%s: %s %s, %s: items %v, want %v", ed.ID, ev.Name, ev.Variant, form, got, want)
				}
			}
		}
	}
}

func TestItemsOfAwkwardBodies(t *testing.T) {
	bad := errors.New("any error")
	for name, c := range map[string]struct {
		event  string
		source contract.Source
		body   string
		want   []Item
		err    error
	}{
		"unknown event":         {"contact.renamed", contract.SourceKirim, `{"data":{"contact":{"id":"c"}}}`, nil, nil},
		"unknown event, Meta's": {"message.edited", contract.SourceMeta, `{"entry":[]}`, nil, nil},
		"messages and statuses": {
			"message.received", contract.SourceMeta,
			`{"entry":[{"changes":[{"value":{"messages":[{"id":"a"}]}},{"value":{"statuses":[{"id":"b","status":"read"}]}}]}]}`,
			[]Item{{ID: "a"}, {"b", "read"}}, nil,
		},
		"one message twice": {
			"message.received", contract.SourceMeta, `{"entry":[{"changes":[{"value":{"messages":[{"id":"a"},{"id":"a"}]}}]}]}`,
			[]Item{{ID: "a"}, {ID: "a"}}, nil,
		},
		"another field of Meta's": {"messages", contract.SourceMeta, `{"entry":[{"changes":[{"field":"account_update","value":{}}]}]}`, nil, nil},
		"leading blanks":          {"contact.created", contract.SourceKirim, " \r\n\t{\"data\":{\"contact\":{\"id\":\"c\"}}}", []Item{{ID: "c"}}, nil},

		"not JSON":                  {"contact.created", contract.SourceKirim, `this is not JSON`, nil, errNotObject},
		"not JSON, Meta's":          {"message.received", contract.SourceMeta, `{"entry":[`, nil, errNotObject},
		"not JSON, unknown event":   {"new", contract.SourceKirim, `{`, nil, errNotObject},
		"empty":                     {"contact.created", contract.SourceKirim, ``, nil, errNotObject},
		"blank":                     {"contact.created", contract.SourceKirim, " \n", nil, errNotObject},
		"a list":                    {"contact.created", contract.SourceKirim, `[]`, nil, errNotObject},
		"two objects":               {"contact.created", contract.SourceKirim, `{}{}`, nil, errNotObject},
		"not UTF-8":                 {"contact.created", contract.SourceKirim, "{\"note\":\"\xff\xfe\"}", nil, errNotUTF8},
		"half of an emoji, escaped": {"contact.created", contract.SourceKirim, `{"data":{"contact":{"id":"c","name":"\ud83d"}}}`, []Item{{ID: "c"}}, nil},
		"no data":                   {"contact.created", contract.SourceKirim, `{"id":"evt"}`, nil, bad},
		"another object":            {"contact.created", contract.SourceKirim, `{"data":{"conversation":{"id":"c"}}}`, nil, bad},
		"an id that is no text":     {"contact.created", contract.SourceKirim, `{"data":{"contact":{"id":7}}}`, nil, bad},
		"messages of another type":  {"message.received", contract.SourceMeta, `{"entry":[{"changes":[{"value":{"messages":{}}}]}]}`, nil, bad},
	} {
		got, err := Items(Delivery{Event: c.event, Source: c.source, Body: []byte(c.body)})
		if (err == nil) != (c.err == nil) || c.err != nil && c.err != bad && !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, err, c.want, c.err)
		}
	}
}

func TestKeyTellsApartWhatIsDifferentAndNothingElse(t *testing.T) {
	kirim := Delivery{Event: "contact.created", EventID: "evt_1", DeliveryID: "wbd_1", Attempt: "1", Source: contract.SourceKirim}
	meta := Delivery{Event: "message.status", EventID: "wamid.1", DeliveryID: "wbd_1", Attempt: "1", Source: contract.SourceMeta}
	key := func(d Delivery, change func(*Delivery, *Item)) string {
		it := Item{ID: "x", Status: "sent"}
		change(&d, &it)
		return Key(d, it)
	}
	same := func(*Delivery, *Item) {}
	for name, c := range map[string]struct {
		change                   func(*Delivery, *Item)
		otherKirim, otherOfMetas bool
	}{
		"nothing":      {same, false, false},
		"delivery id":  {func(d *Delivery, _ *Item) { d.DeliveryID = "wbd_2" }, false, false},
		"attempt":      {func(d *Delivery, _ *Item) { d.Attempt = "2" }, false, false},
		"event id":     {func(d *Delivery, _ *Item) { d.EventID = "evt_2" }, true, false},
		"event":        {func(d *Delivery, _ *Item) { d.Event = "new" }, true, true},
		"item":         {func(_ *Delivery, it *Item) { it.ID = "y" }, false, true},
		"status":       {func(_ *Delivery, it *Item) { it.Status = "read" }, false, true},
		"body":         {func(d *Delivery, _ *Item) { d.Body = []byte("{}") }, false, false},
		"a long shift": {func(d *Delivery, it *Item) { d.Event, it.ID = d.Event+"x", strings.TrimPrefix(it.ID, "x") }, true, true},
	} {
		if other := key(kirim, c.change) != key(kirim, same); other != c.otherKirim {
			t.Errorf("Kirim's, another %s: another key %v", name, other)
		}
		if other := key(meta, c.change) != key(meta, same); other != c.otherOfMetas {
			t.Errorf("Meta's, another %s: another key %v", name, other)
		}
	}
}
