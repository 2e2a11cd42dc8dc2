package mockmeta_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-github/v88/github"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
)

// independent is a receiver that leaves the header, the MAC and the raw body to go-github: GitHub signs its webhooks as
// Meta does, in headers of the same names, and neither our signature package nor our idea of the bytes has a part in it.
type independent struct {
	*httptest.Server

	mu sync.Mutex
	// payloads are the bodies that were found genuine.
	payloads [][]byte
	// refusal is why the last one was not.
	refusal error
}

func newIndependent(t *testing.T) *independent {
	t.Helper()
	i := &independent{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := github.ValidatePayload(r, []byte(appSecret))
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.refusal = err; err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		i.payloads = append(i.payloads, payload)
	}))
	t.Cleanup(i.Close)
	return i
}

// deliver posts a plan and returns the payload that was found genuine, or why it was refused.
func (i *independent) deliver(t *testing.T, sender *mockmeta.Sender, p mockmeta.Plan) ([]byte, error) {
	t.Helper()
	x, err := sender.Post(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	payloads := i.payloads
	i.payloads = nil
	switch {
	case x.Status == http.StatusUnauthorized && i.refusal != nil && len(payloads) == 0:
		return nil, i.refusal
	case x.Status != http.StatusOK || len(payloads) != 1:
		t.Fatalf("answered %d (%v) with %d payloads, want one", x.Status, x.Err, len(payloads))
	}
	return payloads[0], nil
}

func newIndependentSender(t *testing.T, i *independent) *mockmeta.Sender {
	t.Helper()
	sender, err := mockmeta.NewSender(mockmeta.Config{
		Meta: loadMeta(t), URL: i.URL, Secret: appSecret, Send: newClient(t, "").SendReusing,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// catalogued is a delivery of the catalogue: the body as the fixture has it, in UTF-8, and what it holds.
type catalogued struct {
	name  string
	plan  mockmeta.Plan
	body  []byte
	items []fixtures.Item
}

// wholeCatalogue returns a delivery of every variant of Meta's events, of every other webhook field, of a batch of all
// messages, and of a text with each character that encoders differ in.
func wholeCatalogue(t *testing.T) []catalogued {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	variants, err := fixtures.Variants(edition)
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(t)
	var all []catalogued
	add := func(name string, ev fixtures.Event, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, catalogued{name, mockmeta.Plan{Event: ev}, ev.Body, ev.Items})
	}
	var batch fixtures.BatchShape
	events := map[string]int{}
	for _, v := range variants {
		ev, err := g.Event(v.Event, v.Name)
		if ev.Source == contract.SourceKirim {
			continue
		}
		add(v.Event+" "+v.Name, ev, err)
		events[v.Event]++
		batch.With = append(batch.With, fixtures.Part{Event: v.Event, Variant: v.Name})
	}
	// A list that is empty for a reason nobody saw would prove nothing.
	if len(events) != 2 {
		t.Fatalf("the catalogue has variants of %v, want messages and statuses", events)
	}
	ev, err := g.Batch(batch)
	add("batch of all variants", ev, err)
	ev, err = g.Text(everything)
	add("text that encoders differ in", ev, err)
	fields, err := fixtures.Fields()
	if err != nil || len(fields) == 0 {
		t.Fatalf("%d other webhook fields, %v", len(fields), err)
	}
	for _, f := range fields {
		u, err := g.Meta(f.Field, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		plan := mockmeta.Plan{Body: fixtures.EscapeMeta(u.Body)}
		all = append(all, catalogued{"field " + f.Field + " " + f.Name, plan, u.Body, nil})
	}
	return all
}

func TestAnotherImplementationTakesTheWholeCatalogue(t *testing.T) {
	receiver := newIndependent(t)
	sender := newIndependentSender(t, receiver)
	for _, c := range wholeCatalogue(t) {
		t.Run(c.name, func(t *testing.T) {
			payload, err := receiver.deliver(t, sender, c.plan)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			// Equal values, and so equal types, ids and texts: the escapes are lossless to a decoder that is not ours.
			if got, want := decoded(t, payload), decoded(t, c.body); !reflect.DeepEqual(got, want) {
				t.Errorf("the payload says\n%s\nthe fixture says\n%s", payload, c.body)
			}
			if c.items != nil {
				if got := itemsIn(t, payload); !slices.Equal(got, c.items) {
					t.Errorf("the payload holds %v\nthe event says %v", got, c.items)
				}
			}
		})
	}
}

// The verifier of the catalogue's test is no verifier if it takes everything.
func TestAnotherImplementationRefusesWhatWasForgedOnPurpose(t *testing.T) {
	receiver := newIndependent(t)
	sender := newIndependentSender(t, receiver)
	ev := message(t, everything)
	for name, p := range map[string]mockmeta.Plan{
		"another secret":                      {Event: ev, Signature: "sha256={sha256 key=wrong}"},
		"the secret's digits decoded":         {Event: ev, Signature: "sha256={sha256 key=decoded}"},
		"an empty secret":                     {Event: ev, Signature: "sha256={sha256 key=empty}"},
		"the beginning of the signature":      {Event: ev, Signature: "sha256={sha256 first=32}"},
		"SHA-1 called SHA-256":                {Event: ev, Signature: "sha256={sha1}"},
		"no algorithm":                        {Event: ev, Signature: "{sha256}"},
		"the signature of the unescaped body": {Event: ev, SignedBody: ev.Body},
		"another body":                        {Event: ev, SignedBody: []byte("{}")},
		"no signature at all":                 {Event: ev, NoSignature: true, NoSignatureSHA1: true},
		"SHA-1 under another secret, alone":   {Event: ev, NoSignature: true, SignatureSHA1: "sha1={sha1 key=wrong}"},
	} {
		t.Run(name, func(t *testing.T) {
			if payload, err := receiver.deliver(t, sender, p); err == nil {
				t.Errorf("taken: %s", payload)
			}
		})
	}
}

// go-github falls back to the old header where the new one is missing, which shows that X-Hub-Signature is right too.
func TestAnotherImplementationTakesTheOldSignatureAlone(t *testing.T) {
	receiver := newIndependent(t)
	ev := message(t, everything)
	payload, err := receiver.deliver(t, newIndependentSender(t, receiver), mockmeta.Plan{Event: ev, NoSignature: true})
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if got := itemsIn(t, payload); !slices.Equal(got, ev.Items) {
		t.Errorf("the payload holds %v, the event says %v", got, ev.Items)
	}
}

// decoded returns a body as values, its numbers as they are written.
func decoded(t *testing.T, body []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// itemsIn returns the messages and statuses of a body, in its order.
func itemsIn(t *testing.T, body []byte) []fixtures.Item {
	t.Helper()
	var b struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages []struct{ ID string }
					Statuses []fixtures.Item
				}
			}
		}
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	var out []fixtures.Item
	for _, entry := range b.Entry {
		for _, change := range entry.Changes {
			for _, m := range change.Value.Messages {
				out = append(out, fixtures.Item{ID: m.ID})
			}
			out = append(out, change.Value.Statuses...)
		}
	}
	return out
}
