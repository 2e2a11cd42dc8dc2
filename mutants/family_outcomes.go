package mutants

import (
	"fmt"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// outcomeRow is a row of the outcome table: the answers that it is about, what they mean, and the requirement.
type outcomeRow struct {
	name, what  string
	is          func(pipeline.Response) bool
	right       pipeline.Outcome
	requirement string
}

// outcomeRows are the documentation's table (webhooks/retry, status codes), whole rows and single statuses of them that
// implementers are known to treat apart.
func outcomeRows() []outcomeRow {
	var rows []outcomeRow
	add := func(right pipeline.Outcome, requirement, name string, from, to int) {
		rows = append(rows, outcomeRow{name, name, status(from, to), right, requirement})
	}
	add(pipeline.Delivered, "relay.outcome.2xx", "2xx", 200, 299)
	add(pipeline.Retry, "relay.outcome.3xx", "3xx", 300, 399)
	add(pipeline.Terminal, "relay.outcome.4xx", "4xx", 400, 407)
	add(pipeline.Retry, "relay.outcome.5xx", "5xx", 500, 599)
	for _, single := range []struct {
		right       pipeline.Outcome
		requirement string
		statuses    []int
	}{
		{pipeline.Delivered, "relay.outcome.2xx", []int{201, 202, 204}},
		{pipeline.Retry, "relay.outcome.3xx", []int{301, 302, 303, 304, 307, 308}},
		{pipeline.Terminal, "relay.outcome.4xx", []int{400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 425, 451}},
		{pipeline.Retry, "relay.outcome.408", []int{408}},
		{pipeline.Retry, "relay.outcome.429", []int{429}},
		{pipeline.Retry, "relay.outcome.5xx", []int{500, 501, 502, 503, 504, 507}},
	} {
		for _, code := range single.statuses {
			add(single.right, single.requirement, fmt.Sprint(code), code, code)
		}
	}
	for _, t := range []struct {
		name, what string
		kinds      []pipeline.Trouble
	}{
		{"refused", "a connection that is refused", []pipeline.Trouble{pipeline.Refused}},
		{"reset", "a connection that breaks", []pipeline.Trouble{pipeline.Reset, outbound.Closed}},
		{"dns", "a name that does not resolve", []pipeline.Trouble{pipeline.DNS}},
		{"tls", "a TLS handshake that fails", []pipeline.Trouble{pipeline.TLS}},
		{"timeout", "an attempt that times out", []pipeline.Trouble{pipeline.TimedOut}},
	} {
		rows = append(rows, outcomeRow{t.name, t.what, trouble(t.kinds...), pipeline.Retry, "relay.outcome." + t.name})
	}
	return rows
}

// outcomeMutants have one row of the outcome table mean what another row means.
func outcomeMutants(wanted) (all []Mutant, err error) {
	for _, row := range outcomeRows() {
		for _, wrong := range []struct {
			outcome pipeline.Outcome
			kind    string
			meaning string
		}{
			{pipeline.Delivered, "delivered", "counts as delivered"},
			{pipeline.Terminal, "terminal", "ends the delivery at once"},
			{pipeline.Retry, "retry", "is tried again"},
		} {
			if wrong.outcome == row.right {
				continue
			}
			// Whole rows change what every other delivery of the suite comes to, so they are judged by their own table alone.
			filter := "outcome"
			if row.name == "2xx" || row.name == "5xx" {
				filter = row.requirement
			}
			m := Mutant{
				Name: row.name + "-" + wrong.kind, Role: contract.RoleRelay, Kind: wrong.kind, Filter: filter,
				Defect: row.what + " " + wrong.meaning, relay: verdict(wrong.outcome, row.is),
			}.breaks(row.requirement)
			if filter == "outcome" {
				m = m.may("relay.outcome.*")
			}
			all = append(all, m)
		}
	}
	return all, nil
}
