package suites

import (
	"fmt"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

// Check is one spec at work. It gathers evidence and comes to one verdict; the first verdict stands, and ends the spec.
type Check struct {
	*Session
	ctx    ginkgo.SpecContext
	req    contract.Requirement
	result reports.SpecResult
	facts  []reports.Fact
	// last is what a repeat line repeats.
	last message
	// baselineTook is how long the effect of this spec's baseline took.
	baselineTook time.Duration
}

// entryName marks our report entries among those of Ginkgo.
const entryName = "kirimcheck"

// entry is what a spec hands to the end of the run, by way of Ginkgo's report.
type entry struct {
	Result reports.SpecResult `json:"result"`
	Facts  []reports.Fact     `json:"facts"`
}

// spec defines the spec of a requirement: its text and labels come from the ledger. variant tells the specs of one
// requirement apart and may be empty. args are further Ginkgo decorators.
func (s *Session) spec(id, variant string, body func(c *Check), args ...any) {
	req, ok := s.ledger.Get(id)
	if !ok {
		panic(fmt.Sprintf("a spec names the requirement %q, which the ledger of %s in %s does not have", id, s.role, s.edition.ID))
	}
	text := req.Spec
	if variant != "" {
		text += ": " + variant
	}
	s.it(req, text, labels(req), body, args)
}

// fact defines a spec that records something and judges nothing.
func (s *Session) fact(text, area string, body func(c *Check)) {
	s.it(contract.Requirement{}, text, []string{area, "information"}, body, nil)
}

// it declares one spec to Ginkgo.
func (s *Session) it(req contract.Requirement, text string, with []string, body func(c *Check), args []any) {
	ginkgo.It(text, append(args, ginkgo.Label(with...), func(ctx ginkgo.SpecContext) {
		c := &Check{Session: s, ctx: ctx, req: req, result: reports.SpecResult{Requirement: req.ID, Name: text}}
		started := time.Now()
		defer func() {
			c.result.DurationMS = float64(time.Since(started)) / float64(time.Millisecond)
			c.file()
		}()
		if slices.Contains(s.opts.Blunt, text) {
			c.result.Verdict = reports.Pass
			return
		}
		// Where the first delivery had no answer, one spec goes on while the others are called off: it has to show that.
		if s.halted != "" && (s.witness == "" || req.ID != s.witness) {
			c.Untestable("%s", s.halted)
		}
		body(c)
		if len(c.result.Exchanges)+len(c.result.Observations) == 0 {
			c.Error("the spec ended without having seen anything")
		}
		c.result.Verdict = reports.Pass
	})...)
}

// labels are the labels of a requirement's specs: area, level and id. The role is on the container.
func labels(r contract.Requirement) []string { return []string{r.Area(), string(r.Level), r.ID} }

// file hands the result over. A spec that ended without a verdict has none filed: the panic or failure that ended it
// is in Ginkgo's own report.
func (c *Check) file() {
	if c.result.Verdict == "" {
		return
	}
	if c.result.Verdict == reports.Pass {
		// The files leave the exchanges of a pass out, so they need not travel between processes either.
		c.result.Exchanges = nil
	} else {
		c.result.Rerun = c.opts.Rerun(c.req.ID)
	}
	if c.relay != nil && c.relay.management != nil {
		// An answer that is not of the API's form is quoted in the words of a verdict.
		clean := c.relay.cleaner()
		for _, text := range []*string{&c.result.Reason, &c.result.Expected, &c.result.Seen, &c.result.Cause, &c.result.Repeat} {
			clean(text)
		}
	}
	ginkgo.AddReportEntry(entryName, entry{c.result, c.facts}, ginkgo.ReportEntryVisibilityNever)
	if c.opts.Progress != nil {
		c.opts.Progress(c.result)
	}
}

// Broken ends the spec because what was observed breaks the requirement: a fail for a MUST, a warning for a SHOULD.
func (c *Check) Broken(expected, seen string) {
	reason := "expected " + expected + ", saw " + seen
	verdict := reports.Fail
	if c.req.Level == contract.Should {
		verdict = reports.Warn
	}
	if c.conclude(verdict, reason) {
		c.showBroken(expected, seen)
	}
	if verdict == reports.Warn {
		ginkgo.Skip("warning: "+reason, 1)
	}
	ginkgo.Fail(fmt.Sprintf("%s\nexpected: %s\nseen:     %s\nsource:   %s", c.req.Sentence, expected, seen, c.req.Citations()), 1)
}

// showBroken keeps what a broken requirement's reader needs.
func (c *Check) showBroken(expected, seen string) {
	c.result.Expected, c.result.Seen = expected, seen
	if n := len(c.result.Exchanges); n > 0 {
		c.result.Exchanges[n-1].Decisive = true
	}
	if c.last != nil {
		c.result.Repeat = c.last.Repeat()
	}
}

// conclude sets the verdict and reports whether it was the first. What comes after it, such as a hook that fails while
// the spec is left, adds its reason.
func (c *Check) conclude(v reports.Verdict, reason string) bool {
	if c.result.Verdict != "" {
		c.result.Reason += "; then: " + reason
		return false
	}
	c.result.Verdict, c.result.Reason = v, reason
	return true
}

// Untestable ends the spec because the harness cannot observe what it asks for.
func (c *Check) Untestable(format string, args ...any) {
	c.conclude(reports.Untestable, fmt.Sprintf(format, args...))
	ginkgo.Skip("untestable: "+c.result.Reason, 1)
}

// NotApplicable ends the spec because the target declares that it does not have the capability.
func (c *Check) NotApplicable(format string, args ...any) {
	c.conclude(reports.NotApplicable, fmt.Sprintf(format, args...))
	ginkgo.Skip("not applicable: "+c.result.Reason, 1)
}

// Error ends the spec because the harness or the network failed, so that nothing is known.
func (c *Check) Error(format string, args ...any) {
	c.conclude(reports.Error, fmt.Sprintf(format, args...))
	ginkgo.Fail("error: "+c.result.Reason, 1)
}

// Fact records something measured that is not judged.
func (c *Check) Fact(id, format string, args ...any) {
	c.facts = append(c.facts, reports.Fact{ID: id, Text: fmt.Sprintf(format, args...)})
}
