package target

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

func TestRefusedForTooManyCallsIsCalledAgain(t *testing.T) {
	limited := func(after string) wire.Exchange {
		x := wire.Exchange{Status: http.StatusTooManyRequests, Header: http.Header{}}
		if after != "" {
			x.Header.Set("Retry-After", after)
		}
		return x
	}
	done := wire.Exchange{Status: http.StatusOK}
	for name, tt := range map[string]struct {
		patience patience
		// within bounds the call's context; 0 does not.
		within time.Duration
		// answers come in turn, the last of them for ever.
		answers       []wire.Exchange
		calls, status int
		waited        time.Duration
	}{
		"taken at once":            {limitsPatience, 0, []wire.Exchange{done}, 1, 200, 0},
		"refused twice":            {limitsPatience, 0, []wire.Exchange{limited("1"), limited("3"), done}, 3, 200, 4 * time.Second},
		"refused without a time":   {limitsPatience, 0, []wire.Exchange{limited(""), done}, 1, 429, 0},
		"refused for no time":      {limitsPatience, 0, []wire.Exchange{limited("0"), done}, 2, 200, time.Second},
		"a time that is no number": {limitsPatience, 0, []wire.Exchange{limited("-3"), done}, 1, 429, 0},
		"refused for ever":         {limitsPatience, 0, []wire.Exchange{limited("50")}, 3, 429, 100 * time.Second},
		"refused for too long":     {limitsPatience, 0, []wire.Exchange{limited("121")}, 1, 429, 0},
		"longer than any time":     {limitsPatience, 0, []wire.Exchange{limited("2147483647")}, 1, 429, 0},
		"no patience":              {0, 0, []wire.Exchange{limited("1"), done}, 1, 429, 0},
		"longer than the call may": {limitsPatience, 5 * time.Second, []wire.Exchange{limited("4"), limited("4")}, 2, 429, 4 * time.Second},
		"no answer":                {limitsPatience, 0, []wire.Exchange{{Trouble: wire.NotReached}}, 1, 0, 0},
		"another refusal":          {limitsPatience, 0, []wire.Exchange{{Status: http.StatusServiceUnavailable}}, 1, 503, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, began, calls := t.Context(), time.Now(), 0
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				x, waited := tt.patience.call(ctx, func(context.Context) wire.Exchange {
					calls++
					return tt.answers[min(calls, len(tt.answers))-1]
				})
				if calls != tt.calls || x.Status != tt.status || waited != tt.waited || time.Since(began) != tt.waited {
					t.Errorf("%d calls, status %d, waited %s in %s; want %d, %d, %s",
						calls, x.Status, waited, time.Since(began), tt.calls, tt.status, tt.waited)
				}
			})
		})
	}
}
