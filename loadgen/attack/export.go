package attack

import (
	"fmt"
	"net/http"
	"sync"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/reports"
)

// export returns a function that encodes flights as Vegeta's results, one at a time.
func (d *driver) export(encode vegeta.Encoder) func(*flight) {
	var mu sync.Mutex
	// The file is a report like the others, and keeps no token of the URL.
	url := reports.RedactURL(d.url)
	return func(f *flight) {
		if f.answer.Class == Stopped {
			return
		}
		r := vegeta.Result{
			Seq: f.delivery.Number, Code: uint16(f.answer.Status), Timestamp: d.began.Add(f.delivery.At), Latency: f.end - f.delivery.At,
			BytesOut: uint64(len(f.delivery.Body)), BytesIn: uint64(len(f.answer.Body)), Method: http.MethodPost, URL: url,
		}
		if v, class := judge(f.delivery.Kind, f.answer, d.record.taken); v == failed {
			r.Error = string(class)
		}
		mu.Lock()
		defer mu.Unlock()
		if err := encode(&r); err != nil {
			d.fail(fmt.Errorf("results in Vegeta's format: %w", err))
		}
	}
}
