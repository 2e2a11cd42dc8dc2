package emitter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// Known to nobody but these tests.
const testSecret = "whsec_a2V5IG9mIHRoZSB0ZXN0cw=="

// hmacHex is HMAC-SHA256 without any of this project's code.
func hmacHex(key, message string) string {
	mac := hmac.New(sha256.New, []byte(key))
	// hash.Hash.Write never returns an error (package hash).
	_, _ = mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestTemplateWritesEveryPlaceholder(t *testing.T) {
	const body = "{\"a\":\"\xff\"}"
	genuine := hmacHex(testSecret, "1700000000."+body)
	for template, want := range map[Template]string{
		DefaultSignature:             "t=1700000000,v1=" + genuine,
		EmptySignature:               " ",
		"{t}":                        "1700000000",
		"{t+1}":                      "1700000001",
		"{t*1000}":                   "1700000000000",
		"{mac}":                      genuine,
		"{ mac  upper }":             strings.ToUpper(genuine),
		"{mac key=wrong}":            hmacHex(WrongSecret, "1700000000."+body),
		"{mac key=empty}":            hmacHex("", "1700000000."+body),
		"{mac key=stripped}":         hmacHex("a2V5IG9mIHRoZSB0ZXN0cw==", "1700000000."+body),
		"{mac key=base64}":           hmacHex("key of the tests", "1700000000."+body),
		"{mac over=body}":            hmacHex(testSecret, body),
		"{mac over=ms}":              hmacHex(testSecret, "1700000000000."+body),
		"{mac first=0}":              "",
		"{mac first=1}":              genuine[:1],
		"{mac first=64}":             genuine,
		"{mac first=10 upper}":       strings.ToUpper(genuine[:10]),
		"{mac over=body key=wrong}":  hmacHex(WrongSecret, body),
		"{mac over=body key=base64}": hmacHex("key of the tests", body),
		"t={t},v1={mac},v1={mac}00":  "t=1700000000,v1=" + genuine + ",v1=" + genuine + "00",
		"$T `id` no placeholder":     "$T `id` no placeholder",
	} {
		got, err := template.render(signing{t: 1700000000, body: []byte(body), secret: testSecret, prefix: "whsec_"})
		if err != nil || got != want {
			t.Errorf("%q became\n%q, %v, want\n%q", template, got, err, want)
		}
	}
}

func TestBase64KeyIsTakenWithAndWithoutPadding(t *testing.T) {
	for _, secret := range []string{testSecret, strings.TrimRight(testSecret, "="), base64.StdEncoding.EncodeToString([]byte("key of the tests"))} {
		got, err := Template("{mac key=base64}").render(signing{t: 1, secret: secret, prefix: "whsec_"})
		if want := hmacHex("key of the tests", "1."); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", secret, got, err, want)
		}
	}
}

func TestTemplateThatMeansNothingIsAnError(t *testing.T) {
	for template, want := range map[Template]string{
		"t={T}":                 `{T}: an unknown placeholder`,
		"t={}":                  `{}: an empty placeholder`,
		"t={ }":                 `an empty placeholder`,
		"{t seconds}":           `unknown option "seconds"`,
		"{t+1 upper}":           `unknown option "upper"`,
		"{t+2}":                 `an unknown placeholder`,
		"{MAC}":                 `an unknown placeholder`,
		"{mac lower}":           `unknown option "lower"`,
		"{mac upper=1}":         `unknown option "upper=1"`,
		"{mac key}":             `unknown option "key"`,
		"{mac key=right}":       `unknown option "key=right"`,
		"{mac over=t}":          `unknown option "over=t"`,
		"{mac first}":           `"" is not a number of digits`,
		"{mac first=x}":         `"x" is not a number of digits`,
		"{mac first=-1}":        `"-1" is not a number of digits`,
		"{mac first=65}":        `"65" is not a number of digits`,
		"{t},{mac first=1 odd}": `{mac first=1 odd}: unknown option "odd"`,
	} {
		got, err := template.render(signing{t: 1, secret: testSecret})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), string(template)) {
			t.Errorf("%q became %q, %v; want an error with the template and %q", template, got, err, want)
		}
	}
	if _, err := Template("{mac key=base64}").render(signing{secret: "whsec_not base64!", prefix: "whsec_"}); err == nil ||
		strings.Contains(err.Error(), "not base64!") || !strings.Contains(err.Error(), "is not base64") {
		t.Errorf("a secret that is not base64: %v", err)
	}
}
