package schedule

import (
	"math"
	"strings"
	"testing"
	"time"
)

func rate(t testing.TB, text string) Rate {
	t.Helper()
	r, err := ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func noTrace(string) (*Trace, error) { panic("no shape here reads a trace") }

func parse(t testing.TB, shape, r string, d time.Duration) *Schedule {
	t.Helper()
	s, err := Parse(shape, rate(t, r), d, noTrace)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each start lies where the integral of the rate, worked out by hand, reaches its number.
func TestStartsLieWhereTheIntegralOfTheRateSays(t *testing.T) {
	sec := func(x float64) time.Duration { return time.Duration(math.Round(x * 1e9)) }
	cases := []struct {
		name, shape, rate string
		duration          time.Duration
		total             uint64
		at                func(n float64) time.Duration
	}{
		{"constant", "constant", "200/s", 4 * time.Second, 800, func(n float64) time.Duration { return sec(n / 200) }},
		{"constant that divides no nanosecond", "constant", "3/s", time.Hour, 10800,
			func(n float64) time.Duration { return time.Duration(int64(n) * 1e9 / 3) }},
		{"less than one in a second", "constant", "0.1/s", time.Minute, 6, func(n float64) time.Duration { return sec(n * 10) }},
		{"a part of a start at the end", "constant", "1/s", 2500 * time.Millisecond, 3, func(n float64) time.Duration { return sec(n) }},
		// H(t) = 100 t²/20.
		{"ramp from nothing", "ramp", "100/s", 10 * time.Second, 500, func(n float64) time.Duration { return sec(math.Sqrt(n / 5)) }},
		// H(t) = 100 t - 5 t², which reaches 500 where the rate is nothing.
		{"ramp to nothing", "ramp:from=100/s", "0.001/s", 10 * time.Second, 501,
			func(n float64) time.Duration { return sec((100 - math.Sqrt(10000-4*4.99995*n)) / (2 * 4.99995)) }},
		{"steps", "step:from=10/s,steps=2", "40/s", 20 * time.Second, 500, func(n float64) time.Duration {
			if n < 100 {
				return sec(n / 10)
			}
			return sec(10 + (n-100)/40)
		}},
		{"bursts", "burst:to=100/s,every=10s,for=1s", "10/s", 20 * time.Second, 380, func(n float64) time.Duration {
			interval, n := math.Floor(n/190), math.Mod(n, 190)
			if n < 90 {
				return sec(10*interval + n/10)
			}
			return sec(10*interval + 9 + (n-90)/100)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := parse(t, c.shape, c.rate, c.duration)
			if s.Total() != c.total {
				t.Fatalf("%s has %d starts, want %d", s, s.Total(), c.total)
			}
			for n := range s.Total() {
				at, ok := s.At(n)
				// One nanosecond is what rounding may add.
				if want := c.at(float64(n)); !ok || (at-want).Abs() > 1 {
					t.Fatalf("start %d at %s, want %s", n, at, want)
				}
			}
			if _, ok := s.At(s.Total()); ok {
				t.Error("there is a start past the last")
			}
		})
	}
}

// The wave has no inverse in closed form, so it is held to its integral: M t + A P/2π (1 - cos 2πt/P).
func TestStartsOfAWaveLieOnItsIntegral(t *testing.T) {
	for _, shape := range []string{"sine:amplitude=1000/s,period=7s", "sine:amplitude=500/s,period=30s", "sine"} {
		s := parse(t, shape, "1000/s", time.Minute)
		w := s.curve.(wave)
		for n := range s.Total() {
			at, _ := s.At(n)
			x := at.Seconds()
			hits := 1000*x + w.amplitude*w.period/(2*math.Pi)*(1-math.Cos(2*math.Pi*x/w.period))
			// Half a nanosecond at the highest rate is a millionth of a start.
			if math.Abs(hits-float64(n)) > 2e-6 {
				t.Fatalf("%s: at start %d the integral is %f", s, n, hits)
			}
		}
	}
}

// Due is the inverse of At for every shape, at each start and just before it.
func TestDueIsTheInverseOfAt(t *testing.T) {
	trace, err := ParseTrace(strings.NewReader("0\n0.5\n0.5\n2.25\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	replay, err := New(Spec{Shape: Replay, Trace: trace})
	if err != nil {
		t.Fatal(err)
	}
	schedules := []*Schedule{replay}
	for _, shape := range []string{"constant", "ramp", "ramp:from=2000/s", "step", "burst", "sine", "sine:amplitude=777/s,period=3s"} {
		schedules = append(schedules, parse(t, shape, "777/s", 20*time.Second))
	}
	for _, s := range schedules {
		t.Run(s.String(), func(t *testing.T) {
			var before time.Duration
			for n := range s.Total() {
				at, _ := s.At(n)
				switch {
				case at < before:
					t.Fatalf("start %d at %s lies before the one ahead of it", n, at)
				case at >= s.Duration():
					t.Fatalf("start %d at %s lies past the end", n, at)
				case s.Due(at) < n+1:
					t.Fatalf("at %s, %d starts are due; number %d is one more", at, s.Due(at), n)
				case s.Due(at-1) > n:
					t.Fatalf("before %s, %d starts are due; number %d is not yet", at, s.Due(at-1), n)
				}
				before = at
			}
			if s.Due(s.Duration()) != s.Total() || s.Due(-1) != 0 {
				t.Errorf("due at the end %d of %d, before the beginning %d", s.Due(s.Duration()), s.Total(), s.Due(-1))
			}
		})
	}
}

// A week at the highest rate stays exact: no start is lost to the width of a number.
func TestLongRunsStayExact(t *testing.T) {
	s := parse(t, "constant", "1000000/s", MaxDuration)
	at, ok := s.At(s.Total() - 1)
	if want := MaxDuration - time.Microsecond; !ok || at != want || s.Total() != 604_800_000_000 {
		t.Errorf("the last of %d starts is at %s, want %s", s.Total(), at, want)
	}
}

func TestRateAtAndPeakFollowTheShape(t *testing.T) {
	cases := []struct {
		shape string
		at    time.Duration
		want  float64
		peak  float64
	}{
		{"constant", 3 * time.Second, 100, 100},
		{"ramp", 5 * time.Second, 50, 100},
		{"step", 5 * time.Second, 60, 100},
		{"burst:to=300/s,every=5s,for=1s", 4500 * time.Millisecond, 300, 300},
		{"sine:amplitude=40/s,period=4s", time.Second, 140, 140},
		{"constant", 10 * time.Second, 0, 100},
	}
	for _, c := range cases {
		s := parse(t, c.shape, "100/s", 10*time.Second)
		if got := s.RateAt(c.at); math.Abs(got-c.want) > 1e-9 || math.Abs(s.Peak()-c.peak) > 1e-9 {
			t.Errorf("%s at %s: rate %g, want %g; peak %g, want %g", s, c.at, got, c.want, s.Peak(), c.peak)
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, text := range []string{"", "fast", "0/s", "-5/s", "NaN", "Inf/s", "10/", "10/day", "1e9/s", "2000000/s", "1/2/s", "0.00000000001/s"} {
		if r, err := ParseRate(text); err == nil || !strings.Contains(err.Error(), "2000/s") {
			t.Errorf("rate %q: %v, error %v", text, r, err)
		}
	}
	for _, c := range []struct{ shape, say string }{
		{"zigzag", "there are burst, constant, ramp, sine, step, replay"},
		{"ramp:to=5/s", "it has: from"},
		{"constant:from=5/s", "it has: none"},
		{"ramp:from=x", "not a plain number"},
		{"step:steps=1", "number of steps"},
		{"burst:every=1s,for=2s", "does not fit"},
		{"burst:to=900000/s,every=-1s", "duration above zero"},
		{"ramp:from=1/s,from=2/s", `"from" twice`},
		{"sine:amplitude=11/s", "negative"},
		{"replay", "replay:FILE"},
	} {
		if _, err := Parse(c.shape, rate(t, "10/s"), 10*time.Second, noTrace); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("shape %q: error %v does not say %q", c.shape, err, c.say)
		}
	}
	if _, err := Parse("constant", rate(t, "1/h"), 10*time.Second, noTrace); err == nil || !strings.Contains(err.Error(), "constant 0.000278/s for 10s makes 0.0028 of a delivery") {
		t.Errorf("less than one delivery: error %v", err)
	}
	for _, d := range []time.Duration{0, -time.Second, 8 * 24 * time.Hour} {
		if _, err := Parse("constant", rate(t, "10/s"), d, noTrace); err == nil {
			t.Errorf("duration %s is taken", d)
		}
	}
}

func TestTraceIsReadLineByLine(t *testing.T) {
	known := func(event string) bool { return event == "message.status" }
	trace, err := ParseTrace(strings.NewReader("seconds,event\n# recorded on a Monday\n0\n\n0.25, message.status\n0.25\n1.5,message.status\n"), known)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Spec{Shape: Replay, Trace: trace})
	if err != nil {
		t.Fatal(err)
	}
	if s.Total() != 4 || s.Duration() != 2*time.Second || s.Peak() != 3 || strings.Join(trace.Events, "|") != "|message.status||message.status" {
		t.Errorf("%s: total %d, duration %s, peak %g, events %q", s, s.Total(), s.Duration(), s.Peak(), trace.Events)
	}
	if cut, err := New(Spec{Shape: Replay, Trace: trace, Duration: time.Second}); err != nil || cut.Total() != 3 || cut.Duration() != time.Second {
		t.Errorf("cut to %s: %v, error %v", time.Second, cut, err)
	}
	for text, say := range map[string]string{
		"":                               "no start",
		"seconds\n":                      "no start",
		"0\nsoon\n":                      ":2:",
		"1\n0.5\n":                       "go back",
		"-1\n":                           ":1:",
		"NaN\n":                          ":1:",
		"0,message.unknown\n":            `unknown event "message.unknown"`,
		"0\n" + strings.Repeat("1", 300): "longer than",
	} {
		if _, err := ParseTrace(strings.NewReader(text), known); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%.20q: error %v does not say %q", text, err, say)
		}
	}
}

func BenchmarkAt(b *testing.B) {
	for _, shape := range []string{"constant", "ramp", "burst", "sine"} {
		b.Run(shape, func(b *testing.B) {
			s := parse(b, shape, "50000/s", time.Minute)
			for n := uint64(0); b.Loop(); n++ {
				s.At(n % s.Total())
			}
		})
	}
}
