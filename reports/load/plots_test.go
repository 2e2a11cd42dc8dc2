package load

import (
	"testing"

	. "github.com/onsi/gomega"
)

// The last answers come in a bucket of a few milliseconds, in which they would be a rate of many times the run's.
func TestTheLastAnswersAreNoPeakOfTheRate(t *testing.T) {
	g := NewWithT(t)
	r := Report{Result: &Result{Series: Series{BucketMS: 1000, Buckets: []Bucket{
		{Offered: 100, Sent: 100, Succeeded: 94, Corrected: &BucketLatency{P50MS: of(40.0), MaxMS: 80}, Service: &BucketLatency{P50MS: of(2.0), MaxMS: 3}},
		{StartMS: 1000, LengthMS: of(20.0), Succeeded: 6},
	}}}}
	pictures := course(r)
	g.Expect(pictures[0].Title).To(Equal("Rate, deliveries per second"))
	g.Expect(string(pictures[0].SVG)).To(And(ContainSubstring(">125</text>"), Not(ContainSubstring(">400</text>"))))
	// The two views of the latency stand under each other, and are compared.
	for _, p := range pictures[1:3] {
		g.Expect(string(p.SVG)).To(And(ContainSubstring(">1 ms</text>"), ContainSubstring(">100 ms</text>")), p.Title)
	}
}
