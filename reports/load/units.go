package load

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The units of figures, as they stand in the reports.
const (
	Milliseconds = "ms"
	Share        = "share"
	PerSecond    = "per-second"
)

// Quantity writes a figure for a person: times in the unit that reads best, shares in percent, three or four digits.
func Quantity(v float64, unit string) string {
	switch unit {
	case Milliseconds:
		if math.Abs(v) >= 1000 {
			return significant(v/1000) + " s"
		}
		if v != 0 && math.Abs(v) < 1 {
			return significant(v*1000) + " µs"
		}
		return significant(v) + " ms"
	case Share:
		return significant(v*100) + " %"
	case PerSecond:
		return significant(v) + "/s"
	}
	return significant(v)
}

// Signed writes a change with its sign: in percent, and in percentage points for figures that are shares themselves.
func Signed(v float64, unit string) string {
	if unit == Share {
		return fmt.Sprintf("%+.3g points", v*100)
	}
	// Adding 0 makes the negative zero that rounding leaves a plain one.
	return fmt.Sprintf("%+.1f %%", math.Round(v*1000)/10+0)
}

// significant writes three significant digits, and every digit before the point: 0.0416, 41.6, 1,998.
func significant(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if decimals <= 0 {
		return Number(int64(math.Round(v)))
	}
	text := strconv.FormatFloat(v, 'f', min(decimals, 6), 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Number writes a whole number with its thousands set apart.
func Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func plural64(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}
