package slo

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

func TestLimitsThatAreRead(t *testing.T) {
	tests := map[string]struct {
		regular string // how it is written back
		limit   float64
		unit    string
	}{
		"p99 < 250ms":                     {"p99 < 250ms", 250, load.Milliseconds},
		"  p99.9<=1.5s ":                  {"p99.9 <= 1.5s", 1500, load.Milliseconds},
		"median < 1m":                     {"p50 < 1m", 60_000, load.Milliseconds},
		"avg > 10us":                      {"mean > 10µs", 0.01, load.Milliseconds},
		"min >= 1ms":                      {"min >= 1ms", 1, load.Milliseconds},
		"max < 10s":                       {"max < 10s", 10_000, load.Milliseconds},
		"service.p50 < 3ms":               {"service.p50 < 3ms", 3, load.Milliseconds},
		"corrected.p50 < 3ms":             {"p50 < 3ms", 3, load.Milliseconds},
		"p99{message.status} < 300ms":     {"p99{message.status} < 300ms", 300, load.Milliseconds},
		"p99 { message.status } < 300ms":  {"p99{message.status} < 300ms", 300, load.Milliseconds},
		"slower_than( 1s ) < 1 %":         {"slower_than(1s) < 1%", 0.01, load.Share},
		"service.slower_than(90m0s)<0.5%": {"", 0, ""}, // beyond the hour
		"errors <= 0%":                    {"errors <= 0%", 0, load.Share},
		"success{message.received} > 99.9%": {
			"success{message.received} > 99.9%", 0.999, load.Share},
		"rate >= 1990/s":                {"rate >= 1990/s", 1990, load.PerSecond},
		"rate{message.status} >= 0.5/s": {"rate{message.status} >= 0.5/s", 0.5, load.PerSecond},
		"sent > 10/s":                   {"sent > 10/s", 10, load.PerSecond},
		"offered > 10 /s":               {"offered > 10/s", 10, load.PerSecond},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			g := NewWithT(t)
			s, err := Parse(text, "--slo")
			if want.regular == "" {
				g.Expect(err).To(HaveOccurred())
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(s.Text).To(Equal(want.regular))
			g.Expect(s.limit).To(BeNumerically("~", want.limit, 1e-12))
			g.Expect(s.metric.unit()).To(Equal(want.unit))
			again, err := Parse(s.Text, "--slo")
			g.Expect(err).NotTo(HaveOccurred(), "the regular form is a limit too")
			g.Expect(again).To(Equal(s), "and the same one")
		})
	}
}

func TestLimitsThatAreRefused(t *testing.T) {
	tests := map[string]struct {
		text   string
		column int
		says   string
	}{
		"nothing":                          {"", 1, "a metric is missing"},
		"an unknown metric":                {"p99 < 5ms and more", 7, "is no time"},
		"a metric of another tool":         {"http_req_duration < 5ms", 1, `there is no metric "http_req_duration"`},
		"a percentile beyond the end":      {"p101 < 5ms", 1, "there is no percentile p101"},
		"the hundredth percentile":         {"p100 < 5ms", 1, "the ends are min and max"},
		"a view of what has none":          {"service.errors < 1%", 1, "errors is no latency"},
		"an unknown view":                  {"wall.p99 < 5ms", 1, `there is no metric "wall.p99"`},
		"a percentile without a unit":      {"p99 < 250", 7, `"250" is no time; a latency takes a time with its unit, such as 250ms`},
		"a time for a share":               {"errors < 5ms", 10, "errors takes a share in percent"},
		"a share without a sign":           {"errors < 0.001", 10, "errors takes a share in percent, such as 0.1%"},
		"more than everything":             {"errors < 101%", 10, "between 0% and 100%"},
		"a negative share":                 {"errors > -1%", 10, "between 0% and 100%"},
		"a rate without its second":        {"rate >= 1990", 9, "rate takes a rate, such as 1990/s"},
		"a rate per minute":                {"rate >= 1990/min", 9, "rate takes a rate, such as 1990/s"},
		"no number at all":                 {"rate >= NaN/s", 9, "is no rate"},
		"a negative time":                  {"p99 < -5ms", 7, "is no time"},
		"no value":                         {"p99 <", 6, "a value is missing"},
		"no comparison":                    {"p99 250ms", 5, "a comparison is missing"},
		"an equality":                      {"p99 == 250ms", 5, "equals nothing exactly"},
		"a comparison too long":            {"p99 <== 250ms", 5, "an = too many"},
		"slower_than without a time":       {"slower_than < 1%", 13, "needs a time"},
		"slower_than with a number":        {"slower_than(5) < 1%", 13, `"5" is no time`},
		"slower_than of nothing":           {"slower_than(0s) < 1%", 13, "divides nothing"},
		"a parenthesis that stays open":    {"slower_than(1s < 1%", 13, "not closed"},
		"a time for a percentile":          {"p99(1s) < 1%", 4, "only slower_than"},
		"a brace that stays open":          {"p99{message.status < 5ms", 5, "not closed"},
		"an event type that is empty":      {"p99{} < 5ms", 5, "an event type is missing"},
		"the schedule of one type":         {"offered{message.status} > 5/s", 8, "schedule as a whole"},
		"a share that nothing exceeds":     {"errors <= 100%", 11, "check nothing"},
		"a share that nothing undercuts":   {"success >= 0%", 12, "check nothing"},
		"a share below nothing":            {"errors < 0%", 10, "no run can keep"},
		"more successes than deliveries":   {"success > 100%", 11, "no run can keep"},
		"a time that cannot be reached":    {"p99 < 2h", 7, "check nothing"},
		"a rate that every run has":        {"rate >= 0/s", 9, "check nothing"},
		"a column behind a character of 2": {"p99 < 5µ", 7, "is no time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := Parse(test.text, "--slo")
			var refused *Error
			g.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
			g.Expect(refused.Column).To(Equal(test.column), refused.Error())
			g.Expect(refused.Problem).To(ContainSubstring(test.says))
			g.Expect(refused.Error()).NotTo(ContainSubstring("\n"))
		})
	}
}

func TestEventTypesAreCheckedAgainstTheMix(t *testing.T) {
	g := NewWithT(t)
	all, err := ParseAll([]string{"p99{message.status} < 5ms", "errors < 1%"}, "--slo")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(Check(all, []string{"message.status"})).To(Succeed())
	err = Check(all, []string{"message.received", "contact.created"})
	g.Expect(err).To(MatchError(`threshold "p99{message.status} < 5ms", column 5: ` +
		`no message.status is sent in this run; its mix has contact.created, message.received`))
}

func TestPercentilesNeedEnoughDeliveries(t *testing.T) {
	mix := map[string]float64{"message.status": 0.9, "contact.created": 0.1}
	tests := map[string]struct {
		text       string
		deliveries float64
		says       string
	}{
		"exactly enough":             {"p99 < 5ms", 100, ""},
		"none that counts":           {"max < 5ms", 0, "no delivery of this plan has a latency, as all carry a wrong signature; judge them by errors"},
		"none of one type":           {"max{contact.created} < 5ms", 9, "max takes at least 1 value, and this plan makes 0 contact.created; raise the rate or the duration"},
		"errors need no latency":     {"errors < 5%", 0, ""},
		"one too few":                {"p99 < 5ms", 99, "p99 takes at least 100 values, and this plan makes 99 deliveries; raise the rate or the duration"},
		"a high one":                 {"p99.9 < 5ms", 999, "p99.9 takes at least 1,000 values, and this plan makes 999 deliveries; raise the rate or the duration"},
		"enough of one type":         {"p99{message.status} < 5ms", 112, ""},
		"too few of one type":        {"p99{contact.created} < 5ms", 112, "p99 takes at least 100 values, and this plan makes 11 contact.created; raise the rate or the duration"},
		"others need no more":        {"max < 5ms", 1, ""},
		"a share is known of one":    {"errors < 1%", 1, ""},
		"a type that is never there": {"median{other} < 5ms", 100, "p50 takes at least 2 values, and this plan makes 0 other; raise the rate or the duration"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := Parse(test.text, "--slo")
			g.Expect(err).NotTo(HaveOccurred())
			err = Enough([]SLO{s}, test.deliveries, mix)
			if test.says == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(HaveSuffix(test.says)))
		})
	}
}

func TestALimitIsNotGivenTwice(t *testing.T) {
	_, err := ParseAll([]string{"p50 < 5ms", "median<5ms"}, "--slo")
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("given twice")))
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"p99 < 250ms", "service.p99{message.status} >= 1s", "slower_than(1s) < 1%", "rate >= 1990/s", "p1e400 < 1s", "é < 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text, "--slo")
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Column < 1 || refused.Column > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(s.Text, "--slo")
		if err != nil || again.Text != s.Text || strings.TrimSpace(s.Text) == "" {
			t.Fatalf("%q becomes %q, which is read as %q, %v", text, s.Text, again.Text, err)
		}
	})
}

// What the documentation shows as a limit is one.
func TestTheLimitsInTheDocumentationAreRead(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile("../../docs/load-report.md")
	g.Expect(err).NotTo(HaveOccurred())
	found := regexp.MustCompile("`([a-z0-9_.]+(?:\\([^)]*\\))?(?:\\{[^}]*\\})? (?:<|>|<=|>=) [^`]+)`").FindAllStringSubmatch(string(text), -1)
	g.Expect(len(found)).To(BeNumerically(">=", 8))
	for _, match := range found {
		_, err := Parse(match[1], "docs")
		if match[1] == "errors <= 100%" {
			g.Expect(err).To(HaveOccurred(), "the page says so")
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
	}
}
