package target

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
)

func TestHeadersOfARelayThatIsNotKirim(t *testing.T) {
	kirim := readRelay(t, relayFile).Contract.Headers
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	if kirim != edition.Headers {
		t.Errorf("without a section: %+v", kirim)
	}
	tgt := readRelay(t, relayFile+`delivery:
  headers:
    event: {name: X-Topic, own: topics have other names}
    event_id: {name: svix-id, own: ids of messages}
    delivery_id: {absent: why}
    source: {absent: why}
  user_agent: {value: Gateway/1}
  content_type: application/cloudevents+json
  signature: {scheme: standard-webhooks, prefix: svix}
`)
	want := contract.Headers{
		Event: "X-Topic", EventID: "svix-id", Attempt: "X-Kirim-Attempt", Signature: "svix-signature",
		UserAgent: "Gateway/1", ContentType: "application/cloudevents+json",
	}
	if tgt.Contract.Headers != want {
		t.Errorf("%+v", tgt.Contract.Headers)
	}
	if id, timestamp, value := tgt.Delivery.Signature.StandardHeaders(); id != "svix-id" || timestamp != "svix-timestamp" || value != "svix-signature" {
		t.Errorf("%s, %s, %s", id, timestamp, value)
	}
	tgt = readRelay(t, relayFile+"delivery: {signature: {name: X-Signature}}\n")
	if s := tgt.Delivery.Signature; tgt.Contract.Headers.Signature != "X-Signature" || s.Scheme != KirimScheme {
		t.Errorf("%+v, %s", s, tgt.Contract.Headers.Signature)
	}
}

func TestSubscriptionsMadeByHandHaveTheirSecrets(t *testing.T) {
	tgt := readRelay(t, staticRelay+handMadeLine+"      - {path: /b, events: [message.status], secret: {env: KIRIM_TEST_KEY}, paused: true}\n")
	all, second := tgt.HandMade[0], tgt.HandMade[1]
	if len(all.Events) != len(tgt.Contract.Events) || all.Secret.Reveal() != hush || all.Paused {
		t.Errorf("%+v", all)
	}
	if !slices.Equal(second.Events, []string{"message.status"}) || second.Secret.Reveal() != testKey || !second.Paused {
		t.Errorf("%+v", second)
	}
	if url := tgt.SubscriberURL("/b"); url != "http://127.0.0.1:9912/b" {
		t.Error(url)
	}
	blind := readRelay(t, strings.ReplaceAll(staticRelay+handMadeLine, "KIRIM_TEST_SECRET", "NOT_SET_BY_ANYBODY"),
		func(c *Config) { *c = c.WithoutSecrets() })
	if len(blind.HandMade) != 1 || blind.HandMade[0].Secret.Reveal() != "" {
		t.Errorf("%+v", blind.HandMade)
	}
}

// What stands in the documentation of these sections is what the program takes.
func TestDocumentationOfOtherRelaysIsTrue(t *testing.T) {
	data, err := os.ReadFile("../docs/target.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(begin string) string {
		t.Helper()
		_, after, found := strings.Cut(string(data), "```yaml\n"+begin)
		if !found {
			t.Fatalf("no example begins with %q", begin)
		}
		example, _, _ := strings.Cut(after, "```")
		return begin + example
	}
	for _, name := range []string{"HOOK_1", "HOOK_2", "HOOK_4"} {
		t.Setenv(name, hush)
	}
	head, _, _ := strings.Cut(relayFile, "management:")
	path := writeRelay(t, head+block("subscriber: {listen")+block("delivery:\n"))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "hook-3.txt"), []byte(hush), 0o600); err != nil {
		t.Fatal(err)
	}
	tgt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, lacks := tgt.Lacks(KirimEvents)
	if len(tgt.HandMade) != 4 || !tgt.HandMade[3].Paused || tgt.Delivery.Signature.Scheme != StandardScheme || !lacks {
		t.Errorf("%+v", tgt)
	}
}

// No call of a management by hand may look like one that was made.
func TestManagementByHandCallsNothing(t *testing.T) {
	tgt := readRelay(t, staticRelay+handMadeLine)
	m, err := tgt.NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	errs := map[string]error{"call": m.Call(ctx, Request{Method: "GET", Path: "/x"}).Failure()}
	keep := func(name string, reply Reply, err error) {
		errs[name] = err
		if reply.Request.Method != "" || reply.Status != 0 {
			t.Errorf("%s has a reply: %+v", name, reply)
		}
	}
	_, r, err := m.CreateSubscription(ctx, SubscriptionRequest{})
	keep("create", r, err)
	_, r, err = m.Subscription(ctx, "x")
	keep("read", r, err)
	_, r, err = m.Subscriptions(ctx, Page{})
	keep("list", r, err)
	_, r, err = m.UpdateSubscription(ctx, "x", SubscriptionPatch{})
	keep("update", r, err)
	r, err = m.DeleteSubscription(ctx, "x")
	keep("delete", r, err)
	_, r, err = m.AddSecret(ctx, "x", 1)
	keep("add secret", r, err)
	r, err = m.DeleteSecret(ctx, "x", "y")
	keep("delete secret", r, err)
	_, r, err = m.Deliveries(ctx, DeliveryFilter{})
	keep("deliveries", r, err)
	_, r, err = m.Delivery(ctx, "x")
	keep("delivery", r, err)
	_, r, err = m.Replay(ctx, "x")
	keep("replay", r, err)
	_, r, err = m.BulkReplay(ctx, BulkReplayRequest{})
	keep("bulk replay", r, err)
	_, r, err = m.CreateContact(ctx, ContactRequest{})
	keep("create contact", r, err)
	_, r, err = m.Contact(ctx, "x")
	keep("contact", r, err)
	_, r, err = m.Contacts(ctx, ContactFilter{})
	keep("contacts", r, err)
	_, r, err = m.UpdateContact(ctx, "x", ContactPatch{})
	keep("update contact", r, err)
	_, r, err = m.Conversation(ctx, "x")
	keep("conversation", r, err)
	_, r, err = m.Conversations(ctx, ConversationFilter{})
	keep("conversations", r, err)
	_, r, err = m.UpdateConversation(ctx, "x", ConversationPatch{})
	keep("update conversation", r, err)
	_, r, err = m.SendMessage(ctx, "x", "y")
	keep("send", r, err)
	_, r, err = m.Health(ctx)
	keep("health", r, err)
	for name, err := range errs {
		if !errors.Is(err, ErrByHand) || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := m.Other(); ok {
		t.Error("there is another organisation")
	}
	if got := m.Secrets(); !slices.Equal(got, []string{hush}) {
		t.Errorf("%d secrets", len(got))
	}
	if strings.Contains(m.String(), hush) || m.PhoneNumberID() != DefaultPhoneNumberID || m.Names().Active != "active" {
		t.Errorf("%s, %s, %+v", m, m.PhoneNumberID(), m.Names())
	}
}

func TestWhatAManagementByHandHides(t *testing.T) {
	byHand, rest := readRelay(t, staticRelay+handMadeLine), readRelay(t, relayFile)
	for _, c := range Capabilities() {
		if rest.Hides(c) {
			t.Errorf("an API hides %s", c)
		}
	}
	for c, want := range map[Capability]bool{DeliveryAPI: true, AutoDisable: true, RetryAfter: false, KirimEvents: false} {
		if byHand.Hides(c) != want {
			t.Errorf("%s: %t", c, !want)
		}
	}
}

func TestDifferencesFromKirimAreTold(t *testing.T) {
	for file, want := range map[string]string{
		"": "",
		"delivery: {headers: {attempt: {name: X-Kirim-Attempt}}, content_type: application/json}\n": "",
		"delivery: {headers: {attempt: {name: X-Try}}, signature: {name: X-Sig}}\n":                 "X-Try has the attempt's number; the signature is in X-Sig",
		"delivery: {schedule: {own: why, timeout: 5s}}\n":                                           "they are tried again by another schedule",
	} {
		tgt := readRelay(t, relayFile+file)
		if got := tgt.Delivery.Differences(tgt.KirimsHeaders); got != want {
			t.Errorf("%q in\n%s", got, file)
		}
	}
}
