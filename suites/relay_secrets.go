package suites

import (
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
)

// hidden stands where a secret was.
const hidden = "[redacted]"

// cleaner returns what takes the secrets that this process saw out of a text.
func (r *relaySide) cleaner() func(text *string) {
	secrets := r.management.Secrets()
	return func(text *string) {
		for _, secret := range secrets {
			if secret != "" {
				*text = strings.ReplaceAll(*text, secret, hidden)
			}
		}
	}
}

// hide takes the secrets of the relay out of an exchange. Each parallel process knows only those that it saw itself, so
// they are taken out where they were seen, and not at the end of the run.
func (r *relaySide) hide(x reports.Exchange) reports.Exchange {
	clean := r.cleaner()
	headers := [][]reports.Header{x.Request.Header}
	bodies := []*reports.Body{&x.Request.Body}
	if x.Response != nil {
		headers, bodies = append(headers, x.Response.Header), append(bodies, &x.Response.Body)
	}
	for _, lines := range headers {
		for i := range lines {
			clean(&lines[i].Value)
		}
	}
	for _, body := range bodies {
		clean(&body.Text)
	}
	clean(&x.Error)
	return x
}
