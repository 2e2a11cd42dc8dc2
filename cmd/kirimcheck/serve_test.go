package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/signature"
)

// The secrets of emitters in tests. They are nobody's.
var serveEnv = []string{
	"KIRIM_KEY=kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA", "META_APP_SECRET=0123456789abcdef0123456789abcdef", "META_VERIFY_TOKEN=token",
}

// emitterProcess is a kirimcheck serve that runs.
type emitterProcess struct {
	cmd    *exec.Cmd
	url    string
	stderr *bytes.Buffer
	// greeting is what it printed up to its URL.
	greeting string
}

// startServe starts kirimcheck serve on a free port and returns when it listens.
func startServe(t testing.TB, args ...string) *emitterProcess {
	t.Helper()
	return startServeWith(t, serveEnv, args...)
}

// startServeWith is startServe with an environment.
func startServeWith(t testing.TB, env []string, args ...string) *emitterProcess {
	t.Helper()
	p := &emitterProcess{stderr: &bytes.Buffer{}}
	// Not the test's context: the process is stopped by a signal, not killed, unless the test wants that.
	p.cmd = command(context.Background(), t, env, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, args...)...)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.greeting += lines.Text() + "\n"
		if found := regexp.MustCompile(`API\s+(\S+)/v1`).FindStringSubmatch(lines.Text()); found != nil {
			p.url = found[1]
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p
		}
	}
	t.Fatalf("serve never said where it listens: %v\n%s", p.cmd.Wait(), p.stderr)
	return nil
}

// stop sends a signal and returns the exit code.
func (p *emitterProcess) stop(t testing.TB, signal syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	// The error says no more than the exit code.
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// api makes a call and returns the data of the answer.
func (p *emitterProcess) api(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	data, _ := p.call(t, method, path, body).(map[string]any)
	return data
}

// list returns the items of a list.
func (p *emitterProcess) list(t testing.TB, path string) []any {
	t.Helper()
	items, _ := p.call(t, http.MethodGet, path, nil).([]any)
	return items
}

func (p *emitterProcess) call(t testing.TB, method, path string, body any) any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(serveEnv[0], "=")
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var envelope map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&envelope); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s answered %d: %v", method, path, resp.StatusCode, envelope)
	}
	return envelope["data"]
}

// post sends a body as Meta does and reports whether it was acknowledged.
func (p *emitterProcess) post(ctx context.Context, body []byte) bool {
	_, secret, _ := strings.Cut(serveEnv[1], "=")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/webhooks/meta", bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("X-Hub-Signature-256", signature.MetaHeader(secret, body))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// collector is a subscriber that notes the event ids that it acknowledged.
type collector struct {
	mu   sync.Mutex
	ids  map[string]int
	more chan struct{}
}

func newCollector(t testing.TB) (c *collector, url string) {
	c = &collector{ids: map[string]int{}, more: make(chan struct{}, 1)}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		c.mu.Lock()
		c.ids[req.Header.Get("X-Kirim-Event-Id")]++
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(srv.Close)
	return c, srv.URL
}

// lacks returns the ids that have not come.
func (c *collector) lacks(ids []string) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if c.ids[id] == 0 {
			missing = append(missing, id)
		}
	}
	return missing
}

func TestKillInTheMiddleOfAThousandDeliveriesLosesNoAcknowledgedEvent(t *testing.T) {
	t.Parallel()
	c, url := newCollector(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	first := startServe(t, "--dev", "--data", data)
	first.api(t, http.MethodPost, "/v1/webhook_subscriptions", map[string]any{"url": url, "events": []string{"message.status"}})
	ed, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	generator, err := fixtures.NewGenerator(ed, 11, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var acknowledged []string
	events := make(chan fixtures.Event)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for ev := range events {
				if !first.post(t.Context(), ev.Body) {
					continue
				}
				mu.Lock()
				acknowledged = append(acknowledged, ev.ID)
				n := len(acknowledged)
				mu.Unlock()
				if n == 500 {
					_ = first.cmd.Process.Kill()
				}
			}
		})
	}
	for range 1000 {
		ev, err := generator.Event("message.status", "")
		if err != nil {
			t.Fatal(err)
		}
		events <- ev
	}
	close(events)
	group.Wait()
	_ = first.cmd.Wait()
	if len(acknowledged) < 500 || len(acknowledged) == 1000 {
		t.Fatalf("%d events were acknowledged; the kill was to come in their middle", len(acknowledged))
	}
	second := startServe(t, "--dev", "--data", data)
	limit := time.After(30 * time.Second)
	for len(c.lacks(acknowledged)) > 0 {
		select {
		case <-c.more:
		case <-limit:
			t.Fatalf("%d of %d acknowledged events were lost: %v", len(c.lacks(acknowledged)), len(acknowledged), c.lacks(acknowledged)[0])
		}
	}
	if code := second.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM ended it with %d: %s", code, second.stderr)
	}
}

func TestAnAPIKeyThatWasGivenIsNeverShown(t *testing.T) {
	t.Parallel()
	p := startServe(t)
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, variable := range serveEnv[:2] {
		_, secret, _ := strings.Cut(variable, "=")
		if strings.Contains(p.stderr.String(), secret) {
			t.Errorf("a secret is in the log: %s", p.stderr)
		}
	}
}

func TestServeRefusesWhatItCannotDoInOneLine(t *testing.T) {
	t.Parallel()
	text := write(t, "kirim.db", strings.Repeat("this is no database\n", 100))
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"two clocks", []string{"--virtual-clock", "--time-scale", "2"}, []string{"--virtual-clock and --time-scale", "keep one"}},
		{"time that runs backwards", []string{"--time-scale", "-1"}, []string{"--time-scale -1"}},
		{"a key without its certificate", []string{"--tls-key", "key.pem"}, []string{"--tls-cert and --tls-key belong together"}},
		{"a certificate that is not there", []string{"--tls-cert", "no.pem", "--tls-key", "no.pem"}, []string{"--tls-cert", "no.pem"}},
		{"limits of another form", []string{"--rate-limits", "60"}, []string{"--rate-limits", "60/600"}},
		{"an account without its number", []string{"--account", "106540352242922"}, []string{"--account", "106540352242922=+62"}},
		{"a reading nobody has", []string{"--rotation", "never"}, []string{"--rotation", "retire-old"}},
		{"an edition nobody has", []string{"--edition", "kirm"}, []string{"kirm", "kckit"}},
		{"an account twice", []string{"--account", "106540352242922=+62851", "--account", "106540352242922=+62852"}, []string{"106540352242922 is named before"}},
		{"no address", []string{"--listen", ""}, []string{"--listen is empty"}},
		{"an address that is none", []string{"--listen", "nowhere"}, []string{"cannot listen on nowhere"}},
		{"a file that is no database", []string{"--data", text}, []string{"kirim.db", "not a SQLite database"}},
		{"a file in no folder", []string{"--data", "/nowhere/kirim.db"}, []string{"/nowhere/kirim.db"}},
		{"an argument", []string{"now"}, []string{"takes no arguments"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := kirimcheck(t, serveEnv, append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...)...)
			if r.code != exitUsage {
				t.Errorf("exit %d, want %d", r.code, exitUsage)
			}
			r.oneLine(t, c.want...)
		})
	}
}

// A relay that is wrong on purpose says so, and is wrong; one that is not is right.
func TestServeRunsAMutant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		says   bool
		status int
	}{
		"the reference": {nil, false, http.StatusForbidden},
		"a mutant":      {[]string{"--mutant", "front-wrong-token-echo"}, true, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startServe(t, c.args...)
			const wrong = "WRONG ON PURPOSE: mutant front-wrong-token-echo - does not check the verify token"
			if strings.Contains(p.greeting, wrong) != c.says || strings.Contains(p.greeting, "WRONG") != c.says {
				t.Errorf("the greeting:\n%s", p.greeting)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				p.url+"/webhooks/meta?hub.mode=subscribe&hub.verify_token=another&hub.challenge=1158201444", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("a wrong token was answered %d, want %d", resp.StatusCode, c.status)
			}
			if code := p.stop(t, syscall.SIGINT); code != exitConformant {
				t.Errorf("SIGINT ended it with %d", code)
			}
		})
	}
}

func TestServeRunsAMutantInItsEdition(t *testing.T) {
	t.Parallel()
	p := startServe(t, "--mutant", kirimChatMutant(t))
	if !strings.Contains(p.greeting, "edition kirim.chat") {
		t.Errorf("the greeting:\n%s", p.greeting)
	}
	if code := p.stop(t, syscall.SIGINT); code != exitConformant {
		t.Errorf("SIGINT ended it with %d", code)
	}
}

func TestServePrintsWhatItMadeUpAndALineThatWorks(t *testing.T) {
	t.Parallel()
	cmd := command(t.Context(), t, nil, "serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "error")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	lines := bufio.NewScanner(out)
	curl := ""
	for curl == "" && lines.Scan() {
		fmt.Fprintln(&printed, lines.Text())
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "curl -sS") {
			curl = lines.Text()
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var exports []string
	for line := range strings.Lines(printed.String()) {
		if strings.Contains(line, "export ") {
			exports = append(exports, strings.TrimSpace(line))
		}
	}
	if len(exports) != 3 {
		t.Errorf("%d variables, want 3:\n%s", len(exports), printed.String())
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(append(exports, curl), "\n"))
	answer, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(answer), `"initial_secret"`) {
		t.Errorf("the printed line: %v: %s", err, answer)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
