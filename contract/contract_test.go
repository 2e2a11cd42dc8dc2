package contract_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

func TestEditionsLoadWithTheDefaultFirst(t *testing.T) {
	all, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 || all[0].ID != contract.DefaultEdition {
		t.Fatalf("got %d editions, the first is %q", len(all), all[0].ID)
	}
}

// The documentation's own numbers, so that a slip in the YAML is noticed.
func TestEditionsSayWhatTheDocumentationSays(t *testing.T) {
	schedule := 31*time.Hour + 12*time.Minute + 40*time.Second
	for id, want := range map[string]struct {
		events, disableAfter int
		terminal             string
		livemode             bool
	}{
		"kckit":      {6, 20, "dead", false},
		"kirim.chat": {7, 24, "failed", true},
		"kirimdev":   {7, 20, "dead", false},
	} {
		t.Run(id, func(t *testing.T) {
			e, err := contract.LoadEdition(id)
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Events) != want.events || e.Delivery.DisableAfter != want.disableAfter || e.Delivery.TerminalStatus != want.terminal {
				t.Errorf("got %d events, threshold %d, word %q", len(e.Events), e.Delivery.DisableAfter, e.Delivery.TerminalStatus)
			}
			if _, ok := e.Constants["livemode"]; ok != want.livemode {
				t.Errorf("livemode in the envelope: %v", ok)
			}
			var sum time.Duration
			for _, d := range e.Delivery.Delays {
				sum += d
			}
			if len(e.Delivery.Delays) != 8 || sum != schedule {
				t.Errorf("%d attempts over %s, want 8 over %s", len(e.Delivery.Delays), sum, schedule)
			}
			if e.Signature.Tolerance != 300*time.Second || e.Delivery.Timeout != 10*time.Second || e.Delivery.Jitter != 0.2 {
				t.Errorf("tolerance %s, timeout %s, jitter %v", e.Signature.Tolerance, e.Delivery.Timeout, e.Delivery.Jitter)
			}
		})
	}
}

// The evidence speaks of sixteen events, of the milliseconds of its examples, and of bodies that are not Meta's bytes.
func TestKirimdevSaysWhatItsEvidenceSays(t *testing.T) {
	e, err := contract.LoadEdition("kirimdev")
	if err != nil {
		t.Fatal(err)
	}
	if e.Standing != "evidence" || len(e.Catalogue()) != 16 || e.Passthrough != contract.Annotated {
		t.Errorf("standing %q, %d events in the catalogue, passthrough %q", e.Standing, len(e.Catalogue()), e.Passthrough)
	}
	if _, ok := e.Event("message.created"); ok {
		t.Error("message.created is there, whose place message.sent took")
	}
}

// In an edition that is evidence, a report says of every requirement why it holds there: for its own reasons, or by a reading.
func TestRequirementsOfEvidenceRestOnAReading(t *testing.T) {
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	readings, err := contract.Readings()
	if err != nil {
		t.Fatal(err)
	}
	all, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		rows := ledger.For(contract.RoleRelay, e.ID)
		for i, r := range rows.As(e) {
			was := rows[i].Reading
			_, known := readings[r.Reading]
			known = known || len(r.Editions) > 0
			if e.Standing != "evidence" && r.Reading != was || e.Standing == "evidence" && (!known || was != "" && r.Reading != was) {
				t.Errorf("%s: %s rests on %q, was %q", e.ID, r.ID, r.Reading, was)
			}
		}
	}
}

func TestOutboundIsTheEventOfTheEdition(t *testing.T) {
	for id, want := range map[string]string{"kckit": "", "kirim.chat": "message.created", "kirimdev": "message.sent"} {
		e, err := contract.LoadEdition(id)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := e.Outbound(); got.Name != want || ok != (want != "") {
			t.Errorf("%s: %+v, %t", id, got, ok)
		}
	}
}

func TestTimestampsHaveTheEditionsPrecision(t *testing.T) {
	at := time.Date(2026, 5, 4, 10, 2, 1, 7_999_999, time.FixedZone("WIB", 7*3600))
	for id, want := range map[string]string{
		"kckit": "2026-05-04T03:02:01Z", "kirim.chat": "2026-05-04T03:02:01Z", "kirimdev": "2026-05-04T03:02:01.007Z",
	} {
		e, err := contract.LoadEdition(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Timestamp(at); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestUnknownEditionNamesTheKnownOnes(t *testing.T) {
	_, err := contract.LoadEdition("kckti")
	if err == nil || !strings.Contains(err.Error(), `"kckti"`) || !strings.Contains(err.Error(), "kckit, kirim.chat, kirimdev") {
		t.Errorf("got %v", err)
	}
}

func TestLedgerLoads(t *testing.T) {
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	if len(ledger.For(contract.RoleReceiver, contract.DefaultEdition)) < 60 {
		t.Errorf("only %d rows", len(ledger))
	}
	r, ok := ledger.Get("receiver.signature.stale.effect")
	if !ok || r.Role() != contract.RoleReceiver || r.Area() != "signature" {
		t.Errorf("got %+v", r)
	}
}

func TestMetaParametersNameTheirSource(t *testing.T) {
	m, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	if m.PayloadLimit.Value != 3_000_000 || m.BatchLimit.Value != 1000 || m.RetryWindow.Value != 7*24*time.Hour {
		t.Errorf("got %+v", m)
	}
	for _, c := range []contract.Citation{m.PayloadLimit.Source, m.BatchLimit.Source, m.RetryWindow.Source} {
		if c.Document == "" || c.Section == "" {
			t.Errorf("a parameter without its source: %+v", m)
		}
	}
}

func TestIncompleteLedgerRowsAreRefused(t *testing.T) {
	whole := contract.Requirement{
		ID: "receiver.area.thing", Level: contract.Must, Sentence: "s", Spec: "spec",
		Source: []contract.Citation{{Document: "d"}},
	}
	for name, c := range map[string]struct {
		change func(*contract.Requirement)
		want   string
	}{
		"id without an area":         {func(r *contract.Requirement) { r.ID = "receiver.thing" }, "form"},
		"id with a capital":          {func(r *contract.Requirement) { r.ID = "receiver.area.Thing" }, "form"},
		"unknown role":               {func(r *contract.Requirement) { r.ID = "sender.area.thing" }, "form"},
		"unknown level":              {func(r *contract.Requirement) { r.Level = "MAY" }, "level"},
		"no sentence":                {func(r *contract.Requirement) { r.Sentence = "" }, "sentence"},
		"no source":                  {func(r *contract.Requirement) { r.Source = nil }, "source"},
		"source without a document":  {func(r *contract.Requirement) { r.Source = []contract.Citation{{Section: "s"}} }, "document"},
		"unknown edition":            {func(r *contract.Requirement) { r.Editions = []string{"x"} }, "edition"},
		"unknown reading":            {func(r *contract.Requirement) { r.Reading = "Q999" }, "reading"},
		"neither spec nor exclusion": {func(r *contract.Requirement) { r.Spec = "" }, "either"},
		"both spec and exclusion":    {func(r *contract.Requirement) { r.Excluded = "because" }, "either"},
	} {
		t.Run(name, func(t *testing.T) {
			r := whole
			c.change(&r)
			if err := (contract.Ledger{r}).Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a complaint about %q", err, c.want)
			}
		})
	}
	if err := (contract.Ledger{whole, whole}).Validate(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a repeated id: got %v", err)
	}
	if err := (contract.Ledger{whole}).Validate(); err != nil {
		t.Errorf("the whole row itself is refused: %v", err)
	}
}
