package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func edition(t testing.TB, id string) contract.Edition {
	t.Helper()
	ed, err := contract.LoadEdition(id)
	if err != nil {
		t.Fatal(err)
	}
	return ed
}

func newGenerator(t testing.TB, id string) *fixtures.Generator {
	t.Helper()
	g, err := fixtures.NewMetaGenerator(edition(t, id), 7, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func variants(t testing.TB, id string) []fixtures.Variant {
	t.Helper()
	all, err := fixtures.MetaVariants(edition(t, id))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// metaBody is a body of Meta's as encoding/json reads it, to hold this package's reading against.
type metaBody struct {
	Entry []struct {
		Changes []struct {
			Value struct {
				Metadata struct {
					Display string `json:"display_phone_number"`
					ID      string `json:"phone_number_id"`
				}
				Contacts []struct {
					WaID    string `json:"wa_id"`
					UserID  string `json:"user_id"`
					Profile struct{ Name string }
				}
				Messages []struct {
					ID, From   string
					FromUserID string `json:"from_user_id"`
				}
				Statuses []struct{ ID string }
			}
		}
	}
}

func TestEveryFixtureIsReadForWhatItHolds(t *testing.T) {
	g := newGenerator(t, "")
	seen := map[string]int{}
	for _, v := range variants(t, "") {
		if v.Event != messageReceived && v.Event != messageStatus {
			continue
		}
		seen[v.Event]++
		t.Run(v.Event+"/"+v.Name, func(t *testing.T) {
			is := NewWithT(t)
			ev, err := g.Event(v.Event, v.Name)
			is.Expect(err).NotTo(HaveOccurred())
			for form, body := range map[string][]byte{"compact": ev.Body, "escaped": fixtures.EscapeMeta(ev.Body), "spaced": fixtures.Spaced(ev.Body)} {
				found, ok := updates(body)
				is.Expect(ok).To(BeTrue(), form)
				var ids []string
				for _, u := range found {
					is.Expect(u.event).To(Equal(v.Event), form)
					ids = append(ids, u.id)
				}
				var want []string
				for _, item := range ev.Items {
					want = append(want, item.ID)
				}
				is.Expect(ids).To(Equal(want), form)
				is.Expect(ids[0]).To(Equal(ev.ID), form)
				var read metaBody
				is.Expect(json.Unmarshal(body, &read)).To(Succeed())
				value := read.Entry[0].Changes[0].Value
				is.Expect(found[0].account).To(Equal(account{value.Metadata.ID, value.Metadata.Display}), form)
				if v.Event == messageStatus {
					is.Expect(found[0].from).To(BeZero(), "a status has no sender")
					continue
				}
				message := value.Messages[0]
				want0 := customer{}
				if message.From != "" {
					want0 = customer{key: "+" + message.From, phone: "+" + message.From}
				} else {
					want0.key = message.FromUserID
				}
				is.Expect(want0.key).NotTo(BeEmpty(), "the fixture says who wrote")
				if len(value.Contacts) > 0 {
					want0.name = value.Contacts[0].Profile.Name
				}
				is.Expect(found[0].from).To(Equal(want0), form)
			}
		})
	}
	if seen[messageReceived] < 60 || seen[messageStatus] < 10 {
		t.Errorf("only %v fixtures were read", seen)
	}
}

func TestWhatIsNoWebhookOfAWhatsAppAccountIsRefusedAndNothingElse(t *testing.T) {
	deep := func(n int) string {
		return `{"object":"whatsapp_business_account","entry":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	whatsapp := func(rest string) string { return `{"object":"whatsapp_business_account",` + rest + "}" }
	for name, c := range map[string]struct {
		body  string
		ok    bool
		found int
	}{
		"nothing":            {"", false, 0},
		"not JSON":           {"hello", false, 0},
		"cut off":            {`{"object":"whatsapp_business_account","entry":[`, false, 0},
		"two documents":      {whatsapp(`"entry":[]`) + "{}", false, 0},
		"a list":             {"[]", false, 0},
		"null":               {"null", false, 0},
		"another object":     {`{"object":"page","entry":[]}`, false, 0},
		"no object":          {`{"entry":[]}`, false, 0},
		"no entries":         {whatsapp(`"x":1`), false, 0},
		"entries no list":    {whatsapp(`"entry":{}`), false, 0},
		"three million deep": {deep(3 << 20), false, 0},
		"a hundred deep":     {deep(100), true, 0},
		"empty":              {whatsapp(`"entry":[]`), true, 0},
		"entry no object":    {whatsapp(`"entry":[1,"x",null,[],{}]`), true, 0},
		"changes no list":    {whatsapp(`"entry":[{"changes":{"field":"messages"}}]`), true, 0},
		"another field":      {whatsapp(`"entry":[{"changes":[{"field":"calls","value":{"messages":[{"id":"a"}]}}]}]`), true, 0},
		"value no object":    {whatsapp(`"entry":[{"changes":[{"field":"messages","value":[1]}]}]`), true, 0},
		"messages no list":   {whatsapp(`"entry":[{"changes":[{"field":"messages","value":{"messages":{"id":"a"}}}]}]`), true, 0},
		"message no object":  {whatsapp(`"entry":[{"changes":[{"field":"messages","value":{"messages":[7]}}]}]`), true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			found, ok := updates([]byte(c.body))
			if ok != c.ok || len(found) != c.found {
				t.Errorf("ok %v with %d updates, want %v with %d", ok, len(found), c.ok, c.found)
			}
		})
	}
}

func TestAnIDThatNoHeaderCanCarryIsNotTakenForOne(t *testing.T) {
	for raw, want := range map[string]string{
		`"wamid.HBgM=="`: "wamid.HBgM==", `"a\/b"`: "a/b", `""`: "", `"a b"`: "", `"a\r\nX-Evil: 1"`: "", `"\u00e9"`: "", `"\u0000"`: "", `7`: "",
		`{"a":1}`: "", `null`: "", `"` + strings.Repeat("a", maxID) + `"`: strings.Repeat("a", maxID), `"` + strings.Repeat("a", maxID+1) + `"`: "",
	} {
		found, ok := updates(body(fmt.Sprintf(`{"messages":[{"id":%s}],"statuses":[{"id":%s}]}`, raw, raw)))
		if !ok || len(found) != 2 || found[0].id != want || found[1].id != want {
			t.Errorf("%.40s: %v %+v, want the id %.40q", raw, ok, found, want)
		}
	}
}

func TestTheKeyTellsWhatMetaSendsAgainFromWhatIsNew(t *testing.T) {
	key := func(list, item string) string {
		found, ok := updates(body(`{"` + list + `":[` + item + `]}`))
		if !ok || len(found) != 1 {
			t.Fatalf("%s: %v %v", item, ok, found)
		}
		return found[0].key
	}
	const status = `{"id":"w","status":"sent","timestamp":"1","recipient_id":"628"}`
	for name, c := range map[string]struct {
		listA, a, listB, b string
		same               bool
	}{
		"the same message":               {"messages", `{"id":"w","type":"text"}`, "messages", `{"id":"w","type":"text"}`, true},
		"the same message, other fields": {"messages", `{"id":"w","type":"text"}`, "messages", `{"type":"text","id":"w","x":1}`, true},
		"another message":                {"messages", `{"id":"w"}`, "messages", `{"id":"v"}`, false},
		"a message and its status":       {"messages", `{"id":"w"}`, "statuses", `{"id":"w"}`, false},
		"messages without id":            {"messages", `{"type":"text"}`, "messages", `{"type":"image"}`, false},
		"the same message without id":    {"messages", `{"type":"text"}`, "messages", `{"type":"text"}`, true},
		"the same status":                {"statuses", status, "statuses", `{"id":"w","status":"sent","timestamp":"1","recipient_id":"628","pricing":{}}`, true},
		"sent and delivered":             {"statuses", status, "statuses", `{"id":"w","status":"delivered","timestamp":"1","recipient_id":"628"}`, false},
		"sent at another time":           {"statuses", status, "statuses", `{"id":"w","status":"sent","timestamp":"2","recipient_id":"628"}`, false},
		"two members of a group": {"statuses", `{"id":"w","status":"read","recipient_id":"g","recipient_participant_id":"1"}`,
			"statuses", `{"id":"w","status":"read","recipient_id":"g","recipient_participant_id":"2"}`, false},
		"two members without numbers": {"statuses", `{"id":"w","status":"read","recipient_participant_user_id":"ID.1"}`,
			"statuses", `{"id":"w","status":"read","recipient_participant_user_id":"ID.2"}`, false},
		"fields that would run into each other": {"statuses", `{"id":"w","status":"a","timestamp":"bc"}`,
			"statuses", `{"id":"w","status":"ab","timestamp":"c"}`, false},
	} {
		if same := key(c.listA, c.a) == key(c.listB, c.b); same != c.same {
			t.Errorf("%s: same is %v, want %v", name, same, c.same)
		}
	}
}

func TestTheNameBelongsToWhoWrote(t *testing.T) {
	contacts := `[{"wa_id":"6281000001","user_id":"ID.1","profile":{"name":"Ayu"}},` +
		`{"wa_id":"6281000002","profile":{"name":"Budi"}},{"user_id":"ID.3","profile":{"name":"Citra"}}]`
	for message, want := range map[string]customer{
		`{"from":"6281000002"}`:                         {"+6281000002", "+6281000002", "Budi"},
		`{"from":"+62 8100-0002"}`:                      {"+6281000002", "+6281000002", ""},
		`{"from":"6281000009","from_user_id":"ID.1"}`:   {"+6281000009", "+6281000009", "Ayu"},
		`{"from_user_id":"ID.3"}`:                       {"ID.3", "", "Citra"},
		`{"from":"","from_user_id":"ID.3"}`:             {"ID.3", "", "Citra"},
		`{"from":"not a number","from_user_id":"ID.9"}`: {"ID.9", "", ""},
		`{"from":"6281000009"}`:                         {"+6281000009", "+6281000009", ""},
		`{}`:                                            {},
	} {
		found, ok := updates(body(`{"contacts":` + contacts + `,"messages":[` + message + `]}`))
		if !ok || len(found) != 1 || found[0].from != want {
			t.Errorf("%s: %+v, want %+v", message, found, want)
		}
	}
	// A number may differ between the profile and the message; where there is one of each, they belong together.
	lone := `{"contacts":[{"wa_id":"5511987654321","profile":{"name":"Bia"}}],"messages":[{"from":"551187654321"}]}`
	if found, _ := updates(body(lone)); len(found) != 1 || found[0].from.name != "Bia" {
		t.Errorf("the lone customer: %+v", found)
	}
}

func TestDigitsOfTakesPhoneNumbersOnly(t *testing.T) {
	for number, want := range map[string]string{
		"628111111111": "628111111111", "+62 811-1111-1111": "6281111111111", "1234567": "1234567", "123456": "", "1234567890123456": "",
		"0811111111": "", "": "", "62811x11111": "", "-": "", "+": "", "ID.13491208655302741918": "", "６２８１１１１１１１": "",
	} {
		if got := digitsOf(number); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}

func FuzzUpdates(f *testing.F) {
	g := newGenerator(f, "")
	for _, shape := range []fixtures.BatchShape{
		{}, {Items: 3}, {Event: messageStatus, Entries: 2, Changes: 2, Items: 2},
		{With: []fixtures.Part{{Event: messageStatus}}, Changes: 2}, {With: []fixtures.Part{{Event: messageStatus}}, Items: 4, Together: true},
	} {
		ev, err := g.Batch(shape)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ev.Body)
		f.Add(fixtures.Spaced(fixtures.EscapeMeta(ev.Body)))
	}
	for _, body := range []string{
		"", "{}", `{"object":"whatsapp_business_account","entry":[null,{"changes":[{"field":"messages","value":{"messages":[{"id":"a"},2],"contacts":[3]}}]}]}`,
		`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"a"}],"messages":[{"id":"b"}]}}]}],"entry":[]}`,
		`{"\u006fbject":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"\u006dessages":[{"id":"a"},{"id":"b"}]}}]}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		found, ok := updates(body)
		if !ok || len(found) == 0 {
			return
		}
		taken, err := dissect(body)
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range found {
			part, err := taken.only(found[i : i+1])
			if err != nil {
				t.Fatal(err)
			}
			again, ok := updates(part)
			if !ok || len(again) != 1 || again[0].key != u.key || again[0].event != u.event || again[0].account != u.account {
				t.Fatalf("update %d of\n%s\nbecame\n%s\n%+v, want %+v", i, body, part, again, u)
			}
		}
		all, err := taken.only(found)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := updates(all)
		same := slices.EqualFunc(found, again, func(a, b update) bool { return a.key == b.key && a.from == b.from })
		if !same || bytes.Equal(all, nil) {
			t.Fatalf("all of\n%s\nbecame\n%s", body, all)
		}
	})
}
