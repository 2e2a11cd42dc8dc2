package reports

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestRedactorString(t *testing.T) {
	const secret, odd = "whsec_c2VjcmV0IQ+/=", `pa"ss<wö😀rd/1 2`
	tests := map[string]struct {
		secrets []string
		give    string
		want    string
	}{
		"no secrets":               {nil, "nothing to hide", "nothing to hide"},
		"an empty secret":          {[]string{""}, "nothing to hide", "nothing to hide"},
		"as it is":                 {[]string{secret}, "key=" + secret + ".", "key=[redacted]."},
		"twice":                    {[]string{secret}, secret + secret, "[redacted][redacted]"},
		"without its label":        {[]string{secret}, "key c2VjcmV0IQ+/=", "key [redacted]"},
		"a short rest is too weak": {[]string{"whsec_abc"}, "abc whsec_abc", "abc [redacted]"},
		"percent-encoded":          {[]string{secret}, "?k=" + url.QueryEscape(secret), "?k=[redacted]"},
		"percent-encoded in lower case": {[]string{secret}, "?k=" + strings.ToLower("whsec_") + "c2VjcmV0IQ%2b%2f%3d",
			"?k=[redacted]"},
		"percent-encoded path":     {[]string{odd}, "/" + url.PathEscape(odd), "/[redacted]"},
		"spaces as %20":            {[]string{"one two three"}, "one%20two%20three one+two+three", "[redacted] [redacted]"},
		"base64":                   {[]string{secret}, base64.StdEncoding.EncodeToString([]byte(secret)), "[redacted]"},
		"base64 without padding":   {[]string{secret}, base64.RawURLEncoding.EncodeToString([]byte(secret)), "[redacted]"},
		"JSON":                     {[]string{odd}, marshal(odd), `"[redacted]"`},
		"JSON without HTML escape": {[]string{odd}, `{"a":"pa\"ss<wö😀rd/1 2"}`, `{"a":"[redacted]"}`},
		"JSON in ASCII":            {[]string{odd}, `{"a":"pa\"ss<w\u00f6\ud83d\ude00rd/1 2"}`, `{"a":"[redacted]"}`},
		"JSON with escaped solidus": {[]string{odd}, `{"a":"pa\"ss<wö😀rd\/1 2"}`,
			`{"a":"[redacted]"}`},
		"a secret that begins another": {[]string{"token-1", "token-12"}, "token-12 token-1", "[redacted] [redacted]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(NewRedactor(test.secrets...).String(test.give)).To(Equal(test.want))
		})
	}
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestASecretInsideLongerBase64IsFound(t *testing.T) {
	const secret = "whsec_9f86d081884c7d65"
	redactor := NewRedactor(secret)
	for before := range 7 {
		for after := range 7 {
			text := strings.Repeat("<", before) + secret + strings.Repeat(">", after)
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				got := redactor.String(enc.EncodeToString([]byte(text)))
				NewWithT(t).Expect(got).To(ContainSubstring("[redacted]"), "%d bytes before, %d after", before, after)
				NewWithT(t).Expect(len(got)).To(BeNumerically("<=", len("[redacted]")+(before+after)*4/3+8))
			}
		}
	}
}

func TestRedactURL(t *testing.T) {
	tests := map[string]string{
		"https://hooks.example.com/kirim":                                   "https://hooks.example.com/kirim",
		"https://user:pass@hooks.example.com/kirim":                         "https://user:[redacted]@hooks.example.com/kirim",
		"https://user:p@ss:w@hooks.example.com/":                            "https://user:[redacted]@hooks.example.com/",
		"https://token@hooks.example.com/":                                  "https://[redacted]@hooks.example.com/",
		"https://hooks.example.com/a@b":                                     "https://hooks.example.com/a@b",
		"https://hooks.example.com/?key=1&b=&c=3#end":                       "https://hooks.example.com/?key=[redacted]&b=&c=[redacted]#end",
		"https://hooks.example.com/?lonely-token":                           "https://hooks.example.com/?[redacted]",
		"https://h/?hub.mode=subscribe&hub.verify_token=t&hub.challenge=42": "https://h/?hub.mode=subscribe&hub.verify_token=[redacted]&hub.challenge=42",
		"https://h/?a=b=c":                                                  "https://h/?a=[redacted]",
		"://%zz?key=1":                                                      "://%zz?key=[redacted]",
		"":                                                                  "",
	}
	for give, want := range tests {
		NewWithT(t).Expect(RedactURL(give)).To(Equal(want))
	}
}

func TestCredentialHeadersAreRedacted(t *testing.T) {
	g := NewWithT(t)
	report := sampleReport().Report()
	seen := map[string]int{}
	for _, req := range report.Requirements {
		for _, spec := range req.Specs {
			for _, x := range spec.Exchanges {
				headers := x.Request.Header
				if x.Response != nil {
					headers = append(headers, x.Response.Header...)
				}
				for _, h := range headers {
					seen[h.Name+": "+h.Value]++
				}
			}
		}
	}
	g.Expect(seen).To(HaveKey("Authorization: [redacted]"))
	g.Expect(seen).To(HaveKey("Set-Cookie: [redacted]"))
	g.Expect(seen).To(HaveKey("X-Kirim-Event: message.received"))
	for _, name := range []string{"AUTHORIZATION", "cookie", "Proxy-Authorization", "x-api-key"} {
		h := Header{Name: name, Value: "v"}
		redactByType(&h)
		g.Expect(h.Value).To(Equal("[redacted]"), name)
	}
}

// fill sets every plain string that can be reached from v to text.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	}
}

func TestNoStringFieldOfAReportKeepsASecret(t *testing.T) {
	g := NewWithT(t)
	const secret = "whsec_everywhere-at-once"
	var report Report
	fill(reflect.ValueOf(&report).Elem(), "before "+secret+" after")
	before := fmt.Sprintf("%+v", marshal(report))
	g.Expect(strings.Count(before, secret)).To(BeNumerically(">", 60), "the report was filled")

	clean := NewRedactor(secret).Report(report)
	g.Expect(marshal(clean.Report())).NotTo(ContainSubstring("everywhere"))
	g.Expect(marshal(report)).To(Equal(before), "the given report is not changed")
}

// A verify token that is a word of ours is hidden where the target could have said it, and leaves ids and sentences whole.
func TestASecretThatIsACommonWordLeavesOurTextWhole(t *testing.T) {
	g := NewWithT(t)
	report := Report{Requirements: []RequirementResult{{
		ID: "meta-receiver.handshake.challenge", Sentence: "What Meta's meta page asks.",
		Specs: []SpecResult{{Verdict: Fail, Rerun: "kirimcheck certify --label-filter meta-receiver.handshake.challenge", Seen: `the body "meta"`}},
	}}}
	clean := NewRedactor("meta").Report(report).Report().Requirements[0]
	g.Expect(clean.ID).To(Equal(report.Requirements[0].ID))
	g.Expect(clean.Sentence).To(Equal(report.Requirements[0].Sentence))
	g.Expect(clean.Specs[0].Rerun).To(Equal(report.Requirements[0].Specs[0].Rerun))
	g.Expect(clean.Specs[0].Seen).To(Equal(`the body "[redacted]"`))
}

func TestWhatAURLHidesIsRedactedWhereverItIsQuoted(t *testing.T) {
	g := NewWithT(t)
	in := sampleInput()
	in.Errors = []string{
		`Post "https://user:hunter2@hooks.example.com/kirim?key=topsecret": connection refused`,
		"GET /kirim?key=topsecret as user with hunter2",
	}
	text := marshal(new(Redactor).Report(Build(in)).Report())
	g.Expect(text).NotTo(ContainSubstring("hunter2"))
	g.Expect(text).NotTo(ContainSubstring("topsecret"))
	g.Expect(text).To(ContainSubstring(`hooks.example.com/kirim?key=[redacted]`))
}

func TestExchangesOfAPassAreLeftOut(t *testing.T) {
	g := NewWithT(t)
	built := Build(sampleInput())
	clean := sampleReport().Report()
	for i, req := range clean.Requirements {
		for j, spec := range req.Specs {
			if spec.Verdict == Pass {
				g.Expect(spec.Exchanges).To(BeNil())
				continue
			}
			g.Expect(spec.Exchanges).To(HaveLen(len(built.Requirements[i].Specs[j].Exchanges)))
		}
	}
	g.Expect(built.Requirements[0].Specs[0].Exchanges).To(HaveLen(1), "the given report is not changed")
}
