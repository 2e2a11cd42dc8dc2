package suites

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
)

// watcher waits for effects, and waits to see that none comes. All its waiting is by the clock.
type watcher struct {
	observer target.Observer
	// locate says where in the target file the observer stands that made an error; nil leaves it as it is.
	locate   func(error) error
	timeout  time.Duration
	settle   time.Duration
	interval time.Duration
}

// settleFactor is how many times longer than the baseline's effect took the harness waits for one that must not come.
// Three covers the spread of a queue that is otherwise idle; whoever needs more says so in the target file.
const settleFactor = 3

// look asks for every effect once.
func (w watcher) look(ctx context.Context, effects []target.Effect) ([]int, error) {
	counts := make([]int, len(effects))
	for i, e := range effects {
		n, err := w.count(ctx, e)
		if err != nil {
			return nil, err
		}
		counts[i] = n
	}
	return counts, nil
}

// count asks for one effect.
func (w watcher) count(ctx context.Context, e target.Effect) (int, error) {
	n, err := w.observer.Count(ctx, e)
	if err != nil && w.locate != nil {
		err = w.locate(err)
	}
	return n, err
}

// saw is what the observer saw beside effects, as the end of a sentence; empty where it does not tell.
func (w watcher) saw() string {
	if o, ok := w.observer.(interface{ Saw() string }); ok {
		return "; " + o.Saw()
	}
	return ""
}

// await looks until every effect was counted at least once or the timeout is over, and returns the last counts and how
// long it took. An error is the observer's, or the context's: a run that was interrupted has not seen that none came.
func (w watcher) await(ctx context.Context, effects []target.Effect) (counts []int, took time.Duration, err error) {
	started := time.Now()
	g := gomega.NewGomega(func(string, ...int) {})
	all := g.Eventually(ctx, func(ctx context.Context) ([]int, error) {
		if counts, err = w.look(ctx, effects); err != nil {
			return nil, gomega.StopTrying("the observer failed").Wrap(err)
		}
		return counts, nil
	}).WithTimeout(w.timeout).WithPolling(w.interval).Should(gomega.HaveEach(gomega.BeNumerically(">=", 1)))
	if !all && err == nil {
		if err = context.Cause(ctx); err == nil {
			// The timeout may end between two looks; the last word is said after it.
			counts, err = w.look(ctx, effects)
		}
	}
	return counts, time.Since(started), err
}

// hold looks for the settle time, as long as no count passes want, and returns the last counts. baseline is how long
// the effect of a valid delivery took; the settle time is never shorter than settleFactor times that. For errors see
// await.
func (w watcher) hold(ctx context.Context, effects []target.Effect, want int, baseline time.Duration) (counts []int, err error) {
	g := gomega.NewGomega(func(string, ...int) {})
	g.Consistently(ctx, func(ctx context.Context) ([]int, error) {
		if counts, err = w.look(ctx, effects); err != nil {
			return nil, gomega.StopTrying("the observer failed").Wrap(err)
		}
		return counts, nil
	}).WithTimeout(max(w.settle, settleFactor*baseline)).WithPolling(w.interval).Should(gomega.HaveEach(gomega.BeNumerically("<=", want)))
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	// The window may end between two looks; the last word is said after it.
	return w.look(ctx, effects)
}

// observations turns counts into evidence.
func observations(effects []target.Effect, counts []int) []reports.Observation {
	var out []reports.Observation
	for i, n := range counts {
		out = append(out, reports.Observation{At: time.Now().UTC(), Question: effects[i].String(), Count: n})
	}
	return out
}
