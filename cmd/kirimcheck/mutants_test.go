package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// listMutants runs `kirimcheck mutants --json` and returns what it listed.
func listMutants(t *testing.T, args ...string) []listedMutant {
	t.Helper()
	r := kirimcheck(t, nil, append([]string{"mutants", "--json"}, args...)...)
	if r.code != exitConformant {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	var out []listedMutant
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMutantsAreListedWithWhatTheyBreak(t *testing.T) {
	t.Parallel()
	all, err := mutants.All()
	if err != nil {
		t.Fatal(err)
	}
	got := listMutants(t)
	if len(got) != len(all) {
		t.Errorf("%d mutants, want %d", len(got), len(all))
	}
	for _, m := range got {
		if m.Name == "" || m.Role == "" || m.Family == "" || m.Defect == "" || m.Edition == "" || (len(m.Breaks) == 0) != (m.Survives != "") {
			t.Errorf("incomplete: %+v", m)
		}
		for _, id := range m.Breaks {
			if strings.Contains(id, "*") || !strings.HasPrefix(id, string(m.Role)+".") {
				t.Errorf("%s breaks %q", m.Name, id)
			}
		}
	}
	table := kirimcheck(t, nil, "mutants")
	if n := strings.Count(table.stdout, "\n"); n != len(all) {
		t.Errorf("%d lines, want %d", n, len(all))
	}
	for _, part := range []string{"receiver ", "no-verify ", killmatrix.Handmade, "takes any POST without looking at the signature"} {
		if line, _, _ := strings.Cut(table.stdout, "\n"); !strings.Contains(line, part) {
			t.Errorf("the first line lacks %q: %s", part, line)
		}
	}
}

func TestMutantsAreChosenByRoleFamilyAndWhatTheyBreak(t *testing.T) {
	t.Parallel()
	names := func(all []listedMutant) (out []string) {
		for _, m := range all {
			out = append(out, string(m.Role)+"/"+m.Name)
		}
		return out
	}
	all := listMutants(t)
	keep := func(want func(listedMutant) bool) []string {
		return names(slices.DeleteFunc(slices.Clone(all), func(m listedMutant) bool { return !want(m) }))
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--role", "relay"}, keep(func(m listedMutant) bool { return m.Role == contract.RoleRelay })},
		{[]string{"--role", "meta-receiver"}, keep(func(m listedMutant) bool { return m.Role == contract.RoleMetaReceiver })},
		{[]string{"--family", killmatrix.Handmade}, keep(func(m listedMutant) bool { return m.Family == killmatrix.Handmade })},
		{[]string{"--role", "receiver", "--breaks", "receiver.signature.stale.effect"}, keep(func(m listedMutant) bool {
			return slices.Contains(m.Breaks, "receiver.signature.stale.effect")
		})},
	} {
		got := names(listMutants(t, c.args...))
		if !slices.Equal(got, c.want) || len(got) == 0 {
			t.Errorf("%v: %d mutants, want %d", c.args, len(got), len(c.want))
		}
	}
	if got := listMutants(t, "--role", "relay", "--breaks", "receiver.signature.stale.effect"); len(got) != 0 {
		t.Errorf("no relay breaks what a receiver owes: %v", got)
	}
	if r := kirimcheck(t, nil, "mutants", "--role", "relay", "--breaks", "receiver.signature.stale.effect"); r.stdout != "" || r.stderr != "no mutant is all of that\n" {
		t.Errorf("of none it says %q and %q", r.stdout, r.stderr)
	}
	stale := names(listMutants(t, "--breaks", "receiver.signature.stale.effect"))
	if !slices.Contains(stale, "receiver/no-tolerance") || slices.Contains(stale, "receiver/prefix-compare") {
		t.Errorf("a stale signature is obeyed by %v", stale)
	}
}

func TestWrongNamesOfMutantsGetOneLineWithTheNearest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"a role nobody has":                   {[]string{"mutants", "--role", "sender"}, []string{`--role "sender"`, "receiver, meta-receiver or relay"}},
		"a family nobody has":                 {[]string{"mutants", "--family", "hands"}, []string{`--family "hands"`, "by hand"}},
		"a requirement nobody has":            {[]string{"mutants", "--breaks", "receiver.signature.stale.efect"}, []string{"--breaks", "receiver.signature.stale.effect"}},
		"a requirement that no spec checks":   {[]string{"mutants", "--breaks", "receiver.signature.constant-time"}, []string{"no spec checks it", "explain receiver.signature.constant-time"}},
		"an argument":                         {[]string{"mutants", "no-verify"}, []string{"takes no arguments"}},
		"a relay's mutant misspelt":           {[]string{"serve", "--listen", "127.0.0.1:0", "--mutant", "no-jiter"}, []string{`--mutant "no-jiter"`, "no-jitter", "mutants --role relay"}},
		"a receiver's mutant for a relay":     {[]string{"serve", "--listen", "127.0.0.1:0", "--mutant", "no-tolerance"}, []string{`--mutant "no-tolerance"`, "of a receiver", "`kirimcheck receiver --mutant no-tolerance`"}},
		"a relay's mutant in another edition": {[]string{"serve", "--listen", "127.0.0.1:0", "--mutant", kirimChatMutant(t), "--edition", "kckit"}, []string{"--edition kckit", "kirim.chat alone"}},
		"a receiver's mutant misspelt":        {[]string{"receiver", "--listen", "127.0.0.1:0", "--mutant", "no-verfy"}, []string{`--mutant "no-verfy"`, "no-verify", "mutants --role receiver"}},
		"a receiver's mutant in another role": {[]string{"receiver", "--listen", "127.0.0.1:0", "--role", "meta-receiver", "--mutant", "no-tolerance"}, []string{"a mutant of a receiver, and this is a meta-receiver"}},
		"a receiver that is a relay":          {[]string{"receiver", "--role", "relay"}, []string{`--role "relay"`, "kirimcheck serve"}},
		"a receiver of no role":               {[]string{"receiver", "--role", ""}, []string{`--role ""`, "receiver or meta-receiver"}},
		"an edition nobody has":               {[]string{"receiver", "--edition", "kirm"}, []string{"kirm", "kckit"}},
		"an address that is none":             {[]string{"receiver", "--listen", "nowhere"}, []string{`--listen "nowhere"`, "127.0.0.1:8080"}},
		"an empty address":                    {[]string{"receiver", "--listen", ""}, []string{`--listen ""`}},
		"a list of no role":                   {[]string{"list", "--role", "sender"}, []string{`--role "sender"`, "receiver, meta-receiver or relay"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := kirimcheck(t, nil, c.args...)
			if r.code != exitUsage || r.stdout != "" {
				t.Errorf("exit %d, want %d; stdout %q", r.code, exitUsage, r.stdout)
			}
			r.oneLine(t, c.want...)
		})
	}
}

// kirimChatMutant is the name of a mutant whose defect shows in the edition kirim.chat alone.
func kirimChatMutant(t *testing.T) string {
	t.Helper()
	for _, m := range mutants.Handmade() {
		if m.Role == contract.RoleRelay && m.Edition == "kirim.chat" {
			return m.Name
		}
	}
	t.Fatal("no mutant shows in kirim.chat alone")
	return ""
}

// sampleRecord has eight mutants that break one requirement, two of them by hand, and one that breaks another.
func sampleRecord() killmatrix.Record {
	r := killmatrix.Record{Version: killmatrix.RecordVersion}
	add := func(name, family, seen, id string) {
		r.Mutants = append(r.Mutants, killmatrix.RecordedMutant{
			Role: contract.RoleReceiver, Name: name, Family: family, Edition: "kckit", Defect: "does " + name, Seen: seen, Red: []string{id},
		})
	}
	for i := range 6 {
		add(fmt.Sprintf("generated-%d", i), "numbers", "", "receiver.dedupe.retry")
	}
	add("no-dedupe", killmatrix.Handmade, "public webhook receivers", "receiver.dedupe.retry")
	add("dedupe-race", killmatrix.Handmade, "", "receiver.dedupe.retry")
	add("no-verify", killmatrix.Handmade, "", "receiver.signature.wrong-key.effect")
	return r
}

func TestExplainNamesWhatARequirementWasProvenOn(t *testing.T) {
	for name, c := range map[string]struct {
		id        string
		record    killmatrix.Record
		want, not []string
	}{
		"by hand first, and few of the generated": {"receiver.dedupe.retry", sampleRecord(), []string{
			"proven on dedupe-race - does dedupe-race\n",
			"          no-dedupe - does no-dedupe (seen in public webhook receivers)\n",
			"          generated-4 - does generated-4\n",
			"          and 1 more that were generated; `kirimcheck mutants --breaks receiver.dedupe.retry` lists them\n",
		}, []string{"generated-5", "no-verify"}},
		"none":      {"receiver.parser.not-json", sampleRecord(), []string{"proven on nothing: no wrong implementation"}, []string{"dedupe"}},
		"no record": {"receiver.parser.not-json", killmatrix.Record{}, []string{"spec      "}, []string{"proven on"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			row := contract.Requirement{ID: c.id, Level: contract.Must, Sentence: "It is so.", Spec: "checks it"}
			if err := explain(&out, row, c.record); err != nil {
				t.Fatal(err)
			}
			for _, part := range c.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("lacks %q:\n%s", part, out.String())
				}
			}
			for _, part := range c.not {
				if strings.Contains(out.String(), part) {
					t.Errorf("has %q:\n%s", part, out.String())
				}
			}
		})
	}
}

// The program carries its record, and every report and explanation speaks of that one.
func TestReportsAndExplanationsQuoteTheRecord(t *testing.T) {
	t.Parallel()
	record, err := mutants.Record()
	if err != nil {
		t.Fatal(err)
	}
	r := kirimcheck(t, nil, "certify", "--reference", "--label-filter", "receiver.signature.stale.effect")
	report := r.report(t)
	want, err := reports.WithSelfCheck(reports.Report{}, record)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case (report.SelfCheck == nil) != (want.SelfCheck == nil):
		t.Errorf("self-check %+v, want %+v", report.SelfCheck, want.SelfCheck)
	case want.SelfCheck != nil && *report.SelfCheck != *want.SelfCheck:
		t.Errorf("self-check %+v, want %+v", *report.SelfCheck, *want.SelfCheck)
	}
	explained := kirimcheck(t, nil, "explain", "receiver.signature.stale.effect")
	for _, m := range record.Breaking("receiver.signature.stale.effect") {
		if m.Family == killmatrix.Handmade && !strings.Contains(explained.stdout, m.Name+" - "+m.Defect) {
			t.Errorf("explain does not name %s:\n%s", m.Name, explained.stdout)
		}
	}
	if record.Empty() == strings.Contains(explained.stdout, "proven on") {
		t.Errorf("the record is empty: %t, and explain says\n%s", record.Empty(), explained.stdout)
	}
}
