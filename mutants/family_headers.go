package mutants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/wire"
)

// headerSpec is a header of a delivery, what its absence and a wrong value break, and what falls with them.
type headerSpec struct {
	name string
	// wrong is a value of the right form that is not the right one.
	wrong string
	// absent and misread are the requirements that break without the header and with the wrong value.
	absent, misread []string
}

// headerNameMutants have one header of a relay's deliveries dropped, renamed, or with a wrong value.
func headerNameMutants(wanted) ([]Mutant, error) {
	ed, err := contract.LoadEdition("")
	if err != nil {
		return nil, err
	}
	h := ed.Headers
	ids := []string{"relay.headers.event-id.message", "relay.headers.event-id.status", "relay.headers.event-id.kirim", "relay.passthrough.batch-id"}
	var all []Mutant
	for _, header := range []headerSpec{
		{h.Source, "whatsapp", []string{"relay.headers.source", "relay.headers.once"}, []string{"relay.headers.source"}},
		{h.Event, "message.deleted", []string{"relay.headers.event", "relay.headers.once"}, []string{"relay.headers.event"}},
		{h.EventID, "evt_01HXYZABCDEFGHJKMNPQRSTVWX", append([]string{"relay.headers.once"}, ids...), ids},
		{h.DeliveryID, "wbd_01HXYZABCDEFGHJKMNPQRSTVWX", []string{"relay.headers.delivery-id.*", "relay.headers.once"},
			[]string{"relay.headers.delivery-id.unique"}},
		{h.Attempt, "3", []string{"relay.headers.attempt", "relay.headers.once"}, []string{"relay.headers.attempt"}},
		{h.Signature, "t=1716480000,v1=" + strings.Repeat("0", 64), append([]string{"relay.signature.form", "relay.headers.once"}, everySignature...),
			everySignature},
		{"User-Agent", "Kirim/1", []string{"relay.headers.user-agent"}, []string{"relay.headers.user-agent"}},
		{"Content-Type", "application/x-www-form-urlencoded", []string{"relay.headers.json-post"}, []string{"relay.headers.json-post"}},
	} {
		all = append(all, header.mutants()...)
	}
	return all, nil
}

func (h headerSpec) mutants() []Mutant {
	mutant := func(manner, defect string, breaks []string, change func(*pipeline.Request)) Mutant {
		return Mutant{
			Name: slug(h.name) + "-" + manner, Role: contract.RoleRelay, Kind: manner, Defect: defect, Filter: forwardingAreas,
			relay: onWire(change),
		}.breaks(breaks...).may("relay.headers.*", "relay.signature.*", "relay.passthrough.*", "relay.events.*")
	}
	renamed := "X-Webhook-" + strings.TrimPrefix(h.name, "X-Kirim-")
	is := func(f wire.Field) bool { return strings.EqualFold(f.Name, h.name) }
	return []Mutant{
		mutant("dropped", "deliveries have no "+h.name, h.absent, func(r *pipeline.Request) {
			r.Header = slices.DeleteFunc(r.Header, is)
		}),
		mutant("renamed", fmt.Sprintf("deliveries have %s instead of %s", renamed, h.name), h.absent, func(r *pipeline.Request) {
			for i := range r.Header {
				if is(r.Header[i]) {
					r.Header[i].Name = renamed
				}
			}
		}),
		mutant("wrong-value", fmt.Sprintf("%s is always %q", h.name, h.wrong), h.misread, func(r *pipeline.Request) {
			for i := range r.Header {
				if is(r.Header[i]) {
					r.Header[i].Value = h.wrong
				}
			}
		}),
	}
}
