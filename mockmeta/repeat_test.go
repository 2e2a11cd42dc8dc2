package mockmeta_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// shell runs a repeat line as a user would.
func shell(t *testing.T, line string, env ...string) {
	t.Helper()
	for _, tool := range []string{"sh", "curl", "openssl", "base64", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("repeat lines need %s, and in CI it must be there", tool)
			}
			t.Skipf("repeat lines need %s, which is not installed", tool)
		}
	}
	if strings.Contains(line, appSecret) {
		t.Errorf("the line holds the secret: %s", line)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	// Neither a proxy nor a .curlrc of this machine.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, line, out)
	}
}

// same compares what the shell line sent with what the harness sent.
func same(t *testing.T, ours, lines received) {
	t.Helper()
	if ours.method != lines.method || ours.uri != lines.uri && ours.method == "POST" {
		t.Errorf("%s %s, want %s %s", lines.method, lines.uri, ours.method, ours.uri)
	}
	for name, want := range ours.header {
		if !slices.Equal(lines.header[name], want) {
			t.Errorf("%s: %q, want %q", name, lines.header[name], want)
		}
	}
	for name := range lines.header {
		if _, ok := ours.header[name]; !ok {
			t.Errorf("the line sends %s too", name)
		}
	}
	if !bytes.Equal(ours.body, lines.body) {
		t.Errorf("body %q, want %q", lines.body, ours.body)
	}
}

func TestRepeatLineSendsTheSameAgain(t *testing.T) {
	server := newReceiver(t)
	client := newClient(t, "")
	event := mockmeta.Plan{Event: message(t, everything)}
	plans := map[string]mockmeta.Plan{
		"what Meta sends":           event,
		"a body with a leading @":   {Body: []byte("@/etc/hostname")},
		"a body with newlines":      {Body: []byte("{\r\n\n}\n\n")},
		"a body that is not UTF-8":  {Body: []byte("{\"a\":\"\xff\x00\"}")},
		"an empty body":             {Body: []byte{}},
		"signed bytes of base64":    {Body: []byte("{}"), SignedBody: []byte("\xff\x00'")},
		"both not UTF-8":            {Body: []byte("\xfe"), SignedBody: []byte("\xff")},
		"what a shell would expand": {Body: []byte("{}"), Signature: "$HOME`id`\"\\{sha1 first=3}$(id)'{sha256 first=0}"},
		"the wrong secret in both": {Body: []byte("{}"),
			Signature: "sha256={sha256 key=wrong first=9 upper}", SignatureSHA1: "sha1={sha1 key=wrong}"},
		"two signature headers": {Body: []byte("{}"), Signature: "sha256={sha256 key=empty}",
			Extra: []wire.Field{{Name: "X-Hub-Signature-256", Value: "sha256=$HOME"}}},
	}
	for _, d := range mockmeta.Deviations() {
		changed, err := d.Apply(event)
		if err != nil {
			t.Fatal(err)
		}
		plans["deviation "+d.Name] = changed
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			a := build(t, server.URL+"/webhooks/it's?a=1&b=$HOME", plan)
			if x := client.Send(context.Background(), a.Request); !mockmeta.Accepted(loadMeta(t), x) {
				t.Fatalf("no answer: %v", x.Err)
			}
			shell(t, a.Repeat(), mockmeta.SecretVariable+"="+appSecret)
			got := server.take()
			if len(got) != 2 {
				t.Fatalf("%d requests arrived", len(got))
			}
			same(t, got[0], got[1])
		})
	}
}

// The point of signing afresh: the line shows how the signature is made, and follows the secret.
func TestRepeatLineSignsUnderTheSecretOfTheEnvironment(t *testing.T) {
	server := newReceiver(t)
	const rotated = "fedcba9876543210fedcba9876543210"
	a := build(t, server.URL, mockmeta.Plan{Event: message(t, everything)})
	shell(t, a.Repeat(), mockmeta.SecretVariable+"="+rotated)
	got := server.take()[0]
	v := signature.MetaVerifier{Secret: rotated}
	if err := v.Verify(got.header.Get("X-Hub-Signature-256"), got.body); err != nil {
		t.Errorf("X-Hub-Signature-256: %v", err)
	}
	if err := v.VerifySHA1(got.header.Get("X-Hub-Signature"), got.body); err != nil {
		t.Errorf("X-Hub-Signature: %v", err)
	}
}

func TestRepeatLineOfAHandshakeSendsTheSameAgain(t *testing.T) {
	server := newReceiver(t)
	client := newClient(t, "")
	challenge := mockmeta.NewChallenge(mockmeta.Awkward, rand.New(rand.NewPCG(7, 8)))
	for name, h := range map[string]mockmeta.Handshake{
		"what Meta sends":    {},
		"wrong token":        {VerifyToken: "$HOME'`id`"},
		"no token":           {Omit: []string{"hub.verify_token"}},
		"empty token":        {Blank: []string{"hub.verify_token"}},
		"no challenge":       {Omit: []string{"hub.challenge"}},
		"other mode":         {Mode: "un subscribe&"},
		"no query of Meta's": {Omit: []string{"hub.mode", "hub.challenge", "hub.verify_token"}},
		"a further header":   {Extra: []wire.Field{{Name: "X-New", Value: "$HOME"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h.Challenge = challenge
			v, err := mockmeta.BuildHandshake(loadMeta(t), server.URL+"/a?tenant=7&x=%2F", verifyToken, h)
			if err != nil {
				t.Fatal(err)
			}
			if line := v.Repeat(); strings.Contains(line, "meaty") {
				t.Errorf("the line holds the verify token: %s", line)
			}
			client.Send(context.Background(), v.Request)
			shell(t, v.Repeat(), mockmeta.TokenVariable+"="+verifyToken)
			got := server.take()
			if len(got) != 2 {
				t.Fatalf("%d requests arrived", len(got))
			}
			same(t, got[0], got[1])
			// curl may escape other characters than we do; what counts is what the server reads.
			for name, want := range got[0].query {
				if !slices.Equal(got[1].query[name], want) {
					t.Errorf("%s is %q, want %q", name, got[1].query[name], want)
				}
			}
			if len(got[1].query) != len(got[0].query) {
				t.Errorf("query %q, want %q", got[1].query, got[0].query)
			}
		})
	}
}

func TestRepeatLineIsLeftOutWhereItWouldBeTooLong(t *testing.T) {
	long := bytes.Repeat([]byte("x"), wire.MaxRepeatBody+1)
	for name, c := range map[string]struct {
		plan mockmeta.Plan
		line bool
	}{
		"long body":        {mockmeta.Plan{Body: long}, false},
		"long signed body": {mockmeta.Plan{Body: []byte("{}"), SignedBody: long}, false},
		"longest body":     {mockmeta.Plan{Body: long[1:]}, true},
	} {
		if got := build(t, "http://x", c.plan).Repeat(); (got != "") != c.line {
			t.Errorf("%s: a line of %d bytes", name, len(got))
		}
	}
}
