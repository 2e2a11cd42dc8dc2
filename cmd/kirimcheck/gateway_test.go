package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/target"
)

// gateway is a relay in the test's own process, with a virtual clock. It takes subscribers on loopback by http.
type gateway struct {
	*server.Server
	key string
	// env are the secrets of target files about it.
	env []string
}

// startGateway starts one; change, where it is set, makes it another relay than Kirim's.
func startGateway(t *testing.T, change func(*server.Parts)) *gateway {
	t.Helper()
	edition, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{key: relay.NewKey()}
	const appSecret, token = "0123456789abcdef0123456789abcdef", "token"
	g.Server, err = server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", Edition: edition, Clock: clock.NewVirtual(time.Now()), Dev: true, Seed: 1,
		AppSecret: appSecret, VerifyToken: token,
		Organisations: []relay.OrganisationConfig{{
			Name: "first", Key: g.key, Accounts: []store.Account{{PhoneNumberID: target.DefaultPhoneNumberID, Display: "+62 851-1760-0829"}},
		}},
		Change: change,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Attempts to subscribers that are gone are not waited for.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = g.Close(ctx)
	})
	g.env = []string{"META_APP_SECRET=" + appSecret, "META_VERIFY_TOKEN=" + token, "KIRIM_KEY=" + g.key}
	return g
}

// call makes a call of its API and returns the data of the answer.
func (g *gateway) call(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL()+"/v1"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+g.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(answer, &envelope); err != nil || resp.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return envelope.Data
}

// file is a target file about the gateway; sections are further ones.
func (g *gateway) file(t *testing.T, sections ...string) string {
	t.Helper()
	return write(t, "relay.yaml", fmt.Sprintf(`name: gateway
role: relay
url: %s%s
secret: {env: META_APP_SECRET}
verify_token: {env: META_VERIFY_TOKEN}
clock:
  mode: virtual
  advance: {url: "%[1]s/test/clock/advance", body: '{"by":"{duration}"}'}
  now: {url: "%[1]s/test/clock", time: /now}
`, g.URL(), server.MetaPath)+strings.Join(sections, ""))
}
