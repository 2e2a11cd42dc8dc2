package reports

import (
	"slices"
	"strings"
)

// Redacted is a report without secrets. Only a Redactor makes one, and only a Redacted can be written, so that no
// output can forget to redact.
type Redacted struct{ report Report }

// Report returns a view of the redacted report, which the caller must not change.
func (r Redacted) Report() Report { return r.report }

// credentialHeaders are the headers, in lower case, whose values are credentials whatever they hold.
var credentialHeaders = []string{
	"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token",
}

// Report returns a copy of a report that is fit to be written. It redacts every string in it, the values of headers
// that carry credentials, and the URLs (see RedactURL), also where errors and command lines quote them. It leaves out
// the exchanges of specs that passed: they prove nothing that a reader would look for, and are most of the bytes.
// The report given is not changed.
func (r *Redactor) Report(report Report) Redacted {
	for i, req := range report.Requirements {
		if i == 0 {
			report.Requirements = slices.Clone(report.Requirements)
		}
		report.Requirements[i].Specs = withoutPassed(req.Specs)
	}
	known := r.knowing(urlsOf(report))
	return Redacted{normalise(mapStrings(report, redactByType, known.replacer().Replace, known.telling().replacer().Replace))}
}

// minTelling is the length from which on a secret is looked for in our own text too. A shorter one may be a word of it,
// such as a verify token "meta", and replacing that would destroy ids and sentences and hide nothing.
const minTelling = 16

// telling returns a redactor for the text that the program itself wrote.
func (r *Redactor) telling() *Redactor {
	return &Redactor{pairs: slices.DeleteFunc(slices.Clone(r.pairs), func(p [2]string) bool { return len(p[0]) < minTelling })}
}

func withoutPassed(specs []SpecResult) []SpecResult {
	specs = slices.Clone(specs)
	for i := range specs {
		if specs[i].Verdict == Pass {
			specs[i].Exchanges = nil
		}
	}
	return specs
}

// knowing returns a redactor that finds, besides, what RedactURL hides in these URLs wherever else it is quoted.
func (r *Redactor) knowing(urls []string) *Redactor {
	pairs := slices.Clone(r.pairs)
	for _, raw := range urls {
		if RedactURL(raw) == raw {
			continue
		}
		pairs = append(pairs, [2]string{raw, RedactURL(raw)})
		if secret := password(raw); secret != "" {
			pairs = append(pairs, NewRedactor(secret).pairs...)
		}
		if _, query, ok := strings.Cut(raw, "?"); ok && redactQuery(query) != query {
			pairs = append(pairs, [2]string{query, redactQuery(query)})
		}
	}
	return &Redactor{pairs: ordered(pairs)}
}

func urlsOf(report Report) []string {
	urls := []string{report.Target.URL}
	for _, req := range report.Requirements {
		for _, spec := range req.Specs {
			for _, x := range spec.Exchanges {
				urls = append(urls, x.Request.URL)
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// redactByType applies the rules that hang on what a field means. It comes before the strings are looked at, as a URL
// with a secret replaced in it is not the URL any more.
func redactByType(part any) {
	switch x := part.(type) {
	case *Header:
		if x.Value != "" && slices.Contains(credentialHeaders, strings.ToLower(strings.TrimSpace(x.Name))) {
			x.Value = redactedText
		}
	case *Request:
		x.URL = RedactURL(x.URL)
	case *Target:
		x.URL = RedactURL(x.URL)
	}
}

// normalise replaces absent lists and counts by empty ones, so that JSON shows [] and never null.
func normalise(r Report) Report {
	r.Errors, r.Facts = list(r.Errors), list(r.Facts)
	r.Requirements, r.Excluded = list(r.Requirements), list(r.Excluded)
	if r.Counts == nil {
		r.Counts = make(map[Verdict]int)
	}
	for i := range r.Requirements {
		req := &r.Requirements[i]
		req.Source, req.Specs = list(req.Source), list(req.Specs)
		if req.ProvenOn != nil {
			req.ProvenOn.Mutants = list(req.ProvenOn.Mutants)
		}
		for _, spec := range req.Specs {
			for j := range spec.Exchanges {
				x := &spec.Exchanges[j]
				x.Request.Header = list(x.Request.Header)
				if x.Response != nil {
					x.Response.Header = list(x.Response.Header)
				}
			}
		}
	}
	return r
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
