package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
)

func TestListShowsEveryRequirementOfARole(t *testing.T) {
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver} {
		want := ledger.For(role, contract.DefaultEdition)
		r := kirimcheck(t, nil, "list", "--role", string(role), "--json")
		var got []listed
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d requirements, want %d", role, len(got), len(want))
		}
		for _, row := range got {
			if row.Role != role || row.Sentence == "" || len(row.Source) == 0 || (row.Spec == "") == (row.Excluded == "") {
				t.Errorf("incomplete: %+v", row)
			}
		}
	}
	if r := kirimcheck(t, nil, "list"); strings.Count(r.stdout, "\n") != len(ledger) {
		t.Errorf("%d lines, want %d", strings.Count(r.stdout, "\n"), len(ledger))
	}
}

func TestExplainTellsWhereARequirementIsWrittenAndHowItIsChecked(t *testing.T) {
	for id, want := range map[string][]string{
		"receiver.dedupe.shared-event-id":  {"MUST", "Kirim, webhooks/events", "Q2", "spec", "--label-filter receiver.dedupe.shared-event-id"},
		"receiver.signature.constant-time": {"MUST", "excluded", "noise"},
		"meta-receiver.handshake.unsigned": {"Meta, webhooks/create-webhook-endpoint", "spec"},
	} {
		r := kirimcheck(t, nil, "explain", id)
		for _, part := range want {
			if r.code != exitConformant || !strings.Contains(r.stdout, part) {
				t.Errorf("%s: exit code %d, lacks %q:\n%s", id, r.code, part, r.stdout)
			}
		}
	}
}
