package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
)

// recipe is an example with software that was not written for this harness.
type recipe struct {
	folder string
	// start starts a copy of the examples in a folder of its own and returns where it listens.
	start func(t *testing.T, dir string) string
	// edit, where it is set, changes the copy before that.
	edit func(t *testing.T, dir string)
	// filter selects the specs; empty for all.
	filter string
	// code is the exit code, and notPassed are the requirements that do not pass, by verdict.
	code      int
	notPassed map[reports.Verdict][]string
}

func TestRecipesAreJudgedRight(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector it is the same code as for the other examples")
	}
	for name, r := range map[string]recipe{
		"express": {folder: "express", start: withNode("express")},
		"express, and JSON that is written again": {
			folder: "express", start: withNode("express"), edit: parsedByExpress, filter: "signature || parser", code: exitNonConformant,
			notPassed: map[reports.Verdict][]string{reports.Fail: {"receiver.signature.raw-bytes"}},
		},
		"fastify":  {folder: "fastify", start: withNode("fastify")},
		"flask":    {folder: "flask", start: withFlask},
		"net/http": {folder: "nethttp", start: withGo},
		"PHP":      {folder: "php", start: withPHP},
		"nginx":    {folder: "nginx", start: withNginx},
		"nginx with its default limit": {
			folder: "nginx", start: withNginx, edit: withoutBodySize, filter: "delivery",
			notPassed: map[reports.Verdict][]string{reports.Warn: {"receiver.delivery.body-limit"}},
		},
		"adnanh/webhook": {
			folder: "webhook", start: withWebhook, code: exitNonConformant,
			notPassed: map[reports.Verdict][]string{
				reports.Fail:       forgeriesTaken(t),
				reports.Warn:       {"receiver.parser.not-json", "receiver.parser.not-utf8"},
				reports.Untestable: {"receiver.delivery.batch"},
			},
		},
	} {
		t.Run(name, r.judge)
	}
}

// TestLargeRecipesAreJudgedRight installs hundreds of packages, so it is run where that is asked for: make recipes.
func TestLargeRecipesAreJudgedRight(t *testing.T) {
	if os.Getenv("KIRIMCHECK_LARGE_RECIPES") == "" {
		t.Skip("KIRIMCHECK_LARGE_RECIPES is not set")
	}
	for name, r := range map[string]recipe{
		"Node-RED": {folder: "node-red", start: withNodeRED},
		"Node-RED, and JSON that is written again": {
			folder: "node-red", start: withNodeRED, edit: parsedByNodeRED, filter: "signature || parser", code: exitNonConformant,
			notPassed: map[reports.Verdict][]string{
				reports.Fail: {"receiver.signature.raw-bytes"},
				// The node answers 500 to what it cannot parse.
				reports.Warn: {"receiver.parser.not-json"},
			},
		},
	} {
		t.Run(name, r.judge)
	}
}

// judge certifies the recipe and compares the report with what is right.
func (r recipe) judge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples"))); err != nil {
		t.Fatal(err)
	}
	if r.edit != nil {
		r.edit(t, dir)
	}
	got := example{folder: r.folder}.certify(t, r.start(t, dir), "--label-filter", r.filter)
	if got.code != r.code {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	notPassed := map[reports.Verdict][]string{}
	report := got.report(t)
	for _, req := range report.Requirements {
		if req.Verdict != reports.Pass {
			notPassed[req.Verdict] = append(notPassed[req.Verdict], req.ID)
		}
	}
	for _, verdict := range reports.Verdicts() {
		if !slices.Equal(notPassed[verdict], r.notPassed[verdict]) {
			t.Errorf("%s are\n%s\nand not\n%s", verdict, strings.Join(notPassed[verdict], "\n"), strings.Join(r.notPassed[verdict], "\n"))
		}
	}
}

// forgeriesTaken are the requirements that a receiver breaks which asks for no more than a signature header.
func forgeriesTaken(t *testing.T) (ids []string) {
	t.Helper()
	ledger, err := contract.LoadLedger()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range ledger.For(contract.RoleReceiver, contract.DefaultEdition) {
		forgery := strings.HasSuffix(row.ID, ".answer") || strings.HasSuffix(row.ID, ".effect")
		if row.Area() == "signature" && forgery && !strings.Contains(row.ID, ".header-") {
			ids = append(ids, row.ID)
		}
	}
	return ids
}

// replace replaces a text that stands once in a file of the copy.
func replace(t *testing.T, path, old, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(data, []byte(old)) != 1 {
		t.Fatalf("%s has %q %d times", path, old, bytes.Count(data, []byte(old)))
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(text), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// parsedByExpress has Express parse the JSON, whose bytes are then gone.
func parsedByExpress(t *testing.T, dir string) {
	file := filepath.Join(dir, "express", "receiver.mjs")
	replace(t, file, `express.raw({ type: () => true, limit: "4mb" })`, `express.json({ type: () => true, limit: "4mb" })`)
	replace(t, file, `Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)`, `Buffer.from(JSON.stringify(req.body ?? ""))`)
}

func withoutBodySize(t *testing.T, dir string) {
	replace(t, filepath.Join(dir, "nginx", "nginx.conf"), "client_max_body_size 4m;", "")
}

// needed finds a program. Without it the test is skipped, except in CI: there it would be a check that never ran.
func needed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skipOutsideCI(t, "%s is not installed", name)
	}
	return path
}

func skipOutsideCI(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// withNode installs what a lock file names, and starts a receiver in Node.
func withNode(folder string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		node := needed(t, "node")
		dir = filepath.Join(dir, folder)
		installPackages(t, dir)
		return example{folder: folder, runtime: node, args: []string{"receiver.mjs"}, path: "/kirim-webhook"}.start(t, dir)
	}
}

// installPackages fetches what the lock file in a folder names. No script of a package runs.
func installPackages(t *testing.T, dir string) {
	t.Helper()
	npm := needed(t, "npm")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1",
		"--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	// A child of npm that outlives it must not hold its output open, and the test with it.
	cmd.WaitDelay = time.Second
	switch out, err := cmd.CombinedOutput(); {
	case err == nil:
	case bytes.Contains(out, []byte("code EUSAGE")), bytes.Contains(out, []byte("code EINTEGRITY")):
		t.Fatalf("the lock file does not fit: %v\n%s", err, out)
	default:
		skipOutsideCI(t, "npm cannot fetch the packages of %s: %v\n%s", filepath.Base(dir), err, out)
	}
}

func withNodeRED(t *testing.T, dir string) string {
	node := needed(t, "node")
	address, folder := freePort(t), filepath.Join(dir, "node-red")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	installPackages(t, folder)
	background(t, address, folder, []string{"PORT=" + port}, node, "node_modules/node-red/red.js", "-u", ".", "-s", "settings.js")
	// The port is open before the flow is there.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		status := 0
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/effects", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
		}
		if status == http.StatusOK {
			return "http://" + address
		}
		if target.Wait(ctx, 50*time.Millisecond) != nil {
			t.Fatalf("the flow is not there: status %d", status)
		}
	}
}

// parsedByNodeRED has the http in node parse the JSON, whose bytes are then gone.
func parsedByNodeRED(t *testing.T, dir string) {
	file := filepath.Join(dir, "node-red", "flows.json")
	replace(t, file, `"skipBodyParsing": true`, `"skipBodyParsing": false`)
	replace(t, file, `deliver(msg.req.headers, msg.payload)`, `deliver(msg.req.headers, Buffer.from(JSON.stringify(msg.payload)))`)
}

// debianPython is the one that Debian's packages are for.
const debianPython = "/usr/bin/python3"

func withFlask(t *testing.T, dir string) string {
	python := needed(t, debianPython)
	if err := exec.CommandContext(t.Context(), python, "-c", "import flask").Run(); err != nil {
		skipOutsideCI(t, "%s has no flask", python)
	}
	e := example{folder: "flask", runtime: python, args: []string{"-B", "receiver.py"}, path: "/kirim-webhook"}
	return e.start(t, filepath.Join(dir, "flask"))
}

func withGo(t *testing.T, dir string) string {
	compiler := needed(t, "go")
	receiver := filepath.Join(dir, "nethttp", "receiver")
	cmd := exec.CommandContext(t.Context(), compiler, "build", "-o", receiver, "./examples/nethttp")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return example{folder: "nethttp", runtime: receiver, path: "/kirim-webhook"}.start(t, dir)
}

func withPHP(t *testing.T, dir string) string {
	php := needed(t, "php")
	if modules, err := exec.CommandContext(t.Context(), php, "-m").Output(); err != nil || !bytes.Contains(modules, []byte("pdo_sqlite")) {
		skipOutsideCI(t, "php has no SQLite")
	}
	address := freePort(t)
	background(t, address, filepath.Join(dir, "php"), []string{"KIRIM_TEST=1", "PHP_CLI_SERVER_WORKERS=4", "DB=" + filepath.Join(dir, "php.db")},
		php, "-S", address, "receiver.php")
	return "http://" + address
}

func withNginx(t *testing.T, dir string) string {
	nginx := needed(t, "nginx")
	behind := example{folder: "node", runtime: needed(t, "node"), args: []string{"receiver.mjs"}, path: "/kirim-webhook"}.start(t, filepath.Join(dir, "node"))
	address, folder := freePort(t), filepath.Join(dir, "nginx")
	replace(t, filepath.Join(folder, "nginx.conf"), "127.0.0.1:8092", address)
	replace(t, filepath.Join(folder, "nginx.conf"), "http://127.0.0.1:8098", behind)
	background(t, address, folder, nil, nginx, "-p", folder, "-e", "stderr", "-c", "nginx.conf")
	return "http://" + address
}

func withWebhook(t *testing.T, dir string) string {
	webhook := needed(t, "webhook")
	address := freePort(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	background(t, address, filepath.Join(dir, "webhook"), []string{"STATE=" + filepath.Join(dir, "state")},
		webhook, "-hooks", "hooks.json", "-ip", host, "-port", port)
	return "http://" + address
}

// background starts a program and returns when it listens. It ends with the test, and so do the processes that it made.
func background(t *testing.T, address, dir string, env []string, name string, args ...string) {
	t.Helper()
	// Not the test's context: that would end the program and leave what it made.
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), exampleEnv...), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		// Killed on purpose, so the error says nothing.
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if target.Wait(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("%s does not listen on %s: %v", name, address, err)
		}
	}
}
