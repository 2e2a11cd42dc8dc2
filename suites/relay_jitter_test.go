package suites

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheDistanceFromUniform(t *testing.T) {
	for name, tc := range map[string]struct {
		draws []float64
		want  float64
	}{
		"all in the middle":    {[]float64{0.5, 0.5, 0.5, 0.5}, 0.5},
		"all at one end":       {[]float64{0, 0, 0}, 1},
		"beyond an end":        {[]float64{1.3, 1.3}, 1},
		"as even as they come": {[]float64{0.125, 0.375, 0.625, 0.875}, 0.125},
		"the upper half":       {[]float64{0.625, 0.75, 0.875, 1}, 0.625},
	} {
		t.Run(name, func(t *testing.T) {
			if got := distanceFromUniform(tc.draws); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// Uniform draws are never called uneven, and those of known wrong jitters always are: at the size of a whole observation.
func TestUnevenJitterIsToldFromEvenJitter(t *testing.T) {
	const n, steps, rounds = scheduleSubscriptions * scheduleMessages, 4, 2000
	for name, tc := range map[string]struct {
		draw func(*rand.Rand) float64
		// least and most are in how many rounds it may be called uneven. The rate of false alarms is below 1 in 10,000,
		// so that more than one in 2,000 would be remarkable.
		least, most int
	}{
		"uniform":     {(*rand.Rand).Float64, 0, 1},
		"half as far": {func(r *rand.Rand) float64 { return 0.25 + r.Float64()/2 }, rounds, rounds},
		"longer only": {func(r *rand.Rand) float64 { return 0.5 + r.Float64()/2 }, rounds, rounds},
		"at the ends": {func(r *rand.Rand) float64 { return math.Round(r.Float64()) }, rounds, rounds},
	} {
		t.Run(name, func(t *testing.T) {
			// A generator of its own, so that the order of the cases changes nothing.
			random, uneven := rand.New(rand.NewPCG(1, 2)), 0
			for range rounds {
				found := false
				for range steps {
					draws := make([]float64, n)
					for i := range draws {
						draws[i] = tc.draw(random)
					}
					found = found || distanceFromUniform(draws) > allowedDistance(n, steps)
				}
				if found {
					uneven++
				}
			}
			if uneven < tc.least || uneven > tc.most {
				t.Errorf("called uneven in %d of %d rounds, want %d to %d", uneven, rounds, tc.least, tc.most)
			}
		})
	}
}

// The rate that the ledger states is the bound of the inequality.
func TestTheAllowedDistanceKeepsTheFalseAlarmRate(t *testing.T) {
	for _, n := range []int{16, 128, 1000} {
		for _, k := range []int{1, 4, 7} {
			e := allowedDistance(n, k)
			if rate := float64(k) * 2 * math.Exp(-2*float64(n)*e*e); rate > falseAlarm*(1+1e-9) {
				t.Errorf("%d draws in each of %d steps: a false alarm in %v", n, k, rate)
			}
		}
	}
}

// jittered's bound on its own false alarms: C(k, m) (m/k)^n, with the smallest numbers that it judges.
func TestTooFewDistinctDelaysAreNoAccident(t *testing.T) {
	for _, tc := range []struct{ n, slots int }{
		{fewestDraws, fewestSlots}, {fewestDraws, 240}, {128, fewestSlots}, {128, 240}, {128, 34_560},
	} {
		m := min(tc.n, tc.slots)/4 - 1
		choose, _ := math.Lgamma(float64(tc.slots + 1))
		a, _ := math.Lgamma(float64(m + 1))
		b, _ := math.Lgamma(float64(tc.slots - m + 1))
		log := choose - a - b + float64(tc.n)*math.Log(float64(m)/float64(tc.slots))
		if log > math.Log(1e-6) {
			t.Errorf("%d draws over %d slots: at most %v", tc.n, tc.slots, math.Exp(log))
		}
	}
}
