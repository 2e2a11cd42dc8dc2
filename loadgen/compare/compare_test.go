package compare

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

func of[T any](v T) *T { return &v }

// machine makes runs: median is the typical latency in milliseconds, runs spread around it by the factor between, and
// fail with the chance errors.
type machine struct {
	median, between, errors float64
	random                  *rand.Rand
}

func (m machine) run() load.Report {
	level := m.median * math.Exp(m.random.NormFloat64()*m.between)
	at := func(factor float64) *float64 {
		// Three digits, as a histogram has them, and the noise of the figure itself.
		return of(math.Round(level*factor*math.Exp(m.random.NormFloat64()*0.01)*1000) / 1000)
	}
	const sent = 100_000
	var failed int64
	if m.errors > 0 {
		failed = int64(math.Max(0, math.Round(sent*m.errors+m.random.NormFloat64()*math.Sqrt(sent*m.errors))))
	}
	l := &load.Latency{Count: sent, P50MS: at(1), P90MS: at(1.8), P95MS: at(2.2), P99MS: at(3.5), P999MS: at(9), MaxMS: *at(20)}
	r := head()
	r.Result = &load.Result{AchievedPerS: float64(sent-failed) / 50 * (1 + m.random.NormFloat64()*1e-4),
		Counts: load.Counts{Planned: sent, Sent: sent, Succeeded: sent - failed, Failed: failed}, Latency: load.Latencies{Corrected: l, Service: l}}
	return r
}

func head() load.Report {
	return load.Report{
		SchemaVersion: load.SchemaVersion, Kind: load.KindRun, Outcome: load.Measured, Headline: "Measured.", PlannedMS: 50_000,
		Tool: reports.Tool{Name: "kirimcheck"}, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Target:    load.Target{Name: "t", Role: contract.RoleReceiver, Edition: "kckit"},
		Plan:      load.Plan{Shape: "constant", Schedule: "constant 2000/s", RatePerS: 2000, Mix: map[string]float64{"message.status": 1}, Protocol: "HTTP/1.1", TimeoutMS: 1e4},
		Generator: &load.Generator{CPUs: 2},
	}
}

func (m machine) side(n int) Side {
	s := Side{Name: "side"}
	for range n {
		s.Runs = append(s.Runs, m.run())
	}
	return s
}

func compared(t *testing.T, a, b Side) load.Comparison {
	t.Helper()
	c, err := Compare(a, b, Defaults())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

// Twice the same machine is called different in at most one comparison of twenty, whatever the number of runs.
func TestEqualSidesAreCalledEqual(t *testing.T) {
	const trials = 400
	for _, runs := range [][2]int{{3, 3}, {5, 5}, {10, 10}, {5, 1}, {1, 5}, {3, 2}} {
		wrong, regressions := 0, 0
		for seed := range uint64(trials) {
			m := machine{median: 4, between: 0.08, errors: 0.002, random: seeded(seed)}
			c := compared(t, m.side(runs[0]), m.side(runs[1]))
			if c.Verdict != load.NoDifference {
				wrong++
			}
			if c.Regression {
				regressions++
			}
		}
		g := NewWithT(t)
		// 5 % of 400 is 20, and chance makes at most 33 of it in 999 of 1000 cases.
		g.Expect(wrong).To(BeNumerically("<=", 33), "%v runs", runs)
		g.Expect(regressions).To(BeNumerically("<=", 33), "%v runs", runs)
	}
}

func TestARealChangeIsSeen(t *testing.T) {
	tests := map[string]struct {
		a, b       machine
		want       load.CompareVerdict
		regression bool
	}{
		"a quarter slower":        {machine{median: 4, between: 0.03}, machine{median: 5, between: 0.03}, load.Slower, true},
		"a third faster":          {machine{median: 6, between: 0.03}, machine{median: 4, between: 0.03}, load.Faster, false},
		"new errors":              {machine{median: 4, between: 0.03}, machine{median: 4, between: 0.03, errors: 0.01}, load.Slower, true},
		"errors that went":        {machine{median: 4, between: 0.03, errors: 0.01}, machine{median: 4, between: 0.03}, load.Faster, false},
		"faster, and failing":     {machine{median: 6, between: 0.03}, machine{median: 4, between: 0.03, errors: 0.01}, load.Mixed, true},
		"slower within the bound": {machine{median: 4, between: 0.002}, machine{median: 4.2, between: 0.002}, load.Slower, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			right := 0
			const trials = 50
			for seed := range uint64(trials) {
				test.a.random, test.b.random = seeded(2*seed), seeded(2*seed+1)
				c := compared(t, test.a.side(5), test.b.side(5))
				NewWithT(t).Expect(c.Spread).To(Equal(load.SpreadRuns))
				if c.Verdict == test.want && c.Regression == test.regression {
					right++
				}
			}
			NewWithT(t).Expect(right).To(BeNumerically(">=", trials*9/10))
		})
	}
}

// The interval covers the true change as often as it says.
func TestIntervalsCoverTheTruth(t *testing.T) {
	const trials = 400
	outside := 0
	for seed := range uint64(trials) {
		random := seeded(seed)
		a, b := machine{median: 4, between: 0.1, random: random}, machine{median: 4.6, between: 0.1, random: random}
		f := compared(t, a.side(4), b.side(4)).Figures[0]
		NewWithT(t).Expect(f.Figure).To(Equal("p50"))
		if *f.Low > 0.15 || *f.High < 0.15 {
			outside++
		}
	}
	NewWithT(t).Expect(outside).To(BeNumerically("<=", 12), "one figure of five at 99 %%")
}

// Runs without any spread, such as figures rounded alike, do not make a hair's breadth a difference.
func TestNothingBelowTheResolutionIsADifference(t *testing.T) {
	g := NewWithT(t)
	a, b := Side{Name: "a"}, Side{Name: "b"}
	for range 5 {
		m := machine{median: 4, random: seeded(1)}
		one, other := m.run(), machine{median: 4, random: seeded(1)}.run()
		for _, p := range []*float64{other.Result.Latency.Corrected.P50MS, other.Result.Latency.Corrected.P90MS} {
			*p *= 1.0005
		}
		a.Runs, b.Runs = append(a.Runs, one), append(b.Runs, other)
	}
	c := compared(t, a, b)
	g.Expect(c.Verdict).To(Equal(load.NoDifference))
	*b.Runs[0].Result.Latency.Corrected.P50MS *= 1.01
	g.Expect(compared(t, a, b).Verdict).To(Equal(load.NoDifference))
}

// Five failures against none in a hundred deliveries each are chance, however equal the runs are.
func TestCountingNoiseIsNoDifference(t *testing.T) {
	g := NewWithT(t)
	side := func(failed int64) Side {
		s := machine{median: 4, random: seeded(1)}.side(5)
		for _, r := range s.Runs {
			r.Result.Counts.Succeeded, r.Result.Counts.Failed = 20-failed, failed
		}
		return s
	}
	g.Expect(compared(t, side(0), side(1)).Figures[3]).To(HaveField("Verdict", load.NoDifference))
	g.Expect(compared(t, side(0), side(9)).Figures[3]).To(HaveField("Verdict", load.Slower))
}

func TestAMissingFigureHasNoVerdict(t *testing.T) {
	g := NewWithT(t)
	m := machine{median: 4, random: seeded(1)}
	a, b := m.side(5), m.side(5)
	b.Runs[2].Result.Latency.Corrected.P99MS = nil
	c := compared(t, a, b)
	for _, f := range c.Figures {
		if f.Figure == "p99" {
			g.Expect(f.Verdict).To(Equal(load.NoData))
			g.Expect(f.Reason).To(Equal("B: run 3 has too few values for it"))
			g.Expect(f.Change).To(BeNil())
			g.Expect(f.B).To(BeNil())
		}
	}
	for _, r := range b.Runs {
		r.Result.AchievedPerS, r.Result.Latency, r.Result.Counts = 0, load.Latencies{}, load.Counts{Sent: 5, Abandoned: 5}
	}
	g.Expect(compared(t, a, b).Verdict).To(Equal(load.NoData), "nothing was seen, so nothing is equal")
}

func TestRunsThatCannotBeCompared(t *testing.T) {
	m := machine{median: 4, random: seeded(1)}
	for name, test := range map[string]struct {
		change func(*load.Report)
		says   string
	}{
		"an invalid run":      {func(r *load.Report) { r.Outcome, r.Headline = load.Invalid, "Invalid: the generator." }, "side, run 2 cannot be compared: Invalid: the generator."},
		"an interrupted run":  {func(r *load.Report) { r.Outcome = load.Interrupted }, "cannot be compared"},
		"a run without data":  {func(r *load.Report) { r.Result = nil }, "has no figures"},
		"another comparison":  {func(r *load.Report) { r.Kind = load.KindCompare }, "is the report of a compare"},
		"another rate":        {func(r *load.Report) { r.Plan.Schedule = "constant 9/s" }, "schedule: constant 2000/s and constant 9/s"},
		"another mix":         {func(r *load.Report) { r.Plan.Mix = map[string]float64{"message.received": 1} }, "mix: message.status=100 % and message.received=100 %"},
		"another edition":     {func(r *load.Report) { r.Target.Edition = "kirim.chat" }, "edition: kckit and kirim.chat"},
		"more processors":     {func(r *load.Report) { r.Generator = &load.Generator{CPUs: 64} }, "processors of the generator: 2 and 64"},
		"limited connections": {func(r *load.Report) { r.Plan.Connections = of(8) }, "connections: none and 8"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			a, b := m.side(3), m.side(3)
			test.change(&b.Runs[1])
			_, err := Compare(a, b, Defaults())
			g.Expect(err).To(MatchError(ContainSubstring(test.says)))
		})
	}
	g := NewWithT(t)
	_, err := Compare(Side{Name: "none"}, m.side(1), Defaults())
	g.Expect(err).To(MatchError("none has no run"))
	for _, o := range []Options{{}, {Confidence: 1}, {Confidence: 0.95, Bound: -1}, {Confidence: math.NaN()}} {
		_, err := Compare(m.side(3), m.side(3), o)
		g.Expect(err).To(HaveOccurred())
	}
}

func TestDifferentPlansAreListedWhereTheyAreAllowed(t *testing.T) {
	g := NewWithT(t)
	m := machine{median: 4, random: seeded(1)}
	a, b := m.side(3), m.side(3)
	for i := range b.Runs {
		b.Runs[i].Plan.Schedule = "constant 9/s"
	}
	o := Defaults()
	o.DifferentPlans = true
	c, err := Compare(a, b, o)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.Differences).To(Equal([]string{"schedule: constant 2000/s and constant 9/s"}))
}

func TestReadTakesAFileAndAFolderOfRuns(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "base[line]")
	m := machine{median: 4, random: seeded(1)}
	for _, name := range []string{"1", "2"} {
		g.Expect(os.MkdirAll(filepath.Join(dir, name), 0o755)).To(Succeed())
		f, err := os.Create(filepath.Join(dir, name, load.JSONFile))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(load.WriteJSON(f, load.Redact(new(reports.Redactor), m.run()))).To(Succeed())
		g.Expect(f.Close()).To(Succeed())
	}
	side, err := Read(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(side.Runs).To(HaveLen(2))
	side.Runs[1].Result = nil
	_, err = Compare(side, side, Defaults())
	g.Expect(err).To(MatchError(HavePrefix(filepath.Join(dir, "2", load.JSONFile)+" has no figures")), "a message names the file")
	side, err = Read(filepath.Join(dir, "1", load.JSONFile))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(side.Runs).To(HaveLen(1))

	empty := t.TempDir()
	_, err = Read(empty)
	g.Expect(err).To(MatchError(ContainSubstring("holds no load.json")))
	_, err = Read(filepath.Join(empty, "missing"))
	g.Expect(err).To(MatchError(HaveSuffix("cannot be read: no such file or directory")))
	for text, says := range map[string]string{
		"": "no load report", "{}": "schema_version is missing", `{"schema_version":"2.0"}`: "reads 1.x", `{"schema_version":"1.0","extra":1}`: "extra",
	} {
		path := filepath.Join(empty, load.JSONFile)
		g.Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
		_, err = Read(empty)
		g.Expect(err).To(MatchError(And(ContainSubstring(path), ContainSubstring(says))), text)
	}
}

func TestTheReportOfAComparison(t *testing.T) {
	g := NewWithT(t)
	a, b := machine{median: 4, between: 0.02, random: seeded(1)}.side(5), machine{median: 9, between: 0.02, random: seeded(2)}.side(5)
	r, err := Report(compared(t, a, b), b)
	g.Expect(err).NotTo(HaveOccurred())
	r = load.Conclude(r, load.Finished)
	g.Expect(r.Outcome).To(Equal(load.NotMet))
	g.Expect(r.Headline).To(HavePrefix("Slower, by more than the bound of 10 %"))
	r, err = Report(compared(t, a, a), a)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(load.Conclude(r, load.Finished).Outcome).To(Equal(load.Met))
}
