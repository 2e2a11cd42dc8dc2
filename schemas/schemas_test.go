package schemas

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/kirimcheck/kirimcheck/contract"
)

const assigned = `{"id":"evt_01HXYZABCDEFGHJKMNPQRSTVWX","type":"conversation.assigned","created_at":"2026-05-23T10:00:00Z",` +
	`"data":{"conversation":{"id":"cnv_01HXYZABCDEFGHJKMNPQRSTVWX","object":"conversation","status":"open"},` +
	`"assignee":{"user_id":"usr_01HXYZABCDEFGHJKMNPQRSTVWX","team_id":null,"previous_user_id":null}}}`

const received = `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{` +
	`"messaging_product":"whatsapp","metadata":{"display_phone_number":"6285117600829","phone_number_id":"106540352242922"},` +
	`"contacts":[{"profile":{"name":"Budi"},"wa_id":"6281234567890"}],"messages":[{"from":"6281234567890",` +
	`"id":"wamid.HBgM","timestamp":"1716480000","type":"text","text":{"body":"Halo"}}]},"field":"messages"}]}]}`

func loaded(t *testing.T) *Set {
	t.Helper()
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEveryEditionHasASchemaForEachOfItsEventsAndNoOthers(t *testing.T) {
	set := loaded(t)
	editions, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, edition := range editions {
		ids = append(ids, edition.ID)
		var want []string
		for _, event := range edition.Events {
			want = append(want, event.Name)
		}
		slices.Sort(want)
		if got := set.Events(edition.ID); !slices.Equal(got, want) {
			t.Errorf("edition %s: schemas for %q, events are %q", edition.ID, got, want)
		}
	}
	slices.Sort(ids)
	if got := sortedKeys(set.events); !slices.Equal(got, ids) {
		t.Errorf("schemas/editions has %q, the contract has %q", got, ids)
	}
}

func TestEveryEmbeddedFileCanBeLookedUpByName(t *testing.T) {
	names := loaded(t).Names()
	for _, name := range []string{"common", "editions/kckit", "kirim/contact.created", "meta/documented/message.received"} {
		if !slices.Contains(names, name) {
			t.Errorf("%q is not among %q", name, names)
		}
	}
}

func TestAnEditionsFileItselfTakesAnyEventOfTheEdition(t *testing.T) {
	for _, body := range []string{assigned, received} {
		if err := loaded(t).Validate("editions/kckit", []byte(body)); err != nil {
			t.Error(err)
		}
	}
	if err := loaded(t).Validate("editions/kckit", []byte(`{}`)); err == nil {
		t.Error("an empty object is taken for an event")
	}
}

func TestUnknownNamesAreErrorsThatSayWhatThereIs(t *testing.T) {
	set := loaded(t)
	cases := map[string]struct {
		err  error
		says string
	}{
		"edition":                {set.ValidateEvent("k9", "contact.created", nil), "kckit, kirim.chat, kirimdev"},
		"event of other edition": {set.ValidateEvent("kckit", "message.created", nil), "conversation.assigned"},
		"schema":                 {set.Validate("nothing", nil), "meta/documented/message"},
	}
	for name, c := range cases {
		var broken *ValidationError
		if c.err == nil || errors.As(c.err, &broken) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error of its own kind that says %q", name, c.err, c.says)
		}
	}
}

func TestLivemodeIsRequiredInTheLaterEditionOnly(t *testing.T) {
	set := loaded(t)
	if err := set.ValidateEvent("kckit", "conversation.assigned", []byte(assigned)); err != nil {
		t.Error(err)
	}
	err := set.ValidateEvent("kirim.chat", "conversation.assigned", []byte(assigned))
	if err == nil || err.Error() != `the document must have "livemode"` {
		t.Errorf("got %v", err)
	}
	with := strings.Replace(assigned, `"data"`, `"livemode":false,"data"`, 1)
	if err := set.ValidateEvent("kirim.chat", "conversation.assigned", []byte(with)); err != nil {
		t.Error(err)
	}
}

func TestMetaBodiesStayOpen(t *testing.T) {
	message := `"type":"text","text":{"body":"Halo"}`
	cases := map[string]string{
		"unknown type":           strings.Replace(received, message, `"type":"hologram"`, 1),
		"type without an object": strings.Replace(received, message, `"type":"unknown","errors":[{"code":131051,"title":"Unknown"}]`, 1),
		"top-level kirim object": strings.Replace(received, `"entry"`, `"kirim":{"contact":{}},"entry"`, 1),
		"unknown field":          strings.Replace(received, `"from"`, `"new":[1],"from"`, 1),
		"number withheld": strings.NewReplacer(`"wa_id":"6281234567890"`, `"user_id":"ID.13491208655302741918"`,
			`"from":"6281234567890"`, `"from_user_id":"ID.13491208655302741918"`).Replace(received),
		"system without contacts": strings.NewReplacer(`"contacts":[{"profile":{"name":"Budi"},"wa_id":"6281234567890"}],`, ``,
			message, `"type":"system","system":{"type":"user_changed_number","body":"x"}`).Replace(received),
	}
	for name, body := range cases {
		if body == received {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if err := loaded(t).ValidateEvent("kckit", "message.received", []byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASetServesManyGoroutines(t *testing.T) {
	set := loaded(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := set.ValidateEvent("kckit", "message.received", []byte(received)); err != nil {
					t.Error(err)
				}
				if err := set.ValidateEvent("kckit", "message.received", []byte(assigned)); err == nil {
					t.Error("a Kirim event passes for Meta's body")
				}
			}
		})
	}
	all.Wait()
}

func TestABrokenSchemaFileIsNamed(t *testing.T) {
	cases := map[string]string{
		"not JSON":               `{`,
		"not a schema":           `{"type": 5}`,
		"a reference to no file": `{"$ref": "elsewhere.schema.json"}`,
	}
	for name, text := range cases {
		_, err := compile(fstest.MapFS{"a/odd.schema.json": {Data: []byte(text)}})
		if err == nil || !strings.HasPrefix(err.Error(), "schemas/a/odd.schema.json: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
