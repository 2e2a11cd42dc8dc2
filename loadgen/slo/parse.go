package slo

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// longest is the longest time that is measured; a limit beyond it could not fail.
const longest = time.Hour

// Parse reads one limit; from says who asked for it. Besides its form it checks that the value fits the metric, and that
// there are results which keep the limit and results which break it: one that every run keeps would only look like a
// check. An error is an *Error.
func Parse(text, from string) (SLO, error) {
	p := parser{text: text, rest: text}
	s, err := p.limit()
	if err != nil {
		return SLO{}, err
	}
	s.From = from
	return s, nil
}

// parser reads a limit from left to right. Its methods skip the space before what they read.
type parser struct{ text, rest string }

func (p *parser) limit() (SLO, error) {
	var s SLO
	if err := p.subject(&s); err != nil {
		return s, err
	}
	var err error
	if s.event, err = p.event(s.metric); err != nil {
		return s, err
	}
	if s.op, err = p.comparison(); err != nil {
		return s, err
	}
	at := p.column()
	var value string
	if s.limit, value, err = p.value(s); err != nil {
		return s, err
	}
	if problem := s.pointless(); problem != "" {
		return s, p.errorAt(at, "%s", problem)
	}
	s.Text = s.regular(value)
	return s, nil
}

// subject reads the metric with its view and its argument.
func (p *parser) subject(s *SLO) error {
	at := p.column()
	word := p.word()
	view, name, dotted := strings.Cut(word, ".")
	switch {
	case dotted && view == "service", dotted && view == "corrected":
		s.service = view == "service"
	default:
		name, dotted = word, false
	}
	if word == "" {
		return p.errorAt(at, "a metric is missing; there are %s", known)
	}
	number, isPercentile := strings.CutPrefix(name, "p")
	percent, err := strconv.ParseFloat(number, 64)
	switch {
	case name == "median":
		s.metric, s.percent = percentile, 50
	case name == "avg":
		s.metric = mean
	case isPercentile && err == nil && (percent <= 0 || percent >= 100 || math.IsNaN(percent)):
		return p.errorAt(at, "there is no percentile %s; they lie between p0 and p100, and the ends are min and max", name)
	case isPercentile && err == nil:
		s.metric, s.percent = percentile, percent
	case slices.Contains([]metric{mean, minimum, maximum, slowerThan, failures, success, rate, sent, offered}, metric(name)):
		s.metric = metric(name)
	default:
		return p.errorAt(at, "there is no metric %q; there are %s", name, known)
	}
	if dotted && !slices.Contains(latencyMetrics, s.metric) {
		return p.errorAt(at, "%s is no latency, and so has no %s view; write %s alone", name, view, name)
	}
	return p.argument(s)
}

// argument reads the time of slower_than.
func (p *parser) argument(s *SLO) error {
	opened := p.take("(")
	if s.metric != slowerThan {
		if opened {
			return p.errorAt(p.column()-1, "only slower_than takes a time in parentheses")
		}
		return nil
	}
	if !opened {
		return p.errorAt(p.column(), "slower_than needs a time, as in slower_than(1s)")
	}
	at := p.column()
	text, rest, closed := strings.Cut(p.rest, ")")
	if !closed {
		return p.errorAt(at, "the parenthesis is not closed, as in slower_than(1s)")
	}
	p.rest = rest
	d, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return p.errorAt(at, "%q is no time; write one such as 1s or 250ms", strings.TrimSpace(text))
	case d <= 0 || d >= longest:
		return p.errorAt(at, "latencies lie between 0 and %s, so %s divides nothing", duration(longest), duration(d))
	}
	s.than = d
	return nil
}

// event reads the event type in braces, where there is one.
func (p *parser) event(m metric) (string, error) {
	if !p.take("{") {
		return "", nil
	}
	at := p.column()
	if m == offered {
		return "", p.errorAt(at-1, "offered is the schedule as a whole; it cannot be taken of one event type")
	}
	name, rest, closed := strings.Cut(p.rest, "}")
	if !closed {
		return "", p.errorAt(at, "the brace is not closed, as in p99{message.status}")
	}
	p.rest = rest
	if name = strings.TrimSpace(name); name == "" {
		return "", p.errorAt(at, "an event type is missing, as in p99{message.status}")
	}
	return name, nil
}

func (p *parser) comparison() (string, error) {
	at := p.column()
	for _, op := range []string{"<=", ">=", "<", ">"} {
		if p.take(op) {
			if p.take("=") {
				return "", p.errorAt(at, "the comparison has an = too many; there are <, <=, > and >=")
			}
			return op, nil
		}
	}
	if p.take("==") || p.take("=") || p.take("!=") {
		return "", p.errorAt(at, "a measured figure equals nothing exactly; compare with <, <=, > or >=")
	}
	return "", p.errorAt(at, "a comparison is missing: one of <, <=, > and >=")
}

// value reads the value in the unit of the metric and returns it together with its regular form.
func (p *parser) value(s SLO) (limit float64, text string, err error) {
	at := p.column()
	text = strings.TrimSpace(p.rest)
	if text == "" {
		return 0, "", p.errorAt(at, "a value is missing: %s", wanted(s))
	}
	switch s.metric.unit() {
	case load.Share:
		number, ok := strings.CutSuffix(text, "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || math.IsNaN(v) {
			return 0, "", p.errorAt(at, "%q is no share; %s", text, wanted(s))
		}
		if v < 0 || v > 100 {
			return 0, "", p.errorAt(at, "a share lies between 0%% and 100%%, not at %s%%", decimal(v))
		}
		return v / 100, decimal(v) + "%", nil
	case load.PerSecond:
		number, ok := strings.CutSuffix(text, "/s")
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return 0, "", p.errorAt(at, "%q is no rate; %s", text, wanted(s))
		}
		return v, decimal(v) + "/s", nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, "", p.errorAt(at, "%q is no time; %s", text, wanted(s))
	}
	return float64(d) / float64(time.Millisecond), duration(d), nil
}

// wanted says what a value of the metric looks like.
func wanted(s SLO) string {
	switch s.metric.unit() {
	case load.Share:
		return fmt.Sprintf("%s takes a share in percent, such as 0.1%%", s.metric)
	case load.PerSecond:
		return fmt.Sprintf("%s takes a rate, such as 1990/s", s.metric)
	}
	return "a latency takes a time with its unit, such as 250ms"
}

// pointless says why no run could break the limit, or none keep it; empty where both can happen.
func (s SLO) pointless() string {
	top := map[string]float64{
		load.Share: 1, load.PerSecond: math.Inf(1), load.Milliseconds: float64(longest) / float64(time.Millisecond),
	}[s.metric.unit()]
	switch {
	case s.op == ">=" && s.limit <= 0, s.op == "<=" && s.limit >= top, s.op == "<" && s.limit > top:
		return "every run keeps this limit, so it would check nothing"
	case s.op == "<" && s.limit <= 0, s.op == ">" && s.limit >= top, s.op == ">=" && s.limit > top:
		return "no run can keep this limit"
	}
	return ""
}

// word reads letters, digits, points and underscores.
func (p *parser) word() string {
	p.space()
	end := strings.IndexFunc(p.rest, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// take reads the token where it comes next.
func (p *parser) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

// column is the place of what comes next, in characters from 1.
func (p *parser) column() int {
	p.space()
	return utf8.RuneCountInString(p.text[:len(p.text)-len(p.rest)]) + 1
}

func (p *parser) errorAt(column int, format string, args ...any) error {
	return &Error{p.text, column, fmt.Sprintf(format, args...)}
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// duration writes a time without the parts that are zero: 1m and not 1m0s.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
