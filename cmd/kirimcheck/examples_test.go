package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
)

// example is a receiver that partners read.
type example struct {
	folder  string
	runtime string
	args    []string
	// path is that of the webhook, editions those that make a difference to the receiver.
	path     string
	editions []string
}

var (
	allEditions = []string{"kckit", "kirim.chat", "kirimdev"}
	// Meta's webhooks are the same in every edition of Kirim's documentation.
	oneEdition = allEditions[:1]
	examples   = []example{
		{"python", "python3", []string{"-B", "receiver.py"}, "/kirim-webhook", allEditions},
		{"node", "node", []string{"receiver.mjs"}, "/kirim-webhook", allEditions},
		{"meta-python", "python3", []string{"-B", "receiver.py"}, "/webhooks/meta", oneEdition},
		{"meta-node", "node", []string{"receiver.mjs"}, "/webhooks/meta", oneEdition},
	}
)

// start runs the example in a folder and returns the address that it prints. Its own target file names a fixed port;
// the test takes a free one.
func (e example) start(t *testing.T, dir string) string {
	t.Helper()
	path, err := exec.LookPath(e.runtime)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", e.runtime)
		}
		t.Skipf("%s is not installed", e.runtime)
	}
	cmd := exec.CommandContext(t.Context(), path, e.args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), exampleEnv...), "KIRIM_TEST=1", "PORT=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		// Killed on purpose, so the error says nothing.
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), e.path)
}

// exampleEnv holds the secrets of the examples of both roles.
var exampleEnv = []string{
	"KIRIM_SECRET=whsec_exampleSecretForTests",
	"META_APP_SECRET=6578616d706c65736563726574666f72", "META_VERIFY_TOKEN=example-token-for-tests",
}

// certify runs the program with the example's own target file, its address replaced.
func (e example) certify(t *testing.T, base string, args ...string) result {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", e.folder, "target.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file []string
	for line := range strings.Lines(string(data)) {
		file = append(file, portOf.ReplaceAllString(line, base))
		if line == "observe:\n" {
			// The examples do their work before they answer, so an effect that is not there at once never comes.
			file = append(file, "  settle: 40ms\n")
		}
	}
	args = append([]string{"certify", "--target", write(t, "target.yaml", strings.Join(file, ""))}, args...)
	return kirimcheck(t, exampleEnv, args...)
}

func TestExamplesAreConformantInTheirEditions(t *testing.T) {
	for _, e := range examples {
		for _, edition := range e.editions {
			t.Run(e.folder+" "+edition, func(t *testing.T) {
				t.Parallel()
				r := e.certify(t, e.start(t, filepath.Join("..", "..", "examples", e.folder)), "--edition", edition)
				if r.code != exitConformant {
					t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
				}
				if report := r.report(t); report.Counts[reports.Pass] != len(report.Requirements) {
					t.Errorf("counts %v", report.Counts)
				}
			})
		}
	}
}

// The example without its signature check is red in exactly the signature requirements that a forgery breaks.
func TestPythonExampleWithoutTheSignatureCheckIsRedThereAlone(t *testing.T) {
	source := filepath.Join("..", "..", "examples", "python")
	dir := t.TempDir()
	for _, name := range []string{"kirim_signature.py", "inbox.py", "receiver.py"} {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "receiver.py" {
			without := bytes.Replace(data, []byte("        if reason:\n"), []byte("        if False:\n"), 1)
			if bytes.Equal(without, data) {
				t.Fatal("receiver.py has no check of this form to remove")
			}
			data = without
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := examples[0].certify(t, examples[0].start(t, dir))
	if r.code != exitNonConformant {
		t.Errorf("exit code %d", r.code)
	}
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	var want, red []string
	for _, row := range ledger.For(contract.RoleReceiver, contract.DefaultEdition) {
		if row.Area() == "signature" && (strings.HasSuffix(row.ID, ".answer") || strings.HasSuffix(row.ID, ".effect")) {
			want = append(want, row.ID)
		}
	}
	for _, req := range r.report(t).Requirements {
		if req.Verdict != reports.Pass {
			red = append(red, req.ID)
		}
	}
	if !slices.Equal(red, want) {
		t.Errorf("red are\n%s\nwant\n%s", strings.Join(red, "\n"), strings.Join(want, "\n"))
	}
	page, err := os.ReadFile(filepath.Join(r.dir, "reports", "out", reports.HTMLFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append(want, "Not conformant") {
		if !bytes.Contains(page, []byte(id)) {
			t.Errorf("the page does not name %s", id)
		}
	}
}

// The example needs no door for the harness: its own database tells as much, and the whole suite passes through that.
func TestPythonExampleIsConformantThroughItsOwnDatabase(t *testing.T) {
	database := filepath.Join(t.TempDir(), "receiver.db")
	t.Setenv("DB", database)
	base := examples[0].start(t, filepath.Join("..", "..", "examples", "python"))
	file := "url: " + base + "/kirim-webhook\nsecret: {env: KIRIM_SECRET}\nobserve:\n  timeout: 2s\n  settle: 30ms\n  sql:\n    driver: sqlite\n" +
		"    path: '" + database + "'\n    query: SELECT count(*) FROM effect WHERE event = {event} AND event_id = {event_id} AND item = {item_id} AND status = {status}\n" +
		"hooks:\n  fail: {http: {url: " + base + "/test/fail}}\n  recover: {http: {url: " + base + "/test/recover}}\n"
	r := kirimcheck(t, exampleEnv, "certify", "--target", write(t, "target.yaml", file))
	if report := r.report(t); r.code != exitConformant || report.Counts[reports.Pass] != len(report.Requirements) {
		t.Errorf("exit code %d, counts %v\n%s%s", r.code, report.Counts, r.stdout, r.stderr)
	}
}

// portOf is the address in the examples' target files.
var portOf = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
