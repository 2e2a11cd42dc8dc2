package schemas

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestWhatIsNotKnownIsFoundAndNoFault(t *testing.T) {
	const value = "/entry/0/changes/0/value"
	member := ": a member that is not known"
	replace := func(old, new string) string { return strings.Replace(received, old, new, 1) }
	cases := map[string]struct {
		body string
		want []string
	}{
		"nothing":   {received, nil},
		"top level": {replace(`"entry"`, `"kirim":{"contact":{}},"entry"`), []string{"/kirim" + member}},
		"entry, change, value, message, text": {
			strings.NewReplacer(`"changes"`, `"a":1,"changes"`, `"field"`, `"b":1,`+
				`"field"`, `"metadata"`, `"c":[],"metadata"`,
				`"from"`, `"d/e~":{},"from"`, `"body"`, `"f":null,"body"`).Replace(received),
			[]string{"/entry/0/a" + member, "/entry/0/changes/0/b" + member, value + "/c" + member,
				value + "/messages/0/d~1e~0" + member, value + "/messages/0/text/f" + member},
		},
		"what is inside an unknown member is not listed": {replace(`"from"`, `"new":{"x":{"y":1}},"from"`),
			[]string{value + "/messages/0/new" + member}},
		"the content of another type": {replace(`"type":"text"`, `"image":{},`+
			`"type":"text"`), []string{value + "/messages/0/image" + member}},
		"message type": {with(`"type":"hologram","hologram":{"depth":3}`), []string{
			value + "/messages/0/hologram" + member, value + `/messages/0/type: "hologram" is a message type that is not known`}},
		"interactive type": {with(answers + `"type":"interactive","interactive":{"type":"payment_method",` +
			`"payment_method":{}}`), []string{
			value + "/messages/0/interactive/payment_method" + member,
			value + `/messages/0/interactive/type: "payment_method" is a message type that is not known`}},
		"type of an edited message": {with(`"type":"edit","edit":{"original_message_id":"wamid.HBgN",` +
			`"message":{"type":"hologram"}}`),
			[]string{value + `/messages/0/edit/message/type: "hologram" is a message type that is not known`}},
		"webhook field": {replace(`"field":"messages"`, `"field":"holograms"`),
			[]string{`/entry/0/changes/0/field: "holograms" is a webhook field that is not known`}},
	}
	for name, c := range cases {
		for _, level := range Levels() {
			findings, err := loaded(t).ValidateMeta(level, []byte(c.body))
			if err != nil {
				t.Errorf("%s, level %s: %v", name, level, err)
			}
			if got := findings.Lines(); !slices.Equal(got, c.want) || findings.Empty() != (c.want == nil) {
				t.Errorf("%s, level %s: got\n%s\nwant\n%s", name, level, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		}
	}
}

func TestTheLevelsKnowDifferentTypes(t *testing.T) {
	body := []byte(with(`"type":"request_welcome"`))
	for level, want := range map[Level]int{Documented: 1, Observed: 0} {
		findings, err := loaded(t).ValidateMeta(level, body)
		if err != nil || len(findings.UnknownMessageTypes) != want {
			t.Errorf("level %s: %v, %v", level, findings, err)
		}
	}
	for _, level := range Levels() {
		if v := loaded(t).Vocabulary(level); !slices.Contains(v.StatusKinds, "played") || !slices.Contains(v.WebhookFields, "calls") {
			t.Errorf("level %s knows %v", level, v)
		}
	}
}

func TestFindingsComeWithAnErrorToo(t *testing.T) {
	body := strings.NewReplacer(`"1716480000"`, `1716480000`, `"from"`, `"new":1,"from"`).Replace(received)
	findings, err := loaded(t).ValidateMeta(Observed, []byte(body))
	if got := sentences(t, err); len(got) != 1 || len(findings.UnknownFields) != 1 {
		t.Errorf("got %q, %v", got, findings)
	}
	if findings, err := loaded(t).ValidateMeta(Observed, []byte(`{`)); len(sentences(t, err)) != 1 || !findings.Empty() {
		t.Errorf("got %v, %v", findings, err)
	}
}

func TestNumbersThatWouldCrashTheValidatorAreRefused(t *testing.T) {
	for _, number := range []string{"1e999999999", "1e-999999999", "-1E+401", strings.Repeat("9", 1_000_000), "1e99999999999999999999"} {
		body := with(`"type":"location","location":{"longitude":1,"latitude":` + number + `}`)
		_, err := loaded(t).ValidateMeta(Observed, []byte(body))
		got := sentences(t, err)
		if len(got) != 1 || !strings.HasPrefix(got[0], "/entry/0/changes/0/value/messages/0/location/latitude: is a number beyond all bounds: ") {
			t.Errorf("%.20s: got %q", number, got)
		}
	}
}

func TestMetaValidationServesManyGoroutines(t *testing.T) {
	set := loaded(t)
	unknown := []byte(with(`"type":"hologram"`))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, level := range slices.Repeat(Levels(), 20) {
				if _, err := set.ValidateMeta(level, []byte(received)); err != nil {
					t.Error(err)
				}
				if f, err := set.ValidateMeta(level, unknown); err != nil || len(f.UnknownMessageTypes) != 1 {
					t.Errorf("got %v, %v", f, err)
				}
				if _, err := set.ValidateMeta(level, []byte(assigned)); err == nil {
					t.Error("a Kirim event passes for Meta's body")
				}
			}
		})
	}
	all.Wait()
}
