package health

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

func TestJudgeNamesWhoWasTheBottleneck(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	sound := func() Account {
		return Account{
			Result:    &load.Result{Counts: load.Counts{Planned: 1000, Sent: 1000, Succeeded: 1000}},
			Generator: load.Generator{CPUs: 2, CPUShare: ms(0.3)}, Probe: &load.Lag{Count: 1000, P99MS: ms(1), MaxMS: 80},
		}
	}
	cases := []struct {
		name   string
		change func(*Account)
		say    string
	}{
		{"a sound run", func(*Account) {}, ""},
		{"a target that stalled", func(a *Account) {
			a.Result.Schedule = load.Schedule{Late: 900, Blocked: 890, Skipped: 400}
			a.Result.Counts.Planned = 1400
		}, ""},
		{"ten late starts of a thousand", func(a *Account) { a.LateStarts = 10 }, ""},
		{"eleven late starts of a thousand", func(a *Account) { a.LateStarts = 11 }, "11 of 1000 deliveries more than 25ms late"},
		{"a machine that sleeps", func(a *Account) { a.Probe.P99MS = ms(25.1) }, "woke it 25.1 ms late"},
		{"too few looks for a percentile", func(a *Account) { a.Probe = &load.Lag{Count: 3, MaxMS: 80} }, ""},
		{"payloads that were not ready", func(a *Account) { a.Result.Schedule.QueueMisses = 11 }, "not built and signed in time"},
		{"no ports left", func(a *Account) {
			a.Result.Errors = []load.ErrorClass{{Class: "generator-limit", Count: 1, Example: "too many open files"}}
		}, "too many open files"},
		{"no processor left", func(a *Account) {
			a.LateStarts, a.Generator.CPUShare = 500, ms(0.97)
		}, "97% of 2 processors"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := sound()
			c.change(&a)
			reasons := Judge(a)
			if c.say == "" && len(reasons) > 0 || c.say != "" && (len(reasons) != 1 || !strings.Contains(reasons[0], c.say)) {
				t.Errorf("reasons %q, want %q", reasons, c.say)
			}
		})
	}
}

// What is neither a failure of the generator nor in any figure is said beside them.
func TestNotes(t *testing.T) {
	r := &load.Result{Counts: load.Counts{Sent: 1000, Succeeded: 1000}, Latency: load.Latencies{Corrected: &load.Latency{Count: 990}}}
	if notes := Notes(r, 8); len(notes) != 0 {
		t.Errorf("of a smooth run: %q", notes)
	}
	r.Schedule.Blocked, r.Latency.TimedOut = 11, 1
	notes := Notes(r, 8)
	if len(notes) != 2 || !strings.Contains(notes[0], "11 of 1000 starts found all 8 connections busy") || !strings.Contains(notes[1], "1 of 990 latencies") {
		t.Errorf("notes %q", notes)
	}
}

// The samples cover the run, and count what happened between them.
func TestMonitorSamplesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lag := 3 * time.Millisecond
		m := Start(t.Context(), time.Now(), 10*time.Second, func() (time.Duration, bool) { return lag, true })
		time.Sleep(5*time.Second + time.Millisecond)
		runtime.GC()
		time.Sleep(5 * time.Second)
		g, probe := m.Stop()
		if len(g.Samples) != 11 || g.Samples[0].AtMS != 1000 || *g.Samples[4].LagMaxMS != 3 {
			t.Fatalf("%d samples: %+v", len(g.Samples), g.Samples)
		}
		if g.GCPauses < 1 || g.GCPauseMS <= 0 || g.GCPauseMaxMS <= 0 || g.GoroutinesMax < 3 || g.MemoryStart == nil || *g.MemoryEnd <= 0 {
			t.Errorf("%+v", g)
		}
		if probe == nil || probe.Count < 1900 || probe.MaxMS > 0.001 {
			t.Errorf("a clock that is never late was seen as %+v", probe)
		}
	})
}
