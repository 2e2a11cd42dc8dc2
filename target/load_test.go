package target

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

const minimal = "url: http://127.0.0.1:1/hook\nsecret: {env: KIRIM_TEST_SECRET}\n"

func writeTarget(t *testing.T, content string) string {
	t.Helper()
	t.Setenv("KIRIM_TEST_SECRET", hush)
	path := filepath.Join(t.TempDir(), "target.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The YAML library names these faults in text only, and explainYAML takes them from there.
func TestFaultInTheFileIsToldInOurWords(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		line int
		key  string
		want string
	}{
		"unknown key":                {minimal + "uri: x\n", 3, "", `unknown key "uri"; known keys here: name, role, edition, url, secret, `},
		"unknown key, nested":        {minimal + "observe:\n  http:\n    uri: x\n", 5, "observe.http", `unknown key "uri"; known keys here: url, count, header`},
		"unknown key, inline":        {minimal + "tls: {pem: x}\n", 3, "tls", `unknown key "pem"; known keys here: ca, insecure, cert, key`},
		"unknown key below a map":    {minimal + "observe: {http: {header: {A: {value: x}}}}\n", 3, "observe.http.header.A", `unknown key "value"; known keys here: text, env`},
		"unknown key of an odd form": {minimal + "\"a b\": x\n", 3, "", `unknown key "a b"`},
		"keys that are not ours":     {minimal + "dir: /\n", 3, "", `unknown key "dir"`},
		"key given twice":            {minimal + "url: http://x/\n", 3, "url", "already defined at line 1"},

		"a list for a mapping":      {"- url\n", 1, "", "a list stands where a mapping with the keys name, role, "},
		"text for a mapping":        {"url\n", 1, "", `"url" stands where a mapping with the keys name, role, `},
		"text for an inner mapping": {minimal + "tls: yes please\n", 3, "tls", `"yes please" stands where a mapping with the keys ca, insecure, cert, key is expected`},
		"a mapping for text":        {"url: {a: b}\n", 1, "url", "a mapping stands where text is expected"},
		"a list for text":           {"url: [a]\n", 1, "url", "a list stands where text is expected"},
		"text for a truth":          {minimal + "tls: {insecure: maybe}\n", 3, "tls.insecure", `"maybe" stands where true or false is expected`},
		"a number for a truth":      {minimal + "tls: {insecure: 1}\n", 3, "tls.insecure", `"1" stands where true or false is expected`},
		"text for a duration":       {minimal + "observe:\n  timeout: soon\n", 4, "observe.timeout", `"soon" stands where a duration such as 5s is expected`},
		"a number for a duration":   {minimal + "observe: {settle: 5}\n", 3, "observe.settle", `"5" stands where a duration such as 5s is expected`},
		"a fraction for a duration": {minimal + "observe: {settle: 0.5}\n", 3, "observe.settle", `"0.5" stands where a duration such as 5s is expected`},
		"text for a list":           {minimal + "events: contact.created\n", 3, "events", "stands where a list is expected"},
		"text for a command":        {minimal + "hooks: {fail: {command: touch x}}\n", 3, "hooks.fail.command", "stands where a list is expected"},
		"a list for a map":          {minimal + "observe: {http: {header: [a]}}\n", 3, "observe.http.header", "a list stands where a mapping is expected"},
		"a list in a list":          {minimal + "events:\n  - [a]\n", 4, "events.0", "a list stands where text is expected"},

		"not closed":     {"url: 'http\n", 2, "", "not YAML: "},
		"badly indented": {"url: x\n  secret: y\n", 2, "", "not YAML: "},
		"a tab":          {"observe:\n\ttimeout: 1s\n", 2, "", "not YAML: "},
		"empty":          {"", 0, "", "the file is empty; it needs at least url and secret"},
		"blank":          {" \n\n", 0, "", "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeTarget(t, c.file)
			_, err := ReadFile(path)
			isError(t, err, path, c.want)
			var ce *ConfigError
			if !errors.As(err, &ce) {
				t.Fatalf("a %T: %v", err, err)
			}
			if c.line != 0 && ce.Line != c.line || ce.Key != c.key {
				t.Errorf("line %d, key %q, want %d and %q: %v", ce.Line, ce.Key, c.line, c.key, err)
			}
		})
	}
}

func TestFaultOfAValueIsToldWithItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		line int
		want string
	}{
		"token in the URL":         {"url: ftp://x/?token=" + hush + "\nsecret: {env: KIRIM_TEST_SECRET}\n", 1, "url: "},
		"no such edition":          {minimal + "edition: kckti\n", 3, "edition: "},
		"no such role":             {minimal + "\n# a comment\nrole: sender\n", 5, "role: "},
		"no such event":            {minimal + "events:\n  - contact.created\n  - contact.gone\n", 3, `events: there is no event "contact.gone"`},
		"an event of no payload":   {minimal + "events: [message.revoked]\n", 3, `events: there is no event "message.revoked"`},
		"such events alone":        {minimal + "edition: kirimdev\nevents: [message.revoked, customer.created]\n", 4, "events: nobody knows what message.revoked, customer.created look like"},
		"negative settle":          {minimal + "observe:\n  timeout: 1s\n  settle: -1s\n", 5, "observe.settle: -1s is negative"},
		"two observers":            {minimal + "observe: {http: {url: 'http://x/{event_id}'}, callback: {listen: ':0'}}\n", 3, "observe: "},
		"a host to listen on":      {minimal + "observe:\n  callback:\n    listen: 127.0.0.1\n", 5, "observe.callback.listen: \"127.0.0.1\" is not an address with a port"},
		"nowhere to listen":        {minimal + "observe:\n  callback:\n    path: /x\n", 4, "observe.callback.listen: is missing"},
		"a callback's field":       {minimal + "observe: {callback: {listen: ':0', fields: {event: type}}}\n", 3, "observe.callback.fields: "},
		"a hook's URL":             {minimal + "hooks:\n  fail: {http: {url: x}}\n  recover: {command: [x]}\n", 4, "hooks.fail: http.url: "},
		"half a pair of hooks":     {minimal + "hooks:\n  recover: {command: [x]}\n", 3, "hooks: "},
		"an observer's header":     {minimal + "observe:\n  http:\n    url: 'http://x/{event_id}'\n    header:\n      A: {env: NOT_SET_BY_ANYBODY}\n", 7, "observe.http.header.A: "},
		"a secret that is missing": {"url: http://x/\n", 0, "secret: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeTarget(t, c.file)
			_, err := ReadFile(path)
			isError(t, err, path, c.want)
			var ce *ConfigError
			if errors.As(err, &ce); ce.Line != c.line {
				t.Errorf("line %d, want %d: %v", ce.Line, c.line, err)
			}
		})
	}
}

// A receiver may be subscribed to what the catalogue names and nobody has seen.
func TestEventsThatNobodyHasSeenMayStandBesideOthers(t *testing.T) {
	path := writeTarget(t, minimal+"edition: kirimdev\nevents: [message.revoked, message.sent]\n")
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"message.revoked", "message.sent"}; !slices.Equal(tgt.Events, want) {
		t.Errorf("events %q, want %q", tgt.Events, want)
	}
}

// The server takes a path as a pattern, and would panic at some and never match others.
func TestPathOfACallbackIsPlain(t *testing.T) {
	for path, ok := range map[string]bool{
		"/effects": true, "/": true, "/a/b": true, "/a/": true, "/effets-é_.~": true,
		"effects": false, "/{x": false, "/{x}": false, "//a": false, "/a//b": false, "/a/../b": false, "/./a": false,
		"/a?b=c": false, "/a#b": false, "/a%2Fb": false, "/a b": false, "/a//": false,
	} {
		_, err := Config{
			URL: "http://x/", Observe: Observe{Callback: &CallbackObserver{Listen: "127.0.0.1:0", Path: path}},
		}.WithSecret(hush).Resolve("flags")
		if !ok {
			isError(t, err, "flags: observe.callback.path: ", path)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		cb := listenCallback(t, CallbackObserver{Path: path})
		if status, _ := call(t, cb, "POST", path, `{"event":"a","event_id":"1","item_id":"x"}`); status != 204 {
			t.Errorf("%s is answered %d", path, status)
		}
	}
}

func TestMinimalFileHasTheDefaults(t *testing.T) {
	tgt, err := ReadFile(writeTarget(t, minimal))
	if err != nil {
		t.Fatal(err)
	}
	if tgt.Name != "127.0.0.1:1" || tgt.Role != contract.RoleReceiver || tgt.Edition != contract.DefaultEdition || tgt.Signing.Reveal() != hush {
		t.Errorf("name %q, role %q, edition %q", tgt.Name, tgt.Role, tgt.Edition)
	}
	if tgt.Contract.ID != contract.DefaultEdition || len(tgt.Events) != len(tgt.Contract.Events) {
		t.Errorf("contract %s, events %q", tgt.Contract.ID, tgt.Events)
	}
	if o := tgt.Observe; o.Timeout != DefaultTimeout || o.Settle != DefaultSettle || o.Interval != DefaultInterval || o.HTTP != nil || o.Callback != nil {
		t.Errorf("observe %+v", o)
	}
}

func TestFullFileIsReadAsItStands(t *testing.T) {
	path := writeTarget(t, `name: shop
role: receiver
edition: kirim.chat
url: https://example.com/kirim-webhook?tenant=7
secret: {file: secret.txt}
tls: {ca: certs/ca.pem, insecure: true}
events: [message.received]
observe:
  timeout: 1m30s
  settle: 250ms
  interval: 5ms
  http:
    url: http://example.com/effects/{event_id}
    count: /n
    header:
      Authorization: {env: KIRIM_TEST_SECRET}
      X-Tenant: {text: "7"}
hooks:
  fail: {command: [./fail.sh, now], timeout: 1s}
  recover: {http: {method: PUT, url: http://example.com/recover, header: {A: {text: b}}}}
`)
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte("whsec_of_the_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "certs", "ca.pem"), newAuthority(t).PEM())
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if tgt.Name != "shop" || tgt.Contract.ID != "kirim.chat" || tgt.URL != "https://example.com/kirim-webhook?tenant=7" ||
		tgt.Signing.Reveal() != "whsec_of_the_file" || strings.Join(tgt.Events, " ") != "message.received" {
		t.Errorf("%+v", tgt)
	}
	if !tgt.TLS.Insecure {
		t.Errorf("tls %+v", tgt.TLS)
	}
	o := tgt.Observe
	if o.Timeout != 90*time.Second || o.Settle != 250*time.Millisecond || o.Interval != 5*time.Millisecond || o.HTTP.Count != "/n" || len(o.HTTP.Header) != 2 {
		t.Errorf("observe %+v", o)
	}
	if h := tgt.Hooks; strings.Join(h.Fail.Command, " ") != "./fail.sh now" || h.Fail.Timeout != time.Second || h.Recover.HTTP.Method != "PUT" {
		t.Errorf("hooks %+v", h)
	}
}

// Relative paths start at the target file, wherever the program was started.
func TestRelativePathsStartAtTheTargetFile(t *testing.T) {
	path := writeTarget(t, "url: http://x/\nsecret: {file: ../secrets/s}\ntls: {ca: ca.pem}\n")
	dir := filepath.Dir(path)
	if err := os.Mkdir(filepath.Join(dir, "..", "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "..", "secrets", "s"), []byte("beside"), 0o600); err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "ca.pem"), newAuthority(t).PEM())
	t.Chdir(filepath.Dir(dir))
	for _, place := range []string{path, filepath.Join(filepath.Base(dir), "target.yaml")} {
		tgt, err := ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if tgt.Signing.Reveal() != "beside" {
			t.Errorf("%s: secret %q", place, tgt.Signing.Reveal())
		}
	}
	elsewhere := Config{dir: "elsewhere"}
	for given, want := range map[string]string{"/etc/ca.pem": "/etc/ca.pem", "ca.pem": "elsewhere/ca.pem", "": ""} {
		if got := elsewhere.path(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestOverridesComeBeforeTheChecks(t *testing.T) {
	path := writeTarget(t, "url: nonsense\nsecret: {env: KIRIM_TEST_SECRET}\nedition: none\n")
	tgt, err := ReadFile(path,
		func(c *Config) { c.URL, c.Edition = "http://one/", "kirim.chat" },
		func(c *Config) { c.URL = "http://two/" },
	)
	if err != nil {
		t.Fatal(err)
	}
	if tgt.URL != "http://two/" || tgt.Contract.ID != "kirim.chat" {
		t.Errorf("url %s, edition %s", tgt.URL, tgt.Contract.ID)
	}
	_, err = ReadFile(path, func(c *Config) { c.URL = "http://one/" })
	isError(t, err, path+":3: edition: ")
}

func TestFileThatCannotBeReadIsTold(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "there is no such file", dir: "is a directory", large: "larger than 1048576 bytes",
	} {
		_, err := ReadFile(path)
		isError(t, err, path+": ", want)
	}
}
