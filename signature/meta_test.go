package signature_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/signature"
)

const (
	appSecret   = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
)

var metaBody = []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","name":"Ay\u00fa \/ 1.0"}]}`)

// Independent words for the same construction: RFC 4231 and RFC 2202 for the MACs, GitHub's documentation of its own
// X-Hub-Signature-256 for the whole header, and openssl for a body of Meta's kind.
func TestMetaHeadersAgreeWithPublishedVectors(t *testing.T) {
	for name, c := range map[string]struct {
		sign         func(string, []byte) string
		secret, body string
		want         string
	}{
		"RFC 4231, test case 2": {signature.MetaHeader, "Jefe", "what do ya want for nothing?",
			"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"RFC 2202, test case 2": {signature.MetaHeaderSHA1, "Jefe", "what do ya want for nothing?",
			"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		"GitHub, validating webhook deliveries": {signature.MetaHeader, "It's a Secret to Everybody", "Hello, World!",
			"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		"openssl dgst -sha256": {signature.MetaHeader, appSecret, string(metaBody),
			"sha256=eea2cf579900bd7b5f0ec01a6deccd24a84e0d74a0911f76babfcc15849bae8e"},
		"openssl dgst -sha1": {signature.MetaHeaderSHA1, appSecret, string(metaBody),
			"sha1=9eff1470c9b62e3b95328f5a0d1dd1f83813a678"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.sign(c.secret, []byte(c.body)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestMetaVerifyTakesWhatMetaSends(t *testing.T) {
	v := signature.MetaVerifier{Secret: appSecret}
	if err := v.Verify(signature.MetaHeader(appSecret, metaBody), metaBody); err != nil {
		t.Errorf("X-Hub-Signature-256: %v", err)
	}
	if err := v.VerifySHA1(signature.MetaHeaderSHA1(appSecret, metaBody), metaBody); err != nil {
		t.Errorf("X-Hub-Signature: %v", err)
	}
	if err := v.Verify(signature.MetaHeader(appSecret, nil), nil); err != nil {
		t.Errorf("an empty body: %v", err)
	}
}

func TestMetaVerifyNamesTheReasonOfARefusal(t *testing.T) {
	good := signature.MetaHeader(appSecret, metaBody)
	digest := strings.TrimPrefix(good, "sha256=")
	old := signature.MetaHeaderSHA1(appSecret, metaBody)
	for name, c := range map[string]struct {
		header string
		want   signature.Reason
	}{
		"no header":                    {"", signature.HeaderMissing},
		"blank header":                 {"  ", signature.HeaderMissing},
		"digest without its prefix":    {digest, signature.PrefixMissing},
		"prefix in other case":         {"SHA256=" + digest, signature.PrefixMissing},
		"prefix of the old header":     {"sha1=" + digest, signature.PrefixMissing},
		"the old signature":            {old, signature.PrefixMissing},
		"blank before the prefix":      {" " + good, signature.PrefixMissing},
		"Kirim's signature":            {"t=1779530400,v1=" + digest, signature.PrefixMissing},
		"prefix alone":                 {"sha256=", signature.DigestMalformed},
		"old digest under the new":     {"sha256=" + strings.TrimPrefix(old, "sha1="), signature.DigestMalformed},
		"truncated digest":             {good[:len(good)-2], signature.DigestMalformed},
		"extended digest":              {good + "00", signature.DigestMalformed},
		"blank behind the digest":      {good + " ", signature.DigestMalformed},
		"upper-case digest":            {"sha256=" + strings.ToUpper(digest), signature.DigestMalformed},
		"two signatures in one header": {good + "," + good, signature.DigestMalformed},
		"digest that is not hex":       {"sha256=" + strings.Repeat("z", 64), signature.DigestMalformed},
		"not hex in the middle":        {good[:40] + "-" + good[41:], signature.DigestMalformed},
		"text outside ASCII":           {"sha256=" + strings.Repeat("é", 32), signature.DigestMalformed},
		"bytes that are not UTF-8":     {"sha256=" + strings.Repeat("\xff", 64), signature.DigestMalformed},
		"last digit changed":           {good[:len(good)-1] + "9", signature.NoMatch}, // it is an e
		"other secret":                 {signature.MetaHeader(otherSecret, metaBody), signature.NoMatch},
		"empty secret":                 {signature.MetaHeader("", metaBody), signature.NoMatch},
		"other body":                   {signature.MetaHeader(appSecret, append(bytes.Clone(metaBody), '\n')), signature.NoMatch},
		"body with its slash unescaped": {
			signature.MetaHeader(appSecret, bytes.ReplaceAll(metaBody, []byte(`\/`), []byte(`/`))), signature.NoMatch,
		},
	} {
		t.Run(name, func(t *testing.T) {
			expectRefusal(t, signature.MetaVerifier{Secret: appSecret}.Verify(c.header, metaBody), c.want)
		})
	}
}

func TestMetaVerifyKeepsTheTwoHeadersApart(t *testing.T) {
	v := signature.MetaVerifier{Secret: appSecret}
	expectRefusal(t, v.VerifySHA1(signature.MetaHeader(appSecret, metaBody), metaBody), signature.PrefixMissing)
	expectRefusal(t, v.VerifySHA1(signature.MetaHeaderSHA1(otherSecret, metaBody), metaBody), signature.NoMatch)
	expectRefusal(t, v.VerifySHA1("sha1="+strings.Repeat("0", 64), metaBody), signature.DigestMalformed)
}

func TestMetaVerifyWithoutASecretRefusesEvenASignatureUnderNone(t *testing.T) {
	expectRefusal(t, signature.MetaVerifier{}.Verify(signature.MetaHeader("", metaBody), metaBody), signature.NoSecret)
}

func expectRefusal(t *testing.T, err error, want signature.Reason) {
	t.Helper()
	var refusal *signature.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
	if refusal.Reason != want {
		t.Errorf("reason %s, want %s", refusal.Reason, want)
	}
	digest := strings.TrimPrefix(signature.MetaHeader(appSecret, metaBody), "sha256=")
	if strings.Contains(err.Error(), appSecret) || strings.Contains(err.Error(), digest) {
		t.Errorf("the error gives the secret or the MAC away: %v", err)
	}
}

func FuzzMetaVerifyNeverTakesWhatWasNotSigned(f *testing.F) {
	f.Add("", []byte(nil))
	f.Add("sha256=", []byte("{}"))
	f.Add("sha256="+strings.Repeat("0", 64), []byte("{}"))
	f.Add("sha256="+strings.Repeat("é", 32), []byte(`{"name":"\u00e9"}`))
	f.Add("sha256=\xff\xfe", []byte("\xef\xbb\xbf{}"))
	f.Add(signature.MetaHeader(otherSecret, []byte("{}")), []byte("{}"))
	f.Add(signature.MetaHeaderSHA1(appSecret, []byte("{}")), []byte("{}"))
	f.Fuzz(func(t *testing.T, header string, payload []byte) {
		v := signature.MetaVerifier{Secret: appSecret}
		good := signature.MetaHeader(appSecret, payload)
		if err := v.Verify(good, payload); err != nil {
			t.Errorf("refused a genuine signature: %v", err)
		}
		err := v.Verify(header, payload)
		var refusal *signature.Refusal
		switch {
		case header == good:
			// The fuzzer would have to break HMAC to come here.
		case err == nil:
			t.Errorf("took header %q", header)
		case !errors.As(err, &refusal) || refusal.Reason == "" || refusal.Detail == "":
			t.Errorf("not a refusal with a reason: %v", err)
		}
	})
}
