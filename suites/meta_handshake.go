package suites

import (
	"fmt"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// metaHandshake holds the specs of the GET by which Meta verifies a callback URL.
func (s *Session) metaHandshake() {
	s.spec("meta-receiver.handshake.challenge", "", func(c *Check) { c.echoes(mockmeta.Digits) })
	s.spec("meta-receiver.handshake.text-challenge", "", func(c *Check) { c.echoes(mockmeta.Letters) })
	s.spec("meta-receiver.handshake.escaped-challenge", "", func(c *Check) { c.echoes(mockmeta.Awkward) })
	s.spec("meta-receiver.handshake.unsigned", "", func(c *Check) {
		// Only the status is judged: what the body holds is another requirement.
		if x := c.handshake("handshake", mockmeta.Handshake{Challenge: c.challenge(mockmeta.Digits)}); !c.party.accepts(x) {
			c.Broken("status 200", answer(x))
		}
	})
	for _, wrong := range wrongTokens {
		s.spec("meta-receiver.handshake.wrong-token", wrong.variant, func(c *Check) { c.handshakeRefused(wrong.handshake(c)) })
	}
	for _, refused := range []struct {
		id, variant string
		handshake   mockmeta.Handshake
	}{
		{"meta-receiver.handshake.missing-token", "", mockmeta.Handshake{Omit: []string{"hub.verify_token"}}},
		{"meta-receiver.handshake.wrong-mode", "", mockmeta.Handshake{Mode: "unsubscribe"}},
		{"meta-receiver.handshake.missing-parameters", "no mode", mockmeta.Handshake{Omit: []string{"hub.mode"}}},
		{"meta-receiver.handshake.missing-parameters", "no challenge", mockmeta.Handshake{Omit: []string{"hub.challenge"}}},
	} {
		s.spec(refused.id, refused.variant, func(c *Check) { c.handshakeRefused(refused.handshake) })
	}
}

// wrongTokens are handshakes with a token that is not the target's. That there is one must be known before.
var wrongTokens = []struct {
	variant   string
	handshake func(c *Check) mockmeta.Handshake
}{
	{"another token", func(*Check) mockmeta.Handshake { return mockmeta.Handshake{VerifyToken: "kirimcheck-wrong-token"} }},
	{"an empty token", func(*Check) mockmeta.Handshake { return mockmeta.Handshake{Blank: []string{"hub.verify_token"}} }},
	{"the right token and more", func(c *Check) mockmeta.Handshake {
		return mockmeta.Handshake{VerifyToken: c.target.Token.Reveal() + "x"}
	}},
	{"a part of the right token", func(c *Check) mockmeta.Handshake {
		token := c.target.Token.Reveal()
		if len(token) < 2 {
			c.NotApplicable("the verify token is of one character, and has no part")
		}
		return mockmeta.Handshake{VerifyToken: token[:len(token)-1]}
	}},
}

func (c *Check) challenge(kind mockmeta.ChallengeKind) string {
	return mockmeta.NewChallenge(kind, c.random)
}

// handshake sends a handshake, with the target's own token where it names no other.
func (c *Check) handshake(label string, h mockmeta.Handshake) wire.Exchange {
	v, err := mockmeta.BuildHandshake(c.meta, c.target.URL, c.target.Token.Reveal(), h)
	if err != nil {
		c.Error("the handshake could not be made: %v", err)
	}
	return c.Send(label, v)
}

// handshakeTaken is the baseline of the handshake's refusals.
func (c *Check) handshakeTaken() {
	challenge := c.challenge(mockmeta.Digits)
	if x := c.handshake("baseline", mockmeta.Handshake{Challenge: challenge}); !mockmeta.ChallengeEchoed(x, challenge) {
		c.Untestable("a right handshake was not taken (%s), so a refusal would prove nothing", echo(x))
	}
}

// handshakeRefused ends the spec as broken unless a handshake that is not right is refused, where a right one is taken.
func (c *Check) handshakeRefused(h mockmeta.Handshake) {
	c.handshakeTaken()
	h.Challenge = c.challenge(mockmeta.Digits)
	if x := c.handshake("handshake", h); x.Trouble != wire.None || c.party.accepts(x) {
		c.Broken("any status but 200 (403 is customary)", answer(x))
	}
}

func (c *Check) echoes(kind mockmeta.ChallengeKind) {
	challenge := c.challenge(kind)
	if x := c.handshake("handshake", mockmeta.Handshake{Challenge: challenge}); !mockmeta.ChallengeEchoed(x, challenge) {
		c.Broken(fmt.Sprintf("status 200 with the body %q", challenge), echo(x))
	}
}

// maxEcho bounds what a line repeats of an answer's body.
const maxEcho = 80

// echo describes an answer to a handshake.
func echo(x wire.Exchange) string {
	if x.Trouble != wire.None {
		return answer(x)
	}
	return fmt.Sprintf("%s with the body %q", answer(x), x.Body[:min(len(x.Body), maxEcho)])
}
