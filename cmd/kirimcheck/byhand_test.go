package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
)

// handmade makes subscriptions at a gateway the way a person would, and returns the sections of the target file that name
// them. Secrets go to the environment.
type handmade struct {
	g       *gateway
	listen  string
	section strings.Builder
	env     []string
}

func byHand(t *testing.T, g *gateway) *handmade {
	t.Helper()
	h := &handmade{g: g, listen: freePort(t), env: slices.Clone(g.env)}
	fmt.Fprintf(&h.section, "subscriber: {listen: %q}\nmanagement:\n  static:\n    subscriptions:\n", h.listen)
	return h
}

// subscribe makes one to these events.
func (h *handmade) subscribe(t *testing.T, events ...string) (id, path string) {
	t.Helper()
	n := len(h.env)
	path = fmt.Sprintf("/hooks/%d", n)
	made := h.g.call(t, "POST", "/webhook_subscriptions", map[string]any{"url": "http://" + h.listen + path, "events": events})
	h.env = append(h.env, fmt.Sprintf("HOOK_%d=%s", n, made["initial_secret"]))
	fmt.Fprintf(&h.section, "      - {path: %s, events: [%s], secret: {env: HOOK_%d}}\n", path, strings.Join(events, ", "), n)
	return made["id"].(string), path
}

// pause makes one that is paused.
func (h *handmade) pause(t *testing.T) {
	t.Helper()
	id, path := h.subscribe(t, "message.received")
	h.g.call(t, "PATCH", "/webhook_subscriptions/"+id, map[string]any{"status": "paused"})
	text := h.section.String()
	h.section.Reset()
	h.section.WriteString(strings.Replace(text, "{path: "+path+",", "{path: "+path+", paused: true,", 1))
}

var kirimsEvents = []string{
	"message.received", "message.status", "conversation.assigned", "conversation.closed", "contact.created", "contact.updated",
}

// wholeHand makes what most specs need.
func wholeHand(t *testing.T, g *gateway) *handmade {
	t.Helper()
	h := byHand(t, g)
	for range 5 {
		h.subscribe(t, "message.received")
	}
	h.subscribe(t, kirimsEvents...)
	for range 2 {
		h.subscribe(t, "message.received", "message.status", "contact.created")
	}
	for _, event := range kirimsEvents[1:] {
		h.subscribe(t, event)
	}
	h.pause(t)
	return h
}

// otherReasons are requirements that a test's relay leaves untestable however it is managed.
var otherReasons = []string{"relay.ssrf.names", "relay.ssrf.rebinding", "relay.outcome.dns", "relay.outcome.tls"}

// A right relay whose subscriptions were made by hand: what comes to them is judged, and what an API alone could show is
// untestable for one reason, never passed and never failed.
func TestWhatSubscriptionsMadeByHandShow(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the whole suite")
	}
	t.Parallel()
	h := wholeHand(t, startGateway(t, nil))
	// The storm of the guarantee's area is as long as all others together.
	r := kirimcheck(t, h.env, "certify", "--target", h.g.file(t, h.section.String()), "--seed", "1", "--label-filter", "!guarantee || relay.guarantee.meta-duplicates")
	if r.code != exitIncomplete {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	passed := map[string]int{}
	for _, req := range r.report(t).Requirements {
		switch req.Verdict {
		case reports.Pass:
			passed[req.Area]++
			if slices.Contains([]string{"api", "replay", "disable", "ssrf"}, req.Area) && req.ID != "relay.ssrf.redirect" {
				t.Errorf("%s passed without an API to see it by", req.ID)
			}
		case reports.Untestable:
		default:
			t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasonsOf(req))
		}
		for _, spec := range req.Specs {
			if spec.Verdict == reports.Untestable && !strings.Contains(spec.Reason, target.ErrByHand.Error()) && !slices.Contains(otherReasons, req.ID) {
				t.Errorf("%s is untestable for another reason: %s", req.ID, spec.Reason)
			}
		}
	}
	for area, least := range map[string]int{
		"passthrough": 12, "headers": 13, "signature": 5, "retry": 16, "outcome": 9, "isolation": 4, "front": 8, "events": 4,
	} {
		if passed[area] < least {
			t.Errorf("%d requirements of the area %s passed, fewer than %d", passed[area], area, least)
		}
	}
}

// certifySome runs the specs that a filter selects and returns the results by their ids.
func (h *handmade) certifySome(t *testing.T, filter string) (result, map[string]reports.RequirementResult) {
	t.Helper()
	r := kirimcheck(t, h.env, "certify", "--target", h.g.file(t, h.section.String()), "--seed", "1", "--label-filter", filter)
	byID := map[string]reports.RequirementResult{}
	for _, req := range r.report(t).Requirements {
		byID[req.ID] = req
	}
	return r, byID
}

func TestSecretOfAnotherSubscriptionIsRedWithItsLikelyCause(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, nil))
	h.subscribe(t, "message.received")
	h.env[len(h.env)-1] = strings.SplitAfter(h.env[len(h.env)-1], "=")[0] + "whsec_of_somebody_else"
	r, got := h.certifySome(t, "relay.signature.verifies || relay.passthrough.escapes")
	bad := got["relay.signature.verifies"]
	if r.code != exitNonConformant || bad.Verdict != reports.Fail || got["relay.passthrough.escapes"].Verdict != reports.Pass {
		t.Fatalf("exit code %d, %v", r.code, got)
	}
	if !slices.ContainsFunc(bad.Specs, func(spec reports.SpecResult) bool {
		return spec.Verdict == reports.Fail && strings.Contains(spec.Cause, "management.static")
	}) {
		t.Errorf("the cause is not told: %+v", bad.Specs)
	}
	if strings.Contains(r.stdout, "whsec_of_somebody_else") {
		t.Error("the secret is shown")
	}
}

func TestWithoutTheSubscriptionsNothingIsSaidOfTheRelay(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, nil))
	id, path := h.subscribe(t, "message.received")
	h.g.call(t, "PATCH", "/webhook_subscriptions/"+id, map[string]any{"status": "paused"})
	r, got := h.certifySome(t, "passthrough || front")
	if r.code != exitIncomplete {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
	for _, req := range got {
		if req.Verdict != reports.Untestable {
			t.Errorf("%s is %s", req.ID, req.Verdict)
		}
	}
	for _, part := range []string{"http://" + h.listen + path, "kirimcheck target setup"} {
		if errs := strings.Join(r.report(t).Errors, " "); !strings.Contains(errs, part) {
			t.Errorf("the error %q lacks %q", errs, part)
		}
	}
}

func TestTooFewSubscriptionsAreNamed(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, nil))
	h.subscribe(t, "message.received", "contact.created")
	_, got := h.certifySome(t, "relay.headers.event || relay.isolation.dead || relay.subscriptions.filter || relay.passthrough.message-status || relay.outcome.5xx || relay.retry.delay-2")
	for id, want := range map[string]string{
		"relay.isolation.dead":             "another subscription to message.received",
		"relay.subscriptions.filter":       "name more of them",
		"relay.passthrough.message-status": "another subscription to message.status",
		"relay.headers.event":              "another subscription to message.received, contact.created, message.status",
	} {
		req := got[id]
		if req.Verdict != reports.Untestable || !strings.Contains(strings.Join(reasonsOf(req), " "), want) {
			t.Errorf("%s is %s: %s", id, req.Verdict, reasonsOf(req))
		}
	}
	for _, id := range []string{"relay.outcome.5xx", "relay.retry.delay-2"} {
		if got[id].Verdict != reports.Pass {
			t.Errorf("%s is %s: %s", id, got[id].Verdict, reasonsOf(got[id]))
		}
	}
}

// What several specs observe together needs more subscriptions than one of them. Where there are too few, none of them is
// an error, and those that were taken are there for the next spec.
func TestTooFewSubscriptionsForASharedObservation(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, nil))
	for range 3 {
		h.subscribe(t, "message.received")
	}
	_, got := h.certifySome(t, "relay.retry.timeout-before || relay.retry.timeout-after || relay.retry.timeout-whole-exchange || relay.outcome.timeout || "+
		"relay.isolation.dead || relay.ssrf.http || relay.ssrf.private")
	for id, want := range map[string]string{
		"relay.retry.timeout-before":         "another subscription to message.received; the 3 of management.static are in use",
		"relay.retry.timeout-after":          "another subscription to message.received; the 3 of management.static are in use",
		"relay.retry.timeout-whole-exchange": "another subscription to message.received; the 3 of management.static are in use",
		"relay.outcome.timeout":              "another subscription to message.received; the 3 of management.static are in use",
		"relay.ssrf.private":                 "creating a subscription",
	} {
		if req := got[id]; req.Verdict != reports.Untestable || !strings.Contains(strings.Join(reasonsOf(req), " "), want) {
			t.Errorf("%s is %s: %s", id, req.Verdict, reasonsOf(req))
		}
	}
	if req := got["relay.isolation.dead"]; req.Verdict != reports.Pass {
		t.Errorf("after that: %s: %s", req.Verdict, reasonsOf(req))
	}
}

// A relay that disables a subscription for the failures that specs made: later specs must not be failed for that.
func TestSubscriptionThatTheRelayDisabledIsLostAndNotRed(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, func(p *server.Parts) { p.Relay.Rules.DisableAfter = 1 }))
	h.subscribe(t, "message.received")
	_, got := h.certifySome(t, "relay.passthrough.escapes || relay.outcome.4xx || relay.outcome.408")
	if v := got["relay.passthrough.escapes"].Verdict; v != reports.Pass {
		t.Errorf("before anything failed: %s", v)
	}
	late := got["relay.outcome.408"]
	if late.Verdict != reports.Untestable || !strings.Contains(strings.Join(reasonsOf(late), " "), "has the relay disabled it?") {
		t.Errorf("after that: %s: %s", late.Verdict, reasonsOf(late))
	}
}

const staticFile = `name: our gateway
role: relay
url: http://127.0.0.1:1/meta
secret: {env: NOT_THERE_YET}
subscriber: {listen: "127.0.0.1:9912", public_url: "https://tunnel.example/kc"}
delivery: {signature: {scheme: standard-webhooks}}
management:
  static:
    subscriptions:
      - {path: /hooks/1, events: [message.received], secret: {env: HOOK_1}}
      - {path: /hooks/2, secret: {file: hook-2.txt}, paused: true}
`

func TestSetupPrintsWhatHasToBeMadeByHand(t *testing.T) {
	r := kirimcheck(t, []string{"HOOK_1=whsec_c2VjcmV0"}, "target", "setup", "--target", write(t, "relay.yaml", staticFile))
	if r.code != exitConformant || r.stderr != "" {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	for _, part := range []string{
		"our gateway", "https://tunnel.example/kc/hooks/1\n     events  message.received\n     secret  the value of $HOOK_1 (whsec_ and base64)\n",
		"https://tunnel.example/kc/hooks/2", "message.status, conversation.assigned", "the content of the file hook-2.txt",
		"pause it", "127.0.0.1:9912", "http://127.0.0.1:1/meta",
	} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("the output lacks %q:\n%s", part, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "whsec_c2VjcmV0") {
		t.Error("the secret is printed")
	}
}

func TestSetupRefusesInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no target":         {nil, "give --target FILE"},
		"no static":         {[]string{"--target", write(t, "relay.yaml", "role: relay\nurl: http://127.0.0.1:1\nsecret: {env: A}\nmanagement: {rest: {base: \"http://127.0.0.1:1\", key: {env: B}}}\n")}, "nothing has to be set up by hand"},
		"a secret nowhere":  {[]string{"--target", write(t, "relay.yaml", strings.Replace(staticFile, "{env: HOOK_1}", "{}", 1))}, "number 1 (/hooks/1): secret: is missing"},
		"an unknown word":   {[]string{"words"}, "takes no arguments"},
		"a port of its own": {[]string{"--target", write(t, "relay.yaml", strings.Replace(staticFile, `{listen: "127.0.0.1:9912", public_url: "https://tunnel.example/kc"}`, "{}", 1))}, "subscriber.listen: is no fixed address"},
	} {
		t.Run(name, func(t *testing.T) {
			r := kirimcheck(t, nil, append([]string{"target", "setup"}, c.args...)...)
			r.oneLine(t, c.want)
			if r.code != exitUsage {
				t.Errorf("exit code %d", r.code)
			}
		})
	}
	r := kirimcheck(t, nil, "target", "sett")
	r.oneLine(t, `unknown command "sett"`)
}

// reasonsOf are what the specs of a requirement say.
func reasonsOf(req reports.RequirementResult) (reasons []string) {
	for _, spec := range req.Specs {
		if spec.Reason != "" {
			reasons = append(reasons, spec.Name+": "+spec.Reason)
		}
	}
	return reasons
}
