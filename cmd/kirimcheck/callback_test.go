package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// freePort returns an address that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return l.Addr().String()
}

// tell tells the harness of one effect.
func tell(url string, d reference.Delivery, it reference.Item) error {
	body, err := json.Marshal(map[string]string{"event": d.Event, "event_id": d.EventID, "item_id": it.ID, "status": it.Status})
	if err != nil {
		return err
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("the callback was answered %d", resp.StatusCode)
	}
	return errors.Join(err, resp.Body.Close())
}

// A receiver that reports its effects to the harness is certified like one that is asked, and one that works twice is
// caught the same way.
func TestCallbackObserverSeesEffects(t *testing.T) {
	for name, c := range map[string]struct {
		dedupes bool
		red     []string
	}{
		"correct":   {true, nil},
		"no dedupe": {false, []string{"receiver.dedupe.retry.effect", "receiver.dedupe.replay.effect", "receiver.dedupe.simultaneous.effect"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ed, err := contract.LoadEdition("")
			if err != nil {
				t.Fatal(err)
			}
			listen := freePort(t)
			policy := reference.Correct(ed, reference.Secret)
			policy.Process = func(s *reference.Store, d reference.Delivery, items []reference.Item, key func(reference.Delivery, reference.Item) string) int {
				s.Lock()
				defer s.Unlock()
				for _, it := range items {
					k := key(d, it)
					if c.dedupes && s.Seen(k) {
						continue
					}
					if s.Work(d, it) != nil || tell("http://"+listen+"/effects", d, it) != nil {
						return http.StatusInternalServerError
					}
					s.Remember(k)
				}
				return http.StatusOK
			}
			server, err := reference.Listen(t.Context(), reference.NewReceiver(policy), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			config := server.Config(contract.RoleReceiver, ed.ID)
			config.Secret = target.SecretRef{Env: secretVar}
			config.Observe.HTTP, config.Observe.Callback = nil, &target.CallbackObserver{Listen: listen}
			data, err := yaml.Dump(config)
			if err != nil {
				t.Fatal(err)
			}
			r := kirimcheck(t, secretEnv, "certify", "--target", write(t, "target.yaml", string(data)))
			var red []string
			for _, req := range r.report(t).Requirements {
				if req.Verdict != reports.Pass {
					red = append(red, req.ID)
				}
			}
			slices.Sort(red)
			slices.Sort(c.red)
			if !slices.Equal(red, c.red) {
				t.Errorf("not passed: %v, want %v\n%s", red, c.red, r.stdout)
			}
		})
	}
}
