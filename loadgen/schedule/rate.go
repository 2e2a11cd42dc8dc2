package schedule

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// MaxRate is the highest rate that a schedule may ask for, in starts per second. It is far beyond what one machine can
// send, so that more is a slip of the pen.
const MaxRate = 1_000_000

// Rate is a number of starts per time, kept as it was written, so that the starts of a constant schedule are exact.
type Rate struct {
	Count uint64
	Per   time.Duration
}

// PerSecond returns the rate in starts per second.
func (r Rate) PerSecond() float64 {
	if r.Per <= 0 {
		return 0
	}
	return float64(r.Count) / r.Per.Seconds()
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string { return formatPerSecond(r.PerSecond()) }

func formatPerSecond(perSecond float64) string {
	decimals := 3
	if perSecond < 0.001 {
		// One in an hour is a rate as well.
		decimals = 6
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.*f", decimals, perSecond), "0"), ".") + "/s"
}

// WholeRate is so many starts per second, to the thousandth.
func WholeRate(perSecond float64) Rate {
	return Rate{Count: uint64(perSecond*1000 + 0.5), Per: 1000 * time.Second}
}

var units = map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour}

// ParseRate reads a rate: a number above zero, and per what: 2000/s, 0.5/s, 90/m, 10/h. A number alone is per second.
// The error says what is wrong and what would be right.
func ParseRate(text string) (Rate, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(text), "/")
	fail := func(problem string) (Rate, error) {
		return Rate{}, fmt.Errorf("rate %q %s; give starts per second, minute or hour, such as 2000/s, 0.5/s or 90/m", text, problem)
	}
	per, known := units[unit]
	if !known || (unit == "" && strings.Contains(text, "/")) {
		return fail("has an unknown unit of time")
	}
	// A rational number takes decimals exactly. It also takes fractions and exponents, which are nobody's rate.
	if strings.ContainsAny(number, "/eExXpP_") || len(number) > 20 {
		return fail("is not a plain number")
	}
	value, ok := new(big.Rat).SetString(number)
	switch {
	case !ok:
		return fail("is not a number")
	case value.Sign() <= 0:
		return fail("is not above zero")
	}
	count, denominator := value.Num(), value.Denom()
	if !count.IsUint64() || !denominator.IsInt64() || denominator.Int64() > int64(time.Hour)/1000 {
		return fail("has too many digits")
	}
	r := Rate{Count: count.Uint64(), Per: per * time.Duration(denominator.Int64())}
	if r.PerSecond() > MaxRate {
		return fail(fmt.Sprintf("is more than %d/s", MaxRate))
	}
	return r, nil
}
