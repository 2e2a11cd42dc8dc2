package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// loadArgs are the arguments of a load command against a URL.
func loadArgs(command, url string, args ...string) []string {
	return append([]string{"load", command, "--url", url, "--secret-env", secretVar}, args...)
}

// patientChild is the value of childVar that makes the program patient.
const patientChild = "patient"

// patient judges a generator without its delays: that the machine of the tests is busy says nothing of what most of them
// are about.
func patient(a health.Account) []string {
	result := *a.Result
	result.Schedule.QueueMisses = 0
	a.Result, a.Probe, a.LateStarts = &result, nil, 0
	return health.Judge(a)
}

// patientEnv has the variables of the patient program; the value that comes last counts.
var patientEnv = append([]string{childVar + "=" + patientChild}, secretEnv...)

// patiently runs a load command that finds no fault with a generator that is late.
func patiently(t *testing.T, args ...string) result {
	t.Helper()
	return kirimcheck(t, patientEnv, args...)
}

// load reads the report of a load command, after holding it to its schema.
func (r result) load(t testing.TB) load.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, "reports", "load", load.JSONFile))
	if err != nil {
		t.Fatalf("%v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Validate("load", data); err != nil {
		t.Errorf("the report is not of its schema: %v", err)
	}
	if bytes.Contains(data, []byte(reference.Secret)) {
		t.Error("the report holds the secret")
	}
	var out load.Report
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// loadTarget is a target that counts, and answers from its second request on as it is told: the first is the one that goes
// ahead of a run.
func loadTarget(t *testing.T, then http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if seen.Add(1) > 1 && then != nil {
			then(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

func TestLoadExit0WhenEveryThresholdHolds(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		sent int64
	}{
		{"constant", []string{"--rate", "200/s", "--duration", "1s", "--slo", "p50 < 2s", "--slo", "errors < 1%", "--slo", "rate >= 20/s"}, 200},
		{"ramp, with all that is not plain", []string{"--rate", "300/s", "--shape", "ramp", "--duration", "1s", "--duplicates", "5%", "--retries", "5%", "--batched", "5%", "--body-size", "4KiB"}, 150},
		{"HTTP/2", []string{"--rate", "100/s", "--duration", "1s", "--http2", "--preset", "none"}, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err == nil {
					w.WriteHeader(http.StatusAccepted)
				}
			}))
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetHTTP1(true)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			defer s.Close()
			r := patiently(t, loadArgs("run", s.URL+"/hook?token=hidden", append(c.args, "--vegeta-results", "results.bin")...)...)
			report := r.load(t)
			if r.code != exitConformant || report.Result.Counts.Succeeded != c.sent || report.Result.Counts.Failed != 0 {
				t.Fatalf("exit code %d, counts %+v\n%s%s", r.code, report.Result.Counts, r.stdout, r.stderr)
			}
			if strings.Contains(report.Tool.Command+report.Target.URL, "hidden") || !strings.Contains(report.Tool.Command, "kirimcheck load run --") {
				t.Errorf("the command is %q, the target %q", report.Tool.Command, report.Target.URL)
			}
			if results, err := os.ReadFile(filepath.Join(r.dir, "results.bin")); err != nil || len(results) == 0 || bytes.Contains(results, []byte("hidden")) {
				t.Errorf("%d bytes of results in Vegeta's format, which are not to tell what is hidden in the URL: %v", len(results), err)
			}
			for _, name := range []string{load.HTMLFile, load.JUnitFile, load.MarkdownFile, load.HDRLogFile} {
				if _, err := os.Stat(filepath.Join(r.dir, "reports", "load", name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Each is refused before anything is sent, in one line that says what would be right.
func TestLoadExit2OnWhatCannotBeMeant(t *testing.T) {
	s, seen := loadTarget(t, nil)
	run := func(args ...string) []string { return loadArgs("run", s.URL, args...) }
	rated := func(args ...string) []string { return run(append([]string{"--rate", "10/s"}, args...)...) }
	file := write(t, "target.yaml", "url: "+s.URL+"\nsecret: {env: KIRIM_SECRET}\nload: {slo: [\"p99 < 9\"]}\n")
	trace := write(t, "trace.csv", "0\n1.5,message.received\n1.2\n")
	for _, c := range []struct {
		args []string
		say  []string
	}{
		{[]string{"load", "run", "--rate", "1/s"}, []string{"--target"}},
		{[]string{"load", "walk"}, []string{"walk"}},
		{run(), []string{"--rate is missing"}},
		{run("--rate", "fast"), []string{"--rate", `"fast"`, "2000/s"}},
		{run("--rate", "0/s"), []string{"not above zero"}},
		{run("--rate", "-5/s"), []string{"not above zero"}},
		{run("--rate", "9999999/s"), []string{"more than 1000000/s"}},
		{rated("--duration", "0s"), []string{"--duration"}},
		{rated("--duration", "soon"), []string{"--duration"}},
		{rated("--duration", "1000h"), []string{"168h"}},
		{rated("--shape", "zigzag"), []string{"zigzag", "burst, constant, ramp"}},
		{rated("--shape", "replay:"+trace), []string{"leave --rate out"}},
		{run("--shape", "replay:"+trace), []string{"trace.csv:3", "must not go back"}},
		{run("--shape", "replay:/nowhere/trace.csv"), []string{"/nowhere/trace.csv", "no such file"}},
		{rated("--slo", "p99 < fast"), []string{"p99 < fast"}},
		{rated("--slo", "speed < 5ms"), []string{"speed"}},
		{rated("--slo", "p99{message.unknown} < 5ms"), []string{"message.unknown"}},
		{[]string{"load", "run", "--target", file, "--rate", "10/s"}, []string{"target.yaml", "load.slo", "p99 < 9"}},
		{rated("--slo", "p99.9 < 1s"), []string{"p99.9 < 1s", "1,000", "600"}},
		{loadArgs("capacity", s.URL, "--slo", "p99.9 < 1s"), []string{"p99.9 < 1s", "1,000"}},
		{rated("--preset", "best"), []string{"--preset", "kirim", "meta"}},
		{rated("--messages", "5/s"), []string{"--preset meta"}},
		{rated("--mix", "message.received=70,message.status=25"), []string{"--mix", "95"}},
		{rated("--mix", "message.unknown=100"), []string{"message.unknown", "message.received"}},
		{rated("--connections", "0"), []string{"--connections"}},
		{rated("--connections", "1000000"), []string{"20000"}},
		{rated("--timeout", "-1s"), []string{"--timeout"}},
		{rated("--duplicates", "0.02"), []string{"--duplicates", "2%"}},
		{rated("--duplicates", "60%", "--retries", "60%"), []string{"120%"}},
		{rated("--wrong-signatures", "101%"), []string{"--wrong-signatures"}},
		{rated("--body-size", "big"), []string{"--body-size", "64KiB"}},
		{rated("--body-size", "10MB"), []string{"10000000 bytes"}},
		{rated("--batch-items", "1"), []string{"2 to 1000"}},
		{rated("--out", "/dev/null/reports"), []string{"/dev/null"}},
		{rated("--batch-items", "0"), []string{"--batch-items"}},
		{rated("--vegeta-results", t.TempDir()), []string{"--vegeta-results", "no file"}},
		{rated("--vegeta-results", "/nowhere/results.bin"), []string{"--vegeta-results", "no such file"}},
		{loadArgs("capacity", s.URL, "--from", "100/s", "--to", "10/s"), []string{"100", "10"}},
		{loadArgs("capacity", s.URL, "--preset", "none"), []string{"--slo"}},
		{loadArgs("capacity", s.URL, "--step", "1ms"), []string{"--step"}},
		{[]string{"load", "compare", "one"}, []string{"two runs"}},
		{[]string{"load", "compare", "/nowhere/a", "/nowhere/b"}, []string{"/nowhere/a"}},
	} {
		t.Run(strings.Join(c.args[1:], " "), func(t *testing.T) {
			r := kirimcheck(t, secretEnv, c.args...)
			if r.code != exitUsage {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			r.oneLine(t, c.say...)
			if _, err := os.Stat(filepath.Join(r.dir, "reports", "load", load.JSONFile)); err == nil {
				t.Error("a report was written")
			}
		})
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d deliveries were sent", n)
	}
}

// A target that acknowledges nothing is not loaded.
func TestLoadExit3WhenTheFirstDeliveryIsNotAcknowledged(t *testing.T) {
	for status, say := range map[int]string{401: "is the secret", 500: "with 500", 302: "with 302"} {
		var seen atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			seen.Add(1)
			w.WriteHeader(status)
		}))
		r := kirimcheck(t, secretEnv, loadArgs("run", s.URL, "--rate", "10/s")...)
		s.Close()
		if r.code != exitIncomplete || seen.Load() != 1 {
			t.Errorf("status %d: exit code %d after %d deliveries\n%s", status, r.code, seen.Load(), r.stdout)
		}
		r.oneLine(t, "the first delivery", say)
	}
}

// connServer is a server that does with each connection what it is told.
func connServer(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				do(c)
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/hook"
}

func TestLoadExit4WhenTheTargetDoesNotAnswer(t *testing.T) {
	down := connServer(t, func(net.Conn) {})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	for name, c := range map[string]struct{ url, say string }{
		"nobody there":            {"http://" + gone.Addr().String() + "/hook", "connection-refused"},
		"closes every connection": {down, "connection-closed"},
		"hangs for ever":          {connServer(t, func(net.Conn) { <-over }), "no complete answer within 1s"},
		"answers garbage": {connServer(t, func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 1)
			_, _ = io.WriteString(c, "220 mail.example.com ESMTP\r\n")
			_, _ = io.Copy(io.Discard, c)
		}), "not-http"},
		"TLS is not spoken": {strings.Replace(down, "http:", "https:", 1), "bad-tls"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range []string{"run", "capacity"} {
				args := loadArgs(command, c.url, "--timeout", "1s")
				if command == "run" {
					args = append(args, "--rate", "10/s")
				}
				r := kirimcheck(t, secretEnv, args...)
				if r.code != exitUnreachable {
					t.Errorf("%s: exit code %d\n%s%s", command, r.code, r.stdout, r.stderr)
				}
				r.oneLine(t, "did not answer the first delivery", c.say)
				if report := r.load(t); report.Outcome != load.Unreachable || report.Result != nil || len(report.Errors) != 1 {
					t.Errorf("%s: outcome %s, result %v, errors %q", command, report.Outcome, report.Result, report.Errors)
				}
			}
		})
	}
}

// What goes wrong during a run ends in thresholds that are not met, and in no figure of what was not measured.
func TestLoadExit5WhenThresholdsAreNotMet(t *testing.T) {
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}
	for _, c := range []struct {
		name      string
		then      http.HandlerFunc
		args      []string
		class     load.Class
		latencies bool
		broken    string
	}{
		{"too slow", func(http.ResponseWriter, *http.Request) { <-time.After(20 * time.Millisecond) }, []string{"--slo", "p50 < 10ms"}, "", true, "p50 < 10ms"},
		{"not modified", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, []string{"--slo", "errors < 1%"}, "status-304", true, "errors < 1%"},
		{"garbage", hijack("220 mail.example.com ESMTP\r\n"), []string{"--slo", "p50 < 10s"}, "not-http", false, "p50 < 10s"},
		{"closes every connection", hijack(""), nil, "connection-closed", false, "max"},
		{"hangs for ever", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []string{"--timeout", "1s", "--slo", "success > 50%"}, "timeout", true, "success > 50%"},
		{"refuses all at once", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, []string{"--slo", "p50 < 10s"}, "status-503", true, "p50 < 10s"},
		{"hangs for as long as anybody waits", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, []string{"--timeout", "1s", "--slo", "slower_than(2s) < 5%"}, "timeout", true, "slower_than(2s) < 5%"},
		{"takes forgeries", nil, []string{"--wrong-signatures", "50%", "--slo", "errors < 1%"}, "forgery-accepted", true, "errors < 1%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := loadTarget(t, c.then)
			r := patiently(t, loadArgs("run", s.URL, append(c.args, "--rate", "100/s", "--duration", "1s")...)...)
			report := r.load(t)
			if r.code != exitThresholds || report.Outcome != load.NotMet {
				t.Fatalf("exit code %d, outcome %s\n%s%s", r.code, report.Outcome, r.stdout, r.stderr)
			}
			if !strings.Contains(r.stdout, "BROKEN    "+c.broken) {
				t.Errorf("the summary lacks the broken threshold:\n%s", r.stdout)
			}
			if got := report.Result.Latency.Corrected != nil; got != c.latencies {
				t.Errorf("latencies %t, want %t", got, c.latencies)
			}
			if c.class != "" && (len(report.Result.Errors) == 0 || report.Result.Errors[0].Class != c.class || report.Result.Errors[0].Example == "") {
				t.Errorf("errors %+v, want %s", report.Result.Errors, c.class)
			}
		})
	}
}

func TestLoadExit5WhenTheTargetDiesHalfWay(t *testing.T) {
	var s *httptest.Server
	var seen atomic.Int64
	s = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// The first is the one that goes ahead.
		switch n := seen.Add(1); {
		case n == 50:
			_ = s.Listener.Close()
			panic(http.ErrAbortHandler)
		case n > 50:
			panic(http.ErrAbortHandler)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	s.Config.SetKeepAlivesEnabled(false)
	t.Cleanup(s.Close)
	r := patiently(t, loadArgs("run", s.URL, "--rate", "100/s", "--duration", "2s")...)
	report := r.load(t)
	n := report.Result.Counts
	if r.code != exitThresholds || n.Succeeded != 48 || n.Failed != 152 {
		t.Fatalf("exit code %d, counts %+v\n%s", r.code, n, r.stdout)
	}
	// The 49th start is due after 480 ms.
	if c := report.Result.Errors[0]; c.Class != "connection-refused" || c.FirstMS < 480 {
		t.Errorf("errors %+v", report.Result.Errors)
	}
}

// A generator that has no files left for connections was the bottleneck, and nobody else.
func TestLoadExit6WhenTheGeneratorGivesOut(t *testing.T) {
	s, _ := loadTarget(t, func(http.ResponseWriter, *http.Request) { <-time.After(time.Second) })
	cmd := command(t.Context(), t, secretEnv, loadArgs("run", s.URL, "--rate", "200/s", "--duration", "1s")...)
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 60 && exec "$0" "$@"`}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = "/bin/sh"
	r := finish(t, cmd)
	report := r.load(t)
	if r.code != exitInvalid || report.Outcome != load.Invalid || !strings.Contains(fmt.Sprint(report.Invalid), "no port, file or memory left") {
		t.Errorf("exit code %d, invalid %q\n%s%s", r.code, report.Invalid, r.stdout, r.stderr)
	}
}

// finish runs a prepared command to its end.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal("the program did not start")
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), cmd.Dir}
}

// A disk that fills up while the report is written costs the report and not the verdict.
func TestLoadSaysWhenTheReportCannotBeWritten(t *testing.T) {
	s, _ := loadTarget(t, nil)
	cmd := command(t.Context(), t, patientEnv, loadArgs("run", s.URL, "--rate", "50/s", "--duration", "1s", "--preset", "none")...)
	// No file may have more than 10 blocks; load.html has.
	cmd.Args = append([]string{"sh", "-c", `trap '' XFSZ; ulimit -f 10 && exec "$0" "$@"`}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = "/bin/sh"
	r := finish(t, cmd)
	if r.code != exitIncomplete || !strings.Contains(r.stdout, "50 deliveries sent") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r.oneLine(t, "file too large")
	if left, err := os.ReadDir(filepath.Join(r.dir, "reports", "load")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// A search on a target that takes everything ends at the highest rate allowed, one on a target that is always too slow at
// none.
func TestLoadCapacity(t *testing.T) {
	for _, c := range []struct {
		slo  string
		code int
	}{{"p50 < 5s", exitConformant}, {"p50 < 10ms", exitThresholds}} {
		s, _ := loadTarget(t, func(http.ResponseWriter, *http.Request) { <-time.After(20 * time.Millisecond) })
		r := patiently(t, loadArgs("capacity", s.URL, "--from", "20/s", "--to", "30/s", "--step", "1s", "--confirmations", "1", "--slo", c.slo)...)
		report := r.load(t)
		if r.code != c.code || report.Kind != load.KindCapacity || (report.Capacity.RatePerS != nil) != (c.code == exitConformant) || len(report.Capacity.Steps) == 0 {
			t.Errorf("%s: exit code %d, capacity %+v\n%s%s", c.slo, r.code, report.Capacity, r.stdout, r.stderr)
		}
	}
}

// A run is no faster than itself.
func TestLoadCompare(t *testing.T) {
	s, _ := loadTarget(t, nil)
	r := patiently(t, loadArgs("run", s.URL, "--rate", "100/s", "--duration", "5s")...)
	run := filepath.Join(r.dir, "reports", "load")
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{run, run}, exitConformant, "No difference"},
		{[]string{run, run, "--bound", "5"}, exitUsage, "--bound"},
	} {
		r := kirimcheck(t, nil, append([]string{"load", "compare"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.say) {
			t.Errorf("%q: exit code %d\n%s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
}

// Errors are shares themselves: four more of a thousand are 0.4 points more, and no change of 0.4 %.
func TestAFigureOfAComparison(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	for want, f := range map[string]load.FigureChange{
		"10 ms to 15 ms, +50.0 % (+48.0 % to +52.0 %), slower, a REGRESSION": {Unit: load.Milliseconds, A: p(10), B: p(15), Change: p(.5), Low: p(.48), High: p(.52), Verdict: load.Slower, Regression: true},
		"0.1 % to 0.5 %, +0.4 points (+0.3 points to +0.5 points), slower":   {Unit: load.Share, A: p(.001), B: p(.005), Change: p(.004), Low: p(.003), High: p(.005), Verdict: load.Slower},
		"no data: A has too few values":                                      {Unit: load.Milliseconds, B: p(15), Reason: "A has too few values"},
	} {
		if got := figureLine(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLoadExit130WhenInterrupted(t *testing.T) {
	s, seen := loadTarget(t, nil)
	cmd := command(t.Context(), t, secretEnv, loadArgs("run", s.URL, "--rate", "100/s", "--duration", "10m", "--plain")...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for seen.Load() < 60 {
		select {
		case <-t.Context().Done():
			t.Fatal("nothing came")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d (%v)\n%s", code, err, output.String())
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		t.Error("the process was killed by the signal")
	}
	report := (result{dir: cmd.Dir}).load(t)
	if n := report.Result.Counts; report.Outcome != load.Interrupted || n.Succeeded < 15 || n.Planned != n.Sent || n.Failed != 0 {
		t.Errorf("outcome %s, counts %+v", report.Outcome, report.Result.Counts)
	}
}
