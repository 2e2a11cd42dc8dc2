package mockmeta_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/mockmeta"
)

const day = 24 * time.Hour

// schedule is when the attempts of a failing delivery begin by the contract's parameters: at once, at once again, after
// 1, 2, 4 ... 1024 minutes, and then once a day until the seven days are over.
func schedule() []time.Duration {
	at := []time.Duration{0, 0}
	for minutes := 1; minutes <= 1024; minutes *= 2 {
		at = append(at, at[len(at)-1]+time.Duration(minutes)*time.Minute)
	}
	for range 5 {
		at = append(at, at[len(at)-1]+day)
	}
	return at
}

func TestScheduleOfTheContract(t *testing.T) {
	got := mockmeta.PolicyOf(loadMeta(t)).Schedule()
	if !slices.Equal(got, schedule()) {
		t.Errorf("got  %v\nwant %v", got, schedule())
	}
	if last := got[len(got)-1]; last > 7*day || last+day <= 7*day {
		t.Errorf("the last attempt comes at %s, which leaves a day of the seven or more", last)
	}
}

func TestFrequencyNeverRises(t *testing.T) {
	p := mockmeta.PolicyOf(loadMeta(t))
	for retry := 2; retry < 200; retry++ {
		if p.Wait(retry) < p.Wait(retry-1) || p.Wait(retry) > p.Limit {
			t.Errorf("retry %d waits %s, the one before %s", retry, p.Wait(retry), p.Wait(retry-1))
		}
	}
	if got := p.Wait(math.MaxInt); got != p.Limit {
		t.Errorf("a late retry waits %s", got)
	}
}

func TestTheWindowIsExact(t *testing.T) {
	p := mockmeta.Policy{Window: time.Hour, First: 0, Delay: time.Minute, Growth: 1, Limit: time.Minute}
	for _, c := range []struct {
		retry   int
		elapsed time.Duration
		wait    time.Duration
		ok      bool
	}{
		{1, 0, 0, true},
		{1, time.Hour, 0, true},
		{1, time.Hour + 1, 0, false},
		{2, 59 * time.Minute, time.Minute, true},
		{2, 59*time.Minute + 1, time.Minute, false},
		{9, 0, time.Minute, true},
	} {
		if wait, ok := p.Next(c.retry, c.elapsed); wait != c.wait || ok != c.ok {
			t.Errorf("retry %d after %s: %s, %v", c.retry, c.elapsed, wait, ok)
		}
	}
	if got := len(p.Schedule()); got != 62 {
		t.Errorf("%d attempts in an hour at one a minute and one at once, want 62", got)
	}
	if got := len((mockmeta.Policy{Delay: 1, Growth: 1, Limit: 1}).Schedule()); got != 2 {
		t.Errorf("%d attempts in no time, want the first and its immediate retry", got)
	}
}

func TestPoliciesThatNeverEndAreRefused(t *testing.T) {
	good := mockmeta.PolicyOf(loadMeta(t))
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*mockmeta.Policy)
		want   string
	}{
		"no delay":         {func(p *mockmeta.Policy) { p.Delay = 0 }, "the delay is 0s"},
		"negative delay":   {func(p *mockmeta.Policy) { p.Delay = -1 }, "must be positive"},
		"shrinking delays": {func(p *mockmeta.Policy) { p.Growth = 0.5 }, "the growth is 0.5"},
		"no number":        {func(p *mockmeta.Policy) { p.Growth = math.NaN() }, "the growth is NaN"},
		"infinite growth":  {func(p *mockmeta.Policy) { p.Growth = math.Inf(1) }, "the growth is +Inf"},
		"no limit":         {func(p *mockmeta.Policy) { p.Limit = 0 }, "the longest delay is 0s"},
		"negative window":  {func(p *mockmeta.Policy) { p.Window = -1 }, "negative"},
		"negative first":   {func(p *mockmeta.Policy) { p.First = -1 }, "negative"},
	} {
		p := good
		c.change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
