package target

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClockConfig says how the target's time can be driven.
type ClockConfig struct {
	Mode ClockMode `yaml:"mode"`
	// Factor is how many times as fast a scaled clock runs.
	Factor float64 `yaml:"factor"`
	// Advance is the call that advances a virtual clock; by default that of kirimcheck serve.
	Advance *AdvanceCall `yaml:"advance"`
	// Now is the call that tells the time of a virtual or a scaled clock; by default that of kirimcheck serve.
	Now *NowCall `yaml:"now"`
}

// AdvanceCall is the call that advances a virtual clock. It has to be answered with a 2xx, when everything that fell due
// has been done.
type AdvanceCall struct {
	// Method is POST by default.
	Method string `yaml:"method"`
	// URL and Body are templates with {duration}, such as 26h0m0s, and {seconds}, such as 93600 or 0.5.
	URL  string `yaml:"url"`
	Body string `yaml:"body"`
	// Header is sent along; with a body and without a Content-Type the harness adds application/json.
	Header map[string]Value `yaml:"header"`
	// Timeout bounds one call; by default DefaultAdvance.
	Timeout time.Duration `yaml:"timeout"`
}

// NowCall is a GET that tells the time.
type NowCall struct {
	URL string `yaml:"url"`
	// Time is the JSON pointer to the time in the answer, in the form of RFC 3339.
	Time   string           `yaml:"time"`
	Header map[string]Value `yaml:"header"`
}

// DefaultAdvance leaves room for thousands of deliveries that fall due, and for subscribers that hang.
const DefaultAdvance = 2 * time.Minute

// resolve fills in the defaults from where the management stands, and checks the section.
func (c ClockConfig) resolve(rest RESTConfig) (ClockConfig, *fieldError) {
	if c.Mode == "" {
		c.Mode = RealClock
	}
	if !slices.Contains([]ClockMode{VirtualClock, ScaledClock, RealClock}, c.Mode) {
		return c, &fieldError{"mode", fmt.Sprintf("%q is none; write virtual, scaled or real", c.Mode)}
	}
	switch {
	case c.Mode != ScaledClock && c.Factor != 0:
		return c, &fieldError{"factor", fmt.Sprintf("belongs to a scaled clock; this one is %s", c.Mode)}
	case c.Mode == ScaledClock && c.Factor == 0:
		return c, &fieldError{"factor", "is missing; write how many times as fast the clock runs, such as 3600"}
	case c.Mode == ScaledClock && (!(c.Factor >= 1) || math.IsInf(c.Factor, 1)):
		return c, &fieldError{"factor", fmt.Sprintf("%v is none; write how many times as fast, 1 or more, such as 3600", c.Factor)}
	case c.Mode != VirtualClock && c.Advance != nil:
		return c, &fieldError{"advance", fmt.Sprintf("belongs to a virtual clock; this one is %s", c.Mode)}
	case c.Mode == RealClock && c.Now != nil:
		return c, &fieldError{"now", "belongs to a virtual or a scaled clock; this one is real"}
	}
	if rest.Base == "" {
		// There is no API beside which the calls would stand.
		switch {
		case c.Mode == VirtualClock && c.Advance == nil:
			return c, &fieldError{"advance", "is missing; without management.rest write the call, such as {url: \"http://127.0.0.1:8787/test/clock/advance\", body: '{\"by\":\"{duration}\"}'}"}
		case c.Mode != RealClock && c.Now == nil:
			return c, &fieldError{"now", "is missing; without management.rest write what tells the time, such as {url: \"http://127.0.0.1:8787/test/clock\", time: /now}"}
		}
	}
	root := strings.TrimSuffix(rest.Base, "/v1")
	if c.Mode == VirtualClock {
		a := AdvanceCall{URL: root + "/test/clock/advance", Body: `{"by":"{duration}"}`}
		if c.Advance != nil {
			a = *c.Advance
		}
		a.Method = orText(a.Method, http.MethodPost)
		a.Timeout = orDefault(a.Timeout, DefaultAdvance)
		if err := a.check(); err != nil {
			return c, &fieldError{"advance." + err.key, err.problem}
		}
		c.Advance = &a
		if c.Now == nil {
			c.Now = &NowCall{URL: root + "/test/clock", Time: "/now"}
		}
	}
	if c.Mode == ScaledClock && c.Now == nil {
		c.Now = &NowCall{URL: rest.Base + rest.Paths.Health, Time: "/data/clock/now"}
	}
	if c.Now != nil {
		if err := c.Now.check(); err != nil {
			return c, &fieldError{"now." + err.key, err.problem}
		}
	}
	return c, nil
}

func (a AdvanceCall) check() *fieldError {
	if _, err := parseHTTPURL(a.fill(a.URL, time.Second)); err != nil {
		return &fieldError{"url", err.Error()}
	}
	if !headerName.MatchString(a.Method) {
		return &fieldError{"method", fmt.Sprintf("%q is no method; write one such as POST", a.Method)}
	}
	if text := a.URL + a.Body; !strings.Contains(text, "{duration}") && !strings.Contains(text, "{seconds}") {
		return &fieldError{"body", "neither {duration} nor {seconds} occurs in url and body, so nothing says how far to go"}
	}
	if a.Timeout < 0 {
		return &fieldError{"timeout", fmt.Sprintf("%s is negative; write a duration such as 2m", a.Timeout)}
	}
	return checkCallHeader(a.Header)
}

func (n NowCall) check() *fieldError {
	if _, err := parseHTTPURL(n.URL); err != nil {
		return &fieldError{"url", err.Error()}
	}
	if !strings.HasPrefix(n.Time, "/") {
		return &fieldError{"time", fmt.Sprintf("%q is not a JSON pointer; write one such as /now", n.Time)}
	}
	return checkCallHeader(n.Header)
}

func checkCallHeader(header map[string]Value) *fieldError {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if _, err := header[name].read(); err != nil || !headerName.MatchString(name) {
			if err == nil {
				err = errors.New("is not the name of a header")
			}
			return &fieldError{"header." + name, err.Error()}
		}
	}
	return nil
}

// fill puts a duration into a template.
func (a AdvanceCall) fill(template string, d time.Duration) string {
	seconds := strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	return strings.NewReplacer("{duration}", d.String(), "{seconds}", seconds).Replace(template)
}
