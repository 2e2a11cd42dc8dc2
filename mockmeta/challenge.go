package mockmeta

import "math/rand/v2"

// ChallengeKind is a form of challenge. Meta's generic page says that it is a number, its WhatsApp page that it is a
// random string, so a receiver must take it for opaque text.
type ChallengeKind int

// The kinds.
const (
	// Digits is a number of ten digits, as in Meta's example.
	Digits ChallengeKind = iota
	// Letters is a string of letters and digits.
	Letters
	// Awkward holds every character that a query must escape, and text that looks escaped already: it comes back
	// changed where a receiver does not decode the query, or decodes it twice.
	Awkward
)

const (
	digits       = "0123456789"
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + digits
	// textLength is the length of the kinds that are not numbers.
	textLength = 32
)

// awkward are the pieces that the kind Awkward is strewn with.
var awkward = [...]string{" ", "+", "&", "=", "#", "?", "/", ";", "%", "%41", "%2B"}

// String names the kind.
func (k ChallengeKind) String() string {
	switch k {
	case Letters:
		return "letters"
	case Awkward:
		return "characters that need escaping"
	default:
		return "digits"
	}
}

// NewChallenge makes a challenge.
func NewChallenge(kind ChallengeKind, random *rand.Rand) string {
	draw := func(from string, n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = from[random.IntN(len(from))]
		}
		return string(out)
	}
	switch kind {
	case Letters:
		return draw(alphanumeric, textLength)
	case Awkward:
		// Letters at both ends: trimming is a habit of its own and not this one's concern.
		out := draw(alphanumeric, 1)
		for _, i := range random.Perm(len(awkward)) {
			out += awkward[i] + draw(alphanumeric, 2)
		}
		return out
	default:
		// No zero in front, which a receiver that takes it for a number would lose.
		return draw(digits[1:], 1) + draw(digits, 9)
	}
}
