package slo

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// distribution summarises so many values of each time.
func distribution(t *testing.T, values map[time.Duration]int64) *load.Latency {
	t.Helper()
	h := load.NewHistogram()
	for d, n := range values {
		NewWithT(t).Expect(h.RecordValues(int64(d), n)).To(Succeed())
	}
	l, err := load.Summarise(h)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return l
}

// sample is a result of 1000 deliveries: 980 took 10 ms, 20 took 2 s; 5 failed, and 30 wrong signatures were refused on
// top. The service time was 5 ms for all. A hundred of them were statuses, which took 100 ms.
func sample(t *testing.T) *load.Result {
	return &load.Result{
		OfferedPerS: 110, SentPerS: 103, AchievedPerS: 99.5,
		Counts: load.Counts{Planned: 1100, Sent: 1030, Succeeded: 995, Refused: 30, Failed: 5},
		Latency: load.Latencies{
			Corrected: distribution(t, map[time.Duration]int64{10 * time.Millisecond: 980, 2 * time.Second: 20}),
			Service:   distribution(t, map[time.Duration]int64{5 * time.Millisecond: 1000}),
		},
		Events: []load.EventResult{
			{Event: "message.received", Sent: 0},
			{Event: "message.status", Sent: 100, Succeeded: 98, Failed: 2, Latency: load.Latencies{
				Corrected: distribution(t, map[time.Duration]int64{100 * time.Millisecond: 99}),
			}},
		},
	}
}

func TestJudge(t *testing.T) {
	nothingAnswered := func(r *load.Result) {
		r.Counts = load.Counts{Planned: 10, Sent: 10, Abandoned: 10}
		r.Latency, r.AchievedPerS = load.Latencies{}, 0
	}
	// The 20 of 2 s ran into a timeout of that time.
	gaveUp := func(r *load.Result) { r.Latency.TimedOut = 20 }
	// All were refused at once, or nothing was answered before a timeout of 10 ms.
	noneTaken := func(r *load.Result) {
		r.Counts = load.Counts{Planned: 1000, Sent: 1000, Failed: 1000}
		r.Latency.Corrected = distribution(t, map[time.Duration]int64{10 * time.Millisecond: 1000})
	}
	tests := map[string]struct {
		text   string
		change func(*load.Result)
		passes bool
		reason string // for a limit that does not hold
	}{
		"a percentile below":                          {text: "p50 < 11ms", passes: true},
		"a percentile above":                          {text: "p50 < 9ms", reason: "measured 10 ms, and the limit is < 9 ms"},
		"a percentile at an inclusive limit":          {text: "p50 <= 10ms", passes: true},
		"a percentile at an exclusive limit":          {text: "p50 < 10ms", reason: "measured 10 ms, and the limit is < 10 ms"},
		"the tail":                                    {text: "p99 < 1s", reason: "measured 2 s, and the limit is < 1 s"},
		"the service time is another view":            {text: "service.p99 < 6ms", passes: true},
		"the largest at an inclusive limit":           {text: "max <= 2s", passes: true},
		"the largest at an exclusive limit":           {text: "max < 2s", reason: "measured 2 s, and the limit is < 2 s"},
		"the smallest":                                {text: "min >= 10ms", passes: true},
		"the mean":                                    {text: "mean < 50ms", passes: true},
		"a share that is reached":                     {text: "slower_than(1s) < 2%", reason: "measured 2 %, and the limit is < 2 %"},
		"a share that is not":                         {text: "slower_than(1s) < 2.1%", passes: true},
		"as slow as the time is not slower":           {text: "slower_than(2s) <= 0%", passes: true},
		"refused forgeries are no failures":           {text: "errors < 0.5%", passes: true},
		"failures":                                    {text: "errors < 0.4%", reason: "measured 0.485 %, and the limit is < 0.4 %"},
		"refused forgeries are no successes":          {text: "success >= 99.5%", passes: true},
		"the rate is that of the successes":           {text: "rate >= 99.5/s", passes: true},
		"what was sent":                               {text: "sent >= 103/s", passes: true},
		"what was asked for":                          {text: "offered >= 111/s", reason: "measured 110/s, and the limit is >= 111/s"},
		"one event type":                              {text: "errors{message.status} < 1%", reason: "measured 2 %, and the limit is < 1 %"},
		"the rate of one event type":                  {text: "rate{message.status} >= 9.8/s", passes: true},
		"the latency of one event type":               {text: "p50{message.status} < 50ms", reason: "measured 100 ms, and the limit is < 50 ms"},
		"an event type that was not sent":             {text: "p50{message.received} < 1s", reason: "no data: no message.received was sent"},
		"an event type that is missing":               {text: "errors{contact.created} < 1%", reason: "no data: no contact.created was sent"},
		"too few values for a percentile":             {text: "p99{message.status} < 1s", reason: "no data: p99 takes at least 100 values, and there were 99"},
		"too few values for a high one":               {text: "p99.99 < 59m", reason: "no data: p99.99 takes at least 10000 values, and there were 1000"},
		"a view that is missing":                      {text: "service.p50{message.status} < 1s", reason: "no data: nothing was answered"},
		"no answer, a latency":                        {text: "p50 < 1s", change: nothingAnswered, reason: "no data: nothing was answered"},
		"no answer, the share of the slow":            {text: "slower_than(1s) < 1%", change: nothingAnswered, reason: "no data: nothing was answered"},
		"no answer, the errors":                       {text: "errors < 1%", change: nothingAnswered, reason: "no data: no delivery came to an end that is known"},
		"no answer, the successes":                    {text: "success < 1%", change: nothingAnswered, reason: "no data: no delivery came to an end that is known"},
		"no answer, the rate is known to be nothing":  {text: "rate >= 1/s", change: nothingAnswered, reason: "measured 0/s, and the limit is >= 1/s"},
		"a percentile below what timed out":           {text: "p98 < 3s", change: gaveUp, passes: true},
		"a percentile that timed out":                 {text: "p99 < 3s", change: gaveUp, reason: "at least 2 s: 20 deliveries were without an answer when the timeout was over, and whether it would have come within the limit is not known"},
		"a percentile that timed out past the limit":  {text: "p99 < 1s", change: gaveUp, reason: "measured 2 s, and the limit is < 1 s"},
		"what timed out is slow":                      {text: "p99 > 1s", change: gaveUp, passes: true},
		"the largest timed out":                       {text: "max < 3s", change: gaveUp, reason: "at least 2 s: 20 deliveries were without an answer when the timeout was over, and whether it would have come within the limit is not known"},
		"the mean of what timed out":                  {text: "mean < 3s", change: func(r *load.Result) { r.Latency.TimedOut = 1 }, reason: "at least 49.8 ms: 1 delivery was without an answer when the timeout was over, and whether it would have come within the limit is not known"},
		"the smallest was answered":                   {text: "min < 1s", change: gaveUp, passes: true},
		"what timed out is slower than any time":      {text: "slower_than(3s) < 1%", change: gaveUp, reason: "measured 2 %, and the limit is < 1 %"},
		"what timed out is counted once":              {text: "slower_than(1s) < 2.1%", change: gaveUp, passes: true},
		"failures at once are not fast":               {text: "p50 < 1s", change: noneTaken, reason: "no data: nothing was answered by 2xx"},
		"failures at once are not rarely slow":        {text: "slower_than(1s) < 1%", change: noneTaken, reason: "no data: nothing was answered by 2xx"},
		"nothing sent, and a limit that zero keeps":   {text: "rate < 10/s", change: func(r *load.Result) { *r = load.Result{} }, reason: "no data: nothing was sent"},
		"nothing sent, and errors that are none then": {text: "errors <= 0%", change: func(r *load.Result) { *r = load.Result{} }, reason: "no data: nothing was sent"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s, err := Parse(test.text, "--slo")
			g.Expect(err).NotTo(HaveOccurred())
			r := sample(t)
			if test.change != nil {
				test.change(r)
			}
			got, err := Judge([]SLO{s}, r)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(HaveLen(1))
			g.Expect(got[0].Reason).To(Equal(test.reason))
			g.Expect(got[0].Verdict == reports.Pass).To(Equal(test.passes))
			g.Expect(test.passes).To(Equal(test.reason == ""))
		})
	}
}

func TestWithoutAResultEveryLimitFails(t *testing.T) {
	g := NewWithT(t)
	all, err := ParseAll([]string{"p99 < 1s", "errors < 1%", "rate < 5/s", "offered > 1/s"}, "--slo")
	g.Expect(err).NotTo(HaveOccurred())
	got, err := Judge(all, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveLen(len(all)))
	for _, threshold := range got {
		g.Expect(threshold.Verdict).To(Equal(reports.Fail))
		g.Expect(threshold.Reason).To(Equal("no data: nothing was sent"))
		g.Expect(threshold.Observed).To(BeNil())
	}
}

func TestADamagedHistogramIsAnErrorAndNoVerdict(t *testing.T) {
	for name, damage := range map[string]func(*load.Latency){
		"cut":                  func(l *load.Latency) { l.Histogram = l.Histogram[:20] },
		"of another run":       func(l *load.Latency) { l.Count++ },
		"taken out altogether": func(l *load.Latency) { l.Histogram = "" },
	} {
		g := NewWithT(t)
		s, err := Parse("p50 < 1s", "--slo")
		g.Expect(err).NotTo(HaveOccurred())
		r := sample(t)
		damage(r.Latency.Corrected)
		_, err = Judge([]SLO{s}, r)
		g.Expect(err).To(MatchError(ContainSubstring(`threshold "p50 < 1s"`)), name)
	}
}

func contractData(t *testing.T) (contract.Meta, contract.Edition) {
	t.Helper()
	g := NewWithT(t)
	meta, err := contract.LoadMeta()
	g.Expect(err).NotTo(HaveOccurred())
	edition, err := contract.LoadEdition("")
	g.Expect(err).NotTo(HaveOccurred())
	return meta, edition
}

func TestPresetsSayWhatTheContractSays(t *testing.T) {
	meta, edition := contractData(t)
	for name, want := range map[string][]string{
		"meta":  {"p50 <= 250ms", "slower_than(1s) < 1%", "errors < 1%"},
		"kirim": {"max <= 2s", "max < 10s", "errors <= 0%"},
	} {
		g := NewWithT(t)
		all, err := Preset(name, meta, edition)
		g.Expect(err).NotTo(HaveOccurred())
		var texts []string
		for _, s := range all {
			texts = append(texts, s.Text)
			g.Expect(s.From).To(Equal("preset " + name))
			g.Expect(s.Source).NotTo(BeNil())
			g.Expect(s.Source.Document).NotTo(BeEmpty())
		}
		g.Expect(texts).To(Equal(want))
	}
	_, err := Preset("none", meta, edition)
	NewWithT(t).Expect(err).To(MatchError(`there is no preset "none"; there are kirim and meta`))
}

func TestPresetsFollowTheContract(t *testing.T) {
	g := NewWithT(t)
	meta, edition := contractData(t)
	meta.LatencyMedian.Value, meta.LatencySlowShare.Value = 100*time.Millisecond, 0.002
	edition.Delivery.AcknowledgeWithin = 90 * time.Second
	all, err := Preset("meta", meta, edition)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all[0].Text).To(Equal("p50 <= 100ms"))
	g.Expect(all[1].Text).To(Equal("slower_than(1s) < 0.2%"))
	all, err = Preset("kirim", meta, edition)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all[0].Text).To(Equal("max <= 1m30s"))
}

// A target that refuses at once is fast, and no preset may call that good.
func TestNoPresetIsMetByFastFailures(t *testing.T) {
	meta, edition := contractData(t)
	for _, name := range Presets() {
		g := NewWithT(t)
		all, err := Preset(name, meta, edition)
		g.Expect(err).NotTo(HaveOccurred())
		r := sample(t)
		r.Latency.Corrected = distribution(t, map[time.Duration]int64{time.Millisecond: 1000})
		r.Counts = load.Counts{Planned: 1000, Sent: 1000, Succeeded: 990, Failed: 10}
		got, err := Judge(all, r)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got).To(ContainElement(HaveField("Verdict", reports.Fail)), name)
	}
}

// A delivery that runs into the timeout has waited a hair longer than it; the histogram cannot tell, and the limit must.
func TestATimeoutBreaksTheHardLimit(t *testing.T) {
	g := NewWithT(t)
	meta, edition := contractData(t)
	all, err := Preset("kirim", meta, edition)
	g.Expect(err).NotTo(HaveOccurred())
	r := sample(t)
	r.Latency.Corrected = distribution(t, map[time.Duration]int64{edition.Delivery.Timeout + 300*time.Microsecond: 1})
	got, err := Judge(all[1:2], r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got[0].Verdict).To(Equal(reports.Fail))
}

func TestMetaCapacity(t *testing.T) {
	g := NewWithT(t)
	meta, _ := contractData(t)
	traffic, s, err := MetaCapacity(meta, 1000, 0.3)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(traffic).To(Equal(MetaTraffic{StatusesPerS: 3000, MessagesPerS: 300}), "the example of Meta's page")
	g.Expect(s.Text).To(Equal("rate > 3267/s"))
	for _, wrong := range [][2]float64{{0, 0.3}, {-1, 0.3}, {1000, -0.1}, {1000, 30}} {
		_, _, err := MetaCapacity(meta, wrong[0], wrong[1])
		g.Expect(err).To(HaveOccurred())
	}
}

// A run that keeps its limits on latency alone says that others failed.
func TestFailuresThatNoLimitIsOnAreNoted(t *testing.T) {
	failing := &load.Result{Counts: load.Counts{Sent: 1200, Succeeded: 1198, Failed: 2}}
	for _, c := range []struct {
		limits []string
		r      *load.Result
		notes  int
	}{
		{[]string{"p50 < 10s", "sent > 1/s"}, failing, 1},
		{[]string{"p50 < 10s", "errors < 1%"}, failing, 0},
		{[]string{"success > 99%"}, failing, 0},
		{[]string{"rate > 1/s"}, failing, 0},
		{[]string{"p50 < 10s"}, &load.Result{Counts: load.Counts{Sent: 3, Succeeded: 3}}, 0},
		{nil, failing, 0},
	} {
		limits, err := ParseAll(c.limits, "test")
		if err != nil {
			t.Fatal(err)
		}
		notes := Notes(limits, c.r)
		if len(notes) != c.notes || c.notes > 0 && !strings.Contains(notes[0], "2 of 1,200 deliveries failed") {
			t.Errorf("%q: %q", c.limits, notes)
		}
	}
}
