package target

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mockmeta"
)

const (
	testKey      = "kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA"
	testOtherKey = "kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB"
)

// relayFile is the smallest file of a relay; it has six lines.
const relayFile = `role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
management:
  rest:
    base: http://127.0.0.1:1/v1
    key: {env: KIRIM_TEST_KEY}
`

// staticRelay is a file of a relay without an API; it lacks its subscriptions, whose list is on its seventh line.
const (
	staticRelay = `role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
subscriber: {listen: "127.0.0.1:9912"}
management:
  static:
    subscriptions:
`
	handMadeLine = "      - {path: /a, secret: {env: KIRIM_TEST_SECRET}}\n"
)

func writeRelay(t *testing.T, file string) string {
	t.Helper()
	t.Setenv("KIRIM_TEST_KEY", testKey)
	t.Setenv("KIRIM_TEST_OTHER_KEY", testOtherKey)
	return writeTarget(t, file)
}

func readRelay(t *testing.T, file string, overrides ...func(*Config)) *Target {
	t.Helper()
	tgt, err := ReadFile(writeRelay(t, file), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

func TestMinimalRelayHasTheDefaults(t *testing.T) {
	for _, edition := range []string{"kckit", "kirim.chat", "kirimdev"} {
		tgt := readRelay(t, relayFile+"edition: "+edition+"\n")
		if tgt.Name != "127.0.0.1:1" || tgt.Role != contract.RoleRelay || tgt.Signing.Reveal() != hush || tgt.Token.Reveal() != "" ||
			tgt.Key.Reveal() != testKey || tgt.OtherKey.Reveal() != "" || tgt.StatePath() != "" || tgt.Budget != DefaultBudget {
			t.Errorf("%s: %+v", edition, tgt)
		}
		if s := tgt.Subscriber; s.Listen != DefaultListen || s.PublicURL != "" || s.TLS != nil {
			t.Errorf("%s: subscriber %+v", edition, s)
		}
		if tgt.Clock != (ClockConfig{Mode: RealClock}) || tgt.Config.Lifecycle != (LifecycleConfig{Timeout: DefaultReady}) {
			t.Errorf("%s: clock %+v, lifecycle %+v", edition, tgt.Clock, tgt.Config.Lifecycle)
		}
		rest := tgt.Management.REST
		if rest.Base != "http://127.0.0.1:1/v1" || rest.PhoneNumberID != DefaultPhoneNumberID || rest.Timeout != DefaultCallTimeout {
			t.Errorf("%s: %+v", edition, rest)
		}
		want := map[string][2]any{
			"kckit": {
				RESTPaths{"/webhook_subscriptions", "/webhook_deliveries", "/contacts", "/conversations", "", "/health", "/secrets", "/replay", "/bulk_replay"},
				Names{"initial_secret", "secret", "active", "paused", "disabled", "pending", "delivered", "dead"},
			},
			"kirim.chat": {
				RESTPaths{
					"/webhook_subscriptions", "/webhook_deliveries", "/106540352242922/contacts", "/106540352242922/conversations",
					"/106540352242922/messages", "/health", "/secrets", "/replay", "/bulk_replay",
				},
				Names{"initial_secret", "secret", "active", "paused", "disabled", "pending", "delivered", "failed"},
			},
			"kirimdev": {
				RESTPaths{
					"/webhook_subscriptions", "/webhook_deliveries", "/106540352242922/contacts", "/106540352242922/conversations",
					"/106540352242922/messages", "/health", "/secrets", "/replay", "/bulk_replay",
				},
				Names{"initial_secret", "secret", "active", "paused", "disabled", "pending", "delivered", "dead"},
			},
		}[edition]
		if rest.Paths != want[0] || rest.Names != want[1] {
			t.Errorf("%s: paths %+v, names %+v", edition, rest.Paths, rest.Names)
		}
	}
}

func TestFullRelayIsReadAsItStands(t *testing.T) {
	path := writeRelay(t, `role: relay
name: our relay
edition: kirim.chat
url: https://relay.example/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
verify_token: {env: KIRIM_TEST_SECRET}
tls: {insecure: true}
management:
  rest:
    base: https://relay.example/api/v1/
    key: {env: KIRIM_TEST_KEY}
    other_key: {file: other.txt}
    phone_number_id: 123456
    paths: {subscriptions: /hooks, contacts: "/numbers/{phone_number_id}/contacts", secrets: /keys, bulk_replay: /again}
    names: {initial_secret: token, disabled: suspended, terminal: dropped}
    header: {X-Team: {text: "7"}, X-Gate: {env: KIRIM_TEST_SECRET}}
    timeout: 3s
subscriber: {listen: "0.0.0.0:9912", public_url: "https://tunnel.example/kirim/", tls: {generate: true}}
clock:
  mode: virtual
  advance: {method: PUT, url: "https://relay.example/clock?by={seconds}", header: {X-Gate: {env: KIRIM_TEST_SECRET}}, timeout: 10s}
  now: {url: https://relay.example/clock, time: /time}
capabilities:
  replay: {absent: our dashboard does it}
lifecycle:
  start: {command: [./start.sh]}
  stop: {command: [./stop.sh], timeout: 1m}
  kill: {http: {url: https://relay.example/kill}}
  timeout: 1m
budget: 45m
state: state/relay.json
`)
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "other.txt"), []byte(testOtherKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if tgt.Name != "our relay" || tgt.Token.Reveal() != hush || tgt.OtherKey.Reveal() != testOtherKey || tgt.Budget != 45*time.Minute ||
		tgt.StatePath() != filepath.Join(dir, "state/relay.json") {
		t.Errorf("%+v", tgt)
	}
	rest := tgt.Management.REST
	if rest.Base != "https://relay.example/api/v1" || rest.PhoneNumberID != "123456" || rest.Timeout != 3*time.Second || len(rest.Header) != 2 {
		t.Errorf("%+v", rest)
	}
	if p := rest.Paths; p.Subscriptions != "/hooks" || p.Contacts != "/numbers/123456/contacts" || p.Conversations != "/123456/conversations" ||
		p.Secrets != "/keys" || p.BulkReplay != "/again" || p.Replay != "/replay" {
		t.Errorf("paths %+v", p)
	}
	if n := rest.Names; n.InitialSecret != "token" || n.Disabled != "suspended" || n.Terminal != "dropped" || n.Active != "active" {
		t.Errorf("names %+v", n)
	}
	if s := tgt.Subscriber; s.Listen != "0.0.0.0:9912" || s.PublicURL != "https://tunnel.example/kirim" || !s.TLS.Generate {
		t.Errorf("subscriber %+v", s)
	}
	if c := tgt.Clock; c.Mode != VirtualClock || c.Advance.Method != "PUT" || c.Advance.Timeout != 10*time.Second || c.Now.Time != "/time" {
		t.Errorf("clock %+v", c)
	}
	if reason, lacks := tgt.Lacks(SingleReplay); !lacks || reason != "our dashboard does it" {
		t.Errorf("replay is lacking: %t, %q", lacks, reason)
	}
	if reason, lacks := tgt.Lacks(BulkReplays); lacks || reason != "" {
		t.Errorf("bulk-replay is lacking: %t, %q", lacks, reason)
	}
	if l := tgt.Config.Lifecycle; l.Kill.HTTP == nil || l.Stop.Timeout != time.Minute || l.Timeout != time.Minute {
		t.Errorf("lifecycle %+v", l)
	}
	if text := fmt.Sprintf("%+v %v", tgt, tgt.Config.WithKeys(testKey, testOtherKey)); strings.Contains(text, testKey) || strings.Contains(text, testOtherKey) {
		t.Error("a printed target shows a key")
	}
}

// The clock of kirimcheck serve needs one word; a base without /v1 has the endpoint below itself.
func TestVirtualClockHasTheAddressesOfServe(t *testing.T) {
	for base, want := range map[string]string{
		"http://h:1/v1": "http://h:1", "http://h:1/v1/": "http://h:1", "http://h:1/kirim/v1": "http://h:1/kirim", "http://h:1": "http://h:1",
		"http://h:1/api": "http://h:1/api",
	} {
		tgt := readRelay(t, strings.Replace(relayFile, "http://127.0.0.1:1/v1", base, 1)+"clock: {mode: virtual}\n")
		a, n := tgt.Clock.Advance, tgt.Clock.Now
		if a.URL != want+"/test/clock/advance" || a.Method != "POST" || a.Body != `{"by":"{duration}"}` || a.Timeout != DefaultAdvance ||
			n.URL != want+"/test/clock" || n.Time != "/now" {
			t.Errorf("%s: %+v, %+v", base, a, n)
		}
	}
	tgt := readRelay(t, relayFile+"clock: {mode: scaled, factor: 3600}\n")
	if n := tgt.Clock.Now; n.URL != "http://127.0.0.1:1/v1/health" || n.Time != "/data/clock/now" {
		t.Errorf("%+v", n)
	}
}

func TestFaultInARelaysSectionIsToldWithItsLine(t *testing.T) {
	under := func(rest string) string { return relayFile + "    " + rest + "\n" }
	for name, c := range map[string]struct {
		file string
		line int
		want string
	}{
		"unknown key of management":  {"role: relay\nmanagement: {soap: {}}\n", 2, `management: unknown key "soap"; known keys here: rest`},
		"an adapter of a later time": {"role: relay\nmanagement: {soap: {}}\n", 2, `management: unknown key "soap"; known keys here: rest`},
		"unknown key of rest":        {under("url: x"), 8, `management.rest: unknown key "url"; known keys here: base, key, other_key, `},
		"unknown path":               {under("paths: {labels: /labels}"), 8, `management.rest.paths: unknown key "labels"`},
		"unknown name":               {under("names: {dead: x}"), 8, `management.rest.names: unknown key "dead"`},
		"unknown key of clock":       {relayFile + "clock: {speed: 3}\n", 8, `clock: unknown key "speed"; known keys here: mode, factor, advance, now`},
		"text for a factor":          {relayFile + "clock: {mode: scaled, factor: fast}\n", 8, `clock.factor: "fast" stands where a number is expected`},
		"text for a capability":      {relayFile + "capabilities: {replay: absent}\n", 8, `capabilities.replay: "absent" stands where a mapping with the keys absent is expected`},
		"a list of capabilities":     {relayFile + "capabilities: [replay]\n", 8, "capabilities: a list stands where a mapping is expected"},
		"a number for the budget":    {relayFile + "budget: 3\n", 8, `budget: "3" stands where a duration such as 5s is expected`},

		"no management":           {"role: relay\nurl: http://x/\nsecret: {env: KIRIM_TEST_SECRET}\n", 0, "management: is missing; write rest: "},
		"empty management":        {"role: relay\nurl: http://x/\nsecret: {env: KIRIM_TEST_SECRET}\nmanagement: {}\n", 4, "management: is missing"},
		"no base":                 {strings.Replace(relayFile, "base: http://127.0.0.1:1/v1", "timeout: 1s", 1), 5, "management.rest.base: is missing"},
		"a base of another kind":  {strings.Replace(relayFile, "base: http", "base: ftp", 1), 6, "management.rest.base: \"ftp://127.0.0.1:1/v1\" does not begin with http"},
		"a token in the base":     {strings.Replace(relayFile, ":1/v1", ":1/v1?token="+hush, 1), 6, "management.rest.base: it holds a user name, a password, a query"},
		"a user in the base":      {strings.Replace(relayFile, "base: http://", "base: http://"+hush+"@", 1), 6, "management.rest.base: it holds a user"},
		"no key":                  {strings.Replace(relayFile, "key: {env: KIRIM_TEST_KEY}", "timeout: 1s", 1), 5, "management.rest.key: is missing; write {env: NAME}"},
		"a key that is not set":   {strings.Replace(relayFile, "KIRIM_TEST_KEY", "NOT_SET_BY_ANYBODY", 1), 7, "management.rest.key: the environment variable NOT_SET_BY_ANYBODY is not set"},
		"a key that is no header": {strings.Replace(relayFile, "KIRIM_TEST_KEY", "KIRIM_TEST_BLANK", 1), 7, "management.rest.key: holds a blank"},
		"the same key twice":      {under("other_key: {env: KIRIM_TEST_KEY}"), 8, "management.rest.other_key: is the same as key"},
		"another key not set":     {under("other_key: {env: NOT_SET_BY_ANYBODY}"), 8, "management.rest.other_key: the environment variable"},
		"no phone number id":      {under("phone_number_id: +62 811"), 8, `management.rest.phone_number_id: "+62 811" is none`},
		"a path without a slash":  {under("paths: {deliveries: x}"), 8, `management.rest.paths.deliveries: "x" is not a plain path; write one such as /webhook_deliveries`},
		"a path with a query":     {under("paths: {deliveries: '/x?y'}"), 8, "management.rest.paths.deliveries: "},
		"a path with a dot":       {under("paths: {deliveries: /../x}"), 8, "management.rest.paths.deliveries: "},
		"a slash at the end":      {under("paths: {deliveries: /x/}"), 8, "management.rest.paths.deliveries: "},
		"an unknown hole":         {under("paths: {contacts: '/{account}/contacts'}"), 8, "management.rest.paths.contacts: "},
		"one word for two":        {under("names: {disabled: active}"), 8, `management.rest.names.disabled: "active" is also the word for active`},
		"one word for two ends":   {under("names: {terminal: done, delivered: done}"), 8, "management.rest.names.terminal: "},
		"our own header":          {under("header: {authorization: {text: x}}"), 8, "management.rest.header.authorization: is written by the harness"},
		"a header's name":         {under("header: {\"a b\": {text: x}}"), 8, "management.rest.header.a b: is not the name of a header"},
		"a header's value":        {under("header: {A: {text: \"x\\ny\"}}"), 8, "management.rest.header.A: holds a line end"},
		"a header not set":        {under("header: {A: {env: NOT_SET_BY_ANYBODY}}"), 8, "management.rest.header.A: the environment variable"},
		"negative timeout":        {under("timeout: -1s"), 8, "management.rest.timeout: -1s is negative"},

		"nowhere to listen":            {relayFile + "subscriber: {listen: here}\n", 8, `subscriber.listen: "here" is not an address`},
		"a port that is none":          {relayFile + "subscriber: {listen: '127.0.0.1:70000'}\n", 8, `subscriber.listen: "70000" is not a port`},
		"no port":                      {relayFile + "subscriber: {listen: '127.0.0.1:'}\n", 8, `subscriber.listen: "" is not a port`},
		"all addresses, none public":   {relayFile + "subscriber: {listen: '0.0.0.0:9912'}\n", 8, "subscriber.listen: \"0.0.0.0:9912\" is no address that a relay could call"},
		"all addresses by no name":     {relayFile + "subscriber: {listen: ':9912'}\n", 8, "subscriber.listen: "},
		"all addresses of IPv6":        {relayFile + "subscriber: {listen: '[::]:9912'}\n", 8, "subscriber.listen: "},
		"public, and nowhere":          {relayFile + "subscriber: {public_url: 'https://t.example'}\n", 8, "subscriber.listen: is missing; with public_url"},
		"public, and anywhere":         {relayFile + "subscriber: {listen: '127.0.0.1:0', public_url: 'https://t.example'}\n", 8, "subscriber.listen: port 0 is a different one in every run"},
		"a public URL with a query":    {relayFile + "subscriber: {listen: ':9', public_url: 'https://t.example/?a'}\n", 8, "subscriber.public_url: "},
		"a certificate of nothing":     {relayFile + "subscriber: {tls: {}}\n", 8, "subscriber.tls: write cert and key, or generate: true"},
		"half a certificate":           {relayFile + "subscriber: {tls: {cert: c.pem}}\n", 8, "subscriber.tls: cert and key belong together"},
		"two certificates":             {relayFile + "subscriber: {tls: {cert: c.pem, key: k.pem, generate: true}}\n", 8, "subscriber.tls: both generate and files are set"},
		"a certificate that is absent": {relayFile + "subscriber: {tls: {cert: c.pem, key: k.pem}}\n", 8, "subscriber.tls: open "},

		"a mode of no kind":         {relayFile + "clock: {mode: fast}\n", 8, `clock.mode: "fast" is none; write virtual, scaled or real`},
		"a factor of a real clock":  {relayFile + "clock: {factor: 2}\n", 8, "clock.factor: belongs to a scaled clock; this one is real"},
		"a scale without a factor":  {relayFile + "clock: {mode: scaled}\n", 8, "clock.factor: is missing"},
		"a slower clock":            {relayFile + "clock: {mode: scaled, factor: 0.5}\n", 8, "clock.factor: 0.5 is none"},
		"an endless clock":          {relayFile + "clock: {mode: scaled, factor: .inf}\n", 8, "clock.factor: +Inf is none"},
		"a factor of no number":     {relayFile + "clock: {mode: scaled, factor: .nan}\n", 8, "clock.factor: NaN is none"},
		"advancing a real clock":    {relayFile + "clock: {advance: {url: 'http://x/{seconds}'}}\n", 8, "clock.advance: belongs to a virtual clock; this one is real"},
		"the time of a real clock":  {relayFile + "clock: {now: {url: 'http://x/', time: /now}}\n", 8, "clock.now: belongs to a virtual or a scaled clock"},
		"advancing without a URL":   {relayFile + "clock: {mode: virtual, advance: {body: '{seconds}'}}\n", 8, "clock.advance.url: is missing"},
		"advancing by nothing":      {relayFile + "clock: {mode: virtual, advance: {url: 'http://x/'}}\n", 8, "clock.advance.body: neither {duration} nor {seconds}"},
		"advancing with no method":  {relayFile + "clock: {mode: virtual, advance: {url: 'http://x/{seconds}', method: 'A B'}}\n", 8, "clock.advance.method: "},
		"advancing in no time":      {relayFile + "clock: {mode: virtual, advance: {url: 'http://x/{seconds}', timeout: -1s}}\n", 8, "clock.advance.timeout: "},
		"advancing without a value": {relayFile + "clock: {mode: virtual, advance: {url: 'http://x/{seconds}', header: {A: {env: NOT_SET_BY_ANYBODY}}}}\n", 8, "clock.advance.header.A: "},
		"the time at no place":      {relayFile + "clock: {mode: scaled, factor: 2, now: {url: 'http://x/', time: now}}\n", 8, `clock.now.time: "now" is not a JSON pointer`},

		"a capability of no kind":  {relayFile + "capabilities:\n  replay: {absent: why}\n  replays: {absent: why}\n", 10, "capabilities.replays: there is no such capability; there are contacts-api, conversations-api, "},
		"no reason":                {relayFile + "capabilities:\n  replay: {absent: ' '}\n", 9, "capabilities.replay.absent: is missing; write the reason"},
		"nothing of a capability":  {relayFile + "capabilities:\n  replay:\n", 9, "capabilities.replay.absent: is missing"},
		"a start without an end":   {relayFile + "lifecycle: {start: {command: [x]}}\n", 8, "lifecycle: start, stop and kill belong together"},
		"no kill":                  {relayFile + "lifecycle: {start: {command: [x]}, stop: {command: [x]}}\n", 8, "lifecycle: start, stop and kill belong together"},
		"a hook that does nothing": {relayFile + "lifecycle: {start: {command: [x]}, stop: {}, kill: {command: [x]}}\n", 8, "lifecycle.stop: write command: "},
		"a lifecycle in no time":   {relayFile + "lifecycle: {timeout: -1s}\n", 8, "lifecycle.timeout: -1s is negative"},
		"a budget below nothing":   {relayFile + "budget: -3m\n", 8, "budget: -3m0s is negative"},
		"a verify token not set":   {relayFile + "verify_token: {env: NOT_SET_BY_ANYBODY}\n", 8, "verify_token: the environment variable"},

		"two managements":                {relayFile + "  static: {subscriptions: [{path: /a}]}\n", 4, "management: several of rest, graphql and static are set; keep one"},
		"nothing made by hand":           {staticRelay + "      []\n", 7, "management.static.subscriptions: is missing; name at least one"},
		"made by hand without a path":    {staticRelay + "      - {secret: {env: KIRIM_TEST_SECRET}}\n", 7, "number 1: path is missing; write one such as /hooks/1"},
		"made by hand at an odd path":    {staticRelay + "      - {path: hooks}\n", 7, `number 1: path "hooks" is not a plain path`},
		"made by hand at one path":       {staticRelay + handMadeLine + handMadeLine, 7, "number 2: path /a is that of an earlier one"},
		"made by hand for no such event": {staticRelay + "      - {path: /a, events: [message.sent]}\n", 7, `number 1: there is no event "message.sent"; there are message.received, `},
		"made by hand without a secret":  {staticRelay + "      - {path: /a}\n", 7, "number 1 (/a): secret: is missing"},
		"made by hand at a free port":    {strings.Replace(staticRelay, ":9912", ":0", 1) + handMadeLine, 4, "subscriber.listen: is no fixed address"},
		"a virtual clock by hand":        {staticRelay + handMadeLine + "clock: {mode: virtual}\n", 9, "clock.advance: is missing; without management.rest write the call"},
		"a scaled clock by hand":         {staticRelay + handMadeLine + "clock: {mode: scaled, factor: 60}\n", 9, "clock.now: is missing; without management.rest write what tells the time"},

		"a header of two minds":       {relayFile + "delivery: {headers: {attempt: {name: X-A, absent: why}}}\n", 8, "delivery.headers.attempt: is absent and has a name"},
		"a header of no name":         {relayFile + "delivery: {headers: {event: {name: 'X A'}}}\n", 8, `delivery.headers.event: "X A" is not the name of a header`},
		"one header for two":          {relayFile + "delivery: {headers: {event: {name: x-kirim-attempt}}}\n", 8, "delivery.headers.attempt: X-Kirim-Attempt is also the header of event"},
		"a user agent of two minds":   {relayFile + "delivery: {user_agent: {value: a, own: b}}\n", 8, "delivery.user_agent: both value and own are set"},
		"a content type with more":    {relayFile + "delivery: {content_type: application/json; charset=utf-8}\n", 8, "delivery.content_type: "},
		"a scheme of no kind":         {relayFile + "delivery: {signature: {scheme: jwt}}\n", 8, `delivery.signature.scheme: there is no scheme "jwt"; there are kirim and standard-webhooks`},
		"a name of three headers":     {relayFile + "delivery: {signature: {scheme: standard-webhooks, name: X}}\n", 8, "delivery.signature.name: belongs to the scheme kirim"},
		"a prefix of one header":      {relayFile + "delivery: {signature: {prefix: svix}}\n", 8, "delivery.signature.prefix: belongs to the scheme standard-webhooks"},
		"a prefix that is no header":  {relayFile + "delivery: {signature: {scheme: standard-webhooks, prefix: 'a b'}}\n", 8, "delivery.signature.prefix: "},
		"a schedule for no reason":    {relayFile + "delivery: {schedule: {timeout: 5s}}\n", 8, "delivery.schedule.own: is missing"},
		"a schedule of two attempts":  {relayFile + "delivery: {schedule: {own: why, delays: [0s, 5s]}}\n", 8, "delivery.schedule.delays: has 2; write the waits before each attempt, 4 of them or more"},
		"a schedule that waits first": {relayFile + "delivery: {schedule: {own: why, delays: [1s, 5s, 5s, 5s]}}\n", 8, "delivery.schedule.delays: number 1 is 1s"},
		"a schedule without a wait":   {relayFile + "delivery: {schedule: {own: why, delays: [0s, 5s, 0s, 5s]}}\n", 8, "delivery.schedule.delays: number 3 is 0s"},
		"a jitter of everything":      {relayFile + "delivery: {schedule: {own: why, jitter: 1}}\n", 8, "delivery.schedule.jitter: 1 is none"},
		"a timeout below nothing":     {relayFile + "delivery: {schedule: {own: why, timeout: -1s}}\n", 8, "delivery.schedule.timeout: -1s is negative"},
		"delivery of a receiver":      {minimal + "delivery: {content_type: a/b}\n", 3, "delivery: belongs to the role relay"},

		"observe of a relay":            {relayFile + "observe: {timeout: 1s}\n", 8, "observe: belongs to the roles receiver and meta-receiver; this target's role is relay"},
		"hooks of a relay":              {relayFile + "hooks: {fail: {command: [x]}}\n", 8, "hooks: belongs to the roles receiver and meta-receiver"},
		"events of a relay":             {relayFile + "events: [message.received]\n", 8, "events: belongs to the roles receiver and meta-receiver"},
		"management of a receiver":      {minimal + "management: {rest: {base: x}}\n", 3, "management: belongs to the role relay; this target's role is receiver"},
		"subscriber of a receiver":      {minimal + "subscriber: {listen: x}\n", 3, "subscriber: belongs to the role relay"},
		"clock of a receiver":           {minimal + "clock: {mode: real}\n", 3, "clock: belongs to the role relay"},
		"capabilities of a receiver":    {minimal + "capabilities: {}\n", 3, "capabilities: belongs to the role relay"},
		"lifecycle of a receiver":       {minimal + "lifecycle: {timeout: 1s}\n", 3, "lifecycle: belongs to the role relay"},
		"budget of a meta-receiver":     {minimal + "role: meta-receiver\nbudget: 1m\n", 4, "budget: belongs to the role relay; this target's role is meta-receiver"},
		"state of a receiver":           {minimal + "state: x\n", 3, "state: belongs to the role relay"},
		"verify token of a receiver":    {minimal + "verify_token: {env: KIRIM_TEST_SECRET}\n", 3, "verify_token: belongs to the roles meta-receiver and relay"},
		"a role that nobody has":        {minimal + "role: sender\n", 3, `role: "sender" cannot be certified; the roles that can are receiver, meta-receiver and relay`},
		"a front with a user":           {strings.Replace(relayFile, "url: http://", "url: http://u@", 1), 2, "url: it holds a user name"},
		"a secret that is missing here": {"role: relay\nurl: http://x/\n", 0, "secret: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KIRIM_TEST_BLANK", "Bearer x")
			path := writeRelay(t, c.file)
			_, err := ReadFile(path)
			isError(t, err, path, c.want)
			if strings.ContainsAny(err.Error(), "\r\n") || strings.Contains(err.Error(), hush) {
				t.Errorf("more than a line, or a secret: %v", err)
			}
			if ce, ok := errors.AsType[*ConfigError](err); !ok || ce.Line != c.line {
				t.Errorf("line %d wanted: %v", c.line, err)
			}
		})
	}
}

func TestOverridesOfTheProgramComeFirst(t *testing.T) {
	file := strings.Replace(relayFile, "{env: KIRIM_TEST_KEY}", "{env: NOT_SET_BY_ANYBODY}", 1) + "budget: 1m\n"
	tgt := readRelay(t, file, func(c *Config) { *c = c.WithBudget(7*time.Minute).WithKeys(testKey, testOtherKey) })
	if tgt.Budget != 7*time.Minute || tgt.Key.Reveal() != testKey || tgt.OtherKey.Reveal() != testOtherKey {
		t.Errorf("budget %s, key %q, other key %q", tgt.Budget, tgt.Key.Reveal(), tgt.OtherKey.Reveal())
	}
	if tgt := readRelay(t, relayFile+"budget: 1m\n", func(c *Config) { *c = c.WithBudget(0) }); tgt.Budget != time.Minute {
		t.Errorf("a flag that was not given made the budget %s", tgt.Budget)
	}
}

func TestCertificateOfTheSubscribersIsLoaded(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	cert, err := newAuthority(t).Client("subscriber.example", mockmeta.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := writeRelay(t, relayFile+"subscriber: {tls: {cert: c.pem, key: k.pem}}\n")
	writePEM(t, filepath.Join(filepath.Dir(path), "c.pem"), cert.CertPEM)
	writePEM(t, filepath.Join(filepath.Dir(path), "k.pem"), cert.KeyPEM)
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, given, err := tgt.SubscriberCertificate()
	block, _ := pem.Decode(cert.CertPEM)
	if err != nil || !given || string(got.Certificate[0]) != string(block.Bytes) {
		t.Errorf("given: %t, %v", given, err)
	}
	for _, file := range []string{relayFile, relayFile + "subscriber: {tls: {generate: true}}\n"} {
		if _, given, err := readRelay(t, file).SubscriberCertificate(); given || err != nil {
			t.Errorf("%t, %v in\n%s", given, err, file)
		}
	}
}

// What stands in the documentation is what the program takes.
func TestDocumentationOfTheRelayIsTrue(t *testing.T) {
	data, err := os.ReadFile("../docs/target.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for _, c := range Capabilities() {
		if !strings.Contains(doc, "| `"+string(c)+"` |") {
			t.Errorf("the capability %s is not told", c)
		}
	}
	_, examples, found := strings.Cut(doc, "# relay.yaml\n")
	if !found {
		t.Fatal("there is no example relay.yaml")
	}
	example, _, _ := strings.Cut(examples, "```")
	for _, name := range []string{"META_APP_SECRET", "META_VERIFY_TOKEN"} {
		t.Setenv(name, hush)
	}
	t.Setenv(KeyVariable, testKey)
	t.Setenv(OtherKeyVariable, testOtherKey)
	tgt, err := ReadFile(writeTarget(t, example))
	if err != nil {
		t.Fatal(err)
	}
	if tgt.Role != contract.RoleRelay || tgt.Clock.Mode != VirtualClock {
		t.Errorf("%+v", tgt)
	}
}
