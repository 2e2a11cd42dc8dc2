package suites_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/suites"
)

// Ginkgo runs specs once in a process, so a run over GraphQL is one of a child process: this very test binary, told by
// these variables to be a harness instead.
const (
	childOut     = "KIRIMCHECK_TEST_CHILD_OUT"
	childEdition = "KIRIMCHECK_TEST_CHILD_EDITION"
	childFilter  = "KIRIMCHECK_TEST_CHILD_FILTER"
	childGraphQL = "KIRIMCHECK_TEST_CHILD_GRAPHQL"
	childWrong   = "KIRIMCHECK_TEST_CHILD_WRONG"
)

func TestMain(m *testing.M) {
	if os.Getenv(childOut) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// wrong are relays that are wrong on purpose, each in a way that is seen through the management.
var wrong = map[string]struct {
	filter string
	change func(*server.Parts)
	red    []string
}{
	"disables a subscription late": {
		filter: "disable",
		change: func(p *server.Parts) { p.Relay.Rules.DisableAfter += 3 },
		red:    []string{"relay.disable.threshold"},
	},
	"takes a redirect for a success": {
		filter: "outcome && MUST",
		change: func(p *server.Parts) {
			verdict := p.Relay.Rules.Verdict
			p.Relay.Rules.Verdict = func(r pipeline.Response) pipeline.Outcome {
				if r.Status >= 300 && r.Status <= 399 {
					return pipeline.Delivered
				}
				return verdict(r)
			}
		},
		red: []string{"relay.outcome.3xx"},
	},
}

// child certifies the embedded relay and writes the report.
func child() error {
	opts := suites.Options{
		Role: contract.RoleRelay, Edition: os.Getenv(childEdition), Version: "test", Command: "test", Seed: 1,
		GraphQL: os.Getenv(childGraphQL) != "", Mutate: wrong[os.Getenv(childWrong)].change,
	}
	session, err := suites.NewSession(opts)
	if err != nil {
		return err
	}
	report, err := session.Run(os.Getenv(childFilter))
	if err != nil {
		return err
	}
	f, err := os.Create(os.Getenv(childOut))
	if err != nil {
		return err
	}
	return errors.Join(reports.WriteJSON(f, session.Redactor().Report(report)), f.Close())
}

// inChild runs the suite in a child process and returns its report.
func inChild(t *testing.T, env ...string) reports.Report {
	t.Helper()
	if ginkgo.GinkgoParallelProcess() > 1 {
		t.Skip("the first of several processes does this for all")
	}
	out := filepath.Join(t.TempDir(), "report.json")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(append(os.Environ(), childOut+"="+out), env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report reports.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// overREST are the requirements that are about the conventions of Kirim's REST API, so that they say nothing of a relay
// that is managed over GraphQL, and how many of their specs can be asked all the same. Every other one passes over GraphQL
// as it does over REST.
var overREST = map[string]int{
	"relay.api.error-envelope":          0,
	"relay.api.idempotent":              0,
	"relay.api.idempotent-expiry":       0,
	"relay.api.idempotent-organisation": 0,
	"relay.api.idempotent-parallel":     0,
	"relay.api.idempotent-reuse":        0,
	// No key, and one that nobody has; the others are places where a key must not be taken from.
	"relay.api.key":                2,
	"relay.api.rate-limit-headers": 0,
	"relay.api.success-envelope":   0,
	// An empty list of events; what the schema requires cannot be left out.
	"relay.subscriptions.required": 1,
}

// The whole suite passes over GraphQL, but for what the REST API alone has; and that is not applicable, with its reason.
func TestTheSuitePassesOverGraphQL(t *testing.T) {
	for _, edition := range []string{"kckit", "kirim.chat", "kirimdev"} {
		t.Run(edition, func(t *testing.T) {
			if testing.Short() && edition != contract.DefaultEdition {
				t.Skip("one edition is enough for a short run")
			}
			t.Parallel()
			filter := ""
			if testing.Short() {
				// Where the two ways differ.
				filter = "api || subscriptions || replay"
			}
			report := inChild(t, childEdition+"="+edition, childGraphQL+"=1", childFilter+"="+filter)
			not := map[string]int{}
			for _, req := range report.Requirements {
				switch req.Verdict {
				case reports.Pass:
				case reports.NotApplicable:
					not[req.ID] = 0
				default:
					t.Errorf("%s is %s: %s", req.ID, req.Verdict, reasons(req))
				}
				for _, s := range req.Specs {
					if s.Verdict == reports.NotApplicable && !strings.Contains(s.Reason, "managed over GraphQL") {
						t.Errorf("%s, %s is not applicable because %q", req.ID, s.Name, s.Reason)
					}
					if _, ok := not[req.ID]; ok && s.Verdict == reports.Pass {
						not[req.ID]++
					}
				}
			}
			if !maps.Equal(not, overREST) {
				t.Errorf("not applicable are %v, want %v", not, overREST)
			}
			if report.Outcome != reports.Conformant || len(report.Errors) > 0 {
				t.Errorf("the outcome is %s, errors %v", report.Outcome, report.Errors)
			}
		})
	}
}

func reasons(req reports.RequirementResult) string {
	var all []string
	for _, s := range req.Specs {
		if s.Verdict != reports.Pass {
			all = append(all, s.Name+": "+s.Reason)
		}
	}
	return strings.Join(all, "; ")
}

// A relay that is wrong is red over GraphQL as it is over REST.
func TestAWrongRelayIsRedOverGraphQLToo(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole run does this")
	}
	for name, w := range wrong {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var red [2][]string
			for i, graphql := range []string{"", "1"} {
				report := inChild(t, childFilter+"="+w.filter, childWrong+"="+name, childGraphQL+"="+graphql)
				for _, req := range report.Requirements {
					if req.Verdict == reports.Fail {
						red[i] = append(red[i], req.ID)
					}
				}
				slices.Sort(red[i])
			}
			if !slices.Equal(red[0], red[1]) {
				t.Errorf("over REST these are red: %v; over GraphQL: %v", red[0], red[1])
			}
			for _, id := range w.red {
				if !slices.Contains(red[1], id) {
					t.Errorf("%s is not red; these are: %v", id, red[1])
				}
			}
		})
	}
}
