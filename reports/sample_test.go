package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

var began = time.Date(2026, 3, 9, 14, 5, 6, 789_000_000, time.UTC)

// sampleSecret is what no file may contain.
const sampleSecret = "whsec_c2VjcmV0IG9mIHRoZSBzYW1wbGU"

// row makes a row of a ledger.
func row(level contract.Level, id, sentence string) contract.Requirement {
	return contract.Requirement{
		ID: id, Level: level, Sentence: sentence, Spec: "checks " + id,
		Source: []contract.Citation{{Document: "signing", Section: "Verification"}},
	}
}

// sampleLedger has a row for everything that a report can show.
func sampleLedger() contract.Ledger {
	ledger := contract.Ledger{
		row(contract.Must, "receiver.signature.genuine.status", "A genuine delivery is answered with a 2xx status."),
		row(contract.Must, "receiver.signature.stale.effect", "A delivery whose timestamp is more than 300 s old has no effect."),
		row(contract.Must, "receiver.signature.tampered-body.effect", "A delivery whose body was changed after signing has no effect."),
		row(contract.Should, "receiver.signature.stale.status", "A stale delivery is answered with a 4xx status."),
		row(contract.Must, "receiver.duplicates.retry.effect", "A retry with the same event id has no second effect."),
		row(contract.Must, "receiver.duplicates.replay.effect", "A replay of an event that was handled has no second effect."),
		row(contract.Must, "receiver.duplicates.race.effect", "Two copies that arrive at once have one effect."),
		row(contract.Should, "receiver.answer.time", "A delivery is answered within 2 s."),
		row(contract.Must, "receiver.answer.size", "A body of the largest size that Meta sends is taken."),
		row(contract.Must, "receiver.batches.messages.effect", "Every message of a batch has its effect."),
		row(contract.Must, "receiver.batches.statuses.effect", "Every status of a batch has its effect."),
		row(contract.Must, "receiver.rotation.two-secrets.status", "During a rotation either secret is accepted."),
		row(contract.Must, "receiver.answer.retention", "An event id is remembered for the retry window."),
	}
	ledger[4].Reading = "Q1"
	ledger[12].Spec, ledger[12].Excluded = "", "Observing it takes 31 hours of real time."
	return ledger
}

func sampleReadings() map[string]contract.Reading {
	return map[string]contract.Reading{"Q1": {
		ID: "Q1", Question: "Is the delivery id new on every attempt?", Reading: "Yes; receivers must not dedupe on it.",
	}}
}

// body makes the record of a whole body.
func body(text string) Body {
	sum := sha256.Sum256([]byte(text))
	return Body{Size: len(text), SHA256: hex.EncodeToString(sum[:]), Text: text}
}

// exchange makes the record of a delivery and its answer; a status of 0 is no answer.
func exchange(label string, status int, answer string) Exchange {
	event := `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages",` +
		`"value":{"messages":[{"from":"16315551181","id":"wamid.HBgLMTYzMTU1NTExODEVAgASGBQzQTdCNTg5RjY1MEMyRjlGMjRGNgA=",` +
		`"type":"text","text":{"body":"Halo, apa kabar?"}}]}}]}]}`
	x := Exchange{
		Label: label, Started: began.Add(1500 * time.Millisecond), DurationMS: 12.25,
		Request: Request{
			Method: http.MethodPost, URL: "https://user:hunter2@hooks.example.com/kirim?key=topsecret", Body: body(event),
			Header: []Header{
				{"Content-Type", "application/json"}, {"Authorization", "Bearer very-private"},
				{"X-Kirim-Event", "message.received"},
				{"X-Kirim-Signature", "t=1773064206,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"},
			},
		},
	}
	if status == 0 {
		x.Error = "the connection was reset before an answer came"
		return x
	}
	x.Response = &Response{
		Status: status, Proto: "HTTP/1.1", Body: body(answer),
		Header: []Header{{"Content-Type", "application/json"}, {"Set-Cookie", "session=very-private"}},
	}
	return x
}

// sampleInput is a run in which every verdict occurs.
func sampleInput() BuildInput {
	ledger := sampleLedger()
	in := BuildInput{
		Tool: Tool{
			Name: "kirimcheck", Version: "1.4.0", Command: "kirimcheck certify --target target.yaml --seed 42", Seed: 42,
		},
		Target: Target{
			Name: "shop-backend", Role: contract.RoleReceiver, Edition: "kckit",
			URL: "https://user:hunter2@hooks.example.com/kirim?key=topsecret", Observer: "sql: a query on the receiver's database",
		},
		Started: began, Duration: 83 * time.Second, Ledger: ledger, Readings: sampleReadings(),
		Facts: []Fact{
			{ID: "largest-body", Text: "The largest body that was answered with 2xx has 3,145,728 bytes."},
			{ID: "fastest-answer", Text: "The fastest answer took 1.8 ms."},
		},
	}
	for _, r := range ledger {
		if r.Excluded == "" {
			in.Selected = append(in.Selected, r.ID)
		}
	}
	add := func(id string, s SpecResult) {
		row, _ := ledger.Get(id)
		s.Requirement, s.DurationMS = id, 41.5
		if s.Name == "" {
			s.Name = row.Spec
		}
		in.Results = append(in.Results, s)
	}
	genuine := exchange("baseline", 200, `{"ok":true}`)
	add("receiver.signature.genuine.status", SpecResult{Verdict: Pass, Exchanges: []Exchange{genuine}})
	stale := exchange("301 s old", 200, `{"ok":true,"echo":"`+sampleSecret+`"}`)
	stale.Decisive = true
	add("receiver.signature.stale.effect", SpecResult{
		Name: "a delivery 301 s old", Verdict: Fail, Reason: "the receiver acted on a delivery that is too old",
		Expected: "no effect for event evt_2f6b", Seen: "1 effect for event evt_2f6b, 0.4 s after the answer",
		Cause:        "The timestamp is not compared with the clock: a delivery of an hour ago is obeyed too.",
		Repeat:       `curl -sS -X POST 'https://user:hunter2@hooks.example.com/kirim?key=topsecret' -H "X-Kirim-Signature: $(kirimcheck sign --secret-env KIRIM_SECRET --age 301s body.json)" --data-binary @body.json`,
		Rerun:        "kirimcheck certify --target target.yaml --seed 42 --label-filter receiver.signature.stale.effect",
		Exchanges:    []Exchange{genuine, stale},
		Observations: []Observation{{At: began.Add(2 * time.Second), Question: "evt_2f6b", Count: 1}},
	})
	add("receiver.signature.stale.effect", SpecResult{Name: "a delivery 299 s old", Verdict: Pass})
	add("receiver.signature.tampered-body.effect", SpecResult{Verdict: Pass})
	refused := exchange("301 s old", 500, "<h1>Internal Server Error</h1>")
	refused.Decisive = true
	add("receiver.signature.stale.status", SpecResult{
		Verdict: Fail, Reason: "the answer is not a refusal", Expected: "a status from 400 to 499", Seen: "500",
		Exchanges: []Exchange{refused},
	})
	for _, id := range []string{"receiver.duplicates.replay.effect", "receiver.duplicates.race.effect",
		"receiver.batches.messages.effect", "receiver.batches.statuses.effect"} {
		add(id, SpecResult{Verdict: Untestable, Reason: "the target has no observer for this effect"})
	}
	lost := exchange("attempt 2", 0, "")
	lost.Decisive = true
	add("receiver.duplicates.retry.effect", SpecResult{
		Verdict: Fail, Reason: "the second attempt had an effect of its own", Expected: "1 effect", Seen: "2 effects",
		Exchanges: []Exchange{genuine, lost},
	})
	add("receiver.answer.time", SpecResult{Verdict: Warn, Reason: "the answer came late", Expected: "at most 2 s", Seen: "3.2 s"})
	add("receiver.rotation.two-secrets.status", SpecResult{
		Verdict: NotApplicable, Reason: "the target declares that it holds one secret only",
	})
	return in
}

func sampleReport() Redacted {
	return NewRedactor(sampleSecret).Report(checked(Build(sampleInput()), sampleRecord()))
}

// sampleRecord knows mutants of two requirements: one by more than are named, all in their order, and one in another edition.
func sampleRecord() killmatrix.Record {
	stale, retry := "receiver.signature.stale.effect", "receiver.duplicates.retry.effect"
	mutant := func(name, family, edition, defect, seen string, red ...string) killmatrix.RecordedMutant {
		return killmatrix.RecordedMutant{
			Role: contract.RoleReceiver, Name: name, Family: family, Edition: edition, Defect: defect, Seen: seen, Red: red,
		}
	}
	survivor := mutant("tolerance-longer", "numbers", "kckit", "takes signatures up to 301 s old", "")
	survivor.Survives = "below the tolerance of the spec"
	specs := map[string][]string{stale: {"a delivery 301 s old", "a delivery 299 s old"}, retry: {"a second attempt"}}
	return killmatrix.Record{
		Version: killmatrix.RecordVersion,
		Figures: killmatrix.Figures{
			Requirements: 12, Covered: 11, Specs: 13, Proven: 12, Mutants: 6, Handmade: 4, Generated: 2, Killed: 5, Survivors: 1,
			Correct: 1,
		},
		Mutants: []killmatrix.RecordedMutant{
			mutant("tolerance-twice", "numbers", "kckit", "takes signatures up to 600 s old", "", stale),
			mutant("no-verify", killmatrix.Handmade, "kckit", "takes any POST without looking at the signature", "public webhook receivers", stale, retry),
			mutant("no-tolerance", killmatrix.Handmade, "kckit", "takes a signature of any age", "public webhook receivers", stale),
			mutant("future-accepted", killmatrix.Handmade, "kckit", "compares the age without its sign", "", stale),
			mutant("no-dedupe", killmatrix.Handmade, "kirim.chat", "runs every copy of an event", "", retry),
			survivor,
		},
		Correct:   []killmatrix.RecordedCorrect{{Role: contract.RoleReceiver, Name: "answers-204"}},
		Inventory: killmatrix.Inventory{"receiver/kckit": specs, "receiver/kirim.chat": specs},
	}
}

// checked is a report with its self-check; the samples' records are whole, so there is no error.
func checked(r Report, record killmatrix.Record) Report {
	out, err := WithSelfCheck(r, record)
	if err != nil {
		panic(err)
	}
	return out
}

// hostileStrings are what a page, an XML parser or a terminal might obey instead of showing.
var hostileStrings = []string{
	`<script>window.pwned=1</script>`, `"><img src=x onerror=window.pwned=2>`, `</pre></details></article><script>pwned=3</script>`,
	`</style><script>pwned=4</script>`, `javascript:window.pwned=5`, `<svg onload=pwned=6>`, `{{.Tool}}`, `]]></failure><fail>`,
	"\x00\x01\x08\x0b\x1f\uFFFE\uFFFF", "\x1b[2J\x1b]0;title\x07", "\u202Egnp.exe", "\xff\xfe", "line one\r\nline two",
	strings.Repeat("W", 3000),
}

// hostileReport is a report in which the target speaks nothing but hostile strings.
func hostileReport() Redacted {
	in := sampleInput()
	all := strings.Join(hostileStrings, " ")
	x := exchange(all, 200, all)
	x.Decisive = true
	x.Request.URL = "https://hooks.example.com/" + all
	for i, s := range hostileStrings {
		x.Response.Header = append(x.Response.Header, Header{fmt.Sprintf("X-%d", i), s}, Header{s, "name"})
	}
	in.Target.Name, in.Target.URL, in.Target.Observer, in.Filter, in.Tool.Command = all, all, all, all, all
	in.Errors = hostileStrings
	in.Facts = []Fact{{ID: "hostile", Text: all}}
	for i := range in.Results {
		s := &in.Results[i]
		s.Name, s.Reason, s.Expected, s.Seen, s.Cause, s.Repeat, s.Rerun = all, all, all, all, all, all, all
		s.Exchanges = []Exchange{x}
		s.Observations = []Observation{{At: began, Question: all, Count: 1}}
	}
	return NewRedactor().Report(Build(in))
}

func TestTheSampleHasEveryVerdict(t *testing.T) {
	g := NewWithT(t)
	for v, n := range Build(sampleInput()).Counts {
		g.Expect(n).To(BeNumerically(">", 0), string(v))
	}
}
