package mutants

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

var errRefused = errors.New("refused")

// forgeryAnswers and forgeryEffects are the specs of every forgery.
var (
	forgeryAnswers = []string{"receiver.signature.*.answer"}
	forgeryEffects = []string{"receiver.signature.*.effect"}
)

// verifyWith returns a mutation of the verification. right is the correct one.
func verifyWith(verify func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error) func(*build) {
	return func(b *build) {
		right := b.policy
		b.policy.Verify = func(h http.Header, body []byte, now time.Time) error { return verify(b, right, h, body, now) }
	}
}

// orElse takes a v1 that does not match, where open says so.
func orElse(open func(b *build, header string, body []byte, now time.Time) bool) func(*build) {
	return verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		err := right.Verify(h, body, now)
		var r *signature.Refusal
		if errors.As(err, &r) && r.Reason == signature.NoMatch && open(b, h.Get(b.edition.Headers.Signature), body, now) {
			return nil
		}
		return err
	})
}

// unless refuses what the correct verification takes, where shut says so.
func unless(shut func(header string, body []byte, now time.Time) bool) func(*build) {
	return verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		if shut(h.Get(b.edition.Headers.Signature), body, now) {
			return errRefused
		}
		return right.Verify(h, body, now)
	})
}

// refusedFor takes what the correct verification refuses for one of the reasons.
func refusedFor(reasons ...signature.Reason) func(*build) {
	return verifyWith(func(_ *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		err := right.Verify(h, body, now)
		var r *signature.Refusal
		if errors.As(err, &r) {
			for _, reason := range reasons {
				if r.Reason == reason {
					return nil
				}
			}
		}
		return err
	})
}

// withHeader verifies a header that was read in another way.
func withHeader(read func(header string) string) func(*build) {
	return verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		changed := http.Header{}
		changed.Set(b.edition.Headers.Signature, read(h.Get(b.edition.Headers.Signature)))
		return right.Verify(changed, body, now)
	})
}

// keepV1 leaves only one v1 in a header.
func keepV1(header string, i int) string {
	all := v1s(header)
	if i < 0 || i >= len(all) {
		return header
	}
	return "t=" + strconv.FormatInt(stamp(header), 10) + ",v1=" + all[i]
}

// withTolerance verifies with another tolerance.
func withTolerance(d time.Duration) func(*build) {
	return verifyWith(func(b *build, _ reference.Policy, h http.Header, body []byte, now time.Time) error {
		v := signature.Verifier{Secrets: []string{b.secret}, Tolerance: d}
		return v.Verify(h.Get(b.edition.Headers.Signature), body, now)
	})
}

// withBody verifies over something made from the body.
func withBody(change func([]byte) ([]byte, error)) func(*build) {
	return verifyWith(func(_ *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		changed, err := change(body)
		if err != nil {
			return err
		}
		return right.Verify(h, changed, now)
	})
}

// withSecret verifies with another key.
func withSecret(key func(secret string) string) func(*build) {
	return verifyWith(func(b *build, _ reference.Policy, h http.Header, body []byte, now time.Time) error {
		v := signature.Verifier{Secrets: []string{key(b.secret)}, Tolerance: b.edition.Signature.Tolerance}
		return v.Verify(h.Get(b.edition.Headers.Signature), body, now)
	})
}

// stamp returns t of a header, 0 where there is none.
func stamp(header string) int64 {
	for part := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), "t="); ok {
			t, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0
			}
			return t
		}
	}
	return 0
}

// v1s returns every v1 of a header.
func v1s(header string) []string {
	var out []string
	for part := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), "v1="); ok {
			out = append(out, value)
		}
	}
	return out
}

func genuineV1(secret string, t int64, body []byte) string {
	return hex.EncodeToString(signature.MAC(secret, t, body))
}

func receiver(name, defect, seen string, breaks []string, apply func(*build)) Mutant {
	return Mutant{Name: name, Role: contract.RoleReceiver, Defect: defect, Seen: seen, Breaks: breaks, apply: apply}
}

const (
	seenReceivers = "public webhook receivers"
	seenVendor    = "the vendor's own integration"
)

func both(ids ...string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id+".answer", id+".effect")
	}
	return out
}

// verifyMutants get the verification of signatures wrong.
func verifyMutants() []Mutant {
	forgeries := append(append([]string(nil), forgeryAnswers...), forgeryEffects...)
	return []Mutant{
		receiver("no-verify", "takes any POST without looking at the signature", seenReceivers, forgeries,
			verifyWith(func(*build, reference.Policy, http.Header, []byte, time.Time) error { return nil })),
		receiver("bad-signature-200", "answers 200 to a bad signature, and does nothing", seenReceivers, forgeryAnswers,
			func(b *build) { b.policy.Refused = func(error) (int, bool) { return http.StatusOK, false } }),
		receiver("accepts-and-obeys", "answers 200 to a bad signature, and does the work", seenReceivers, forgeries,
			func(b *build) { b.policy.Refused = func(error) (int, bool) { return http.StatusOK, true } }),
		receiver("works-then-401", "answers 401 to a bad signature after it has done the work", seenReceivers, forgeryEffects,
			func(b *build) { b.policy.Refused = func(error) (int, bool) { return http.StatusUnauthorized, true } }),
		receiver("bad-signature-500", "throws on a bad signature, so the sender tries again for a day", seenReceivers, forgeryAnswers,
			func(b *build) {
				b.policy.Refused = func(error) (int, bool) { return http.StatusInternalServerError, false }
			}),
		receiver("bad-signature-429", "answers a bad signature as if it were overloaded", "", forgeryAnswers,
			func(b *build) {
				b.policy.Refused = func(error) (int, bool) { return http.StatusTooManyRequests, false }
			}),
		receiver("verify-reserialised", "makes the MAC over JSON that was decoded and encoded again", seenReceivers,
			[]string{"receiver.signature.raw-bytes"}, withBody(reserialise)),
		receiver("text-not-bytes", "decodes the body to text of another charset before the MAC", seenReceivers,
			[]string{"receiver.signature.raw-bytes"},
			withBody(func(body []byte) ([]byte, error) { return bytes.ReplaceAll(body, []byte("\u2028"), []byte("\n")), nil })),
		receiver("normalises-text", "brings the text into a normal form before the MAC", "",
			[]string{"receiver.signature.raw-bytes"},
			withBody(func(body []byte) ([]byte, error) {
				return bytes.ReplaceAll(body, []byte("e\u0301"), []byte("\u00e9")), nil
			})),
		receiver("trims-body", "trims the body before the MAC", "",
			[]string{"receiver.signature.raw-bytes"},
			withBody(func(body []byte) ([]byte, error) { return bytes.TrimSpace(body), nil })),
		receiver("first-v1-only", "looks at the first v1 alone, and breaks during a rotation", seenReceivers,
			[]string{"receiver.signature.rotation-second", "receiver.parser.bad-v1-beside"},
			withHeader(func(header string) string { return keepV1(header, 0) })),
		receiver("last-v1-wins", "keeps the last of several v1, and breaks in half of a rotation", seenReceivers,
			[]string{"receiver.signature.rotation-first", "receiver.parser.bad-v1-beside"},
			withHeader(func(header string) string { return keepV1(header, len(v1s(header))-1) })),
		receiver("no-tolerance", "never looks at the age of t", seenReceivers,
			both("receiver.signature.stale", "receiver.signature.future"), refusedFor(signature.TooOld, signature.TooNew)),
		receiver("future-accepted", "takes a t that lies far ahead", seenReceivers,
			both("receiver.signature.future"), refusedFor(signature.TooNew)),
		receiver("tolerance-doubled", "allows ten minutes instead of five", "",
			both("receiver.signature.stale", "receiver.signature.future"), withTolerance(10*time.Minute)),
		receiver("tolerance-1m", "allows one minute instead of five", "",
			[]string{"receiver.signature.within-tolerance-past", "receiver.signature.within-tolerance-future"}, withTolerance(time.Minute)),
		receiver("no-future", "refuses every t that is ahead of its own clock", "",
			[]string{"receiver.signature.within-tolerance-future"},
			unless(func(header string, _ []byte, now time.Time) bool { return stamp(header) > now.Unix()+1 })),
		receiver("prefix-compare", "compares as many characters as were sent", seenReceivers,
			both("receiver.signature.v1-truncated", "receiver.signature.v1-empty"),
			orElse(func(b *build, header string, body []byte, _ time.Time) bool {
				for _, got := range v1s(header) {
					if strings.HasPrefix(genuineV1(b.secret, stamp(header), body), got) {
						return true
					}
				}
				return false
			})),
		receiver("compares-first-64", "compares the first 64 characters and ignores what follows", "",
			both("receiver.signature.v1-extended"),
			orElse(func(b *build, header string, body []byte, _ time.Time) bool {
				for _, got := range v1s(header) {
					if strings.HasPrefix(got, genuineV1(b.secret, stamp(header), body)) {
						return true
					}
				}
				return false
			})),
		receiver("body-only-mac", "takes the MAC of the body without t, so that t is not bound", seenReceivers,
			both("receiver.signature.body-only-mac"),
			orElse(func(b *build, header string, body []byte, _ time.Time) bool {
				mac := hmac.New(sha256.New, []byte(b.secret))
				// hash.Hash.Write never returns an error (package hash).
				_, _ = mac.Write(body)
				return stamp(header) != 0 && strings.Contains(header, hex.EncodeToString(mac.Sum(nil)))
			})),
		receiver("rounds-t", "tries the seconds around t as well, so that t can be changed", "",
			both("receiver.signature.changed-timestamp"),
			orElse(func(b *build, header string, body []byte, _ time.Time) bool {
				return strings.Contains(header, genuineV1(b.secret, stamp(header)-1, body))
			})),
		receiver("empty-key", "keeps an empty string among its secrets", seenReceivers, both("receiver.signature.empty-key"),
			orElse(func(_ *build, header string, body []byte, _ time.Time) bool {
				return strings.Contains(header, genuineV1("", stamp(header), body))
			})),
	}
}
