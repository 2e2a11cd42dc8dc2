package load

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	. "github.com/onsi/gomega"
)

// intervalsOf reads a log with the library's own reader, as another tool would, and merges the intervals by their tags.
func intervalsOf(t *testing.T, text string) (merged map[string]*hdrhistogram.Histogram, n int) {
	t.Helper()
	g := NewWithT(t)
	merged = map[string]*hdrhistogram.Histogram{}
	reader := hdrhistogram.NewHistogramLogReader(strings.NewReader(text))
	for {
		h, err := reader.NextIntervalHistogram()
		g.Expect(err).NotTo(HaveOccurred())
		if h == nil {
			return merged, n
		}
		n++
		if merged[h.Tag()] == nil {
			merged[h.Tag()] = NewHistogram()
		}
		g.Expect(merged[h.Tag()].Merge(h)).To(BeZero())
	}
}

func TestTheHDRLogHoldsEveryValueInItsIntervals(t *testing.T) {
	g := NewWithT(t)
	r := sample(t, "run")
	var log bytes.Buffer
	g.Expect(WriteHDRLog(&log, r)).To(Succeed())
	merged, n := intervalsOf(t, log.String())
	g.Expect(n).To(Equal(2 * Blocks))
	for tag, l := range map[string]*Latency{tagCorrected: r.report.Result.Latency.Corrected, tagService: r.report.Result.Latency.Service} {
		whole, err := Decode(l.Histogram)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(merged[tag].Equals(whole)).To(BeTrue(), tag)
	}
	lines := bufio.NewScanner(&log)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Tag=corrected,") {
			g.Expect(lines.Text()).To(HavePrefix("Tag=corrected,0.000000,3.000000,"), "the first interval is the first block")
			break
		}
	}
}

// Where the blocks do not make up the run, its own distribution stands, rather than a part that looks like the whole.
func TestTheHDRLogIsNeverAPartOfTheRun(t *testing.T) {
	g := NewWithT(t)
	r := sample(t, "run")
	r.report.Result.Blocks = r.report.Result.Blocks[1:]
	var log bytes.Buffer
	g.Expect(WriteHDRLog(&log, r)).To(Succeed())
	merged, n := intervalsOf(t, log.String())
	g.Expect(n).To(Equal(2))
	g.Expect(merged[tagCorrected].TotalCount()).To(Equal(r.report.Result.Latency.Corrected.Count))
}

func TestTheHDRLogOfNothingHasNoInterval(t *testing.T) {
	for _, name := range []string{"unreachable", "no data", "compare"} {
		g := NewWithT(t)
		var log bytes.Buffer
		g.Expect(WriteHDRLog(&log, sample(t, name))).To(Succeed())
		_, n := intervalsOf(t, log.String())
		g.Expect(n).To(BeZero(), name)
	}
}

func TestThePercentileTableEndsAtTheMaximum(t *testing.T) {
	g := NewWithT(t)
	l := sample(t, "run").report.Result.Latency.Corrected
	var table bytes.Buffer
	g.Expect(WritePercentiles(&table, l)).To(Succeed())
	g.Expect(table.String()).To(MatchRegexp(`(?m)^ *2002\.780 +1\.000000 +11988 +inf$`))
}
