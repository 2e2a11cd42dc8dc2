package mutants

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// metaDoorMutants let in what they should not, or nobody, at the handshake and at the signature.
func metaDoorMutants() []Mutant {
	asking := func(change func(q url.Values) url.Values) func(*build) {
		return func(b *build) {
			right := b.policy.Handshake
			b.policy.Handshake = func(q url.Values) (int, string) { return right(change(q)) }
		}
	}
	login := metaReceiver("handshake-behind-login", "sends whoever comes with a GET to its login page", seenReceivers,
		[]string{"meta-receiver.handshake.challenge", "meta-receiver.handshake.text-challenge", "meta-receiver.handshake.escaped-challenge", "meta-receiver.handshake.unsigned"},
		func(b *build) {
			b.handler = onRequest(func(r *http.Request) int {
				if r.Method == http.MethodGet {
					return http.StatusFound
				}
				return 0
			})
		})
	login.Blinds = []string{"meta-receiver.handshake.*"}
	decoded := metaReceiver("hex-key", "decodes the app secret from hexadecimal for the key", "",
		[]string{"meta-receiver.signature.valid", "meta-receiver.delivery.event-accepted"},
		verifyWith(func(_ *build, _ reference.Policy, h http.Header, body []byte, _ time.Time) error {
			key, err := hex.DecodeString(reference.MetaSecret)
			if err != nil {
				return err
			}
			return signature.MetaVerifier{Secret: string(key)}.Verify(h.Get(hubSignature), body)
		}))
	decoded.Blinds, decoded.Cause = []string{"meta-receiver.*"}, "decodes the app secret from hexadecimal"
	return []Mutant{
		login, decoded,
		metaReceiver("empty-token-passes", "compares the verify token only where it is not empty", "",
			[]string{"meta-receiver.handshake.wrong-token", "meta-receiver.handshake.missing-token"},
			asking(func(q url.Values) url.Values {
				if q.Get("hub.verify_token") == "" {
					q = with(q, "hub.verify_token", reference.MetaToken)
				}
				return q
			})),
		metaReceiver("token-by-prefix", "takes any token that begins with the right one", "",
			[]string{"meta-receiver.handshake.wrong-token"}, asking(tokenWhere(beginsWith, reference.MetaToken))),
		metaReceiver("token-by-substring", "looks for the token that was sent in the right one, and finds a part of it there", "",
			[]string{"meta-receiver.handshake.wrong-token"}, asking(tokenWhere(partOf, reference.MetaToken))),
		metaReceiver("mode-by-substring", "looks for subscribe anywhere in the mode, and finds it in unsubscribe", "",
			[]string{"meta-receiver.handshake.wrong-mode"},
			asking(func(q url.Values) url.Values {
				if strings.Contains(q.Get("hub.mode"), "subscribe") {
					q = with(q, "hub.mode", "subscribe")
				}
				return q
			})),
		metaReceiver("no-challenge-200", "answers 200 and an empty body where there is no challenge", "",
			[]string{"meta-receiver.handshake.missing-parameters"},
			asking(func(q url.Values) url.Values {
				if !q.Has("hub.challenge") {
					q = with(q, "hub.challenge", "")
				}
				return q
			})),
	}
}

// tokenWhere puts the right verify token into a handshake whose own token is taken.
func tokenWhere(taken func(sent, right string) bool, right string) func(q url.Values) url.Values {
	const name = "hub.verify_token"
	return func(q url.Values) url.Values {
		if taken(q.Get(name), right) {
			return with(q, name, right)
		}
		return q
	}
}

// beginsWith and partOf are what some libraries offer in the place of a comparison.
func beginsWith(sent, right string) bool { return strings.HasPrefix(sent, right) }

func partOf(sent, right string) bool { return sent != "" && strings.Contains(right, sent) }
