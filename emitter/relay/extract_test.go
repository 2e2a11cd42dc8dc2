package relay

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

const twoOfEach = `{ "object" : "whatsapp_business_account", "new":1.50, "entry":[` +
	`{"id":"1","changes":[{"field":"calls","value":{"calls":[]}},` +
	`{"value":{"metadata":{"phone_number_id":"11"},"contacts":[{"wa_id":"6281000001","x":"\u0041\/"},{"wa_id":"6281000002"}],` +
	`"messages":[{"id":"a","from":"6281000001", "n":1.0e2},{"id":"b","from":"6281000002","t":"\u00e9\/"}],` +
	`"statuses":[{"id":"c","recipient_id":"6281000002"}]},"field":"messages"}],"time":1},` +
	`{"id":"2","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"22"},"statuses":[{"id":"d"}],"errors":[]}}]}]}`

func TestAnExtractKeepsEveryByteOfAValueAndLeavesTheOthersOut(t *testing.T) {
	found, ok := updates([]byte(twoOfEach))
	if !ok || len(found) != 4 {
		t.Fatalf("%v %+v", ok, found)
	}
	taken, err := dissect([]byte(twoOfEach))
	if err != nil {
		t.Fatal(err)
	}
	around := func(entries string) string {
		return `{ "object" : "whatsapp_business_account", "new":1.50, "entry":[` + entries + "]}"
	}
	first := func(value string) string {
		return `{"id":"1","changes":[{"value":{"metadata":{"phone_number_id":"11"},` + value + `},"field":"messages"}],"time":1}`
	}
	const (
		profile1 = `{"wa_id":"6281000001","x":"\u0041\/"}`
		profile2 = `{"wa_id":"6281000002"}`
		a        = `{"id":"a","from":"6281000001", "n":1.0e2}`
		b        = `{"id":"b","from":"6281000002","t":"\u00e9\/"}`
		c        = `{"id":"c","recipient_id":"6281000002"}`
		second   = `{"id":"2","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"22"},"statuses":[{"id":"d"}],"errors":[]}}]}`
	)
	for _, test := range []struct {
		ids, want string
	}{
		{"a", around(first(`"contacts":[` + profile1 + `],"messages":[` + a + `]`))},
		{"b", around(first(`"contacts":[` + profile2 + `],"messages":[` + b + `]`))},
		{"c", around(first(`"contacts":[` + profile2 + `],"statuses":[` + c + `]`))},
		{"bc", around(first(`"contacts":[` + profile2 + `],"messages":[` + b + `],"statuses":[` + c + `]`))},
		{"d", around(second)},
		{"ad", around(first(`"contacts":[`+profile1+`],"messages":[`+a+`]`) + "," + second)},
		{"abc", around(first(`"contacts":[` + profile1 + "," + profile2 + `],"messages":[` + a + "," + b + `],"statuses":[` + c + `]`))},
	} {
		var keep []update
		for _, u := range found {
			if strings.Contains(test.ids, u.id) {
				keep = append(keep, u)
			}
		}
		got, err := taken.only(keep)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.ids, got, test.want)
		}
	}
}

func TestProfilesStayWhereNobodyCanTellWhoseTheyAre(t *testing.T) {
	of := body(`{"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[{"id":"a","from":"3"},{"id":"b","from":"2"}]}`)
	found, _ := updates(of)
	taken, err := dissect(of)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"contacts":[{"wa_id":"1"},{"wa_id":"2"}]`, `"contacts":[{"wa_id":"2"}]`} {
		part, err := taken.only(found[i : i+1])
		if err != nil || !bytes.Contains(part, []byte(want)) {
			t.Errorf("%s %v, want %s", part, err, want)
		}
	}
}

// A body of Meta's may hold a thousand updates, and they are taken apart while the database waits: at a cost that grew
// with the square, that took seconds.
func TestAThousandUpdatesAreTakenApartAtACostThatGrowsWithThem(t *testing.T) {
	g := newGenerator(t, "")
	cost := func(n int) float64 {
		ev, err := g.Batch(fixtures.BatchShape{Items: n})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found, ok := updates(ev.Body)
		if !ok || len(found) != n {
			t.Fatalf("%v, %d updates, want %d", ok, len(found), n)
		}
		taken, err := dissect(ev.Body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range found {
			if _, err := taken.only(found[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	if few, many := cost(100), cost(1000); many > 20*few {
		t.Errorf("100 updates took %.0f bytes, 1000 took %.0f", few, many)
	}
}

func BenchmarkSplit(b *testing.B) {
	ev, err := newGenerator(b, "").Batch(fixtures.BatchShape{Items: 1000})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		found, _ := updates(ev.Body)
		taken, err := dissect(ev.Body)
		if err != nil {
			b.Fatal(err)
		}
		for i := range found {
			if _, err := taken.only(found[i : i+1]); err != nil {
				b.Fatal(err)
			}
		}
	}
}
