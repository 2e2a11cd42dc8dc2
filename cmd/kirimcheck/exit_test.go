package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

const secretVar = "KIRIM_SECRET"

var secretEnv = []string{secretVar + "=" + reference.Secret}

// mutantFile starts a mutant and returns its target file.
func mutantFile(t testing.TB, name string) string {
	t.Helper()
	m, err := mutants.Get(contract.RoleReceiver, name)
	if err != nil {
		t.Fatal(err)
	}
	server, config, err := m.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	config.Secret = target.SecretRef{Env: secretVar}
	data, err := yaml.Dump(config)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "target.yaml", string(data))
}

func TestExit0WhenConformant(t *testing.T) {
	for _, edition := range []string{"kckit", "kirim.chat", "kirimdev"} {
		t.Run(edition, func(t *testing.T) {
			r := kirimcheck(t, nil, "certify", "--reference", "--edition", edition)
			if r.code != exitConformant {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			report := r.report(t)
			if report.Outcome != reports.Conformant || report.Counts[reports.Pass] != len(report.Requirements) {
				t.Errorf("outcome %s, counts %v", report.Outcome, report.Counts)
			}
		})
	}
}

func TestExit1WhenAMustIsBroken(t *testing.T) {
	r := kirimcheck(t, secretEnv, "certify", "--target", mutantFile(t, "bad-signature-200"))
	if r.code != exitNonConformant {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	report := r.report(t)
	if report.Outcome != reports.NonConformant || report.Counts[reports.Fail] == 0 {
		t.Errorf("outcome %s, counts %v", report.Outcome, report.Counts)
	}
	for _, req := range report.Requirements {
		for _, s := range req.Specs {
			if s.Verdict == reports.Fail && (s.Expected == "" || s.Seen == "" || s.Repeat == "" || s.Rerun == "" || len(s.Exchanges) == 0) {
				t.Errorf("%s fails without its evidence: %+v", req.ID, s)
			}
		}
	}
}

func TestExit0WhenOnlyAShouldIsBroken(t *testing.T) {
	r := kirimcheck(t, secretEnv, "certify", "--target", mutantFile(t, "charset-415"))
	if report := r.report(t); r.code != exitConformant || report.Counts[reports.Warn] != 1 {
		t.Errorf("exit code %d, counts %v", r.code, report.Counts)
	}
}

func TestExit2OnWrongUsage(t *testing.T) {
	r := kirimcheck(t, nil, "certify")
	if r.code != exitUsage {
		t.Errorf("exit code %d", r.code)
	}
	r.oneLine(t, "--target")
	r.wroteNothing(t)
}

// Without an observer most of what matters is not seen, so the run is incomplete and never green.
func TestExit3WhenEffectsCannotBeSeen(t *testing.T) {
	server, tgt, err := reference.Start(t.Context(), contract.RoleReceiver, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	r := kirimcheck(t, secretEnv, "certify", "--url", tgt.URL, "--secret-env", secretVar)
	if r.code != exitIncomplete {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	report := r.report(t)
	if report.Outcome != reports.Incomplete || report.Counts[reports.Fail] > 0 || report.Counts[reports.Untestable] == 0 {
		t.Errorf("outcome %s, counts %v", report.Outcome, report.Counts)
	}
	for _, req := range report.Requirements {
		if req.ID == "receiver.dedupe.retry.effect" && req.Verdict != reports.Untestable {
			t.Errorf("%s is %s without an observer", req.ID, req.Verdict)
		}
	}
}

func TestExit4WhenTheTargetIsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"refused":       "http://" + address + "/hook",
		"unknown host":  "http://no-such-host.invalid/hook",
		"TLS is spoken": "https://" + plainServer(t) + "/hook",
	} {
		t.Run(name, func(t *testing.T) {
			r := kirimcheck(t, secretEnv, "certify", "--url", url, "--secret-env", secretVar)
			if r.code != exitUnreachable {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			report := r.report(t)
			if len(report.Errors) != 1 || len(report.Requirements) != 0 {
				t.Errorf("%d errors and %d requirements, want one error alone: %v", len(report.Errors), len(report.Requirements), report.Errors)
			}
		})
	}
}

// plainServer speaks HTTP and no TLS.
func plainServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestExit130WhenInterrupted(t *testing.T) {
	arrived := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// Until the body is read, net/http does not notice that the client went away.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	cmd := command(t.Context(), t, secretEnv, "certify", "--url", s.URL, "--secret-env", secretVar)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d (%v)\n%s", code, err, output.String())
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		t.Errorf("the process was killed by the signal and wrote no report")
	}
	if report := (result{dir: cmd.Dir}).report(t); report.Outcome != reports.Interrupted {
		t.Errorf("outcome %s", report.Outcome)
	}
}

func TestEveryOutcomeHasItsCode(t *testing.T) {
	for outcome, want := range map[reports.Outcome]int{
		reports.Conformant: 0, reports.NonConformant: 1, reports.Incomplete: 3, reports.Unreachable: 4, reports.Interrupted: 130,
	} {
		if got := outcomeCode(outcome); got != want {
			t.Errorf("%s: exit code %d, want %d", outcome, got, want)
		}
	}
}

// BenchmarkReceiverSuite times the whole receiver suite against the embedded reference on loopback, from the start of
// the program to its reports.
func BenchmarkReceiverSuite(b *testing.B) {
	for b.Loop() {
		if r := kirimcheck(b, nil, "certify", "--reference"); r.code != exitConformant {
			b.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
}

// A target that goes away in the middle is one error of the run, and what comes after it is not known.
func TestExit3WhenTheTargetGoesAwayInTheMiddle(t *testing.T) {
	ed, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	var (
		requests atomic.Int32
		listener net.Listener
	)
	receiver := reference.NewReceiver(reference.Correct(ed, reference.Secret))
	const last = 40
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == last {
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
		}
		receiver.ServeHTTP(w, r)
	}))
	listener = s.Listener
	s.Start()
	t.Cleanup(s.Close)
	r := kirimcheck(t, secretEnv, "certify", "--url", s.URL+reference.WebhookPath, "--secret-env", secretVar)
	if r.code != exitIncomplete {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	report := r.report(t)
	if len(report.Errors) != 1 || report.Counts[reports.Error] != 1 || report.Counts[reports.Fail] != 0 || report.Counts[reports.Pass] == 0 {
		t.Errorf("errors %v, counts %v", report.Errors, report.Counts)
	}
}
