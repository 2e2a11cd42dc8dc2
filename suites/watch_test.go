package suites

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
)

// script is an observer to which effects come at set times after its making.
type script struct {
	made time.Time
	// comes lists the times at which each effect comes, by the item's id.
	comes map[string][]time.Duration
	// fails is when the observer begins to fail, 0 for never.
	fails time.Duration
	looks int
}

var errObserver = errors.New("the observer is broken")

func (s *script) Count(_ context.Context, e target.Effect) (int, error) {
	s.looks++
	since := time.Since(s.made)
	if s.fails > 0 && since >= s.fails {
		return 0, errObserver
	}
	n := 0
	for _, at := range s.comes[e.ItemID] {
		if since >= at {
			n++
		}
	}
	return n, nil
}

func (*script) Tells() target.Tells { return target.Tells{EventID: true, Item: true, Status: true} }
func (*script) String() string      { return "script" }

func effects(ids ...string) []target.Effect {
	var out []target.Effect
	for _, id := range ids {
		out = append(out, target.Effect{ItemID: id})
	}
	return out
}

// at is a list of times in milliseconds.
func at(ms ...time.Duration) []time.Duration {
	for i := range ms {
		ms[i] *= time.Millisecond
	}
	return ms
}

// The timeout is no multiple of the interval, so that the last regular look is at 900 ms.
const (
	testTimeout  = time.Second
	testInterval = 300 * time.Millisecond
)

func TestAwaitSeesEveryEffectThatComesInTime(t *testing.T) {
	for name, c := range map[string]struct {
		comes map[string][]time.Duration
		fails time.Duration
		// cancel is when the run is interrupted, 0 for never.
		cancel time.Duration
		want   []int
		took   time.Duration
		err    error
	}{
		"there already":              {comes: map[string][]time.Duration{"a": at(0), "b": at(0, 0)}, want: []int{1, 2}},
		"late":                       {comes: map[string][]time.Duration{"a": at(0), "b": at(301)}, want: []int{1, 1}, took: 600 * time.Millisecond},
		"between the last two looks": {comes: map[string][]time.Duration{"a": at(0), "b": at(950)}, want: []int{1, 1}, took: time.Second},
		"exactly at the timeout":     {comes: map[string][]time.Duration{"a": at(0), "b": at(1000)}, want: []int{1, 1}, took: time.Second},
		"just after the timeout":     {comes: map[string][]time.Duration{"a": at(0), "b": at(1001)}, want: []int{1, 0}, took: time.Second},
		"never":                      {want: []int{0, 0}, took: time.Second},
		"one of two":                 {comes: map[string][]time.Duration{"b": at(0)}, want: []int{0, 1}, took: time.Second},

		"the observer fails too late": {fails: 1, comes: map[string][]time.Duration{"a": at(0), "b": at(0)}, want: []int{1, 1}},
		"the observer fails later":    {fails: 400 * time.Millisecond, took: 600 * time.Millisecond, err: errObserver},
		"the observer fails at last":  {fails: 950 * time.Millisecond, took: time.Second, err: errObserver},
		"interrupted":                 {cancel: 400 * time.Millisecond, want: []int{0, 0}, took: 400 * time.Millisecond, err: context.Canceled},
		"interrupted after the event": {cancel: 400 * time.Millisecond, comes: map[string][]time.Duration{"a": at(0), "b": at(300)}, want: []int{1, 1}, took: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := interruptedAfter(t, c.cancel)
				w := watcher{observer: &script{made: time.Now(), comes: c.comes, fails: c.fails}, timeout: testTimeout, interval: testInterval}
				counts, took, err := w.await(ctx, effects("a", "b"))
				if !errors.Is(err, c.err) || took != c.took {
					t.Errorf("it took %s with the error %v, want %s and %v", took, err, c.took, c.err)
				}
				if c.err == nil && !slices.Equal(counts, c.want) {
					t.Errorf("counts %v, want %v", counts, c.want)
				}
			})
		})
	}
}

func TestHoldSeesEveryEffectThatMustNotCome(t *testing.T) {
	const settle = time.Second
	for name, c := range map[string]struct {
		comes    map[string][]time.Duration
		want     int
		baseline time.Duration
		fails    time.Duration
		cancel   time.Duration
		counts   []int
		took     time.Duration
		err      error
	}{
		"none":                         {counts: []int{0, 0}, took: settle},
		"there already":                {comes: map[string][]time.Duration{"b": at(0)}, counts: []int{0, 1}},
		"late":                         {comes: map[string][]time.Duration{"b": at(301)}, counts: []int{0, 1}, took: 600 * time.Millisecond},
		"between the last two looks":   {comes: map[string][]time.Duration{"b": at(950)}, counts: []int{0, 1}, took: settle},
		"exactly at the end":           {comes: map[string][]time.Duration{"b": at(1000)}, counts: []int{0, 1}, took: settle},
		"just after the end":           {comes: map[string][]time.Duration{"b": at(1001)}, counts: []int{0, 0}, took: settle},
		"the one that may":             {want: 1, comes: map[string][]time.Duration{"a": at(0), "b": at(500)}, counts: []int{1, 1}, took: settle},
		"a second one":                 {want: 1, comes: map[string][]time.Duration{"a": at(0), "b": at(0, 700)}, counts: []int{1, 2}, took: 900 * time.Millisecond},
		"a quick baseline":             {baseline: 333 * time.Millisecond, counts: []int{0, 0}, took: settle},
		"a slow baseline":              {baseline: 2 * time.Second, counts: []int{0, 0}, took: 6 * time.Second},
		"late, after a slow baseline":  {want: 1, baseline: 2 * time.Second, comes: map[string][]time.Duration{"a": at(0), "b": at(0, 5990)}, counts: []int{1, 2}, took: 6 * time.Second},
		"the observer fails later":     {fails: 400 * time.Millisecond, took: 600 * time.Millisecond, err: errObserver},
		"the observer fails at last":   {fails: 950 * time.Millisecond, took: settle, err: errObserver},
		"interrupted":                  {cancel: 400 * time.Millisecond, took: 400 * time.Millisecond, err: context.Canceled},
		"both, and only one too often": {want: 1, comes: map[string][]time.Duration{"a": at(0, 100, 200), "b": at(0)}, counts: []int{3, 1}, took: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := interruptedAfter(t, c.cancel)
				w := watcher{observer: &script{made: time.Now(), comes: c.comes, fails: c.fails}, settle: settle, interval: testInterval}
				started := time.Now()
				counts, err := w.hold(ctx, effects("a", "b"), c.want, c.baseline)
				if took := time.Since(started); !errors.Is(err, c.err) || took != c.took {
					t.Errorf("it took %s with the error %v, want %s and %v", took, err, c.took, c.err)
				}
				if !slices.Equal(counts, c.counts) {
					t.Errorf("counts %v, want %v", counts, c.counts)
				}
			})
		})
	}
}

// An observer that fails is not asked again: each look may cost its timeout.
func TestObserverThatFailedIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		obs := &script{made: time.Now().Add(-time.Hour), fails: 1}
		w := watcher{observer: obs, timeout: testTimeout, settle: testTimeout, interval: testInterval}
		if _, _, err := w.await(t.Context(), effects("a", "b")); !errors.Is(err, errObserver) || obs.looks != 1 {
			t.Errorf("await: %d looks, %v", obs.looks, err)
		}
		if _, err := w.hold(t.Context(), effects("a", "b"), 0, 0); !errors.Is(err, errObserver) || obs.looks != 2 {
			t.Errorf("hold: %d looks more, %v", obs.looks-1, err)
		}
	})
}

// interruptedAfter returns a context that ends after d, or not at all.
func interruptedAfter(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if d > 0 {
		time.AfterFunc(d, cancel)
	}
	return ctx
}

func TestObservationsSayWhatWasAsked(t *testing.T) {
	got := observations([]target.Effect{{Event: "e", EventID: "i", ItemID: "a"}, {Event: "e", EventID: "i", ItemID: "b", Status: "read"}}, []int{0, 2})
	if len(got) != 2 || got[0].Count != 0 || got[1].Count != 2 || got[1].Question != "event e, event id i, item b, status read" || got[0].At.IsZero() {
		t.Errorf("%+v", got)
	}
	// An observer that failed has answered nothing.
	if got := observations([]target.Effect{{}}, nil); got != nil {
		t.Errorf("%+v", got)
	}
}
