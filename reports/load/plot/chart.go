package plot

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Point is a place in a chart; one whose Y is NaN is a gap.
type Point struct{ X, Y float64 }

// Gap is the Y of a point at which nothing is known.
func Gap() float64 { return math.NaN() }

// Series is a line.
type Series struct {
	// Name is what the legend and a reader's screen call it.
	Name string
	// Class is the line's colour and dashes: s1 to s6.
	Class  string
	Points []Point
	// Step draws from each point straight to the next one's X, as for counts of a time span.
	Step bool
	// Dots marks each point.
	Dots bool
}

// Mark is a line across the chart at a value of an axis, such as a limit.
type Mark struct {
	At    float64
	Label string
}

// Column is a part of the X axis with a text that shows while the pointer rests on it.
type Column struct {
	From, To float64
	Text     string
}

// Chart is what is drawn.
type Chart struct {
	// ID is unique on the page, Title names the chart, and Summary tells in a sentence what it shows, for those who
	// cannot see it.
	ID, Title, Summary string
	X, Y               Axis
	Series             []Series
	Marks              []Mark
	// Uprights are marks at values of the X axis.
	Uprights []Mark
	// Columns are left out where there are more than can be told apart.
	Columns []Column
	// Height is that of the whole, in units of which the width has 760.
	Height int
}

// The measures, in the units of the view box.
const (
	width      = 760
	left       = 66
	right      = 12
	top        = 10
	underneath = 24 // for the labels of the X axis
	names      = 15 // for the names of the axes, where there are some
	maxColumns = 240
	dense      = 300 // points of a line from which on its dashes would run together
)

// SVG returns the chart as an element for a page.
func (c Chart) SVG() string {
	var b strings.Builder
	h := c.height()
	class := "chart"
	if slices.ContainsFunc(c.Series, func(s Series) bool { return len(s.Points) > dense }) {
		class += " dense"
	}
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-t %s-d">`, class, width, h, c.ID, c.ID)
	fmt.Fprintf(&b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, c.ID, html.EscapeString(c.Title), c.ID, html.EscapeString(c.Summary))
	c.frame(&b)
	for _, m := range c.Marks {
		if m.At < c.Y.Min || m.At > c.Y.Max {
			continue
		}
		y := num(c.y(m.At))
		fmt.Fprintf(&b, `<path class="limit" d="M%d %sH%d"/><text class="limit-text" x="%d" y="%s" dy="-4" text-anchor="end">%s</text>`,
			left, y, width-right, width-right-2, y, html.EscapeString(m.Label))
	}
	for _, m := range c.Uprights {
		x, anchor, away := c.x(m.At), "start", 4.0
		if c.X.place(m.At) > 0.5 {
			anchor, away = "end", -4
		}
		fmt.Fprintf(&b, `<path class="mark" d="M%s %dV%d"/><text x="%s" y="%d" dy="10" text-anchor="%s">%s</text>`,
			num(x), top, h-c.bottom(), num(x+away), top, anchor, html.EscapeString(m.Label))
	}
	for _, s := range c.Series {
		if d := c.path(s); d != "" {
			fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, s.Class, d)
		}
		if s.Dots {
			for _, p := range s.Points {
				if !math.IsNaN(p.Y) {
					fmt.Fprintf(&b, `<circle class="%s" cx="%s" cy="%s" r="3.5"/>`, s.Class, num(c.x(p.X)), num(c.y(p.Y)))
				}
			}
		}
	}
	if len(c.Columns) <= maxColumns {
		for _, col := range c.Columns {
			from, to := c.x(col.From), c.x(col.To)
			fmt.Fprintf(&b, `<rect class="hover" x="%s" y="%d" width="%s" height="%d"><title>%s</title></rect>`,
				num(from), top, num(to-from), h-top-c.bottom(), html.EscapeString(col.Text))
		}
	}
	b.WriteString(`</svg>`)
	return b.String()
}

func (c Chart) height() int {
	if c.Height > 0 {
		return c.Height
	}
	return 230
}

// bottom is the room below the X axis.
func (c Chart) bottom() int {
	if c.X.Label == "" && c.Y.Label == "" {
		return underneath
	}
	return underneath + names
}

func (c Chart) x(v float64) float64 { return left + c.X.place(v)*(width-left-right) }
func (c Chart) y(v float64) float64 {
	h := float64(c.height())
	under := float64(c.bottom())
	return h - under - c.Y.place(v)*(h-top-under)
}

// frame draws the grid, the axes and their labels.
func (c Chart) frame(b *strings.Builder) {
	h := c.height()
	for _, t := range c.Y.Ticks {
		y := num(c.y(t.At))
		fmt.Fprintf(b, `<path class="grid" d="M%d %sH%d"/><text x="%d" y="%s" dy="4" text-anchor="end">%s</text>`,
			left, y, width-right, left-7, y, html.EscapeString(t.Label))
	}
	for _, t := range c.X.Ticks {
		x, anchor := num(c.x(t.At)), "middle"
		if c.X.place(t.At) > 0.98 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<path class="tick" d="M%s %dv4"/><text x="%s" y="%d" text-anchor="%s">%s</text>`,
			x, h-c.bottom(), x, h-c.bottom()+16, anchor, html.EscapeString(t.Label))
	}
	fmt.Fprintf(b, `<path class="axis" d="M%d %dH%d"/>`, left, h-c.bottom(), width-right)
	if c.X.Label != "" {
		fmt.Fprintf(b, `<text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, width-right, h-4, html.EscapeString(c.X.Label))
	}
	if c.Y.Label != "" {
		fmt.Fprintf(b, `<text class="label" x="%d" y="%d">%s</text>`, left, h-4, html.EscapeString(c.Y.Label))
	}
}

// path is the course of a line, broken at its gaps. A point with gaps on both sides is a short dash, so that it can be seen.
func (c Chart) path(s Series) string {
	var b strings.Builder
	points := thin(s.Points, c.x)
	drawn := false
	for i, p := range points {
		if math.IsNaN(p.Y) {
			drawn = false
			continue
		}
		x, y := num(c.x(p.X)), num(c.y(p.Y))
		switch {
		case !drawn && (i+1 == len(points) || math.IsNaN(points[i+1].Y)):
			fmt.Fprintf(&b, "M%s %sh2", x, y)
		case !drawn:
			fmt.Fprintf(&b, "M%s %s", x, y)
		case s.Step:
			fmt.Fprintf(&b, "H%sV%s", x, y)
		default:
			fmt.Fprintf(&b, "L%s %s", x, y)
		}
		drawn = true
	}
	return b.String()
}

// thin leaves of the points that fall on the same unit of the width the first, the lowest, the highest and the last, in
// their order: the line looks the same, and no peak is lost.
func thin(points []Point, x func(float64) float64) []Point {
	if len(points) <= 2*width {
		return points
	}
	var kept []Point
	for start := 0; start < len(points); {
		end := start
		column := math.Floor(x(points[start].X))
		low, high, gap := start, start, -1
		for end < len(points) && math.Floor(x(points[end].X)) == column {
			switch y := points[end].Y; {
			case math.IsNaN(y):
				gap = end
			case math.IsNaN(points[low].Y):
				low, high = end, end
			default:
				if y < points[low].Y {
					low = end
				}
				if y > points[high].Y {
					high = end
				}
			}
			end++
		}
		for i := start; i < end; i++ {
			if i == start || i == low || i == high || i == gap || i == end-1 {
				kept = append(kept, points[i])
			}
		}
		start = end
	}
	return kept
}

// num writes a coordinate to a tenth of a unit.
func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
