package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Bad input is one line with its place, exit code 2, and no report.
func TestBadInputIsOneClearLine(t *testing.T) {
	const ok = "url: http://127.0.0.1:1/hook\nsecret: {env: KIRIM_SECRET}\n"
	for name, c := range map[string]struct {
		file string
		args []string
		env  []string
		want []string
	}{
		"missing file":               {args: []string{"--target", "nowhere.yaml"}, want: []string{"nowhere.yaml", "no such file"}},
		"a folder for a file":        {args: []string{"--target", "/"}, want: []string{"/:", "is a directory"}},
		"not YAML":                   {file: "url: 'http\n", want: []string{"target.yaml:2", "not YAML"}},
		"empty file":                 {file: "", want: []string{"target.yaml", "the file is empty"}},
		"a list for a mapping":       {file: "- url\n", want: []string{"target.yaml:1", "a list stands where a mapping"}},
		"unknown key":                {file: ok + "observ:\n  timeout: 1s\n", want: []string{"target.yaml:3", `unknown key "observ"`, "observe"}},
		"unknown inner key":          {file: ok + "observe:\n  http:\n    uri: x\n", want: []string{"target.yaml:5", "observe.http", `unknown key "uri"`, "url, count, header"}},
		"key given twice":            {file: ok + "url: http://x/\n", want: []string{"target.yaml:3", "url", "already defined at line 1"}},
		"text for a duration":        {file: ok + "observe:\n  timeout: soon\n", want: []string{"target.yaml:4", "observe.timeout", `"soon"`, "a duration such as 5s"}},
		"mapping for text":           {file: "url: {a: b}\n", want: []string{"target.yaml:1", "url", "text"}},
		"negative duration":          {file: ok + "observe: {settle: -1s}\n", want: []string{"target.yaml:3", "observe.settle", "negative"}},
		"no URL":                     {file: "secret: {env: KIRIM_SECRET}\n", want: []string{"target.yaml", "url", "is missing"}},
		"URL without a scheme":       {file: "url: localhost:80/hook\nsecret: {env: KIRIM_SECRET}\n", want: []string{"target.yaml:1", "url", "http:// or https://"}},
		"URL without a host":         {file: "url: http:///hook\nsecret: {env: KIRIM_SECRET}\n", want: []string{"target.yaml:1", "url", "no host"}},
		"URL with a password":        {file: "url: http://ayu:rahasia@127.0.0.1:1/hook\nsecret: {env: KIRIM_SECRET}\n", want: []string{"target.yaml:1", "url", "password"}},
		"no secret":                  {file: "url: http://127.0.0.1:1/hook\n", want: []string{"target.yaml", "secret", "{env: NAME}"}},
		"secret in the file":         {file: "url: http://127.0.0.1:1/hook\nsecret: whsec_abc\n", want: []string{"target.yaml:2", "secret", "env, file"}},
		"secret variable not set":    {file: ok, env: []string{"OTHER=1"}, want: []string{"target.yaml:2", "secret", "KIRIM_SECRET is not set"}},
		"secret variable empty":      {file: ok, env: []string{"KIRIM_SECRET="}, want: []string{"secret", "KIRIM_SECRET is empty"}},
		"secret file missing":        {file: "url: http://127.0.0.1:1/\nsecret: {file: s.txt}\n", want: []string{"target.yaml:2", "secret", "s.txt"}},
		"unknown edition":            {file: ok + "edition: kckti\n", want: []string{"target.yaml:3", "edition", `"kckti"`, "kckit, kirim.chat, kirimdev"}},
		"unknown edition by flag":    {args: []string{"--reference", "--edition", "x"}, want: []string{`"x"`, "kckit, kirim.chat, kirimdev"}},
		"half a client certificate":  {file: ok + "tls: {cert: a.pem}\n", want: []string{"target.yaml:3", "tls", "belong together"}},
		"client certificate missing": {file: ok + "tls: {cert: a.pem, key: b.pem}\n", want: []string{"target.yaml:3", "tls", "a.pem"}},
		"CA file missing":            {file: ok + "tls: {ca: a.pem}\n", want: []string{"target.yaml:3", "tls", "a.pem"}},
		"unknown role":               {file: ok + "role: sender\n", want: []string{"target.yaml:3", "role", `"sender"`}},
		"unknown event":              {file: ok + "events: [message.recieved]\n", want: []string{"target.yaml:3", "events", "message.received"}},
		"no events":                  {file: ok + "events: []\n", want: []string{"target.yaml:3", "events", "is empty"}},
		"two observers":              {file: ok + "observe:\n  http: {url: 'http://x/{event_id}'}\n  callback: {listen: ':0'}\n", want: []string{"target.yaml:3", "observe", "keep one"}},
		"unknown placeholder":        {file: ok + "observe: {http: {url: 'http://x/{id}'}}\n", want: []string{"observe.http.url", "{id}", "{event_id}"}},
		"no placeholder":             {file: ok + "observe: {http: {url: 'http://x/'}}\n", want: []string{"observe.http.url", "{event_id}"}},
		"count is no pointer":        {file: ok + "observe: {http: {url: 'http://x/{event_id}', count: n}}\n", want: []string{"observe.http.count", "JSON pointer"}},
		"hook without a way":         {file: ok + "hooks: {fail: {timeout: 1s}, recover: {command: [x]}}\n", want: []string{"hooks.fail", "command"}},
		"half a pair of hooks":       {file: ok + "hooks: {fail: {command: [x]}}\n", want: []string{"hooks", "recover"}},
		"unknown label":              {args: []string{"--reference", "--label-filter", "signatures"}, want: []string{`"signatures"`, "signature"}},
		"unknown requirement":        {args: []string{"--reference", "--label-filter", "receiver.signature.sale.effect"}, want: []string{"unknown label", "kirimcheck list"}},
		"requirement not checked":    {args: []string{"--reference", "--label-filter", "receiver.signature.constant-time"}, want: []string{"no spec checks", "noise"}},
		"filter matches nothing":     {args: []string{"--reference", "--label-filter", "parser && dedupe"}, want: []string{"selects no spec"}},
		"filter not a filter":        {args: []string{"--reference", "--label-filter", "a &&"}, want: []string{"cannot be parsed"}},
		"two targets":                {args: []string{"--reference", "--url", "http://x/"}, want: []string{"more than one target"}},
		"URL without a secret":       {args: []string{"--url", "http://127.0.0.1:1/"}, want: []string{"--secret-env"}},
		"secret without a URL":       {args: []string{"--reference", "--secret-env", "X"}, want: []string{"--secret-env and --verify-token-env go with --url"}},
		"unknown flag":               {args: []string{"--taget", "x"}, want: []string{"--taget"}},
		"an argument too many":       {args: []string{"--reference", "x"}, want: []string{"no arguments"}},
		"seed is no number":          {args: []string{"--reference", "--seed", "x"}, want: []string{"--seed"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"certify"}, c.args...)
			if c.args == nil {
				args = append(args, "--target", write(t, "target.yaml", c.file))
			}
			env := c.env
			if env == nil {
				env = secretEnv
			}
			r := kirimcheck(t, env, args...)
			if r.code != exitUsage {
				t.Errorf("exit code %d, want %d", r.code, exitUsage)
			}
			r.oneLine(t, c.want...)
			if strings.Contains(r.stderr, reference.Secret) {
				t.Errorf("the error gives the secret away: %s", r.stderr)
			}
			r.wroteNothing(t)
		})
	}
}

func TestReportFolderThatCannotBeWrittenIsFoundBeforeTheRun(t *testing.T) {
	inTheWay := write(t, "file", "")
	r := kirimcheck(t, nil, "certify", "--reference", "--out", filepath.Join(inTheWay, "out"))
	if r.code != exitUsage {
		t.Errorf("exit code %d", r.code)
	}
	r.oneLine(t, "report folder", inTheWay)
	if r.stdout != "" {
		t.Errorf("the run was made all the same: %s", r.stdout)
	}
}

// rawServer answers every connection with what the function writes.
func rawServer(t *testing.T, answer func(net.Conn) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				// The client may be gone at any moment; that is its right.
				_ = answer(conn)
				_ = conn.Close()
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/hook"
}

// A target that misbehaves below HTTP costs one wait and one failure, and the rest of the run is called off.
func TestTargetWithoutACompleteAnswerIsOneFailure(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn) error
		want   string
	}{
		"says nothing": {func(c net.Conn) error {
			_, err := io.Copy(io.Discard, c)
			return err
		}, "no complete answer within 10s"},
		"closes at once":        {func(net.Conn) error { return nil }, "ended early"},
		"closes mid-answer":     {half("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "ended early"},
		"speaks another tongue": {half("220 mail.example ESMTP\r\n"), "not an HTTP answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := kirimcheck(t, secretEnv, "certify", "--url", rawServer(t, c.answer), "--secret-env", secretVar)
			if r.code != exitNonConformant {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			report := r.report(t)
			if report.Counts[reports.Fail] != 1 || report.Counts[reports.Pass] != 0 {
				t.Errorf("counts %v, want one failure and no pass", report.Counts)
			}
			for _, req := range report.Requirements {
				if req.Verdict == reports.Fail && !strings.Contains(req.Specs[0].Seen, c.want) {
					t.Errorf("%s saw %q, want %q", req.ID, req.Specs[0].Seen, c.want)
				}
			}
		})
	}
}

func half(answer string) func(net.Conn) error {
	return func(c net.Conn) error {
		if _, err := c.Read(make([]byte, 64<<10)); err != nil {
			return err
		}
		_, err := io.WriteString(c, answer)
		return err
	}
}

// The contract gives an answer's body no meaning, so a huge one is neither read nor held against the target; the report
// says so in a line.
func TestHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	page := make([]byte, 1<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		for range 100 {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	r := kirimcheck(t, secretEnv, "certify", "--url", s.URL, "--secret-env", secretVar, "--label-filter", "receiver.signature.valid")
	report := r.report(t)
	if r.code != exitConformant {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
	found := false
	for _, f := range report.Facts {
		found = found || strings.Contains(f.Text, "the rest was left unread")
	}
	if !found {
		t.Errorf("no fact tells of the size: %v", report.Facts)
	}
	if info, err := os.Stat(filepath.Join(r.dir, "reports", "out", reports.JSONFile)); err != nil || info.Size() > 200<<10 {
		t.Errorf("the report is large: %v %v", info.Size(), err)
	}
}

func TestUnknownCommandsAndRequirementsAreUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown command":          {[]string{"certfy"}, `"certfy"`},
		"explain without an id":    {[]string{"explain"}, "requirement id"},
		"explain an unknown id":    {[]string{"explain", "receiver.parser.blank"}, "receiver.parser.blanks"},
		"list an unknown edition":  {[]string{"list", "--edition", "x"}, "kckit"},
		"list an unknown role":     {[]string{"list", "--role", "sender"}, "meta-receiver"},
		"list with an argument":    {[]string{"list", "x"}, "no arguments"},
		"explain something absurd": {[]string{"explain", "x"}, "kirimcheck list"},
	} {
		t.Run(name, func(t *testing.T) {
			r := kirimcheck(t, nil, c.args...)
			if r.code != exitUsage {
				t.Errorf("exit code %d", r.code)
			}
			r.oneLine(t, c.want)
		})
	}
}
