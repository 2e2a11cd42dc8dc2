package mockmeta

import (
	"fmt"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Order is an order in which the statuses of one message come. Meta promises none: deliveries are concurrent, and a
// retry comes after what is fresher (Meta, throughput and webhooks/overview).
type Order struct {
	// Name is a slug.
	Name string
	// Statuses are what comes, in this order; one may come again.
	Statuses []string
}

// Orders returns the orders that receivers meet.
func Orders() []Order {
	return []Order{
		{"in-order", []string{"sent", "delivered", "read"}},
		{"read-before-delivered", []string{"sent", "read", "delivered"}},
		{"reversed", []string{"read", "delivered", "sent"}},
		// An open chat reads at once, and read implies delivered (Meta, webhooks/reference/messages/status).
		{"delivered-skipped", []string{"sent", "read"}},
		{"late-copy-of-sent", []string{"sent", "delivered", "read", "sent"}},
		{"every-status-twice", []string{"sent", "sent", "delivered", "delivered", "read", "read"}},
		{"failed-after-sent", []string{"sent", "failed"}},
	}
}

// Arrange puts the events of one message's statuses, such as fixtures.Generator.Statuses makes, into the order. Those
// that the order does not have are left out; it is an error if one that it has is not there.
func (o Order) Arrange(events []fixtures.Event) ([]fixtures.Event, error) {
	byStatus := map[string]fixtures.Event{}
	for _, e := range events {
		if len(e.Items) > 0 {
			byStatus[e.Items[0].Status] = e
		}
	}
	var out []fixtures.Event
	for _, status := range o.Statuses {
		e, ok := byStatus[status]
		if !ok {
			return nil, fmt.Errorf("order %s: there is no event with status %s", o.Name, status)
		}
		out = append(out, e)
	}
	return out, nil
}
