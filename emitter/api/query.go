package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// The sizes of a page (documentation: pagination).
const (
	defaultLimit = 25
	maxLimit     = 100
)

// query reads the parameters of a list. Like fields it keeps the first fault, and done refuses what nobody read: a
// filter with a mistyped name would otherwise quietly return everything.
type query struct {
	values url.Values
	// taken are the filters in use; a cursor belongs to them.
	taken url.Values
	fault error
}

func readQuery(r *http.Request) *query {
	q := &query{taken: url.Values{}}
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.fault = relay.Invalid(invalidValue, "", "the query is not well-formed")
	}
	return q
}

// take removes a parameter.
func (q *query) take(name, code string) (value string, there bool) {
	all := q.values[name]
	delete(q.values, name)
	if len(all) == 0 || q.fault != nil {
		return "", false
	}
	if len(all) > 1 {
		q.fail(code, name, "occurs more than once")
		return "", false
	}
	return all[0], true
}

func (q *query) fail(code, name, message string) {
	if q.fault == nil {
		q.fault = relay.Invalid(code, name, "%s %s", name, message)
	}
}

// text reads a filter; empty where it is absent.
func (q *query) text(name string, r rule) string {
	value, there := q.take(name, invalidValue)
	if !there {
		return ""
	}
	if !r.holds(value) {
		q.fail(r.code, name, "must be "+r.what)
		return ""
	}
	q.taken.Set(name, value)
	return value
}

// time reads a filter that is a date and time; zero where it is absent.
func (q *query) time(name string) time.Time {
	value := q.text(name, timeRule)
	if value == "" {
		return time.Time{}
	}
	// The rule has parsed it already.
	t, _ := parseTime(value)
	return t
}

// timeRule takes RFC 3339 date-times (documentation: operations, webhook_deliveries).
var timeRule = rule{invalidValue, "a date and time in RFC 3339 form, such as 2026-05-23T10:00:00Z", func(s string) bool {
	_, err := parseTime(s)
	return err == nil
}}

// timePattern is stricter than package time, which takes a comma before the fraction and an hour of one digit.
var timePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func parseTime(s string) (time.Time, error) {
	if !timePattern.MatchString(s) {
		return time.Time{}, fmt.Errorf("%q is not RFC 3339", s)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err
}

// page reads limit and cursor and ends the reading. endpoint and organisation are what a cursor is bound to beside the
// filters.
func (q *query) page(c *call) (relay.Page, binding, error) {
	page := relay.Page{Limit: defaultLimit}
	if value, there := q.take("limit", "invalid_limit"); there {
		// Only digits: strconv would take +5.
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n < 1 || n > maxLimit {
			q.fail("invalid_limit", "limit", fmt.Sprintf("must be an integer from 1 to %d", maxLimit))
		}
		page.Limit = int(n)
	}
	// All filters have been taken by now.
	b := bind(c.org.ID, c.request.URL.Path, q.taken)
	if value, there := q.take("cursor", "invalid_cursor"); there {
		var err error
		if page.After, err = b.open(value); err != nil {
			q.fail("invalid_cursor", "cursor", err.Error())
		}
	}
	if q.fault == nil && len(q.values) > 0 {
		q.fail(invalidValue, clip(slices.Min(slices.Collect(maps.Keys(q.values)))), "is not a parameter of this list")
	}
	return page, b, q.fault
}
