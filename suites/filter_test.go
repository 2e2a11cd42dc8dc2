package suites

import (
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
)

func session(t *testing.T, opts Options) *Session {
	t.Helper()
	s, err := NewSession(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Ginkgo takes each of these without complaint, and reports success over nothing.
func TestFilterThatChecksNothingIsRefused(t *testing.T) {
	for _, edition := range everyEdition(t) {
		for filter, want := range map[string]string{
			"":                                 "",
			"  ":                               "",
			"receiver":                         "",
			"signature":                        "",
			"SIGNATURE":                        "",
			"MUST":                             "",
			"should":                           "",
			"MUST && !signature":               "",
			"signature,parser":                 "",
			"(signature || parser) && !SHOULD": "",
			"receiver.signature.valid":         "",
			"!receiver.signature.valid":        "",
			"/stale/":                          "",
			"/^receiver\\.signature\\.stale/":  "",
			"dedupe && /effect$/":              "",

			"signatures":                           `unknown label "signatures"`,
			"signature && sinature":                `unknown label "sinature"`,
			"!parsre":                              `unknown label "parsre"`,
			"receiver.signature.vaild":             `unknown label "receiver.signature.vaild"`,
			"receiver.signature":                   `unknown label "receiver.signature"`,
			"relay":                                `unknown label "relay"`,
			"meta-receiver":                        `unknown label "meta-receiver"`,
			"receiver.signature.constant-time":     "no spec checks receiver.signature.constant-time (",
			"parser && dedupe":                     "selects no spec",
			"MUST && SHOULD":                       "selects no spec",
			"!receiver":                            "selects no spec",
			"!MUST && !SHOULD":                     "selects no spec",
			"/nothing has this/":                   "selects no spec",
			"receiver.signature.valid && /answer/": "selects no spec",
			"a &&":                                 "cannot be parsed",
			"(signature":                           "cannot be parsed",
			"signature)":                           "cannot be parsed",
			"&& signature":                         "cannot be parsed",
			"/(/":                                  "cannot be parsed",
		} {
			err := session(t, Options{Edition: edition.ID}).CheckFilter(filter)
			switch {
			case want == "" && err != nil:
				t.Errorf("%s, %q: %v", edition.ID, filter, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filter) || strings.Contains(err.Error(), "\n")):
				t.Errorf("%s, %q: error %v, want one line with the filter and %q", edition.ID, filter, err, want)
			}
		}
	}
}

// The labels that are offered, and the id of every requirement, are labels that are taken.
func TestEveryLabelThatASpecHasIsTaken(t *testing.T) {
	for _, role := range []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver} {
		s := session(t, Options{Role: role})
		for _, row := range s.ledger {
			for _, label := range append(labels(row), string(role)) {
				if err := s.CheckFilter(label); err != nil && row.Spec != "" {
					t.Errorf("%s: %v", role, err)
				}
			}
		}
	}
}
