package contract_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

func TestEveryMetaParameterHasAValueAndASource(t *testing.T) {
	m, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	parameters := 0
	// zeroAllowed names the parameters whose zero is a value.
	zeroAllowed := map[string]bool{"FirstRetryDelay": true}
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		source := v.FieldByName("Source")
		if !source.IsValid() {
			for i := range v.NumField() {
				walk(v.Type().Field(i).Name, v.Field(i))
			}
			return
		}
		parameters++
		if c, _ := source.Interface().(contract.Citation); c.Document == "" || c.Section == "" {
			t.Errorf("%s has no source: %+v", name, c)
		}
		value := v.FieldByName("Value")
		if value.IsZero() && !zeroAllowed[name] {
			t.Errorf("%s has no value", name)
		}
		for i := 0; value.Kind() == reflect.Struct && i < value.NumField(); i++ {
			if value.Field(i).IsZero() {
				t.Errorf("%s has no %s", name, value.Type().Field(i).Name)
			}
		}
	}
	walk("Meta", reflect.ValueOf(m))
	if parameters < 15 {
		t.Errorf("only %d parameters were looked at", parameters)
	}
}

// What Meta does not publish must say so, or a reader takes our choice for Meta's word.
func TestUnpublishedMetaParametersSayThatTheyAreAReading(t *testing.T) {
	m, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		reading string
		open    bool
	}{
		"timeout":           {m.Timeout.Reading, true},
		"retry_delay":       {m.RetryDelay.Reading, true},
		"retry_growth":      {m.RetryGrowth.Reading, true},
		"retry_delay_limit": {m.RetryDelayLimit.Reading, true},
		"retry_window":      {m.RetryWindow.Reading, false},
		"first_retry_delay": {m.FirstRetryDelay.Reading, false},
		"success_status":    {m.SuccessStatus.Reading, false},
		"latency_median":    {m.LatencyMedian.Reading, false},
	} {
		if (c.reading != "") != c.open {
			t.Errorf("%s: reading %q, left open by Meta: %v", name, c.reading, c.open)
		}
	}
}

// The documentation's own values, so that a slip in the YAML is noticed.
func TestMetaParametersSayWhatThePagesSay(t *testing.T) {
	m, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"success":        {m.SuccessStatus.Value, 200},
		"window":         {m.RetryWindow.Value, 7 * 24 * time.Hour},
		"first retry":    {m.FirstRetryDelay.Value, time.Duration(0)},
		"median":         {m.LatencyMedian.Value, 250 * time.Millisecond},
		"99 %":           {m.Latency99th.Value, time.Second},
		"slow share":     {m.LatencySlowShare.Value, 0.01},
		"statuses":       {m.StatusesPerMessage.Value, 3.0},
		"signature":      {m.Headers.Signature.Value, "X-Hub-Signature-256"},
		"old signature":  {m.Headers.SignatureSHA1.Value, "X-Hub-Signature"},
		"content type":   {m.Headers.ContentType.Value, "application/json"},
		"accepts":        {m.Headers.Accept.Value, "*/*"},
		"answers packed": {m.Headers.AcceptEncoding.Value, "deflate, gzip"},
		"handshake": {m.Handshake.Value, contract.MetaHandshake{
			Mode: "hub.mode", Challenge: "hub.challenge", VerifyToken: "hub.verify_token", Subscribe: "subscribe",
		}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
