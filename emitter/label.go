package emitter

import (
	"strconv"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Label is what the header of an attempt says about it, its signature aside.
type Label struct {
	Source     contract.Source
	Event      string
	EventID    string
	DeliveryID string
	// Attempt counts from 1.
	Attempt int
}

// Header returns the fields of an attempt in the documentation's order, without the signature, which stands last
// (documentation: overview). There is room to append it.
func (l Label) Header(names contract.Headers) []wire.Field {
	const signature = 1
	fields := [...]wire.Field{
		{Name: "Content-Type", Value: names.ContentType},
		{Name: "User-Agent", Value: names.UserAgent},
		{Name: names.Source, Value: string(l.Source)},
		{Name: names.Event, Value: l.Event},
		{Name: names.EventID, Value: l.EventID},
		{Name: names.DeliveryID, Value: l.DeliveryID},
		{Name: names.Attempt, Value: strconv.Itoa(l.Attempt)},
	}
	return append(make([]wire.Field, 0, len(fields)+signature), fields[:]...)
}
