package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func plain(v float64) string { return fmt.Sprintf("%g", v) }

func ticksOf(a Axis) []float64 {
	var all []float64
	for _, t := range a.Ticks {
		all = append(all, t.At)
	}
	return all
}

func TestAxesCoverTheirValuesWithFewRoundTicks(t *testing.T) {
	for _, v := range []float64{1e-6, 0.3, 1, 7, 9.99, 10, 11, 999, 1234, 5e5, 3e9} {
		for name, a := range map[string]Axis{"linear": Linear(v, 5, plain), "whole": Whole(v, 5, plain), "log": Logarithmic(v/700, v, plain)} {
			g := NewWithT(t)
			g.Expect(a.Max).To(BeNumerically(">=", v*(1-1e-9)), "%s to %v", name, v)
			g.Expect(len(a.Ticks)).To(And(BeNumerically(">=", 2), BeNumerically("<=", 12)), "%s to %v: %v", name, v, a.Ticks)
		}
		NewWithT(t).Expect(Logarithmic(v/700, v, plain).Min).To(BeNumerically("<=", v/700*(1+1e-9)))
	}
	NewWithT(t).Expect(ticksOf(Linear(2000, 5, plain))).To(Equal([]float64{0, 500, 1000, 1500, 2000}))
	NewWithT(t).Expect(ticksOf(Whole(2, 5, plain))).To(Equal([]float64{0, 1, 2}))
	NewWithT(t).Expect(ticksOf(Whole(10, 4, plain))).To(Equal([]float64{0, 5, 10}), "there are no two and a half")
	NewWithT(t).Expect(ticksOf(Logarithmic(3, 30, plain))).To(Equal([]float64{2, 5, 10, 20, 50}))
	NewWithT(t).Expect(ticksOf(Seconds(60, plain))).To(Equal([]float64{0, 10, 20, 30, 40, 50, 60}))
	NewWithT(t).Expect(ticksOf(Seconds(3600, plain))).To(Equal([]float64{0, 600, 1200, 1800, 2400, 3000, 3600}))
}

func TestAxesOfNothingStillHaveLength(t *testing.T) {
	for _, v := range []float64{0, math.NaN(), -1} {
		for name, a := range map[string]Axis{"linear": Linear(v, 5, plain), "whole": Whole(max(v, 0), 5, plain), "log": Logarithmic(v, v, plain), "time": Seconds(v, plain)} {
			if math.IsNaN(v) && name == "whole" {
				continue
			}
			NewWithT(t).Expect(a.Max > a.Min).To(BeTrue(), "%s of %v: %+v", name, v, a)
		}
	}
	NewWithT(t).Expect(Logarithmic(5, 5, plain).Max).To(BeNumerically(">", 5*0.99))
	NewWithT(t).Expect(ticksOf(Logarithmic(5, 5, plain))).To(Equal([]float64{2, 5}), "a line at 5 is drawn above the axis")
}

// readable decodes an SVG as XML and returns its text.
func readable(t *testing.T, svg string) string {
	t.Helper()
	var text strings.Builder
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}

func TestAChartIsWellFormedWhateverItsTextsSay(t *testing.T) {
	g := NewWithT(t)
	c := Chart{
		ID: "c", Title: `<script>"&`, Summary: "a & b", X: Seconds(10, plain), Y: Linear(5, 5, func(float64) string { return "<" }),
		Series:  []Series{{Name: "s", Class: "s1", Points: []Point{{0, 1}, {1, Gap()}, {2, 3}, {3, 4}}, Dots: true}},
		Marks:   []Mark{{4, "<limit>"}, {99, "outside"}},
		Columns: []Column{{0, 1, `"quoted" <b>`}}, Uprights: []Mark{{2, "<early>"}, {9, "<late>"}},
	}
	text := readable(t, c.SVG())
	g.Expect(text).To(And(ContainSubstring("<limit>"), ContainSubstring("<early>"), ContainSubstring("<late>"), ContainSubstring(`"quoted" <b>`), Not(ContainSubstring("outside"))))
	g.Expect(c.SVG()).NotTo(ContainSubstring("NaN"))
}

func TestALineIsBrokenAtItsGaps(t *testing.T) {
	g := NewWithT(t)
	c := Chart{X: Axis{Max: 4}, Y: Axis{Max: 1}, Height: 134}
	g.Expect(c.path(Series{Points: []Point{{0, 0}, {1, 1}, {2, Gap()}, {3, 0}, {4, Gap()}}})).To(Equal("M66 110L236.5 10M577.5 110h2"))
	g.Expect(c.path(Series{Points: []Point{{0, 0}, {1, 1}}, Step: true})).To(Equal("M66 110H236.5V10"))
	g.Expect(c.path(Series{Points: []Point{{0, Gap()}}})).To(BeEmpty())
	g.Expect(c.path(Series{})).To(BeEmpty())
}

func TestThinningKeepsEveryPeakAndGap(t *testing.T) {
	g := NewWithT(t)
	const n = 100_000
	points := make([]Point, n)
	for i := range points {
		points[i] = Point{float64(i), 1}
	}
	points[31_415].Y, points[27_182].Y, points[50_000].Y = 9, 0, Gap()
	c := Chart{X: Axis{Max: n}, Y: Axis{Max: 10}}
	kept := thin(points, c.x)
	g.Expect(len(kept)).To(BeNumerically("<=", 5*width))
	g.Expect(kept).To(ContainElements(Point{31_415, 9}, Point{27_182, 0}))
	g.Expect(kept).To(ContainElement(HaveField("X", 50_000.0)), "the gap")
	for i := 1; i < len(kept); i++ {
		g.Expect(kept[i].X).To(BeNumerically(">", kept[i-1].X))
	}
}
