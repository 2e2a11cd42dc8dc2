package mockmeta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
)

// whatsAppLimits is what whatsapp-api-js does not understand of the catalogue, by the name of the delivery. An entry that
// is no longer true fails the test.
var whatsAppLimits = map[string]struct {
	// items is how many of the delivery's items it takes, counted from the first.
	items int
	// reason says what in the package stops it.
	reason string
}{
	"batch of all variants": {1, "it reads entry[0].changes[0] and there the first message or status, nothing behind it"},
}

// understood is an event as whatsapp-api-js hands it to its user.
type understood struct {
	PhoneID  string `json:"phone_id"`
	Customer string
	ID       string
	Type     string
	Status   string
	Text     string
}

// verdict is what the package made of one POST.
type verdict struct {
	Status     int
	Understood []understood
	Error      string
}

// nodeReceiver is testdata/independent in a process of its own: whatsapp-api-js, written for these very webhooks, has the
// request, the signature, the payload and the handshake to itself.
type nodeReceiver struct {
	url string
	// stdout has a line for each POST, written before the answer.
	stdout *json.Decoder
}

func startNodeReceiver(t *testing.T) *nodeReceiver {
	t.Helper()
	node, npm := runtimeOf(t, "node"), runtimeOf(t, "npm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/independent")); err != nil {
		t.Fatal(err)
	}
	install(t, npm, dir)
	// The context ends before the cleanup and kills the process. The pipe is for a test that dies without either.
	cmd := exec.CommandContext(t.Context(), node, "receiver.mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), mockmeta.SecretVariable+"="+appSecret, mockmeta.TokenVariable+"="+verifyToken)
	cmd.Stderr = t.Output()
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Killed on purpose, so the error says nothing.
	t.Cleanup(func() { _ = cmd.Wait() })
	lines := json.NewDecoder(stdout)
	var listening struct{ URL string }
	if err := lines.Decode(&listening); err != nil {
		t.Fatalf("the receiver did not start: %v", err)
	}
	return &nodeReceiver{listening.URL, lines}
}

// runtimeOf finds a program. Without it the test is skipped, except in CI: there it would be a check that never ran.
func runtimeOf(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skipOutsideCI(t, "%s is not installed", name)
	}
	return path
}

func skipOutsideCI(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// install fetches what the lock file names. No script of a package runs.
func install(t *testing.T, npm, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1",
		"--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	// A child of npm that outlives it must not hold its output open, and the test with it.
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
	// The lock file does not fit package.json, or the package has other bytes than it says: no network mends that.
	case bytes.Contains(out, []byte("code EUSAGE")), bytes.Contains(out, []byte("code EINTEGRITY")):
		t.Fatalf("npm ci: %v\n%s", err, out)
	default:
		skipOutsideCI(t, "npm cannot fetch the receiver's package: %v\n%s", err, out)
	}
}

// deliver posts a plan and returns what the package made of it.
func (r *nodeReceiver) deliver(t *testing.T, sender *mockmeta.Sender, p mockmeta.Plan) verdict {
	t.Helper()
	x, err := sender.Post(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if x.Err != nil {
		t.Fatalf("no answer: %v", x.Err)
	}
	var v verdict
	if err := r.stdout.Decode(&v); err != nil {
		t.Fatalf("answered %d and told nothing: %v", x.Status, err)
	}
	if v.Status != x.Status {
		t.Fatalf("answered %d and told %d", x.Status, v.Status)
	}
	return v
}

// told returns what a body says of its items, in the words of the package's users, and without the customer.
func told(t *testing.T, body []byte) []understood {
	t.Helper()
	var b struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Metadata struct {
						PhoneNumberID string `json:"phone_number_id"`
					}
					Messages []struct {
						ID, Type string
						Text     struct{ Body string }
					}
					Statuses []struct{ ID, Status string }
				}
			}
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	var out []understood
	for _, entry := range b.Entry {
		for _, change := range entry.Changes {
			phone := change.Value.Metadata.PhoneNumberID
			for _, m := range change.Value.Messages {
				out = append(out, understood{PhoneID: phone, ID: m.ID, Type: m.Type, Text: m.Text.Body})
			}
			for _, s := range change.Value.Statuses {
				out = append(out, understood{PhoneID: phone, ID: s.ID, Status: s.Status})
			}
		}
	}
	return out
}

// Everything runs against one process, since an installation takes longer than all the requests.
func TestAWhatsAppLibraryUnderstandsTheMock(t *testing.T) {
	receiver := startNodeReceiver(t)
	sender, err := mockmeta.NewSender(mockmeta.Config{
		Meta: loadMeta(t), URL: receiver.url, Secret: appSecret, VerifyToken: verifyToken,
		// A new connection each time: node closes idle ones, and might do so under a request.
		Send: newClient(t, "").Send,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the whole catalogue", func(t *testing.T) { understandsTheCatalogue(t, receiver, sender) })
	t.Run("refuses another secret", func(t *testing.T) { refusesAnotherSecret(t, receiver, sender) })
	t.Run("the handshake", func(t *testing.T) { answersTheHandshake(t, sender) })
}

func understandsTheCatalogue(t *testing.T, receiver *nodeReceiver, sender *mockmeta.Sender) {
	met := map[string]bool{}
	for _, c := range wholeCatalogue(t) {
		// The other webhook fields have neither messages nor statuses.
		if c.items == nil {
			continue
		}
		want := told(t, c.body)
		if !slices.EqualFunc(want, c.items, func(u understood, item fixtures.Item) bool {
			return u.ID == item.ID && u.Status == item.Status
		}) {
			t.Fatalf("%s: the body holds %v, the event says %v", c.name, want, c.items)
		}
		if limit, ok := whatsAppLimits[c.name]; ok {
			met[c.name] = true
			if limit.items >= len(want) {
				t.Errorf("%s holds no more than %d items: the limit is stale", c.name, limit.items)
				continue
			}
			want = want[:limit.items]
		}
		t.Run(c.name, func(t *testing.T) {
			v := receiver.deliver(t, sender, c.plan)
			if v.Status != http.StatusOK || v.Error != "" {
				t.Fatalf("answered %d: %s", v.Status, v.Error)
			}
			for i := range v.Understood {
				if v.Understood[i].Customer == "" {
					t.Errorf("it found no customer in %s", c.body)
				}
				v.Understood[i].Customer = ""
			}
			if !slices.Equal(v.Understood, want) {
				t.Errorf("understood %v\nwant %v (limits: %v)", v.Understood, want, whatsAppLimits[c.name])
			}
		})
	}
	for name := range whatsAppLimits {
		if !met[name] {
			t.Errorf("the catalogue has no delivery %q: the limit is stale", name)
		}
	}
}

func refusesAnotherSecret(t *testing.T, receiver *nodeReceiver, sender *mockmeta.Sender) {
	p := mockmeta.Plan{Event: message(t, everything), Signature: "sha256={sha256 key=wrong}"}
	v := receiver.deliver(t, sender, p)
	if v.Status != http.StatusUnauthorized || len(v.Understood) > 0 || v.Error == "" {
		t.Errorf("answered %d (%s) and understood %v", v.Status, v.Error, v.Understood)
	}
}

func answersTheHandshake(t *testing.T, sender *mockmeta.Sender) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []mockmeta.ChallengeKind{mockmeta.Digits, mockmeta.Letters, mockmeta.Awkward} {
		challenge := mockmeta.NewChallenge(kind, random)
		x, err := sender.Verify(t.Context(), mockmeta.Handshake{Challenge: challenge})
		if err != nil {
			t.Fatal(err)
		}
		if !mockmeta.ChallengeEchoed(x, challenge) {
			t.Errorf("%v: answered %d %q to the challenge %q (%v)", kind, x.Status, x.Body, challenge, x.Err)
		}
	}
	x, err := sender.Verify(t.Context(), mockmeta.Handshake{Challenge: "1158201444", VerifyToken: "another"})
	if err != nil {
		t.Fatal(err)
	}
	if x.Status != http.StatusForbidden {
		t.Errorf("answered %d to another verify token, want 403 (%v)", x.Status, x.Err)
	}
}
