package mutants

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// variantMutants are receivers that choke on one variant of one event and take all others, or that take it and drop it.
func variantMutants(want wanted) ([]Mutant, error) {
	var all []Mutant
	done := map[string]bool{}
	for _, id := range fieldEditions {
		ed, err := contract.LoadEdition(id)
		if err != nil {
			return nil, err
		}
		variants, err := fixtures.Variants(ed)
		if err != nil {
			return nil, err
		}
		variants = slices.DeleteFunc(variants, func(v fixtures.Variant) bool {
			return !want.is(choking(v.Event+" "+v.Name)) && !want.is(forgetting(v.Event+" "+v.Name))
		})
		if len(variants) == 0 || want.done(all) {
			continue
		}
		makers, err := newSamples(ed)
		if err != nil {
			return nil, err
		}
		for _, v := range variants {
			name := v.Event + " " + v.Name
			if done[name] {
				continue
			}
			done[name] = true
			made, err := makers.variant(ed, v)
			if err != nil {
				return nil, err
			}
			for i := range made {
				made[i].Edition = ed.ID
			}
			all = append(all, made...)
		}
	}
	fields, err := otherFieldMutants(want)
	return append(all, fields...), err
}

// variant makes the mutants of one variant.
func (all samples) variant(ed contract.Edition, v fixtures.Variant) ([]Mutant, error) {
	name := v.Event + " " + v.Name
	s, err := all.shape(func(g *fixtures.Generator) ([]byte, error) {
		ev, err := g.Event(v.Event, v.Name)
		return ev.Body, err
	})
	if err != nil {
		return nil, err
	}
	made := []Mutant{chokes(contract.RoleReceiver, name, s, "receiver.delivery.event-accepted")}
	if strings.HasPrefix(v.Citation.Document, "Kirim") && v.Reading != "Q29" {
		made = append(made, forgets(name, s, name == "contact.created organic"))
	}
	if event, _ := ed.Event(v.Event); event.Source == contract.SourceMeta && !v.KirimMade {
		made = append(made, chokes(contract.RoleMetaReceiver, name, s, "meta-receiver.delivery.event-accepted"))
	}
	return made, nil
}

// otherFieldMutants are receivers that choke on one variant of a webhook field that is neither messages nor statuses.
func otherFieldMutants(want wanted) ([]Mutant, error) {
	ed, err := contract.LoadEdition("")
	if err != nil {
		return nil, err
	}
	fields, err := fixtures.Fields()
	if err != nil {
		return nil, err
	}
	fields = slices.DeleteFunc(fields, func(f fixtures.Field) bool { return !want.is(choking(f.Field + " " + f.Name)) })
	if len(fields) == 0 {
		return nil, nil
	}
	makers, err := newSamples(ed)
	if err != nil {
		return nil, err
	}
	var all []Mutant
	for _, f := range fields {
		s, err := makers.shape(func(g *fixtures.Generator) ([]byte, error) {
			update, err := g.Meta(f.Field, f.Name)
			return update.Body, err
		})
		if err != nil {
			return nil, err
		}
		requirement := "meta-receiver.delivery.other-webhook-field"
		if f.Field == "messages" {
			requirement = "meta-receiver.delivery.errors-object"
		}
		all = append(all, chokes(contract.RoleMetaReceiver, f.Field+" "+f.Name, s, requirement))
	}
	return all, nil
}

// choking and forgetting are the names of a variant's mutants.
func choking(variant string) string    { return slug(variant) + "-500" }
func forgetting(variant string) string { return slug(variant) + "-dropped" }

// chokes answers 500 to every body of one shape.
func chokes(role contract.Role, name string, s shape, requirement string) Mutant {
	const effects = "receiver.delivery.event-takes-effect"
	m := Mutant{
		Name: choking(name), Role: role, Kind: "chokes", Filter: requirement,
		Defect: fmt.Sprintf("answers 500 to %s, and to nothing else", name),
		apply: process(func(d reference.Delivery) int {
			if s.fits(d.Body) {
				return http.StatusInternalServerError
			}
			return 0
		}),
	}
	if role == contract.RoleReceiver {
		m.Filter, m.Blinds = requirement+" || "+effects, []string{effects}
	}
	return m.breaks(requirement)
}

// forgets answers 200 to every body of one shape, and does nothing. The shape of the harness's very first delivery is forgotten
// from the second one on: who forgets the first is known to do nothing at all.
func forgets(name string, s shape, first bool) Mutant {
	what := "answers 200 to %s and does nothing"
	if first {
		what = "answers 200 to every %s but the first and does nothing"
	}
	return Mutant{
		Name: forgetting(name), Role: contract.RoleReceiver, Kind: "forgets", Defect: fmt.Sprintf(what, name),
		Filter: "receiver.delivery.event-accepted || receiver.delivery.event-takes-effect",
		apply: func(b *build) {
			var came atomic.Int64
			process(func(d reference.Delivery) int {
				if !s.fits(d.Body) || (first && came.Add(1) == 1) {
					return 0
				}
				return http.StatusOK
			})(b)
		},
	}.breaks("receiver.delivery.event-takes-effect")
}

// samples make bodies from several seeds, so that what they have in common is not chance.
type samples []*fixtures.Generator

func newSamples(ed contract.Edition) (all samples, err error) {
	for seed := range uint64(4) {
		at := time.Unix(1_716_480_000+int64(seed)*86_411, 0)
		g, err := fixtures.NewGenerator(ed, seed+1, func() time.Time { return at })
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// shape is what the bodies have in common.
func (all samples) shape(sample func(*fixtures.Generator) ([]byte, error)) (shape, error) {
	var bodies [][]byte
	for _, g := range all {
		body, err := sample(g)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return shapeOf(bodies...), nil
}
