package loadgen

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen/capacity"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
)

const secret = "whsec_ofTheSessionTests"

// aim is the target of a role at a URL.
func aim(t *testing.T, role contract.Role, url string, change func(*target.Config)) *target.Target {
	t.Helper()
	t.Setenv("LOAD_SECRET", secret)
	c := target.Config{Role: role, URL: url, Secret: target.SecretRef{Env: "LOAD_SECRET"}, VerifyToken: target.SecretRef{Env: "LOAD_SECRET"}}
	if role == contract.RoleReceiver {
		c.VerifyToken = target.SecretRef{}
	}
	if change != nil {
		change(&c)
	}
	tgt, err := c.Resolve("test")
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

// Each delivery that leaves, over either transport and for either sender, verifies with the secret as it arrives.
func TestWhatArrivesVerifies(t *testing.T) {
	for _, c := range []struct {
		name  string
		role  contract.Role
		http2 bool
		tls   bool
	}{
		{"Kirim", contract.RoleReceiver, false, false},
		{"Kirim over HTTP/2", contract.RoleReceiver, true, false},
		{"Kirim over TLS", contract.RoleReceiver, false, true},
		{"Kirim over TLS and HTTP/2", contract.RoleReceiver, true, true},
		{"Meta", contract.RoleMetaReceiver, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var good, bad atomic.Int64
			metaVerifier := signature.MetaVerifier{Secret: secret}
			verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: time.Minute}
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				genuine := err == nil && verifier.Verify(r.Header.Get("X-Kirim-Signature"), body, time.Now()) == nil && r.UserAgent() == "Kirim-Webhook/1.0"
				if c.role == contract.RoleMetaReceiver {
					genuine = err == nil && metaVerifier.Verify(r.Header.Get("X-Hub-Signature-256"), body) == nil
				}
				if !genuine || (r.ProtoMajor == 2) != c.http2 || (r.TLS != nil) != c.tls || r.Header.Get("X-Vegeta-Seq") != "" {
					bad.Add(1)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				good.Add(1)
			}))
			if c.tls {
				s.EnableHTTP2 = true
				s.StartTLS()
			} else {
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetHTTP1(true)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
			}
			defer s.Close()
			session, err := NewSession(Options{
				Target: aim(t, c.role, s.URL, func(config *target.Config) { config.TLS.Insecure = c.tls }), HTTP2: c.http2, Payloads: payload.Options{WrongSignatures: 0.2, Seed: 11},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Preflight(t.Context()); err != nil {
				t.Fatal(err)
			}
			sc, err := StepSchedule(200, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			m, err := session.Measure(t.Context(), sc)
			if err != nil {
				t.Fatal(err)
			}
			n := m.Result.Counts
			// The one that went ahead is not counted.
			if n.Failed != 0 || n.Succeeded != good.Load()-1 || n.Refused != bad.Load() || n.Refused < 10 || n.Sent != 200 {
				t.Errorf("counts %+v; %d arrived genuine, %d not; errors %+v", n, good.Load(), bad.Load(), m.Result.Errors)
			}
		})
	}
}

// A target that is subscribed to some events is sent no others, unless it is told to.
func TestOnlySubscribedEventsAreSent(t *testing.T) {
	tgt := aim(t, contract.RoleReceiver, "http://127.0.0.1/", func(c *target.Config) { c.Events = []string{"message.received", "contact.created"} })
	session, err := NewSession(Options{Target: tgt})
	if err != nil {
		t.Fatal(err)
	}
	sc, err := StepSchedule(1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if mix := session.Plan(sc).Mix; len(mix) != 2 || mix["message.received"] < 0.9 {
		t.Errorf("mix %v", mix)
	}
}

// A run that ends before it begins says that nothing was measured, and gives no figures.
func TestStoppedBeforeTheFirstStart(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	session, err := NewSession(Options{Target: aim(t, contract.RoleReceiver, s.URL, nil)})
	if err != nil {
		t.Fatal(err)
	}
	sc, err := StepSchedule(100, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m, err := session.Measure(ctx, sc)
	if err != nil {
		t.Fatal(err)
	}
	r := session.Report(reports.Tool{}, sc, m)
	if r.Outcome != load.Interrupted || r.Result.Counts.Sent != 0 || r.Result.Latency.Corrected != nil || r.Result.OfferedPerS != 0 {
		t.Errorf("outcome %s, result %+v", r.Outcome, r.Result)
	}
	for _, sample := range r.Generator.Samples {
		if sample.AtMS < 0 {
			t.Errorf("a look at the generator %g ms before the beginning", -sample.AtMS)
		}
	}
	if err := session.Preflight(ctx); err != context.Canceled {
		t.Errorf("the delivery ahead of the run ended with %v", err)
	}
}

// A step says which threshold broke, and an invalid one blames nobody but the generator.
func TestStepOf(t *testing.T) {
	limit := func(v reports.Verdict) load.Threshold {
		return load.Threshold{Expression: "p99 < 1s", Verdict: v, Reason: "measured 2 s"}
	}
	measured := &load.Result{AchievedPerS: 9, Counts: load.Counts{Succeeded: 9, Failed: 1}}
	for _, c := range []struct {
		m       Measurement
		verdict load.StepVerdict
		reason  string
	}{
		{Measurement{Result: measured, Thresholds: []load.Threshold{limit(reports.Pass)}}, load.StepHeld, ""},
		{Measurement{Result: measured, Thresholds: []load.Threshold{limit(reports.Fail)}}, load.StepBroken, "p99 < 1s: measured 2 s"},
		{Measurement{Result: measured, Thresholds: []load.Threshold{limit(reports.Fail)}, Invalid: []string{"asleep"}}, load.StepInvalid, "asleep"},
	} {
		if step := stepOf(c.m); step.Verdict != c.verdict || step.Reason != c.reason || *step.ErrorShare != 0.1 || *step.AchievedPerS != 9 {
			t.Errorf("%+v: %+v", c.m, step)
		}
	}
}

// Interrupted in the middle, a search reports the steps that it has taken.
func TestCapacityThatIsStopped(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	limits, err := slo.ParseAll([]string{"p50 < 10s"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(Options{Target: aim(t, contract.RoleReceiver, s.URL, nil), SLOs: limits})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := capacity.Defaults()
	c.Lowest, c.Highest = 20, 1000
	steps := 0
	r, err := session.Capacity(ctx, reports.Tool{}, c, time.Second, func(float64) {
		if steps++; steps == 2 {
			cancel()
		}
	})
	if err != nil || r.Outcome != load.Interrupted || r.Capacity == nil || len(r.Capacity.Steps) != 1 || !strings.Contains(strings.Join(r.Notes, "; "), "too short to tell") || !strings.Contains(r.Headline, "Interrupted") {
		t.Errorf("error %v, outcome %s, capacity %+v, headline %q", err, r.Outcome, r.Capacity, r.Headline)
	}
}

// A target that refuses half at once keeps every limit on latency, and has no capacity for it.
func TestCapacityIsNotThatOfFastFailures(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	limits, err := slo.ParseAll([]string{"p50 < 10s"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	session, err := NewSession(Options{Target: aim(t, contract.RoleReceiver, s.URL, nil), SLOs: limits})
	if err != nil {
		t.Fatal(err)
	}
	c := capacity.Defaults()
	c.Lowest, c.Highest = 20, 40
	r, err := session.Capacity(t.Context(), reports.Tool{}, c, time.Second, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Thresholds) != 2 || r.Thresholds[1].Expression != "errors < 1%" || r.Thresholds[1].Verdict != reports.Fail || r.Capacity.RatePerS != nil {
		t.Errorf("thresholds %+v, capacity %+v", r.Thresholds, r.Capacity)
	}
}

// A limit of seconds holds for the few seconds of a measurement although the target takes less than it is sent.
func TestATargetThatFallsBehindDoesNotTakeTheRate(t *testing.T) {
	course := func(answered ...int64) *load.Result {
		r := &load.Result{Latency: load.Latencies{Corrected: &load.Latency{Count: 1, MinMS: 5}}, Series: load.Series{BucketMS: 1000}}
		for i, n := range answered {
			b := load.Bucket{StartMS: 1000 * float64(i), Succeeded: n - 20, Refused: 10, Errors: map[load.Class]int64{"status-500": 10}}
			if i < 10 {
				b.Offered = 200
			}
			r.Series.Buckets = append(r.Series.Buckets, b)
		}
		return r
	}
	late := course(20, 20, 20, 20, 20, 20, 200, 200, 200, 200, 200)
	late.Latency.Corrected.MinMS = 5500
	slow := course(20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 1800)
	slow.Latency.Corrected.MinMS = 9500
	for _, c := range []struct {
		name   string
		r      *load.Result
		behind bool
	}{
		{"it keeps up", course(199, 200, 200, 200, 200, 200, 200, 200, 200, 200, 21), false},
		{"it takes 190 of 200", course(190, 190, 190, 190, 190, 190, 190, 190, 190, 190, 120), true},
		{"it takes 196 of 200", course(196, 196, 196, 196, 196, 196, 196, 196, 196, 196, 60), false},
		{"it stalled in the first half and caught up", course(200, 20, 20, 200, 560, 200, 200, 200, 200, 200, 20), false},
		{"it stalls at the end", course(200, 200, 200, 200, 200, 200, 200, 200, 200, 100, 120), false},
		{"it stalls at the half and catches up", course(200, 200, 200, 200, 200, 20, 20, 200, 380, 380, 20), false},
		{"each delivery takes 5.5 s", late, false},
		{"each delivery takes longer than can be told", slow, false},
		{"the measurement is too short to tell", course(20, 20), false},
		{"the measurement is just long enough", course(100, 100, 100), true},
		{"nothing was answered", &load.Result{}, false},
	} {
		if got := behind(c.r); (got != "") != c.behind {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	m := Measurement{Result: course(190, 190, 190, 190, 190, 190, 190, 190, 190, 190, 120)}
	if step := stepOf(m); step.Verdict != load.StepBroken || !strings.Contains(step.Reason, "of 1,000 deliveries due in the second half it answered 950") {
		t.Errorf("%+v", step)
	}
}
