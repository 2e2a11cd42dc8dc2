package outbound_test

import (
	"runtime"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// A subscriber that ends its unused connections, as every server does after some seconds, is not to blame for it.
func TestAStaleConnectionIsNotBilledToTheSubscriber(t *testing.T) {
	plain := listen(t, subscriber.Config{})
	secured, roots := listenTLS(t, subscriber.NoFlaw, false)
	h2, h2Roots := listenTLS(t, subscriber.NoFlaw, true)
	for name, c := range map[string]struct {
		server *subscriber.Server
		config outbound.Config
	}{"http": {server: plain}, "https": {secured, outbound.Config{Roots: roots}}, "HTTP/2": {h2, outbound.Config{Roots: h2Roots}}} {
		t.Run(name, func(t *testing.T) {
			e := c.server.Endpoint()
			client := newClient(t, c.config)
			const times = 100
			for range times {
				taken(t, client, e.URL(), 200)
				// The server needs a moment to wait for the next request.
				for name != "HTTP/2" && c.server.CloseIdle() == 0 {
					runtime.Gosched()
				}
			}
			if n, _ := e.Count(); n != times {
				t.Errorf("%d requests for %d attempts", n, times)
			}
		})
	}
}

// What a subscriber may have acted on is not sent again, also where the connection had been kept.
func TestAnAttemptIsNeverSentTwice(t *testing.T) {
	plain := listen(t, subscriber.Config{})
	secured, roots := listenTLS(t, subscriber.NoFlaw, false)
	h2, h2Roots := listenTLS(t, subscriber.NoFlaw, true)
	for name, c := range map[string]struct {
		server *subscriber.Server
		config outbound.Config
	}{"http": {server: plain}, "https": {secured, outbound.Config{Roots: roots}}, "HTTP/2": {h2, outbound.Config{Roots: h2Roots}}} {
		for fault, answer := range map[string]subscriber.Answer{"reset": subscriber.Reset(), "close": subscriber.Close()} {
			t.Run(name+" "+fault, func(t *testing.T) {
				e := c.server.Endpoint()
				client := newClient(t, c.config)
				const times = 20
				for range times {
					e.Script(subscriber.Status(200), answer)
					taken(t, client, e.URL(), 200)
					if r := send(t, client, e.URL(), []byte("{}")); r.Err == nil {
						t.Errorf("status %d", r.Status)
					}
				}
				got := e.Received()
				if len(got) != 2*times {
					t.Errorf("%d requests for %d attempts", len(got), 2*times)
				}
				if got[0].Conn != got[1].Conn {
					t.Error("the connection was not kept, so nothing was shown")
				}
			})
		}
	}
}
