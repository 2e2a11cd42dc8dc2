package signature_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stripe/stripe-go/v84/webhook"

	"github.com/kirimcheck/kirimcheck/signature"
)

const (
	secret    = "whsec_b2xkLXNlY3JldC1mb3ItdGVzdHM"
	other     = "whsec_bmV3LXNlY3JldC1mb3ItdGVzdHM"
	tolerance = 300 * time.Second
	signedAt  = int64(1779530400)
)

var body = []byte(`{"id":"evt_01HXYZABCDEFGHJKMNPQRSTVWX","name":"Ay\u00fa \/ 1.0"}` + "\n")

func TestVerifyAcceptsWhatTheSigningPageAccepts(t *testing.T) {
	good := hex.EncodeToString(signature.MAC(secret, signedAt, body))
	foreign := hex.EncodeToString(signature.MAC(other, signedAt, body))
	for name, header := range map[string]string{
		"one v1":                      "t=1779530400,v1=" + good,
		"match first of two":          "t=1779530400,v1=" + good + ",v1=" + foreign,
		"match second of two":         "t=1779530400,v1=" + foreign + ",v1=" + good,
		"blanks around the parts":     "t=1779530400 , v1=" + good + " ",
		"v1 before t":                 "v1=" + good + ",t=1779530400",
		"unknown parts":               "v0=abc,t=1779530400,v2=zz,v1=" + good + ",note",
		"v1 that is not hex beside":   "t=1779530400,v1=zz" + ",v1=" + good,
		"v1 of wrong length beside":   "t=1779530400,v1=" + good[:10] + ",v1=" + good,
		"empty v1 beside a good one":  "t=1779530400,v1=,v1=" + good,
		"equals sign in another part": "t=1779530400,x=a=b,v1=" + good,
	} {
		t.Run(name, func(t *testing.T) {
			v := signature.Verifier{Secrets: []string{secret}, Tolerance: tolerance}
			if err := v.Verify(header, body, time.Unix(signedAt, 0)); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestVerifyNamesTheReasonOfARefusal(t *testing.T) {
	good := hex.EncodeToString(signature.MAC(secret, signedAt, body))
	for name, c := range map[string]struct {
		header string
		want   signature.Reason
	}{
		"no header":              {"", signature.HeaderMissing},
		"blank header":           {"  ", signature.HeaderMissing},
		"no t":                   {"v1=" + good, signature.TimestampMissing},
		"empty t":                {"t=,v1=" + good, signature.TimestampMissing},
		"word for t":             {"t=now,v1=" + good, signature.TimestampNotNumeric},
		"signed t":               {"t=+1779530400,v1=" + good, signature.TimestampNotNumeric},
		"t with a fraction":      {"t=1779530400.0,v1=" + good, signature.TimestampNotNumeric},
		"t past 64 bits":         {"t=99999999999999999999,v1=" + good, signature.TimestampNotNumeric},
		"zero t":                 {"t=0,v1=" + good, signature.TimestampZero},
		"no v1":                  {"t=1779530400", signature.SignatureMissing},
		"scheme v0 alone":        {"t=1779530400,v0=" + good, signature.SignatureMissing},
		"empty v1":               {"t=1779530400,v1=", signature.NoMatch},
		"truncated v1":           {"t=1779530400,v1=" + good[:32], signature.NoMatch},
		"extended v1":            {"t=1779530400,v1=" + good + "00", signature.NoMatch},
		"upper-case v1":          {"t=1779530400,v1=" + strings.ToUpper(good), signature.NoMatch},
		"t changed, MAC kept":    {"t=1779530401,v1=" + good, signature.NoMatch},
		"t in milliseconds":      {"t=1779530400000,v1=" + good, signature.TooNew},
		"good MAC in other case": {"t=1779530400,V1=" + good, signature.SignatureMissing},
	} {
		t.Run(name, func(t *testing.T) {
			v := signature.Verifier{Secrets: []string{secret}, Tolerance: tolerance}
			err := v.Verify(c.header, body, time.Unix(signedAt, 0))
			var refusal *signature.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal for %s", err, c.want)
			}
			if refusal.Reason != c.want {
				t.Errorf("reason %s, want %s", refusal.Reason, c.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), good) {
				t.Errorf("the error gives the secret or the MAC away: %v", err)
			}
		})
	}
}

func TestVerifyBoundsTheTimestampOnBothSides(t *testing.T) {
	v := signature.Verifier{Secrets: []string{secret}, Tolerance: tolerance}
	header := signature.Header(signedAt, body, secret)
	for name, c := range map[string]struct {
		offset time.Duration
		want   signature.Reason
	}{
		"exactly the tolerance behind":     {300 * time.Second, ""},
		"a fraction past the second":       {300*time.Second + 999*time.Millisecond, ""},
		"one second too old":               {301 * time.Second, signature.TooOld},
		"exactly the tolerance ahead":      {-300 * time.Second, ""},
		"one second too far in the future": {-301 * time.Second, signature.TooNew},
	} {
		t.Run(name, func(t *testing.T) {
			err := v.Verify(header, body, time.Unix(signedAt, 0).Add(c.offset))
			var refusal *signature.Refusal
			got := signature.Reason("")
			if errors.As(err, &refusal) {
				got = refusal.Reason
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestVerifyWithoutASecretRefuses(t *testing.T) {
	header := signature.Header(signedAt, body, "")
	for name, secrets := range map[string][]string{"none": nil, "an empty one": {""}, "an empty one beside": {secret, ""}} {
		t.Run(name, func(t *testing.T) {
			err := signature.Verifier{Secrets: secrets, Tolerance: tolerance}.Verify(header, body, time.Unix(signedAt, 0))
			var refusal *signature.Refusal
			if !errors.As(err, &refusal) || refusal.Reason != signature.NoSecret {
				t.Errorf("got %v, want %s", err, signature.NoSecret)
			}
		})
	}
}

func TestVerifyWithSeveralSecretsTakesAnyPair(t *testing.T) {
	v := signature.Verifier{Secrets: []string{other, secret}, Tolerance: tolerance}
	for _, signer := range []string{secret, other} {
		if err := v.Verify(signature.Header(signedAt, body, signer), body, time.Unix(signedAt, 0)); err != nil {
			t.Errorf("signed with %s: %v", signer, err)
		}
	}
}

// The vendor publishes no complete test vector, so the construction is held against an independent implementation of
// the same one: Stripe's, which signs "t.body" with the secret string as it stands.
func TestAgreesWithStripesImplementationOfTheSameConstruction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		header := signature.Header(now.Unix(), body, other, secret)
		if err := webhook.ValidatePayloadWithTolerance(body, header, secret, tolerance); err != nil {
			t.Errorf("Stripe refuses our header: %v", err)
		}
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: now})
		v := signature.Verifier{Secrets: []string{secret}, Tolerance: tolerance}
		if err := v.Verify(signed.Header, body, now); err != nil {
			t.Errorf("we refuse Stripe's header %q: %v", signed.Header, err)
		}
		tampered := append([]byte(nil), body...)
		tampered[0] ^= 1
		if webhook.ValidatePayloadWithTolerance(tampered, header, secret, tolerance) == nil {
			t.Error("Stripe takes a tampered body")
		}
		if v.Verify(signed.Header, tampered, now) == nil {
			t.Error("we take a tampered body")
		}
	})
}

func FuzzVerifyNeverTakesWhatWasNotSigned(f *testing.F) {
	f.Add("t=1779530400,v1=abc", []byte("{}"))
	f.Add("t=,v1=,,,=", []byte(nil))
	f.Add(signature.Header(signedAt, []byte("{}"), other), []byte("{}"))
	f.Fuzz(func(t *testing.T, header string, payload []byte) {
		v := signature.Verifier{Secrets: []string{secret}, Tolerance: tolerance}
		if err := v.Verify(header, payload, time.Unix(signedAt, 0)); err == nil {
			t.Errorf("took header %q", header)
		}
	})
}
