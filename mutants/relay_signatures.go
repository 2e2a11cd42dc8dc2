package mutants

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// signs replaces what is signed.
func signs(change func(s pipeline.Signing) pipeline.Signing) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Rules.Sign
		p.Relay.Rules.Sign = func(s pipeline.Signing) string { return right(change(s)) }
	}
}

// everySignature are the requirements that a wrong MAC breaks.
var everySignature = []string{
	"relay.signature.verifies", "relay.signature.time", "relay.signature.fresh-on-retry", "relay.signature.fresh-on-replay",
	"relay.signature.own-secret", "relay.signature.rotation", "relay.signature.expired", "relay.signature.deleted",
}

// relaySignatureMutants sign wrongly.
func relaySignatureMutants() []Mutant {
	return []Mutant{
		{
			Name: "signature-blanks", Defect: "the parts of the signature are parted by a comma and a blank",
			Breaks: []string{"relay.signature.form"},
			relay:  rewrites("X-Kirim-Signature", func(value string) string { return strings.ReplaceAll(value, ",", ", ") }),
		},
		{
			Name: "signature-upper-case", Defect: "the digits of the signature are upper case",
			Breaks: []string{"relay.signature.lower-case"},
			relay: rewrites("X-Kirim-Signature", func(value string) string {
				return strings.NewReplacer("T=", "t=", "V1=", "v1=").Replace(strings.ToUpper(value))
			}),
		},
		{
			Name: "body-only-mac", Defect: "t is not part of what is signed", Seen: "a public receiver's own sender",
			Breaks: everySignature,
			relay: func(p *server.Parts) {
				p.Relay.Rules.Sign = func(s pipeline.Signing) string {
					value := "t=" + strconv.FormatInt(s.At.Unix(), 10)
					for _, secret := range s.Secrets {
						mac := hmac.New(sha256.New, []byte(secret.Value))
						// hash.Hash.Write never returns an error (package hash).
						_, _ = mac.Write(s.Body)
						value += ",v1=" + hex.EncodeToString(mac.Sum(nil))
					}
					return value
				}
			},
		},
		{
			Name: "strips-whsec", Defect: "the key is the secret without its prefix", Seen: "a public receiver",
			Breaks: everySignature,
			relay: signs(func(s pipeline.Signing) pipeline.Signing {
				for i := range s.Secrets {
					s.Secrets[i].Value = strings.TrimPrefix(s.Secrets[i].Value, "whsec_")
				}
				return s
			}),
		},
		{
			Name: "signs-reserialised", Defect: "the signature is over the body decoded and encoded again, and the body is Meta's",
			Breaks: []string{"relay.signature.verifies"}, May: everySignature,
			relay: signs(func(s pipeline.Signing) pipeline.Signing {
				if body, err := reserialise(s.Body); err == nil {
					s.Body = body
				}
				return s
			}),
		},
		{
			Name: "t-in-milliseconds", Defect: "t counts milliseconds",
			Breaks: []string{"relay.signature.time", "relay.signature.fresh-on-retry", "relay.signature.fresh-on-replay"},
			relay: signs(func(s pipeline.Signing) pipeline.Signing {
				s.At = time.Unix(s.At.UnixMilli(), 0)
				return s
			}),
		},
		{
			Name: "stale-t-on-retry", Defect: "a retry carries the signature time of the first attempt",
			Breaks: []string{"relay.signature.fresh-on-retry"},
			relay: func(p *server.Parts) {
				times := memory[int64, time.Time]{}
				signs(func(s pipeline.Signing) pipeline.Signing {
					s.At = times.first(s.Delivery.Seq, s.At)
					return s
				})(p)
			},
		},
		{
			Name: "stale-t-on-replay", Defect: "a replay carries the signature time of the delivery that it repeats",
			Breaks: []string{"relay.signature.fresh-on-replay"},
			relay: func(p *server.Parts) {
				times := memory[string, time.Time]{}
				signs(func(s pipeline.Signing) pipeline.Signing {
					if s.Attempt == 1 {
						s.At = times.first(fmt.Sprint(s.Delivery.Subscription, s.Delivery.Event.Seq), s.At)
					}
					return s
				})(p)
			},
		},
		{
			Name: "resign-with-wrong-secret", Defect: "what is sent again is signed with another subscription's secret", Seen: "a public relay",
			Breaks: []string{
				"relay.signature.own-secret", "relay.signature.fresh-on-retry", "relay.signature.fresh-on-replay", "relay.signature.rotation",
			},
			relay: resignsWrongly,
		},
	}
}

// resignsWrongly signs retries and replays with the secrets of whoever else was signed for.
func resignsWrongly(p *server.Parts) {
	secrets := memory[string, []pipeline.Secret]{}
	before := memory[string, int64]{}
	signs(func(s pipeline.Signing) pipeline.Signing {
		d := s.Delivery
		secrets.first(d.Subscription, s.Secrets)
		first := before.first(fmt.Sprint(d.Subscription, d.Event.Seq), d.Seq) == d.Seq
		if other, ok := secrets.other(d.Subscription); ok && (s.Attempt > 1 || !first) {
			s.Secrets = other
		}
		return s
	})(p)
}
