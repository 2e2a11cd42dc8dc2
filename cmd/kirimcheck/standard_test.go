package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// standardGateway makes the relay a gateway for webhooks that is not Kirim: it forwards what Meta sends and has no events
// of its own, signs by Standard Webhooks, and sends none of Kirim's headers. wrong, where it is set, then breaks it.
func standardGateway(wrong func(*server.Parts, *standardRules)) func(*server.Parts) {
	return func(p *server.Parts) {
		rules := &standardRules{
			id:     func(d pipeline.Delivery, _ int) string { return "msg_" + strings.TrimPrefix(d.ID, "wbd_") },
			signed: func(body []byte) []byte { return body },
		}
		p.Relay.Behaviour.Compose = func(string, []byte) []byte { return nil }
		p.Relay.Rules.Sign = rules.sign
		p.Sender = func(next pipeline.Sender) pipeline.Sender { return standardSender{next} }
		p.Wrap = standardSecrets
		if wrong != nil {
			wrong(p, rules)
		}
	}
}

// standardRules are what a wrong gateway does otherwise.
type standardRules struct {
	id     func(d pipeline.Delivery, attempt int) string
	signed func(body []byte) []byte
}

// sign puts the values of the three headers into the one that the emitter has for a signature.
func (r *standardRules) sign(s pipeline.Signing) string {
	id := r.id(s.Delivery, s.Attempt)
	secrets := make([]string, len(s.Secrets))
	for i, secret := range s.Secrets {
		secrets[i] = standardSecret(secret.Value)
	}
	value, err := signature.StandardHeader(id, s.At.Unix(), r.signed(s.Body), secrets...)
	if err != nil {
		return ""
	}
	return strings.Join([]string{id, strconv.FormatInt(s.At.Unix(), 10), value}, "|")
}

// standardSender takes them apart again, and leaves Kirim's headers out.
type standardSender struct{ next pipeline.Sender }

func (s standardSender) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	var header []wire.Field
	for _, f := range r.Header {
		switch {
		case f.Name == "X-Kirim-Signature":
			values := append(strings.SplitN(f.Value, "|", 3), "", "")
			header = append(header, wire.Field{Name: "webhook-id", Value: values[0]},
				wire.Field{Name: "webhook-timestamp", Value: values[1]}, wire.Field{Name: "webhook-signature", Value: values[2]})
		case f.Name == "User-Agent":
			header = append(header, wire.Field{Name: f.Name, Value: "gateway/1"})
		case !strings.HasPrefix(f.Name, "X-Kirim-"):
			header = append(header, f)
		}
	}
	r.Header = header
	return s.next.Send(ctx, r)
}

var emitterSecret = regexp.MustCompile(`whsec_[A-Za-z0-9_-]{32}`)

// standardSecret writes a secret of the emitter in the alphabet of Standard Webhooks.
func standardSecret(secret string) string {
	return "whsec_" + strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimPrefix(secret, "whsec_"))
}

// standardSecrets does so in the answers of the API.
func standardSecrets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, req)
		for name, values := range answer.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.Code)
		body := emitterSecret.ReplaceAllStringFunc(answer.Body.String(), standardSecret)
		// A client that left wants no answer.
		_, _ = w.Write([]byte(body))
	})
}

// standardFile is the target file of such a gateway; more are further lines of its section delivery.
func (g *gateway) standardFile(t *testing.T, more ...string) string {
	t.Helper()
	return g.file(t, fmt.Sprintf(`management:
  rest: {base: "%[1]s/v1", key: {env: KIRIM_KEY}}
delivery:
  headers:
    event_id: {name: webhook-id, own: ids of messages}
    event: {absent: subscribers look into the body}
    delivery_id: {absent: a message has one id}
    attempt: {absent: attempts are not numbered}
    source: {absent: everything is Meta's}
  user_agent: {value: gateway/1}
  signature: {scheme: standard-webhooks}
%[2]scapabilities:
  kirim-events: {absent: nothing but Meta's webhooks is forwarded}
  contacts-api: {absent: there are no contacts}
  conversations-api: {absent: there are no conversations}
  loopback-refused: {absent: it is run for development}
  https-only: {absent: it is run for development}
`, g.URL(), strings.Join(more, "")))
}

// ownSchedule has a gateway wait like this before each attempt, give or take a tenth.
func ownSchedule(delays ...time.Duration) func(*server.Parts, *standardRules) {
	return func(p *server.Parts, _ *standardRules) {
		p.Relay.Rules.Delay = func(attempt int, unit float64) (time.Duration, bool) {
			if attempt > len(delays) {
				return 0, false
			}
			return time.Duration(float64(delays[attempt-1]) * (0.9 + 0.2*unit)), true
		}
	}
}

// A schedule that is the gateway's own is waited by and held to. Kept, it is not Kirim's all the same; broken, it is red.
func TestScheduleOfAGatewaysOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("each of them is a run of its own")
	}
	const declared = "  schedule: {own: slower than Kirim's, delays: [0s, 1m, 5m, 30m, 2h], jitter: 0.1}\n"
	for name, c := range map[string]struct {
		gateway func(*server.Parts, *standardRules)
		red     []string
	}{
		"kept":       {ownSchedule(0, time.Minute, 5*time.Minute, 30*time.Minute, 2*time.Hour), nil},
		"sooner":     {ownSchedule(0, time.Minute, 2*time.Minute, 30*time.Minute, 2*time.Hour), []string{"relay.retry.delay-3"}},
		"given up":   {ownSchedule(0, time.Minute, 5*time.Minute, 30*time.Minute), []string{"relay.retry.delay-5", "relay.retry.eight-attempts"}},
		"once again": {ownSchedule(0, time.Minute, 5*time.Minute, 30*time.Minute, 2*time.Hour, 2*time.Hour), []string{"relay.retry.no-ninth"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, standardGateway(c.gateway))
			r := kirimcheck(t, g.env, "certify", "--target", g.standardFile(t, declared), "--seed", "1", "--label-filter",
				"retry || relay.outcome.5xx || relay.outcome.429 || relay.passthrough.retry-bytes || relay.headers.event-id.stable || relay.signature.verifies")
			for _, req := range r.report(t).Requirements {
				reasons := strings.Join(reasonsOf(req), " ")
				numbered := strings.HasPrefix(req.ID, "relay.retry.delay-") || slices.Contains([]string{"relay.retry.eight-attempts", "relay.retry.no-ninth"}, req.ID)
				switch {
				case slices.Contains(c.red, req.ID):
					if req.Verdict != reports.Fail {
						t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons)
					}
				case c.red != nil && req.Verdict == reports.Untestable && numbered:
					// What comes after the fault.
				case numbered:
					if req.Verdict != reports.NotApplicable || !strings.Contains(reasons, "slower than Kirim's") {
						t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons)
					}
				case req.Verdict != reports.Pass:
					t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons)
				}
			}
		})
	}
}

// The areas that hold for any relay of Meta's webhooks are green for one that keeps to Standard Webhooks, and what needs a
// header that it does not have is not applicable with the declared reason.
func TestGatewayThatIsNotKirimIsGreenWhereItKeepsTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs most of the suite")
	}
	t.Parallel()
	g := startGateway(t, standardGateway(nil))
	r := kirimcheck(t, g.env, "certify", "--target", g.standardFile(t), "--seed", "1", "--label-filter",
		"passthrough || headers || signature || retry || outcome || isolation || front || disable || events || relay.guarantee.meta-duplicates-once")
	notApplicable := map[string]string{
		"relay.passthrough.batch-id":       "ids of messages",
		"relay.headers.source":             "everything is Meta's",
		"relay.headers.event":              "subscribers look into the body",
		"relay.headers.event-id.message":   "ids of messages",
		"relay.headers.event-id.status":    "ids of messages",
		"relay.headers.event-id.shared":    "ids of messages",
		"relay.headers.event-id.kirim":     "nothing but Meta's webhooks",
		"relay.headers.delivery-id.form":   "a message has one id",
		"relay.headers.delivery-id.unique": "a message has one id",
		"relay.headers.attempt":            "attempts are not numbered",
		"relay.signature.form":             "the scheme standard-webhooks",
		"relay.signature.lower-case":       "the scheme standard-webhooks",
	}
	passed := map[string]int{}
	report := r.report(t)
	if !slices.ContainsFunc(report.Facts, func(f reports.Fact) bool {
		return f.ID == "own-deliveries" && strings.Contains(f.Text, "webhook-id has the event's id, with values of its own") &&
			strings.Contains(f.Text, "no header has the source") && strings.Contains(f.Text, "signed by standard-webhooks")
	}) {
		t.Errorf("the report does not say in what the deliveries are not Kirim's: %+v", report.Facts)
	}
	for _, req := range report.Requirements {
		reasons := strings.Join(reasonsOf(req), " ")
		want, declared := notApplicable[req.ID]
		switch {
		case declared:
			if req.Verdict != reports.NotApplicable || !strings.Contains(reasons, want) {
				t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons)
			}
		case req.Verdict == reports.Pass:
			passed[req.Area]++
		case req.Verdict == reports.NotApplicable && req.Area == "events" && strings.Contains(reasons, "the target declares that it has no "):
		case req.Verdict == reports.Untestable && slices.Contains(otherReasons, req.ID):
		default:
			t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons)
		}
	}
	for area, least := range map[string]int{
		"passthrough": 11, "headers": 5, "signature": 10, "retry": 16, "outcome": 10, "isolation": 4, "front": 8, "disable": 11, "events": 3,
	} {
		if passed[area] < least {
			t.Errorf("%d requirements of the area %s passed, fewer than %d", passed[area], area, least)
		}
	}
}

// A gateway that hands on whatever Meta sends is not Kirim in that, and says so; one that does not say it is held to the
// catalogue.
func TestGatewayThatHandsOnWhateverMetaSends(t *testing.T) {
	t.Parallel()
	g := startGateway(t, standardGateway(nil))
	file := g.standardFile(t)
	for _, c := range []struct {
		declared string
		want     reports.Verdict
	}{
		{"  catalogue-only: {absent: whatever Meta sends is handed on}\n", reports.NotApplicable},
		{"", reports.Pass},
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := kirimcheck(t, g.env, "certify", "--target", write(t, "relay.yaml", string(data)+c.declared), "--label-filter", "relay.passthrough.other-fields")
		req := r.report(t).Requirements[0]
		if reasons := strings.Join(reasonsOf(req), " "); req.Verdict != c.want || c.declared != "" && !strings.Contains(reasons, "whatever Meta sends is handed on") {
			t.Errorf("%s: %s", req.Verdict, reasons)
		}
	}
}

// onePool has a number of workers make the requests to all subscribers.
type onePool struct {
	next    pipeline.Sender
	workers chan struct{}
}

func (o onePool) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	select {
	case o.workers <- struct{}{}:
		defer func() { <-o.workers }()
		return o.next.Send(ctx, r)
	case <-ctx.Done():
		return pipeline.Response{Err: ctx.Err(), Trouble: pipeline.TimedOut}
	}
}

// encodedAgain is a body decoded and encoded again.
func encodedAgain(body []byte) []byte {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return body
	}
	again, err := json.Marshal(value)
	if err != nil {
		return body
	}
	return again
}

// Each of these gateways is wrong in one thing, and red in that.
func TestGatewayThatIsNotKirimIsRedWhereItBreaksTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("each of them is a run of its own")
	}
	const quick = "relay.passthrough.escapes || relay.passthrough.message-status || relay.retry.delay-2 || relay.retry.delay-3 || " +
		"relay.signature.verifies || relay.headers.event-id.stable || relay.headers.once || relay.outcome.5xx"
	for name, c := range map[string]struct {
		wrong  func(*server.Parts, *standardRules)
		filter string
		red    []string
		seen   string
	}{
		"encodes bodies again": {
			func(p *server.Parts, _ *standardRules) { p.Relay.Behaviour.Forward = encodedAgain },
			quick, []string{"relay.passthrough.escapes", "relay.passthrough.message-status"}, "bytes, with",
		},
		"waits three times as long": {
			func(p *server.Parts, _ *standardRules) {
				right := p.Relay.Rules.Delay
				p.Relay.Rules.Delay = func(attempt int, unit float64) (time.Duration, bool) {
					wait, ok := right(attempt, unit)
					return 3 * wait, ok
				}
			},
			"relay.passthrough.escapes || relay.retry.delay-2 || relay.retry.delay-3 || relay.signature.verifies",
			[]string{"relay.retry.delay-2", "relay.retry.delay-3"}, "outside",
		},
		"lets subscribers wait for each other": {
			func(p *server.Parts, _ *standardRules) {
				// A slow subscriber uses them up.
				inner, workers := p.Sender, make(chan struct{}, 16)
				p.Sender = func(next pipeline.Sender) pipeline.Sender { return onePool{inner(next), workers} }
			},
			"relay.isolation.slow || relay.passthrough.escapes", []string{"relay.isolation.slow"}, "",
		},
		"signs other bytes than it sends": {
			func(_ *server.Parts, r *standardRules) { r.signed = encodedAgain },
			quick, []string{"relay.signature.verifies"}, "decoded and encoded again",
		},
		"signs with the secret as text": {
			func(p *server.Parts, r *standardRules) {
				p.Relay.Rules.Sign = func(s pipeline.Signing) string {
					id, t := r.id(s.Delivery, s.Attempt), s.At.Unix()
					mac := signature.StandardMAC([]byte(standardSecret(s.Secrets[0].Value)), id, t, s.Body)
					return fmt.Sprintf("%s|%d|v1,%s", id, t, base64.StdEncoding.EncodeToString(mac))
				}
			},
			quick, []string{"relay.signature.verifies"}, "not decoded",
		},
		"gives every attempt a new id": {
			func(_ *server.Parts, r *standardRules) {
				right := r.id
				r.id = func(d pipeline.Delivery, attempt int) string { return fmt.Sprintf("%s_%d", right(d, attempt), attempt) }
			},
			quick, []string{"relay.headers.event-id.stable"}, "msg_",
		},
		"leaves the timestamp out": {
			func(p *server.Parts, _ *standardRules) {
				right := p.Relay.Rules.Sign
				p.Relay.Rules.Sign = func(s pipeline.Signing) string {
					parts := strings.SplitN(right(s), "|", 3)
					return parts[0] + "||" + parts[2]
				}
			},
			quick, []string{"relay.headers.once", "relay.signature.verifies"}, "webhook-timestamp",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, standardGateway(c.wrong))
			r := kirimcheck(t, g.env, "certify", "--target", g.standardFile(t), "--seed", "1", "--label-filter", c.filter)
			var red, reasons []string
			for _, req := range r.report(t).Requirements {
				switch req.Verdict {
				case reports.Pass:
				case reports.Fail:
					red = append(red, req.ID)
					reasons = append(reasons, reasonsOf(req)...)
				default:
					t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasonsOf(req))
				}
			}
			slices.Sort(red)
			if !slices.Equal(red, c.red) {
				t.Errorf("red are %s, not %s: %s", red, c.red, reasons)
			}
			if all := strings.Join(reasons, " "); !strings.Contains(all, c.seen) {
				t.Errorf("the reasons lack %q: %s", c.seen, all)
			}
		})
	}
}

// A gateway with a signature of Kirim's form under another name and none of the other headers.
func TestGatewayWithoutHeadersIsJudgedByItsBodies(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(p *server.Parts) {
		p.Relay.Behaviour.Compose = func(string, []byte) []byte { return nil }
		p.Sender = func(next pipeline.Sender) pipeline.Sender { return bareSender{next} }
	})
	r := kirimcheck(t, g.env, "certify", "--target", g.file(t, fmt.Sprintf(`management:
  rest: {base: "%s/v1", key: {env: KIRIM_KEY}}
delivery:
  headers: {event: {absent: none}, event_id: {absent: none}, delivery_id: {absent: none}, attempt: {absent: none}, source: {absent: none}}
  user_agent: {own: none}
  signature: {name: X-Gateway-Signature}
capabilities:
  kirim-events: {absent: none}
  contacts-api: {absent: none}
  conversations-api: {absent: none}
`, g.URL())), "--seed", "1", "--label-filter", "passthrough || headers || signature || outcome || relay.retry.first || relay.retry.delay-2 || relay.subscriptions.filter")
	pass := []string{
		"relay.headers.json-post", "relay.headers.once", "relay.headers.no-meta-signature", "relay.signature.form", "relay.signature.verifies",
		"relay.passthrough.escapes", "relay.passthrough.mixed", "relay.outcome.2xx", "relay.outcome.4xx", "relay.outcome.5xx", "relay.retry.delay-2",
		"relay.subscriptions.filter",
	}
	for _, req := range r.report(t).Requirements {
		headers := req.Area == "headers" || req.ID == "relay.passthrough.batch-id"
		switch {
		case req.Verdict == reports.Fail, req.Verdict == reports.Warn, req.Verdict == reports.Error,
			slices.Contains(pass, req.ID) && req.Verdict != reports.Pass,
			headers && !slices.Contains(pass, req.ID) && req.Verdict != reports.NotApplicable:
			t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasonsOf(req))
		}
	}
}

// bareSender sends nothing but a signature, under another name.
type bareSender struct{ next pipeline.Sender }

func (s bareSender) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	var header []wire.Field
	for _, f := range r.Header {
		switch {
		case f.Name == "X-Kirim-Signature":
			header = append(header, wire.Field{Name: "X-Gateway-Signature", Value: f.Value})
		case f.Name == "Content-Type":
			header = append(header, f)
		}
	}
	r.Header = header
	return s.next.Send(ctx, r)
}
