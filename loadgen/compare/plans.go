package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// differences lists where the plans of the runs differ from that of the first, each point once.
func differences(a, b Side) []string {
	first := a.Runs[0]
	var all []string
	for _, r := range slices.Concat(a.Runs[1:], b.Runs) {
		before, after := facts(first), facts(r)
		for i := range before {
			if before[i].value == after[i].value {
				continue
			}
			line := fmt.Sprintf("%s: %s and %s", before[i].name, before[i].value, after[i].value)
			if !slices.Contains(all, line) {
				all = append(all, line)
			}
		}
	}
	return all
}

// fact is a point of a plan as text.
type fact struct{ name, value string }

// facts are what must be equal in runs that are compared. The seed may differ, and so may the target's name and URL:
// another build at another port is what comparisons are for.
func facts(r load.Report) []fact {
	p := r.Plan
	var mix []string
	for _, name := range slices.Sorted(maps.Keys(p.Mix)) {
		mix = append(mix, fmt.Sprintf("%s=%s", name, load.Quantity(p.Mix[name], load.Share)))
	}
	processors := "unknown"
	if r.Generator != nil {
		processors = fmt.Sprint(r.Generator.CPUs)
	}
	return []fact{
		{"role", string(r.Target.Role)},
		{"edition", r.Target.Edition},
		{"schedule", p.Schedule},
		{"duration", time.Duration(r.PlannedMS * float64(time.Millisecond)).String()},
		{"mix", strings.Join(mix, ", ")},
		{"shares", fmt.Sprintf("%+v", p.Shares)},
		{"body size", optional(p.BodyBytes)},
		{"connections", optional(p.Connections)},
		{"protocol", fmt.Sprintf("%s, TLS %t", p.Protocol, p.TLS)},
		{"timeout", time.Duration(p.TimeoutMS * float64(time.Millisecond)).String()},
		{"trace", p.Trace},
		{"processors of the generator", processors},
	}
}

func optional[T any](v *T) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

func joined(lines []string) string { return strings.Join(lines, "; ") }

// started is when the first of the runs began.
func (s Side) started() time.Time {
	return slices.MinFunc(s.Runs, func(a, b load.Report) int { return a.Started.Compare(b.Started) }).Started
}
