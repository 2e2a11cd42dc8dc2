package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// triedFile starts the reference of a role behind a handler, and returns its target file; change changes it first.
func triedFile(t *testing.T, role contract.Role, wrap func(http.Handler) http.Handler, change func(c *target.Config, base string)) string {
	t.Helper()
	ed, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := reference.CorrectFor(role, ed)
	if err != nil {
		t.Fatal(err)
	}
	server, err := reference.Listen(t.Context(), wrap(reference.NewReceiver(policy)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	config := server.Config(role, ed.ID)
	config.Secret = target.SecretRef{Env: secretVar}
	if role == contract.RoleMetaReceiver {
		config.VerifyToken = target.SecretRef{Env: "META_TOKEN"}
	}
	if change != nil {
		change(&config, strings.TrimSuffix(config.URL, reference.WebhookPath))
	}
	data, err := yaml.Dump(config)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "target.yaml", string(data))
}

// shows fails the test unless each of these lines stands in the output: a state, a part, and a piece of what follows.
func (r result) shows(t *testing.T, lines ...[3]string) {
	t.Helper()
	for _, want := range lines {
		found := false
		for line := range strings.Lines(r.stdout) {
			state, rest, _ := strings.Cut(line, "  ")
			part, text, _ := strings.Cut(strings.TrimSpace(rest), " ")
			found = found || state == want[0] && part == want[1] && strings.Contains(text, want[2])
		}
		if !found {
			t.Errorf("no line %q in\n%s%s", want, r.stdout, r.stderr)
		}
	}
}

// Each part that does not do what the target file says is a problem of that part, with what to do about it.
func TestTargetCheckTriesEveryPartOfAReceiver(t *testing.T) {
	sql := func(query string) func(*target.Config, string) {
		return func(c *target.Config, _ string) {
			c.Observe.HTTP = nil
			c.Observe.SQL = &target.SQLObserver{Driver: "postgres", DSN: target.SecretRef{Env: dsnVar}, Query: query}
		}
	}
	asked := func(path string) func(*target.Config, string) {
		return func(c *target.Config, base string) { c.Observe.HTTP.URL = base + path }
	}
	failing := func(script string) func(*target.Config, string) {
		return func(c *target.Config, _ string) {
			c.Hooks.Fail = &target.Hook{Command: []string{"/bin/sh", "-c", script}}
		}
	}
	for name, c := range map[string]struct {
		role   contract.Role
		wrap   func(http.Handler) http.Handler
		change func(*target.Config, string)
		env    []string
		args   []string
		code   int
		want   [][3]string
	}{
		"all is well": {code: exitConformant, want: [][3]string{
			{"ok", "url", "takes connections"}, {"ok", "observe.http", "counts 0 of event contact.created"},
			{"ok", "delivery", "a valid contact.created, signed with secret, was answered with status 200 OK in "},
			{"ok", "observe.http", "it counts 1 of it, "}, {"ok", "observe.http", "it counts 0 for ids that were never sent"},
			{"ok", "hooks.fail", "answered with status 500 Internal Server Error, and had no effect"},
			{"ok", "hooks.recover", "answered with status 200 OK, and has 1 effect"}}},
		"a meta-receiver": {role: contract.RoleMetaReceiver, code: exitConformant, want: [][3]string{
			{"ok", "verify_token", "answered with its challenge"}, {"ok", "delivery", "a valid message.received"},
			{"ok", "observe.http", "it counts 1 of it"}, {"ok", "hooks.recover", "has 1 effect"}}},
		"another verify token": {role: contract.RoleMetaReceiver, env: []string{"META_TOKEN=another"}, code: exitIncomplete, want: [][3]string{
			{"problem", "verify_token", "did not come back: status 403 Forbidden"}, {"ok", "delivery", ""}}},
		"nothing but the URL": {change: func(c *target.Config, _ string) { c.Observe, c.Hooks = target.Observe{}, target.Hooks{} }, code: exitConformant, want: [][3]string{
			{"absent", "observe", "untestable; to do: add an observe section"}, {"ok", "delivery", ""}, {"absent", "hooks", "to do: add hooks.fail"}}},
		"deliveries left out": {args: []string{"--no-send"}, code: exitConformant, want: [][3]string{
			{"ok", "observe.http", "which was not sent"}, {"not tried", "delivery", "--no-send"}, {"ok", "hooks.fail", "not looked at"}, {"ok", "hooks.recover", "it ended well"}}},
		"another secret": {env: []string{secretVar + "=whsec_another"}, code: exitIncomplete, want: [][3]string{
			{"problem", "delivery", "status 401 Unauthorized"}, {"problem", "delivery", "--label-filter receiver.signature.valid"}, {"ok", "hooks.fail", "not looked at"}}},
		"another path": {change: func(c *target.Config, _ string) { c.URL += "/x" }, code: exitIncomplete, want: [][3]string{
			{"problem", "delivery", "status 404 Not Found in "}}},
		"an observer of everything": {wrap: counting, change: asked("/total?event_id={event_id}&item={item_id}"), code: exitIncomplete, want: [][3]string{
			{"problem", "observe.http", "so it tells nothing apart"}, {"ok", "hooks.fail", "status 500 Internal Server Error"}}},
		"an observer that ignores the item": {wrap: byEvent, change: asked("/by-event?event_id={event_id}&item={item_id}"), code: exitIncomplete, want: [][3]string{
			{"ok", "observe.http", "it counts 1 of it"}, {"problem", "observe.http", "it counts the same for another item_id, which was never sent; to do: have it look"}}},
		"an observer that sees nothing": {change: asked("/effects?event_id={event_id}&item=x{item_id}"), code: exitIncomplete, want: [][3]string{
			{"ok", "delivery", ""}, {"problem", "observe.http", "it still counts 0 1s after the delivery (event contact.created, event id evt_"}}},
		"an observer that is not there": {change: asked("/nothing/{event_id}"), code: exitIncomplete, want: [][3]string{
			{"problem", "observe.http", "observer http: answered 404"}, {"ok", "delivery", ""}}},
		"a database that is not there": {change: sql("SELECT count(*) FROM e WHERE id = {item_id}"), code: exitIncomplete, want: [][3]string{
			{"problem", "observe.sql", "observer sql: dsn: the database cannot be reached"}, {"ok", "delivery", ""}}},
		"a hook that changes nothing": {change: failing("exit 0"), code: exitIncomplete, want: [][3]string{
			{"problem", "hooks.fail", "status 200 OK, and took effect all the same; to do: have the hook make the work fail"}}},
		"a hook that fails": {change: failing("echo no such unit >&2; exit 3"), code: exitIncomplete, want: [][3]string{
			{"problem", "hooks.fail", "hook fail: /bin/sh: exit status 3; it printed: no such unit"}}},
		"a hook that recovers nothing": {change: func(c *target.Config, _ string) {
			c.Hooks.Recover = &target.Hook{Command: []string{"/bin/sh", "-c", ":"}}
		}, code: exitIncomplete, want: [][3]string{
			{"ok", "hooks.fail", "status 500"}, {"problem", "hooks.recover", "status 500 Internal Server Error; to do: "}}},
		"a port that is taken": {change: func(c *target.Config, base string) {
			c.Observe.HTTP, c.Observe.Callback = nil, &target.CallbackObserver{Listen: strings.TrimPrefix(base, "http://")}
		}, code: exitIncomplete, want: [][3]string{{"problem", "set-up", "observer callback: cannot listen on"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.role == "" {
				c.role = contract.RoleReceiver
			}
			if c.wrap == nil {
				c.wrap = asItIs
			}
			secret := reference.Secret
			if c.role == contract.RoleMetaReceiver {
				secret = reference.MetaSecret
			}
			const dsn = "postgres://receiver:hush-hush@127.0.0.1:1/orders?sslmode=disable"
			env := append([]string{secretVar + "=" + secret, "META_TOKEN=" + reference.MetaToken, dsnVar + "=" + dsn}, c.env...)
			r := kirimcheck(t, env, append([]string{"target", "check", "--target", triedFile(t, c.role, c.wrap, c.change)}, c.args...)...)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", r.code, c.code, r.stdout, r.stderr)
			}
			r.shows(t, c.want...)
			for _, s := range []string{secret, reference.MetaToken, "hush-hush", "whsec_another"} {
				if strings.Contains(r.stdout+r.stderr, s) {
					t.Errorf("the output tells %q:\n%s%s", s, r.stdout, r.stderr)
				}
			}
			r.wroteNothing(t)
		})
	}
}

func TestTargetCheckDeliversNothingWhenItIsToldSo(t *testing.T) {
	var posts atomic.Int32
	watch := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == reference.WebhookPath {
				posts.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
	file := triedFile(t, contract.RoleReceiver, watch, nil)
	if r := kirimcheck(t, secretEnv, "target", "check", "--no-send", "--target", file); r.code != exitConformant || posts.Load() != 0 {
		t.Errorf("exit code %d, %d requests to the webhook\n%s%s", r.code, posts.Load(), r.stdout, r.stderr)
	}
	if r := kirimcheck(t, secretEnv, "target", "check", "--target", file); r.code != exitConformant || posts.Load() == 0 {
		t.Errorf("exit code %d, %d requests to the webhook\n%s%s", r.code, posts.Load(), r.stdout, r.stderr)
	}
}

func TestTargetCheckOfATargetThatIsNotThere(t *testing.T) {
	file := write(t, "target.yaml", "url: http://127.0.0.1:1/hook\nsecret: {env: KIRIM_SECRET}\n")
	r := kirimcheck(t, secretEnv, "target", "check", "--target", file)
	if r.code != exitUnreachable {
		t.Errorf("exit code %d", r.code)
	}
	r.shows(t, [3]string{"unreachable", "url", "http://127.0.0.1:1/hook cannot be reached"}, [3]string{"not tried", "delivery", "cannot be reached"})
}

func TestTargetCheckRefusesBadInputInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		args []string
		want []string
	}{
		"no target":       {want: []string{"--target FILE"}},
		"no such file":    {args: []string{"--target", "nowhere.yaml"}, want: []string{"nowhere.yaml", "no such file"}},
		"an unknown key":  {file: "urll: x\n", want: []string{"target.yaml:1", `unknown key "urll"`}},
		"a bad adapter":   {file: "url: http://127.0.0.1:1/\nsecret: {env: KIRIM_SECRET}\nobserve:\n  sql: {driver: oracle}\n", want: []string{"target.yaml:4", "observe.sql.driver", "oracle"}},
		"an argument":     {args: []string{"x"}, want: []string{"no arguments"}},
		"another command": {args: []string{"chek"}, want: []string{`unknown command "chek"`}},
		"an edition":      {file: "url: http://127.0.0.1:1/\nsecret: {env: KIRIM_SECRET}\n", args: []string{"--edition", "x"}, want: []string{"edition", "kckit"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"target", "check"}, c.args...)
			if name == "another command" {
				args = append([]string{"target"}, c.args...)
			}
			if c.file != "" {
				args = append(args, "--target", write(t, "target.yaml", c.file))
			}
			r := kirimcheck(t, secretEnv, args...)
			if r.code != exitUsage || r.stdout != "" {
				t.Errorf("exit code %d\n%s", r.code, r.stdout)
			}
			r.oneLine(t, c.want...)
		})
	}
}

// What goes wrong at a look is told with the place of the adapter, and what the adapter saw.
func TestTargetCheckTellsWhereTheObserverStands(t *testing.T) {
	url := "http://" + freePort(t)
	for name, c := range map[string]struct{ observe, want string }{
		"no count": {"  timeout: 1s\n  command: {run: [echo, '{event_id}']}\n",
			`target.yaml:5: observer command: echo: it printed "evt_`},
		"exits with 1, as grep does": {"  command: {shell: true, run: ['grep -c $KIRIMCHECK_EVENT_ID target.yaml']}\n",
			"target.yaml:4: observer command: the shell line: exit status 1; it printed: 0; grep exits with 1 where it finds nothing, so end it with || true"},
		"a command that ends": {"  log: {command: [echo], json: {}}\n",
			"target.yaml:4: observer log: command: echo no longer follows"},
		"no database": {"  sql: {driver: sqlite, path: nowhere.db, query: 'SELECT count(*) FROM e WHERE id = {item_id}'}\n",
			"target.yaml:4: observer sql: path: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, "target.yaml", "url: "+url+"/x\nsecret: {env: "+secretVar+"}\nobserve:\n"+c.observe)
			r := kirimcheck(t, append([]string{"PATH=" + os.Getenv("PATH")}, secretEnv...), "target", "check", "--target", file)
			if !strings.Contains(r.stdout, c.want) {
				t.Errorf("exit code %d, no %q in\n%s%s", r.code, c.want, r.stdout, r.stderr)
			}
		})
	}
}

func TestTargetCheckTellsOfALogThatIsNotThere(t *testing.T) {
	file := observed(t, asItIs, nil)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(data), "observe:")
	log := "observe:\n  timeout: 1s\n  log: {file: nowhere.log, json: {}}\n"
	for _, command := range [][]string{{"target", "check"}, {"certify", "--label-filter", "dedupe"}} {
		r := kirimcheck(t, secretEnv, append(command, "--target", write(t, "target.yaml", before+log))...)
		if text := strings.Join(strings.Fields(r.stdout), " "); !strings.Contains(text, "there is no file ") || !strings.Contains(text, "nowhere.log") {
			t.Errorf("%s: exit code %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
}

// A trial that is interrupted ends with a line, also in the middle of a delivery.
func TestTargetCheckThatIsInterrupted(t *testing.T) {
	arrived := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// As long as the body is unread, the server does not notice that the client went away.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	file := write(t, "target.yaml", "url: "+s.URL+"\nsecret: {env: KIRIM_SECRET}\n")
	cmd := command(t.Context(), t, secretEnv, "target", "check", "--target", file)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// The error says no more than the exit code.
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.HasSuffix(output.String(), "\ninterrupted\n") || strings.Contains(output.String(), "problem") {
		t.Errorf("exit code %d\n%s", code, output.String())
	}
}

// A relay is tried on both sides: what stands in front, its API and its clock, and the way to a subscriber.
func TestTargetCheckTriesEveryPartOfARelay(t *testing.T) {
	relay := startServe(t, "--dev", "--virtual-clock")
	file := func(change ...string) string {
		text := strings.NewReplacer(change...).Replace("role: relay\nurl: BASE/webhooks/meta\nsecret: {env: META_APP_SECRET}\n" +
			"verify_token: {env: META_VERIFY_TOKEN}\nmanagement:\n  rest:\n    base: BASE/v1\n    key: {env: KIRIM_KEY}\nclock: {mode: virtual}\n")
		return write(t, "relay.yaml", strings.ReplaceAll(text, "BASE", relay.url))
	}
	for name, c := range map[string]struct {
		file string
		env  []string
		args []string
		code int
		want [][3]string
	}{
		"all is well": {file(), nil, nil, exitConformant, [][3]string{
			{"ok", "url", "/webhooks/meta takes connections"}, {"ok", "verify_token", "its challenge"}, {"ok", "management", "lists subscriptions: 0"},
			{"ok", "clock", "virtual; it is 2"}, {"ok", "clock", "goes on when it is advanced"}, {"ok", "subscriber", "the harness listens on 127.0.0.1:"},
			{"ok", "management", "a subscription to http://127.0.0.1:"}, {"ok", "delivery", "a message of Meta's was answered with status 200 OK and delivered after"}}},
		"deliveries left out": {file(), nil, []string{"--no-send"}, exitConformant, [][3]string{
			{"ok", "clock", "it was not advanced"}, {"not tried", "delivery", "--no-send"}}},
		"another key": {file(), []string{"KIRIM_KEY=kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB"}, nil, exitIncomplete, [][3]string{
			{"problem", "management", "was refused with 401"}, {"ok", "clock", ""}, {"not tried", "delivery", "it needs the parts above"}}},
		"another app secret": {file(), []string{"META_APP_SECRET=fedcba9876543210fedcba9876543210"}, nil, exitIncomplete, [][3]string{
			{"ok", "management", "a subscription"}, {"problem", "delivery", "a valid POST of Meta's was answered with status 401"}}},
		"another clock": {file("{mode: virtual}", "{mode: virtual, advance: {url: 'BASE/nothing?{seconds}'}, now: {url: 'BASE/test/clock', time: /now}}"), nil, nil, exitIncomplete, [][3]string{
			{"problem", "clock.advance", "answered 404"}}},
		"a time that is none": {file("{mode: virtual}", "{mode: virtual, advance: {url: 'BASE/test/clock/advance?{seconds}'}, now: {url: 'BASE/test/clock', time: /nothing}}"), nil, nil, exitIncomplete, [][3]string{
			{"problem", "clock", "nothing at /nothing"}}},
		"real time": {file("{mode: virtual}", "{mode: real}"), nil, nil, exitConformant, [][3]string{{"ok", "clock", "real, everybody's time"}, {"ok", "delivery", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			env := append(append([]string{}, serveEnv...), c.env...)
			r := kirimcheck(t, env, append([]string{"target", "check", "--target", c.file}, c.args...)...)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", r.code, c.code, r.stdout, r.stderr)
			}
			r.shows(t, c.want...)
			for _, v := range env {
				_, secret, _ := strings.Cut(v, "=")
				if len(secret) > 10 && strings.Contains(r.stdout+r.stderr, secret) {
					t.Errorf("the output tells %q:\n%s%s", secret, r.stdout, r.stderr)
				}
			}
		})
	}
	if left := relay.list(t, "/v1/webhook_subscriptions"); len(left) > 0 {
		t.Errorf("%d subscriptions were left behind", len(left))
	}
}

// Where subscriptions were made by hand there is no API to try, and each of them shows whether it was made as the file says.
func TestTargetCheckOfSubscriptionsMadeByHand(t *testing.T) {
	t.Parallel()
	h := byHand(t, startGateway(t, nil))
	_, first := h.subscribe(t, "message.received")
	_, second := h.subscribe(t, "message.received", "message.status")
	h.subscribe(t, "message.status")
	h.pause(t)
	r := kirimcheck(t, h.env, "target", "check", "--target", h.g.file(t, h.section.String()))
	if r.code != exitConformant {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r.shows(t, [3]string{"not tried", "management", "`kirimcheck target setup`"}, [3]string{"ok", "delivery", first + " after "},
		[3]string{"ok", "delivery", second + " after "}, [3]string{"ok", "delivery", ", signed with its secret"},
		[3]string{"not tried", "management", "2 of the subscriptions, which are paused or get no message.received"})
	if _, secret, _ := strings.Cut(h.env[len(h.env)-1], "="); strings.Contains(r.stdout+r.stderr, secret) {
		t.Errorf("the output tells %q:\n%s", secret, r.stdout)
	}

	h.env[len(h.env)-3] = strings.SplitAfter(h.env[len(h.env)-3], "=")[0] + "whsec_of_somebody_else"
	r = kirimcheck(t, h.env, "target", "check", "--target", h.g.file(t, h.section.String()))
	r.shows(t, [3]string{"ok", "delivery", first + " after "}, [3]string{"problem", "delivery", second + ", and not signed with its secret: "})
	if r.code != exitIncomplete || strings.Contains(r.stdout, "somebody_else") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}

	nowhere := byHand(t, startGateway(t, nil))
	nowhere.subscribe(t, "message.received")
	file := strings.Replace(nowhere.section.String(), "path: /hooks/", "path: /elsewhere/", 1)
	r = kirimcheck(t, nowhere.env, "target", "check", "--target", nowhere.g.file(t, file))
	if r.code != exitIncomplete {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	r.shows(t, [3]string{"problem", "delivery", "not delivered to http://"})
}
