package signature_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/kirimcheck/kirimcheck/signature"
)

const (
	standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	standardOther  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	standardID     = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
)

// standard signs the body of the tests.
func standard(t *testing.T, id string, at int64, secrets ...string) signature.StandardSigned {
	t.Helper()
	value, err := signature.StandardHeader(id, at, body, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return signature.StandardSigned{ID: id, Timestamp: strconv.FormatInt(at, 10), Signature: value}
}

// The scheme's own public Go library, in both directions.
func TestAgreesWithThePublicLibraryOfStandardWebhooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		library, err := standardwebhooks.NewWebhook(standardSecret)
		if err != nil {
			t.Fatal(err)
		}
		header := func(s signature.StandardSigned) http.Header {
			h := http.Header{}
			h.Set(standardwebhooks.HeaderWebhookID, s.ID)
			h.Set(standardwebhooks.HeaderWebhookTimestamp, s.Timestamp)
			h.Set(standardwebhooks.HeaderWebhookSignature, s.Signature)
			return h
		}
		for name, s := range map[string]signature.StandardSigned{
			"one secret":            standard(t, standardID, now.Unix(), standardSecret),
			"the second of two":     standard(t, standardID, now.Unix(), standardOther, standardSecret),
			"at the tolerance":      standard(t, standardID, now.Unix()-300, standardSecret),
			"an id of another form": standard(t, "wamid.HBgLNjI4MTE=", now.Unix(), standardSecret),
		} {
			if err := library.Verify(body, header(s)); err != nil {
				t.Errorf("%s: the library refuses ours: %v", name, err)
			}
		}
		for name, s := range map[string]signature.StandardSigned{
			"another secret":     standard(t, standardID, now.Unix(), standardOther),
			"past the tolerance": standard(t, standardID, now.Unix()-301, standardSecret),
		} {
			if library.Verify(body, header(s)) == nil {
				t.Errorf("%s: the library takes ours", name)
			}
		}

		signed, err := library.Sign(standardID, now, body)
		if err != nil {
			t.Fatal(err)
		}
		v := signature.StandardVerifier{Secrets: []string{standardSecret}, Tolerance: tolerance}
		theirs := signature.StandardSigned{ID: standardID, Timestamp: strconv.FormatInt(now.Unix(), 10), Signature: signed}
		if err := v.Verify(theirs, body, now); err != nil {
			t.Errorf("we refuse the library's: %v", err)
		}
		if v.Verify(theirs, append([]byte(" "), body...), now) == nil {
			t.Error("we take the library's signature for another body")
		}
	})
}

func TestStandardVerifyTakesAnyPairAndPassesOverOtherVersions(t *testing.T) {
	good := standard(t, standardID, signedAt, standardSecret)
	both := standard(t, standardID, signedAt, standardOther, standardSecret)
	for name, s := range map[string]signature.StandardSigned{
		"the only signature":       good,
		"the second signature":     both,
		"an asymmetric one beside": {ID: good.ID, Timestamp: good.Timestamp, Signature: "v1a,abc " + good.Signature},
		"one without comma beside": {ID: good.ID, Timestamp: good.Timestamp, Signature: "v1 " + good.Signature},
		"blanks between":           {ID: good.ID, Timestamp: good.Timestamp, Signature: " " + good.Signature + "  v1,zz"},
	} {
		v := signature.StandardVerifier{Secrets: []string{standardSecret}, Tolerance: tolerance}
		if err := v.Verify(s, body, time.Unix(signedAt, 0)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The prefix is a label and no part of the key.
	v := signature.StandardVerifier{Secrets: []string{strings.TrimPrefix(standardSecret, "whsec_")}, Tolerance: tolerance}
	if err := v.Verify(good, body, time.Unix(signedAt, 0)); err != nil {
		t.Errorf("a secret without its prefix: %v", err)
	}
}

func TestStandardVerifyNamesTheReasonOfARefusal(t *testing.T) {
	good := standard(t, standardID, signedAt, standardSecret)
	for name, c := range map[string]struct {
		change func(s *signature.StandardSigned)
		secret string
		offset time.Duration
		want   signature.Reason
	}{
		"no id":                    {func(s *signature.StandardSigned) { s.ID = "" }, standardSecret, 0, signature.IDMissing},
		"another id":               {func(s *signature.StandardSigned) { s.ID += "x" }, standardSecret, 0, signature.NoMatch},
		"no timestamp":             {func(s *signature.StandardSigned) { s.Timestamp = "" }, standardSecret, 0, signature.TimestampMissing},
		"a word for a timestamp":   {func(s *signature.StandardSigned) { s.Timestamp = "now" }, standardSecret, 0, signature.TimestampNotNumeric},
		"another timestamp":        {func(s *signature.StandardSigned) { s.Timestamp = "1779530401" }, standardSecret, 0, signature.NoMatch},
		"no signature":             {func(s *signature.StandardSigned) { s.Signature = "" }, standardSecret, 0, signature.HeaderMissing},
		"another version alone":    {func(s *signature.StandardSigned) { s.Signature = "v2,abc" }, standardSecret, 0, signature.SignatureMissing},
		"hexadecimal digits":       {func(s *signature.StandardSigned) { s.Signature = "v1,00ff" }, standardSecret, 0, signature.NoMatch},
		"another secret":           {func(*signature.StandardSigned) {}, standardOther, 0, signature.NoMatch},
		"no secret":                {func(*signature.StandardSigned) {}, "", 0, signature.NoSecret},
		"a secret in plain text":   {func(*signature.StandardSigned) {}, "whsec_not base64", 0, signature.SecretMalformed},
		"a secret without content": {func(*signature.StandardSigned) {}, "whsec_", 0, signature.SecretMalformed},
		"too old":                  {func(*signature.StandardSigned) {}, standardSecret, tolerance + time.Second, signature.TooOld},
		"too new":                  {func(*signature.StandardSigned) {}, standardSecret, -tolerance - time.Second, signature.TooNew},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			c.change(&s)
			err := signature.StandardVerifier{Secrets: []string{c.secret}, Tolerance: tolerance}.Verify(s, body, time.Unix(signedAt, 0).Add(c.offset))
			var refusal *signature.Refusal
			if !errors.As(err, &refusal) || refusal.Reason != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if c.secret != "" && strings.Contains(err.Error(), strings.TrimPrefix(c.secret, "whsec_")) && c.secret != "whsec_" {
				t.Errorf("the error gives the secret away: %v", err)
			}
		})
	}
	if _, err := signature.StandardHeader(standardID, signedAt, body, "whsec_not base64"); err == nil {
		t.Error("signed with a secret that is not of the scheme's form")
	}
}

func FuzzStandardVerifyNeverTakesWhatWasNotSigned(f *testing.F) {
	f.Add("msg_1", "1779530400", "v1,abc v1a,abc", []byte("{}"))
	f.Add("", "", ",,, ", []byte(nil))
	f.Fuzz(func(t *testing.T, id, timestamp, value string, payload []byte) {
		v := signature.StandardVerifier{Secrets: []string{standardSecret}, Tolerance: tolerance}
		s := signature.StandardSigned{ID: id, Timestamp: timestamp, Signature: value}
		if v.Verify(s, payload, time.Unix(signedAt, 0)) == nil {
			t.Errorf("took %+v", s)
		}
	})
}
