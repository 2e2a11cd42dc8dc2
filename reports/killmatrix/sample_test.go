package killmatrix

import (
	"fmt"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

var began = time.Date(2026, 3, 9, 14, 5, 6, 0, time.UTC)

// sampleMatrix is a whole run with everything that a page can show, and an open gate.
func sampleMatrix() Matrix {
	return Matrix{
		SchemaVersion: SchemaVersion, Version: "1.4.0", Command: "kirimcheck mutants run --out reports/out", Started: began,
		DurationMS: 243_500, Jobs: 2,
		Figures: Figures{
			Requirements: 3, Covered: 3, Specs: 5, Proven: 5, Mutants: 6, Handmade: 4, Generated: 2, Killed: 5, Survivors: 1,
			Correct: 2,
		},
		Families: []Family{
			{Name: Handmade, What: "Seen in public or thought up, one by one.", Mutants: 4, Killed: 4},
			{Name: "numbers", What: "Each number of an edition, a little smaller and a little larger.", Mutants: 2, Killed: 1, Survivors: 1},
		},
		Requirements: []Requirement{
			{ID: "receiver.signature.stale.effect", Level: contract.Must, Mutants: []string{"no-verify", "no-tolerance"}, Unlike: true,
				Specs: []Spec{{Name: "a delivery 301 s old", Mutants: 2}, {Name: "a delivery of last week", Mutants: 1}}},
			{ID: "receiver.delivery.acknowledged-quickly", Level: contract.Should, Mutants: []string{"slow-sync-work"},
				Alone: "There is one way to be late.", Specs: []Spec{{Name: "an answer within 2 s", Mutants: 1}}},
			{ID: "relay.retry.delays", Level: contract.Must, Mutants: []string{"no-jitter", "delay-1-shorter"}, Unlike: true,
				Specs: []Spec{{Name: "the delays of the schedule", Mutants: 2}, {Name: "the jitter", Mutants: 1}}},
		},
		Mutants: []Mutant{
			{Name: "no-verify", Role: contract.RoleReceiver, Edition: "kckit", Family: Handmade,
				Defect: "takes any POST without looking at the signature", Seen: "public webhook receivers",
				Red: []string{"receiver.signature.tampered-body.effect", "receiver.signature.stale.effect"}, DurationMS: 1200},
			{Name: "no-tolerance", Role: contract.RoleReceiver, Edition: "kckit", Family: Handmade,
				Defect: "takes a signature of any age", Red: []string{"receiver.signature.stale.effect"}, DurationMS: 900.5},
			{Name: "slow-sync-work", Role: contract.RoleReceiver, Edition: "kckit", Family: Handmade, Scope: "delivery",
				Defect: "works before it answers, past the advised time", Red: []string{"receiver.delivery.acknowledged-quickly"}},
			{Name: "no-jitter", Role: contract.RoleRelay, Edition: "kckit", Family: Handmade,
				Defect: "retries after exactly the written delays", Red: []string{"relay.retry.delays"}},
			{Name: "delay-1-shorter", Role: contract.RoleRelay, Edition: "kckit", Family: "numbers",
				Defect: "waits 7.5 s instead of 10 s before the first retry", Red: []string{"relay.retry.delays"}},
			{Name: "keep-1-longer", Role: contract.RoleRelay, Edition: "kirim.chat", Family: "numbers",
				Defect:   "keeps deliveries for 31 days instead of 30",
				Survives: "Below the tolerance of the spec, which looks a day later."},
		},
		Correct: []Correct{
			{Name: "answers-204", Role: contract.RoleReceiver, Edition: "kckit", Passed: 74,
				Unusual: []string{"Answers 204 (any 2xx is a success).", "Header names in lower case (RFC 9110, section 5.1)."}},
			{Name: "jitter-at-its-end", Role: contract.RoleRelay, Edition: "kckit", Passed: 138,
				Unusual: []string{"Every delay 20 % longer."}, Warns: []string{"relay.retry.spread"}},
		},
		Inventory: Inventory{
			"receiver/kckit": {
				"receiver.signature.stale.effect":         {"a delivery 301 s old", "a delivery of last week"},
				"receiver.signature.tampered-body.effect": {"one byte changed"},
				"receiver.delivery.acknowledged-quickly":  {"an answer within 2 s"},
			},
			"relay/kckit": {"relay.retry.delays": {"the delays of the schedule", "the jitter"}},
		},
	}
}

// shutMatrix is the sample with everything wrong that can be.
func shutMatrix() Matrix {
	m := sampleMatrix()
	m.Problems = []string{"relay/no-jitter: relay.retry.delays was to turn red and did not", "the child said \x1b[2J\u202Egnp.exe <script>"}
	m.Holes = []Hole{{Role: contract.RoleRelay, Spec: "the jitter", Change: "deleted, and nobody noticed"}}
	m.Figures.FalseAlarms = 1
	m.Correct[0].Problems = []string{"receiver.signature.valid: 204 was refused"}
	m.Mutants[3].Red, m.Mutants[3].Problems = nil, []string{"relay.retry.delays was to turn red and did not"}
	m.Requirements[2].Mutants, m.Requirements[2].Unlike, m.Requirements[2].Specs[1].Mutants = []string{"delay-1-shorter"}, false, 0
	m.Families = m.Families[:1]
	return m
}

// manyMatrix is a matrix of the size of the real one: about 300 requirements and 800 mutants.
func manyMatrix() Matrix {
	m := sampleMatrix()
	m.Requirements, m.Mutants, m.Correct, m.Families, m.Inventory = nil, nil, nil, nil, Inventory{}
	roles := []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver, contract.RoleRelay}
	families := []string{Handmade, "numbers", "headers-dropped", "headers-renamed", "fields-dropped", "fields-retyped", "fields-nulled", "outcomes"}
	var ids []string
	for i := range 300 {
		role := roles[i/100]
		id := fmt.Sprintf("%s.area-%d.requirement-%d", role, i/20, i)
		ids = append(ids, id)
		m.Requirements = append(m.Requirements, Requirement{
			ID: id, Level: contract.Must, Unlike: true, Specs: []Spec{{Name: "checks what is asked in a sentence of about this length", Mutants: 3}},
		})
		key := InventoryKey(role, "kckit")
		if m.Inventory[key] == nil {
			m.Inventory[key] = map[string][]string{}
		}
		m.Inventory[key][id] = []string{"checks what is asked in a sentence of about this length"}
	}
	for i := range 800 {
		role := roles[i%3]
		one := Mutant{
			Name: fmt.Sprintf("message-received-field-%d-dropped", i), Role: role, Edition: "kckit", Family: families[i%len(families)],
			Defect: "leaves " + strings.Repeat("entry.0.changes.0.value.", 3) + "metadata out of message.received",
		}
		for j := range 1 + i%9 {
			id := ids[i%3*100+(i*7+j*13)%100]
			one.Red = append(one.Red, id)
			n := i%3*100 + (i*7+j*13)%100
			m.Requirements[n].Mutants = append(m.Requirements[n].Mutants, one.Name)
		}
		if i%40 == 0 {
			one.Survives, one.Red = "equivalent: the field is optional in the catalogue", nil
		}
		m.Mutants = append(m.Mutants, one)
	}
	for _, name := range families {
		f := Family{Name: name, What: "Each of them, one at a time, changed in this way."}
		for _, one := range m.Mutants {
			if one.Family != name {
				continue
			}
			f.Mutants++
			if one.Killed() {
				f.Killed++
			} else {
				f.Survivors++
			}
		}
		m.Families = append(m.Families, f)
	}
	for i := range 24 {
		m.Correct = append(m.Correct, Correct{Name: fmt.Sprintf("variant-%d", i), Role: roles[i%3], Edition: "kckit", Passed: 74,
			Unusual: []string{"Answers 204 (any 2xx is a success).", "Closes the connection after each answer (RFC 9112, section 9.6)."}})
	}
	m.Figures = Figures{Requirements: 300, Covered: 300, Specs: 300, Proven: 300, Mutants: 800, Handmade: 100, Generated: 700,
		Killed: 780, Survivors: 20, Correct: 24}
	return m
}
