package suites

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/reports"
)

// relayJitter holds the specs of how delays spread. Both look at the deliveries of the schedule's observation. Delays of
// one step are compared with each other only: whether a relay draws a delivery's jitter once or for every step, those of
// different deliveries are independent of each other.
func (s *Session) relayJitter() {
	s.serialSpec("relay.retry.jitter", "", jittered)
	s.serialSpec("relay.retry.jitter-uniform", "", evenlyJittered)
}

const (
	// fewestDraws is how many delays of one step say something about their spread, fewestSlots how many of them must be
	// possible: a step whose jitter spans less cannot tell jitter from rounding.
	fewestDraws = 16
	fewestSlots = 16
	// fineSlots is how many there must be to compare their distribution with a uniform one, so that what rounding moves
	// is small beside what is looked for.
	fineSlots = 100
	// falseAlarm is the probability with which evenlyJittered warns of a relay whose jitter is uniform.
	falseAlarm = 1e-4
)

// jitterStep is the delays before one attempt.
type jitterStep struct {
	attempt int
	// slot is the unit in which delays are told apart, slots how many of them jitter spans.
	slot  time.Duration
	slots int
	// draws are the places of the delays in the range of the jitter, from 0 to 1.
	draws []float64
	// distinct is how many slots they fall into.
	distinct int
}

// jitterSteps returns the steps that were seen often enough, the widest last.
func (c *relayCheck) jitterSteps(slots int) (steps []jitterStep) {
	if c.edition.Delivery.Jitter == 0 {
		c.NotApplicable("the target declares a schedule of its own, without jitter: %s", c.target.Delivery.Schedule.Own)
	}
	last := len(c.edition.Delivery.Delays)
	sch := c.watch(last)
	for attempt := 2; attempt <= last; attempt++ {
		slot := max(rounding, c.clock.Resolution())
		step := jitterStep{attempt: attempt, slot: slot, slots: int(c.width(attempt) / slot)}
		least := time.Duration(float64(c.edition.Delivery.Delays[attempt-1]) * (1 - c.edition.Delivery.Jitter))
		distinct := map[time.Duration]bool{}
		waits := sch.waits(attempt)
		if len(waits) < sch.seen(attempt-1) {
			// Those that are still to come, or came while nobody listened, are the long ones or the short ones.
			continue
		}
		for _, w := range waits {
			step.draws = append(step.draws, float64(w.took-least)/float64(c.width(attempt)))
			distinct[w.took.Round(slot)] = true
		}
		step.distinct = len(distinct)
		if step.slots >= slots && len(step.draws) >= fewestDraws {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		c.Untestable("no wait was seen, of all deliveries and of at least %[2]d, whose jitter spans %[3]d times the %[1]s of the target's time that arrivals tell apart",
			max(rounding, c.clock.Resolution()), fewestDraws, slots)
	}
	for _, step := range steps {
		c.result.Observations = append(c.result.Observations, reports.Observation{
			At: time.Now().UTC(), Question: fmt.Sprintf("distinct waits before attempt %d, in units of %s", step.attempt, step.slot), Count: step.distinct,
		})
	}
	return steps
}

// jittered asks the widest step for a quarter of the distinct delays that there could be: of n delays over k slots a
// quarter of the smaller number. Uniform jitter misses m = min(n, k)/4 slots with a probability of at most
// C(k, m) (m/k)^n, which is 5e-7 for 16 delays over 16 slots and below 1e-40 for the 128 deliveries of a whole
// observation.
func jittered(c *relayCheck) {
	steps := c.jitterSteps(fewestSlots)
	step := steps[len(steps)-1]
	n := len(step.draws)
	want := min(n, step.slots) / 4
	if step.distinct < want {
		c.Broken(fmt.Sprintf("at least %d different waits before attempt %d, of %d deliveries that failed together", want, step.attempt, n),
			fmt.Sprintf("%d, where waits that are the same to %s count once", step.distinct, step.slot))
	}
	c.Fact("jitter", "The waits of %d deliveries before attempt %d took %d different lengths, to %s.", n, step.attempt, step.distinct, step.slot)
}

// evenlyJittered compares the delays of each step with a uniform distribution, by the largest distance between the two
// distribution functions (Kolmogorov and Smirnov). For n independent draws that distance is over e with a probability of
// at most 2 exp(-2 n e^2), for every n (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant). So that all k steps
// together give a false alarm with a probability of at most falseAlarm, e is sqrt(ln(2 k / falseAlarm) / (2 n)); what
// rounding to a slot can move comes on top.
func evenlyJittered(c *relayCheck) {
	steps := c.jitterSteps(fineSlots)
	for _, step := range steps {
		allowed := allowedDistance(len(step.draws), len(steps)) + 1/float64(step.slots)
		seen := distanceFromUniform(step.draws)
		if seen > allowed {
			c.Broken(fmt.Sprintf("the waits of %d deliveries before attempt %d spread evenly over %s, at most %.3f from the uniform distribution",
				len(step.draws), step.attempt, c.width(step.attempt), allowed), fmt.Sprintf("%.3f; %s", seen, quartiles(step.draws)))
		}
		c.Fact(fmt.Sprintf("jitter-before-attempt-%d", step.attempt),
			"The waits of %d deliveries before attempt %d are %.3f from a uniform distribution; over %.3f is a warning, false with a probability of at most 1 in 10,000.",
			len(step.draws), step.attempt, seen, allowed)
	}
}

// allowedDistance is the distance from uniform that n draws exceed, in any of k steps, with the probability falseAlarm.
func allowedDistance(n, k int) float64 {
	return math.Sqrt(math.Log(2*float64(k)/falseAlarm) / (2 * float64(n)))
}

// distanceFromUniform is the Kolmogorov-Smirnov statistic of draws against the uniform distribution over [0, 1].
func distanceFromUniform(draws []float64) (d float64) {
	sorted := slices.Sorted(slices.Values(draws))
	n := float64(len(sorted))
	for i, x := range sorted {
		x = min(max(x, 0), 1)
		d = max(d, float64(i+1)/n-x, x-float64(i)/n)
	}
	return d
}

// quartiles says how many draws lie in each quarter of the range.
func quartiles(draws []float64) string {
	var counts [4]int
	for _, x := range draws {
		counts[min(max(int(4*x), 0), 3)]++
	}
	return fmt.Sprintf("from the shortest quarter to the longest there were %d, %d, %d and %d", counts[0], counts[1], counts[2], counts[3])
}
