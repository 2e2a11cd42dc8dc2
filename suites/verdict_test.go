package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/wire"
)

const childVariable = "KIRIMCHECK_TEST_IN_CHILD"

// inChild reports whether the test runs in a process of its own, and else runs it in one. Ginkgo runs specs once in a
// process, and keeps a failure in a global where TestSuites would find it.
func inChild(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), childVariable+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// firstOf returns the first requirement of a level that has a spec.
func (s *Session) firstOf(t *testing.T, level contract.Level) string {
	t.Helper()
	i := slices.IndexFunc(s.ledger, func(r contract.Requirement) bool { return r.Level == level && r.Spec != "" })
	if i < 0 {
		t.Fatalf("no %s has a spec", level)
	}
	return s.ledger[i].ID
}

// fakeRepeat is what was sent last.
type fakeRepeat struct{ message }

func (fakeRepeat) Repeat() string { return "curl" }

func (c *Check) see() {
	c.result.Exchanges = append(c.result.Exchanges, reports.Exchange{Label: "seen"})
	c.last = fakeRepeat{}
}

func TestEveryEndOfASpecBecomesItsVerdict(t *testing.T) {
	if !inChild(t) {
		return
	}
	s := session(t, Options{Rerun: func(id string) string { return "rerun " + id }})
	must, should := s.firstOf(t, contract.Must), s.firstOf(t, contract.Should)
	var progress []string
	s.opts.Progress = func(r reports.SpecResult) { progress = append(progress, r.Name) }
	type ending struct {
		name    string
		id      string
		body    func(c *Check)
		verdict reports.Verdict
		reason  string
		args    []any
	}
	var nothing *Check
	endings := []ending{
		{"pass", must, func(c *Check) { c.see() }, reports.Pass, "", nil},
		{"pass by an observation", must, func(c *Check) { c.result.Observations = observations(effects("a"), []int{1}) }, reports.Pass, "", nil},
		{"nothing seen", must, func(*Check) {}, reports.Error, "the spec ended without having seen anything", nil},
		{"broken MUST", must, func(c *Check) { c.see(); c.see(); c.Broken("this", "that") }, reports.Fail, "expected this, saw that", nil},
		{"broken SHOULD", should, func(c *Check) { c.see(); c.Broken("this", "that") }, reports.Warn, "expected this, saw that", nil},
		{"untestable", must, func(c *Check) { c.Untestable("no %s", "observer") }, reports.Untestable, "no observer", nil},
		{"not applicable", must, func(c *Check) { c.NotApplicable("no %s", "event") }, reports.NotApplicable, "no event", nil},
		{"error", must, func(c *Check) { c.Error("no %s", "network") }, reports.Error, "no network", nil},
		{"panic", must, func(c *Check) { c.see(); panic("oh") }, reports.Error, "the spec ended without a verdict (panicked): Test Panicked", nil},
		{"nil", must, func(*Check) { nothing.see() }, reports.Error, "the spec ended without a verdict (panicked): Test Panicked", nil},
		{"failed without a verdict", must, func(c *Check) { c.see(); ginkgo.Fail("oh") }, reports.Error, "the spec ended without a verdict (failed): oh", nil},
		{"timed out", must, func(c *Check) { c.see(); <-c.ctx.Done(); <-make(chan int) }, reports.Error, "the spec ended without a verdict (timedout): A spec timeout occurred",
			[]any{ginkgo.SpecTimeout(10 * time.Millisecond), ginkgo.GracePeriod(10 * time.Millisecond)}},
		{"an error after a fail", must, func(c *Check) { c.see(); defer c.Error("the hook"); c.Broken("this", "that") },
			reports.Fail, "expected this, saw that; then: the hook", nil},
		{"a fail after an error", must, func(c *Check) { c.see(); defer c.Broken("this", "that"); c.Error("the hook") },
			reports.Error, "the hook; then: expected this, saw that", nil},
		{"an error after untestable", must, func(c *Check) { c.see(); defer c.Error("the hook"); c.Untestable("nothing") },
			reports.Untestable, "nothing; then: the hook", nil},
	}
	ginkgo.Describe("receiver", ginkgo.Label("receiver"), func() {
		for _, e := range endings {
			s.spec(e.id, e.name, e.body, append(e.args, ginkgo.Label("chosen"))...)
		}
		s.spec(must, "not selected", func(*Check) { t.Error("a spec ran that was not selected") })
		s.fact("records", "delivery", func(c *Check) { c.see(); c.Fact("one", "A %s.", "fact"); c.Fact("one", "A %s.", "fact") })
		ginkgo.It("is pending", ginkgo.Pending, ginkgo.Label(must), func() {})
	})
	var report reports.Report
	ginkgo.ReportAfterSuite("", func(r ginkgo.Report) { report = s.build(r, time.Now().Add(-time.Minute)) })
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.LabelFilter = "chosen || information || " + "receiver.signature.valid"
	ginkgo.RunSpecs(deaf{}, "endings", suite, reporter)

	got := map[string]reports.SpecResult{}
	for _, req := range report.Requirements {
		for _, spec := range req.Specs {
			_, name, _ := strings.Cut(spec.Name, ": ")
			got[name] = spec
			if spec.Requirement != req.ID {
				t.Errorf("a spec of %s stands with %s", spec.Requirement, req.ID)
			}
		}
	}
	for _, e := range endings {
		spec, ok := got[e.name]
		switch {
		case !ok:
			t.Errorf("%s: it has no result", e.name)
		case spec.Verdict != e.verdict || spec.Reason != e.reason && !strings.HasPrefix(spec.Reason, e.reason+"\n"):
			t.Errorf("%s: %s, %q; want %s, %q", e.name, spec.Verdict, spec.Reason, e.verdict, e.reason)
		case spec.Requirement != e.id:
			t.Errorf("%s: requirement %s", e.name, spec.Requirement)
		}
		filed := !strings.HasPrefix(e.reason, "the spec ended without a verdict")
		if filed && e.verdict != reports.Pass && spec.Rerun != "rerun "+e.id {
			t.Errorf("%s: rerun %q", e.name, spec.Rerun)
		}
		broken := strings.HasPrefix(e.reason, "expected")
		if (spec.Expected == "this" && spec.Seen == "that" && spec.Repeat == "curl") != broken {
			t.Errorf("%s: expected %q, saw %q, repeat %q", e.name, spec.Expected, spec.Seen, spec.Repeat)
		}
		if broken && (!spec.Exchanges[len(spec.Exchanges)-1].Decisive || spec.Exchanges[0].Decisive && len(spec.Exchanges) > 1) {
			t.Errorf("%s: the last exchange is not the one that decides", e.name)
		}
		if spec.Verdict == reports.Pass && (spec.Exchanges != nil || spec.Rerun != "") {
			t.Errorf("%s: a pass with %d exchanges", e.name, len(spec.Exchanges))
		}
		if slices.Contains(progress, spec.Name) != filed {
			t.Errorf("%s: progress told is %v", e.name, !filed)
		}
	}
	// The one that has no spec here, though the filter selects it.
	missing := 0
	for _, spec := range got {
		if spec.Requirement == "receiver.signature.valid" && spec.Verdict == reports.Error && strings.Contains(spec.Reason, "no spec ran") {
			missing++
		}
	}
	if missing != 1 || len(got) != len(endings)+1 {
		t.Errorf("%d results, %d of them missing", len(got), missing)
	}
	if len(report.Facts) != 1 || report.Facts[0] != (reports.Fact{ID: "one", Text: "A fact."}) {
		t.Errorf("facts %v", report.Facts)
	}
	if report.Outcome != reports.NonConformant || verdictProblem(report) == "" {
		t.Errorf("outcome %s", report.Outcome)
	}
}

// verdictOf runs what a spec does with an answer.
func verdictOf(s *Session, level contract.Level, do func(c *Check)) (result reports.SpecResult) {
	c := &Check{Session: s, req: contract.Requirement{Level: level}}
	defer func() {
		if c.result.Verdict != "" && recover() == nil {
			panic("a verdict that did not end the spec")
		}
		result = c.result
	}()
	do(c)
	return
}

func TestEveryStatusIsJudgedAsTheDocumentationSays(t *testing.T) {
	if !inChild(t) {
		return
	}
	s := session(t, Options{})
	for status := 100; status < 600; status++ {
		x := wire.Exchange{Status: status}
		retried := status/100 == 3 || status == 408 || status == 429 || status >= 500
		if got := s.party.retries(status); got != retried {
			t.Errorf("%d is retried: %v", status, got)
		}
		refused := verdictOf(s, contract.Must, func(c *Check) { c.Refused(x) })
		if want := status/100 == 4 && !retried; (refused.Verdict == "") != want {
			t.Errorf("%d as a refusal: %q %s", status, refused.Verdict, refused.Seen)
		}
		for part, want := range map[string]bool{"would retry": retried, "lose every event unseen": status/100 == 2} {
			if strings.Contains(refused.Seen, part) != want {
				t.Errorf("%d as a refusal: seen %q", status, refused.Seen)
			}
		}
		taken := verdictOf(s, contract.Must, func(c *Check) { c.Acknowledged(x) })
		if (taken.Verdict == "") != (status/100 == 2) {
			t.Errorf("%d as an acknowledgement: %q", status, taken.Verdict)
		}
		if taken.Verdict != "" && !strings.Contains(taken.Seen, fmt.Sprintf("status %d", status)) {
			t.Errorf("%d is seen as %q", status, taken.Seen)
		}
	}
	for _, trouble := range []wire.Trouble{wire.TimedOut, wire.BrokenOff, wire.NotHTTP, wire.NotReached, wire.BadTLS, wire.Stopped} {
		// A status that came before the trouble does not count.
		x := wire.Exchange{Status: 401, Trouble: trouble, Err: errors.New("the reason")}
		got := verdictOf(s, contract.Must, func(c *Check) { c.Refused(x) })
		if got.Verdict != reports.Fail || !strings.Contains(got.Seen, "the reason") || !strings.Contains(got.Seen, "would retry") {
			t.Errorf("%s as a refusal: %q %q", trouble, got.Verdict, got.Seen)
		}
		x.Status = 200
		if got := verdictOf(s, contract.Must, func(c *Check) { c.Acknowledged(x) }); got.Verdict != reports.Fail || strings.Contains(got.Seen, "200") {
			t.Errorf("%s as an acknowledgement: %q %q", trouble, got.Verdict, got.Seen)
		}
	}
}

// What says nothing about the target is no finding about it.
func TestTroubleOfTheNetworkIsNoFailure(t *testing.T) {
	if !inChild(t) {
		return
	}
	for _, c := range []struct {
		trouble      wire.Trouble
		back         bool
		verdict      reports.Verdict
		halted, lost bool
	}{
		{trouble: wire.None}, {trouble: wire.TimedOut}, {trouble: wire.BrokenOff}, {trouble: wire.NotHTTP},
		{trouble: wire.Stopped, verdict: reports.Error},
		{wire.NotReached, false, reports.Error, true, true},
		{wire.BadTLS, false, reports.Error, true, true},
		// A target that restarts costs one spec and not the run.
		{wire.NotReached, true, reports.Error, false, false},
	} {
		trouble := c.trouble
		s := session(t, Options{})
		s.comesBack = func(context.Context) bool { return c.back }
		got := verdictOf(s, contract.Must, func(c *Check) {
			c.Saw("label", fakeRepeat{}, wire.Exchange{Trouble: trouble, Err: errors.New("the reason")})
		})
		if got.Verdict != c.verdict || (s.halted != "") != c.halted || (s.lost != "") != c.lost || len(got.Exchanges) != 1 {
			t.Errorf("%s: %q, halted %q, lost %q, %d exchanges", trouble, got.Verdict, s.halted, s.lost, len(got.Exchanges))
		}
	}
	s := session(t, Options{})
	got := verdictOf(s, contract.Must, func(c *Check) {
		c.facts = nil
		c.Saw("label", fakeRepeat{}, wire.Exchange{Status: 200, Body: []byte("abc"), BodyCut: true})
		if len(c.facts) != 1 || c.facts[0].ID != "answer-size" {
			t.Errorf("facts %v", c.facts)
		}
	})
	if got.Verdict != "" {
		t.Errorf("an answer that is too long: %s", got.Verdict)
	}
}
