package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
	"github.com/kirimcheck/kirimcheck/target/sqlcount/dbtest"
)

// sink is where a receiver leaves its effects, and how the harness looks there.
type sink struct {
	observe target.Observe
	// env is added to the environment of the program.
	env []string
	// secrets must stand in no report.
	secrets []string
	// record leaves one effect. Calls do not overlap.
	record func(ctx context.Context, e target.Effect) error
}

// adapter is one way to observe. A further one is a further row below.
type adapter struct {
	name string
	// server, where set, starts what the sinks need and returns its address. The sinks share it.
	server func(t testing.TB) string
	// open makes a sink of its own; asked is the receiver's own HTTP observer.
	open func(t *testing.T, server string, asked *target.HTTPObserver) sink
}

var adapters = []adapter{
	{"http", nil, httpSink},
	{"callback", nil, callbackSink},
	{"sql on SQLite", nil, sqliteSink},
	{"sql on PostgreSQL", dbtest.Postgres, postgresSink},
	{"sql on MariaDB", dbtest.MariaDB, mariaSink},
	{"command", nil, commandSink},
	{"command in a shell", nil, shellSink},
	{"log by a pattern, rotated", nil, patternSink},
	{"log of JSON lines", nil, jsonSink},
	{"log of a command", nil, tailSink},
	{"graphql, asked for its schema", nil, graphqlSink(true)},
	{"graphql, with its schema in a file", nil, graphqlSink(false)},
}

// The same receiver passes the dedupe area through every observer, and one that works twice is caught through each.
func TestDedupeIsJudgedAlikeThroughEveryObserver(t *testing.T) {
	for _, a := range adapters {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := ""
			if a.server != nil {
				server = a.server(t)
			}
			roles := []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver}
			if testing.Short() {
				// To the observers a meta-receiver is one without event ids.
				roles = roles[:1]
			}
			for _, role := range roles {
				t.Run(string(role)+", correct", func(t *testing.T) {
					t.Parallel()
					receiver, tgt, err := reference.Start(t.Context(), role, "")
					if err != nil {
						t.Fatal(err)
					}
					a.mustShow(t, server, receiver, receiver.Config(role, tgt.Edition), nil)
				})
				t.Run(string(role)+", no-dedupe", func(t *testing.T) {
					t.Parallel()
					m, err := mutants.Get(role, "no-dedupe")
					if err != nil {
						t.Fatal(err)
					}
					receiver, config, err := m.Start(t.Context(), "")
					if err != nil {
						t.Fatal(err)
					}
					a.mustShow(t, server, receiver, config, m.Breaks)
				})
			}
		})
	}
}

// mustShow certifies a receiver's dedupe area through the adapter. Exactly these requirements must be red, and all the
// others must have passed.
func (a adapter) mustShow(t *testing.T, server string, receiver *reference.Server, config target.Config, red []string) {
	t.Helper()
	t.Cleanup(func() {
		if err := receiver.Close(); err != nil {
			t.Error(err)
		}
	})
	s := a.open(t, server, config.Observe.HTTP)
	config.URL = recorded(t, config, s.record)
	s.observe.Timeout, s.observe.Interval = config.Observe.Timeout, config.Observe.Interval
	s.observe.Settle = max(s.observe.Settle, config.Observe.Settle)
	config.Observe = s.observe
	secret := reference.Secret
	config.Secret = target.SecretRef{Env: secretVar}
	if config.Role == contract.RoleMetaReceiver {
		secret, config.VerifyToken = reference.MetaSecret, target.SecretRef{Env: "META_TOKEN"}
	}
	data, err := yaml.Dump(config)
	if err != nil {
		t.Fatal(err)
	}
	env := append([]string{secretVar + "=" + secret, "META_TOKEN=" + reference.MetaToken}, s.env...)
	r := kirimcheck(t, env, "certify", "--target", write(t, "target.yaml", string(data)), "--label-filter", "dedupe")
	report := r.report(t)
	var got []string
	for _, req := range report.Requirements {
		switch {
		case req.Verdict == reports.Fail:
			got = append(got, req.ID)
		case req.Verdict != reports.Pass:
			t.Errorf("%s is %s: %s", req.ID, req.Verdict, req.Specs[0].Reason)
		}
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(red))
	if !slices.Equal(got, want) || report.Counts[reports.Pass] == 0 || len(report.Errors) > 0 {
		t.Errorf("failed: %v, want %v; counts %v, errors %v\n%s", got, want, report.Counts, report.Errors, r.stdout)
	}
	r.keepsQuiet(t, s.secrets...)
}

// keepsQuiet fails the test when a secret stands in what was printed or in a report.
func (r result) keepsQuiet(t *testing.T, secrets ...string) {
	t.Helper()
	texts := map[string]string{"the output": r.stdout + r.stderr}
	for _, name := range []string{reports.JSONFile, reports.JUnitFile, reports.HTMLFile} {
		data, err := os.ReadFile(filepath.Join(r.dir, "reports", "out", name))
		if err != nil {
			t.Error(err)
		}
		texts[name] = string(data)
	}
	for name, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %q", name, secret)
			}
		}
	}
}

// An observer that cannot work is one error of the run, which names the adapter and the place, and tells no secret.
func TestAdapterThatFailsIsOneErrorOfTheRun(t *testing.T) {
	const dsn = "postgres://receiver:hush-hush@127.0.0.1:1/orders?sslmode=disable&connect_timeout=2"
	for name, c := range map[string]struct {
		observe target.Observe
		want    string
	}{
		"sql": {target.Observe{SQL: &target.SQLObserver{
			Driver: "postgres", DSN: target.SecretRef{Env: dsnVar}, Query: "SELECT count(*) FROM effects WHERE id = {item_id}",
		}}, "observer sql: dsn: the database cannot be reached"},
		"command": {target.Observe{Command: &target.CommandObserver{Run: []string{"/bin/sh", "-c", "echo no table >&2; exit 3", "{item_id}"}}},
			"observer command: /bin/sh: exit status 3; it printed: no table"},
		"log": {target.Observe{Log: &target.LogObserver{Command: []string{"/bin/sh", "-c", "exit 3"}, JSON: &target.Fields{}}},
			"observer log: command: /bin/sh no longer follows: exit status 3"},
		"graphql": {target.Observe{GraphQL: &target.GraphQLObserver{
			URL: "http://127.0.0.1:1/graphql", Query: "query($item_id: ID!) { effects(id: $item_id) }",
		}}, "observer graphql: 127.0.0.1:1/graphql: introspection: no answer: dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver, tgt, err := reference.Start(t.Context(), contract.RoleReceiver, "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := receiver.Close(); err != nil {
					t.Error(err)
				}
			})
			config := receiver.Config(contract.RoleReceiver, tgt.Edition)
			config.Secret, config.Observe = target.SecretRef{Env: secretVar}, c.observe
			data, err := yaml.Dump(config)
			if err != nil {
				t.Fatal(err)
			}
			r := kirimcheck(t, append([]string{dsnVar + "=" + dsn}, secretEnv...), "certify", "--target", write(t, "target.yaml", string(data)), "--label-filter", "dedupe")
			report := r.report(t)
			if r.code != exitIncomplete || report.Counts[reports.Fail] > 0 || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], c.want) {
				t.Errorf("exit code %d, counts %v, errors %q; want one error with %q", r.code, report.Counts, report.Errors, c.want)
			}
			r.keepsQuiet(t, dsn, "hush-hush")
		})
	}
}

// recorded starts a door in front of a receiver that writes down each effect which a delivery had, and returns the URL
// to deliver to. The receiver is asked itself, before and after: so it may be any mutant.
func recorded(t *testing.T, config target.Config, record func(context.Context, target.Effect) error) string {
	t.Helper()
	observer, closeObserver, err := target.NewObserver(t.Context(), config.Observe, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{observer: observer, record: record, behind: strings.TrimSuffix(config.URL, reference.WebhookPath)}
	ed, err := contract.LoadEdition(config.Edition)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := reference.CorrectFor(config.Role, ed)
	if err != nil {
		t.Fatal(err)
	}
	d.describe = policy.Describe
	server, err := reference.Listen(t.Context(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), closeObserver()); err != nil {
			t.Error(err)
		}
		if d.err != nil {
			t.Errorf("the effects were not recorded: %v", d.err)
		}
	})
	return server.Config(config.Role, ed.ID).URL
}

// door lets one delivery at a time through, and records what it did.
type door struct {
	behind   string
	describe func(http.Header, []byte) reference.Delivery
	observer target.Observer
	record   func(context.Context, target.Effect) error

	mu  sync.Mutex
	err error
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		// It was cut off.
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// The receiver works also for a sender that has gone away.
	ctx := context.WithoutCancel(r.Context())
	effects := d.possible(r.Header, body)
	before, err := d.counts(ctx, effects)
	status, answer := http.StatusBadGateway, []byte(nil)
	if err == nil {
		status, answer, err = d.pass(ctx, r, body)
	}
	after, countErr := d.counts(ctx, effects)
	if err = errors.Join(err, countErr); err == nil {
		for i, e := range effects {
			for range after[i] - before[i] {
				err = errors.Join(err, d.record(ctx, e))
			}
		}
	}
	d.err = errors.Join(d.err, err)
	w.WriteHeader(status)
	// The harness sees a broken answer for itself.
	_, _ = w.Write(answer)
}

// possible are the effects that a delivery may have.
func (d *door) possible(h http.Header, body []byte) []target.Effect {
	delivery := d.describe(h, body)
	items, err := reference.Items(delivery)
	if err != nil {
		return nil
	}
	var out []target.Effect
	for _, it := range items {
		out = append(out, target.Effect{Event: delivery.Event, EventID: delivery.EventID, ItemID: it.ID, Status: it.Status})
	}
	return out
}

func (d *door) counts(ctx context.Context, effects []target.Effect) ([]int, error) {
	var out []int
	for _, e := range effects {
		n, err := d.observer.Count(ctx, e)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// pass hands a request on and returns the answer.
func (d *door) pass(ctx context.Context, r *http.Request, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, d.behind+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return http.StatusBadGateway, nil, err
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return http.StatusBadGateway, nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, errors.Join(err, resp.Body.Close())
}
