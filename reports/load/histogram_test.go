package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestAHistogramSurvivesItsEncoding(t *testing.T) {
	g := NewWithT(t)
	h := NewHistogram()
	for _, d := range []time.Duration{0, time.Microsecond, 1500 * time.Microsecond, time.Second, 59 * time.Minute, 2 * time.Hour, -time.Second} {
		Record(h, d)
	}
	text, err := Encode(h)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := Decode(text)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Equals(h)).To(BeTrue())
	g.Expect(again.TotalCount()).To(BeEquivalentTo(7), "times outside of the range are kept at its ends")
	g.Expect(time.Duration(again.Max())).To(BeNumerically("~", time.Hour, 4*time.Second))
}

func TestMergedHistogramsHaveTheFiguresOfTheWhole(t *testing.T) {
	g := NewWithT(t)
	whole, first, second := NewHistogram(), NewHistogram(), NewHistogram()
	for i := range 10_000 {
		d := time.Duration(i*i) * time.Microsecond / 7
		Record(whole, d)
		if i%3 == 0 {
			Record(first, d)
		} else {
			Record(second, d)
		}
	}
	text, err := Encode(second)
	g.Expect(err).NotTo(HaveOccurred())
	decoded, err := Decode(text)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.Merge(decoded)).To(BeZero(), "nothing is dropped")
	want, err := Summarise(whole)
	g.Expect(err).NotTo(HaveOccurred())
	got, err := Summarise(first)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(want))
}

func TestPercentilesAreExactWithinTheResolution(t *testing.T) {
	h := NewHistogram()
	for i := 1; i <= 100_000; i++ {
		Record(h, time.Duration(i)*10*time.Microsecond)
	}
	for _, percent := range []float64{50, 90, 95, 99, 99.9} {
		want := percent * 1000 * 0.01 // milliseconds
		got := Percentile(h, percent)
		g := NewWithT(t)
		g.Expect(got).NotTo(BeNil())
		g.Expect(math.Abs(*got-want)/want).To(BeNumerically("<", 0.001), "p%v is %v, exact %v", percent, *got, want)
	}
}

// The percentile is a value that was recorded, at the rank that the definition gives, for any number of values.
func TestPercentilesHaveTheRankOfTheirDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	for range 300 {
		h := NewHistogram()
		values := make([]time.Duration, 1+random.IntN(3000))
		for i := range values {
			values[i] = time.Duration(math.Exp(random.Float64()*14) * float64(time.Microsecond))
			Record(h, values[i])
		}
		slices.Sort(values)
		for _, percent := range []float64{0.1, 50, 90, 95, 99, 99.9, 99.99, 100} {
			// The smallest value that at least so many percent do not exceed, looked for rather than computed.
			want := slices.IndexFunc(values, func(v time.Duration) bool {
				n, _ := slices.BinarySearch(values, v+1)
				return float64(n)*100000 >= math.Round(percent*1000)*float64(len(values))
			})
			got := ValueAt(h, percent)
			NewWithT(t).Expect(h.ValuesAreEquivalent(got, int64(values[want]))).To(BeTrue(),
				"p%v of %d values is %d, exact %d", percent, len(values), got, values[want])
		}
	}
}

func TestNoPercentileIsMadeOfTooLittle(t *testing.T) {
	for percent, needed := range map[float64]int64{0: 1, 50: 2, 90: 10, 95: 20, 99: 100, 99.9: 1000, 99.99: 10_000, 100: 1} {
		g := NewWithT(t)
		g.Expect(Needed(percent)).To(Equal(needed), "p%v", percent)
		h := NewHistogram()
		for range needed - 1 {
			Record(h, time.Second)
		}
		g.Expect(Percentile(h, percent)).To(BeNil(), "p%v of %d values", percent, needed-1)
		Record(h, time.Second)
		g.Expect(Percentile(h, percent)).NotTo(BeNil(), "p%v of %d values", percent, needed)
	}
	g := NewWithT(t)
	empty, err := Summarise(NewHistogram())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(empty).To(BeNil())
	g.Expect(SummariseBucket(NewHistogram())).To(BeNil())
	g.Expect(SummariseLag(NewHistogram())).To(BeNil())
}

func TestForeignHistogramsAreRefused(t *testing.T) {
	g := NewWithT(t)
	_, err := Decode("not base64")
	g.Expect(err).To(HaveOccurred())
	_, err = Decode("")
	g.Expect(err).To(HaveOccurred())
}

func TestTheSeriesStaysBounded(t *testing.T) {
	for planned, want := range map[time.Duration]time.Duration{
		0: time.Second, time.Minute: time.Second, time.Hour: time.Second, time.Hour + time.Second: 2 * time.Second,
		24 * time.Hour: 24 * time.Second,
	} {
		NewWithT(t).Expect(BucketLength(planned)).To(Equal(want), "%s", planned)
	}
	g := NewWithT(t)
	g.Expect(BlockLength(time.Minute)).To(Equal(3 * time.Second))
	g.Expect(BlockLength(5 * time.Second)).To(Equal(time.Second))
}
