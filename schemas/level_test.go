package schemas

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const delivered = `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{` +
	`"messaging_product":"whatsapp","metadata":{"display_phone_number":"6285117600829",` +
	`"phone_number_id":"106540352242922"},` +
	`"statuses":[{"id":"wamid.HBgM","status":"sent","timestamp":"1716480000",` +
	`"recipient_id":"6281234567890"}]},"field":"messages"}]}]}`

// with replaces the text message of a body by another.
func with(message string) string {
	return strings.Replace(received, `"type":"text","text":{"body":"Halo"}`, message, 1)
}

// withStatus adds members to the status of a body.
func withStatus(members string) string {
	return strings.Replace(delivered, `"recipient_id"`, members+`,"recipient_id"`, 1)
}

const (
	unknownError = `"errors":[{"code":131051,"title":"Unknown","message":"Unknown",` +
		`"error_data":{"details":"Unsupported."}}]`
	medium  = `"sha256":"SfInY0gG","id":"1003"`
	answers = `"context":{"from":"6285117600829","id":"wamid.HBgN"},`
)

// relaxations are what real traffic and working receivers disagree with Meta's documentation in.
var relaxations = map[string]string{
	"display number for people": strings.Replace(received, `"6285117600829"`, `"+62 851-1760-0829"`, 1),
	"contact without a name":    strings.Replace(received, `{"name":"Budi"}`, `{}`, 1),
	"messages and statuses in a value": strings.Replace(received, `"messages":`,
		`"statuses":[{"id":"wamid.HBgN","status":"read","timestamp":"1716480000","recipient_id":"6281234567890"}],"messages":`, 1),
	"button without context":         with(`"type":"button","button":{"payload":"p","text":"t"}`),
	"interactive without its object": with(answers + `"type":"interactive"`),
	"reply without its sender":       with(`"context":{"id":"wamid.HBgN"},"type":"text","text":{"body":"Halo"}`),
	"list reply without a description": with(answers + `"type":"interactive",` +
		`"interactive":{"type":"list_reply","list_reply":{"id":"1","title":"t"}}`),
	"call permission until a number": with(answers + `"type":"interactive",` +
		`"interactive":{"type":"call_permission_reply","call_permission_reply":{"response":"accept",` +
		`"expiration_timestamp":1716480000}}`),
	"audio without voice":               with(`"type":"audio","audio":{"mime_type":"audio/ogg",` + medium + `}`),
	"document without a filename":       with(`"type":"document","document":{"mime_type":"application/pdf",` + medium + `}`),
	"sticker without animated":          with(`"type":"sticker","sticker":{"mime_type":"image/webp",` + medium + `}`),
	"reaction removed by an empty text": with(`"type":"reaction","reaction":{"message_id":"wamid.HBgN","emoji":""}`),
	"unsupported without its type":      with(`"type":"unsupported",` + unknownError),
	"unsupported of a new type":         with(`"type":"unsupported","unsupported":{"type":"hologram"},` + unknownError),
	"error without details":             with(`"type":"unknown","errors":[{"code":131051,"title":"Unknown"}]`),
	"older system message": with(`"type":"system","system":{"type":"customer_changed_number",` +
		`"body":"b","new_wa_id":"6281234567891"}`),
	"expiration on delivered": strings.Replace(withStatus(`"conversation":{"id":"cb8f8b3a1f7a4c2f9f0d5a6e7b8c9d0e",`+
		`"expiration_timestamp":"1716480000","origin":{"type":"service"}}`), `"sent"`, `"delivered"`, 1),
	"opaque conversation id":             withStatus(`"conversation":{"id":"CONVERSATION","origin":{"type":"service"}}`),
	"conversation that a user initiated": withStatus(`"conversation":{"id":"cb8f8b3a1f7a4c2f9f0d5a6e7b8c9d0e","origin":{"type":"user_initiated"}}`),
	"older category":                     withStatus(`"pricing":{"pricing_model":"CBP","category":"business_initiated"}`),
	"older pricing model":                withStatus(`"pricing":{"pricing_model":"NBP","category":"service"}`),
	"price by message without a type":    withStatus(`"pricing":{"pricing_model":"PMP","category":"service"}`),
}

// refused are deviations that the survey of public payloads put down to their authors: neither level takes them.
var refused = map[string]string{
	"timestamp as a number":    strings.Replace(received, `"1716480000"`, `1716480000`, 1),
	"message id without wamid": strings.Replace(received, `wamid.HBgM`, `HBgM`, 1),
	"placeholder for a number": strings.Replace(received, `"from":"6281234567890"`, `"from":"PHONE_NUMBER"`, 1),
	"message without contacts": strings.Replace(received, `"contacts":[{"profile":{"name":"Budi"},`+
		`"wa_id":"6281234567890"}],`, ``, 1),
	"message without type": with(`"text":{"body":"Halo"}`),
	"latitude as a text":   with(`"type":"location","location":{"latitude":"-6.2","longitude":106.8}`),
	"quantity as a text": with(`"type":"order","order":{"catalog_id":"1",` +
		`"product_items":[{"product_retailer_id":"a","quantity":"1","item_price":1,"currency":"IDR"}]}`),
	"flow answers as an object": with(answers + `"type":"interactive",` +
		`"interactive":{"type":"nfm_reply","nfm_reply":{"response_json":{}}}`),
	"flow answers that are no JSON": with(answers + `"type":"interactive",` +
		`"interactive":{"type":"nfm_reply","nfm_reply":{"response_json":"{"}}`),
	"unknown status":                 strings.Replace(delivered, `"sent"`, `"pondered"`, 1),
	"error on a status that is fine": withStatus(unknownError),
	"failed without an error":        strings.Replace(delivered, `"sent"`, `"failed"`, 1),
	"expiration as a number": withStatus(`"conversation":{"id":"cb8f8b3a1f7a4c2f9f0d5a6e7b8c9d0e",` +
		`"expiration_timestamp":1716480000,` +
		`"origin":{"type":"service"}}`),
	"empty entry":         `{"object":"whatsapp_business_account","entry":[]}`,
	"empty changes":       `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[]}]}`,
	"object of Instagram": strings.Replace(received, `whatsapp_business_account`, `instagram`, 1),
	"account field, no time": `{"object":"whatsapp_business_account","entry":[{"id":"1",` +
		`"changes":[{"value":{"decision":"APPROVED"},"field":"account_review_update"}]}]}`,
	"system, user id unknown": with(`"type":"system","system":{"type":"user_changed_user_id","body":"b",` +
		`"user_id":"13491208655302741918"}`),
}

func TestTheObservedLevelTakesWhatRealTrafficHolds(t *testing.T) {
	set := loaded(t)
	for name, body := range relaxations {
		if body == received || body == delivered {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := set.ValidateMeta(Documented, []byte(body)); err == nil {
			t.Errorf("%s is valid to the letter of the documentation", name)
		}
		if _, err := set.ValidateMeta(Observed, []byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNeitherLevelTakesWhatOnlyAuthorsWrote(t *testing.T) {
	set := loaded(t)
	for name, body := range refused {
		if body == received || body == delivered {
			t.Fatalf("%s: the case changes nothing", name)
		}
		for _, level := range Levels() {
			if _, err := set.ValidateMeta(level, []byte(body)); err == nil {
				t.Errorf("%s is valid at level %s", name, level)
			}
		}
	}
}

func TestBothLevelsTakeWhatMetaMaySend(t *testing.T) {
	accountAlert := `{"object":"whatsapp_business_account","entry":[{"id":"1","time":1716480000,"changes":[` +
		`{"value":{"decision":"APPROVED"},"field":"account_review_update"}]}]}`
	cases := map[string]string{
		"a message":                 received,
		"a status":                  delivered,
		"changes of several fields": strings.Replace(accountAlert, `]}]}`, `,{"value":{},"field":"holograms"}]}]}`, 1),
		"messages beside statuses": strings.Replace(received, `}]}]}`, `},`+
			``+delivered[strings.Index(delivered, `{"value"`):], 1),
		"errors of the account": delivered[:strings.Index(delivered, `"statuses"`)] + unknownError + delivered[strings.Index(delivered, `},"field"`):],
		"contacts with a status": strings.Replace(delivered, `"statuses"`,
			`"contacts":[{"profile":{"name":"Budi"},"user_id":"ID.1"}],"statuses"`, 1),
		"status of a withheld number": strings.Replace(delivered, `"recipient_id":"6281234567890"`,
			`"recipient_user_id":"ID.13491208655302741918"`, 1),
		"time with a message": strings.Replace(received, `"changes"`, `"time":1716480000,"changes"`, 1),
		"a price without conversation": withStatus(`"pricing":{"billable":true,"pricing_model":"PMP",` +
			`"type":"regular","category":"authentication-international"}`),
	}
	for name, body := range cases {
		for _, level := range Levels() {
			if _, err := loaded(t).ValidateMeta(level, []byte(body)); err != nil {
				t.Errorf("%s, level %s: %v", name, level, err)
			}
		}
	}
}

// Kirim forwards a body that holds both under the type of what is there, messages first (reading Q3).
func TestAMixedBodyIsAMessageReceivedAndAMessageStatus(t *testing.T) {
	mixed := relaxations["messages and statuses in a value"]
	for _, event := range []string{"message.received", "message.status"} {
		if err := loaded(t).ValidateEvent("kckit", event, []byte(mixed)); err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}
	err := loaded(t).ValidateEvent("kckit", "message.received", []byte(delivered))
	want := "/entry: must have an entry with a change of the field messages whose value has messages"
	if err == nil || err.Error() != want {
		t.Errorf("a status as message.received: got %v, want %s", err, want)
	}
}

func TestUnknownLevelIsAnErrorOfItsOwn(t *testing.T) {
	_, err := loaded(t).ValidateMeta("rumoured", []byte(received))
	if err == nil || err.Error() != `no level "rumoured"; there are: documented, observed` {
		t.Errorf("got %v", err)
	}
	if v := loaded(t).Vocabulary("rumoured"); v.MessageTypes != nil {
		t.Errorf("got %v", v)
	}
}

func TestMergePatchKeepsRFC7386(t *testing.T) {
	// Examples of the RFC's appendix A.
	cases := [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	}
	for _, c := range cases {
		var target, patch, want any
		for i, into := range []*any{&target, &patch, &want} {
			if err := json.Unmarshal([]byte(c[i]), into); err != nil {
				t.Fatal(err)
			}
		}
		if got := mergePatch(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s with %s: got %v, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestEveryPatchRelaxesSomethingThatIsThere(t *testing.T) {
	patches, err := files.ReadDir("meta/observed")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range patches {
		name := strings.TrimSuffix(entry.Name(), patchSuffix)
		text, err := files.ReadFile("meta/observed/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		patch, problem := decode(text)
		if problem != nil {
			t.Fatalf("%s: %s", entry.Name(), problem)
		}
		var walk func(target, patch any, pointer string)
		walk = func(target, patch any, pointer string) {
			changes, ok := patch.(map[string]any)
			if !ok {
				return
			}
			members, _ := target.(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(changes)) {
				member, there := members[key]
				if !there && changes[key] == nil {
					t.Errorf("%s: there is no %s/%s to remove", entry.Name(), pointer, key)
				}
				walk(member, changes[key], pointer+"/"+key)
			}
		}
		walk(loaded(t).sources[base+Documented.file(name)+suffix], patch, "")
	}
}

func TestAPatchOfNothingIsNamed(t *testing.T) {
	_, err := compile(fstest.MapFS{"meta/observed/odd.patch.json": {Data: []byte(`{}`)}})
	if err == nil || err.Error() != "schemas/meta/observed/odd.patch.json: there is no schema of this name at level documented" {
		t.Errorf("got %v", err)
	}
}
