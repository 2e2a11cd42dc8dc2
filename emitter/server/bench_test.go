package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// sink is a subscriber that notes when it got which event.
type sink struct {
	url      string
	arrived  sync.Map // event id to time
	count    atomic.Int64
	expected atomic.Int64
	all      chan struct{}
	// refuse makes it answer that it wants to be asked again in an hour.
	refuse atomic.Bool
}

func newSink(b *testing.B) *sink {
	s := &sink{all: make(chan struct{}, 1)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		if s.refuse.Load() {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		} else {
			s.arrived.Store(req.Header.Get("X-Kirim-Event-Id"), time.Now())
		}
		if s.count.Add(1) == s.expected.Load() {
			s.all <- struct{}{}
		}
	})}
	go func() { _ = srv.Serve(listener) }()
	b.Cleanup(func() { _ = srv.Close() })
	s.url = "http://" + listener.Addr().String() + "/"
	return s
}

// expect sets how many requests end the next wait.
func (s *sink) expect(n int) {
	s.count.Store(0)
	s.expected.Store(int64(n))
}

// benched is an emitter with so many subscriptions to statuses.
func benched(b *testing.B, data string, subscriptions int, url string) *relay.Relay {
	ed, err := contract.LoadEdition("")
	if err != nil {
		b.Fatal(err)
	}
	s, err := server.Start(b.Context(), server.Config{
		Listen: "127.0.0.1:0", Edition: ed, Clock: clock.Real(), Data: data, Dev: true, AppSecret: appSecret, VerifyToken: verifyToken,
		Organisations: []relay.OrganisationConfig{{Name: "first", Key: testKey, Accounts: []store.Account{{PhoneNumberID: phoneID}}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Close(ctx)
	})
	for range subscriptions {
		_, err := s.Relay().CreateSubscription(b.Context(), s.Relay().Organisations()[0],
			relay.SubscriptionInput{URL: url, Events: []string{"message.status"}})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s.Relay()
}

// statuses are bodies of Meta's, each with a status of its own.
func statuses(b *testing.B, n int) (ids []string, bodies [][]byte) {
	ed, err := contract.LoadEdition("")
	if err != nil {
		b.Fatal(err)
	}
	g, err := fixtures.NewMetaGenerator(ed, 1, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		ev, err := g.Event("message.status", "")
		if err != nil {
			b.Fatal(err)
		}
		ids, bodies = append(ids, ev.ID), append(bodies, ev.Body)
	}
	return ids, bodies
}

// ingest takes the bodies from so many callers at once.
func ingest(b *testing.B, r *relay.Relay, bodies [][]byte, callers int) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(bodies); i = next.Add(1) - 1 {
				if err := r.IngestMeta(context.Background(), bodies[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// BenchmarkDeliver is the whole way of an event: taken, stored, signed, delivered to a subscriber on this machine, and
// recorded. One iteration is one delivery.
func BenchmarkDeliver(b *testing.B) {
	for _, where := range []string{"memory", "file"} {
		for _, subscriptions := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/subscriptions=%d", where, subscriptions), func(b *testing.B) {
				data := ""
				if where == "file" {
					data = filepath.Join(b.TempDir(), "kirim.db")
				}
				s := newSink(b)
				r := benched(b, data, subscriptions, s.url)
				events := max(b.N/subscriptions, 1)
				_, bodies := statuses(b, events)
				s.expect(events * subscriptions)
				b.ReportAllocs()
				b.ResetTimer()
				ingest(b, r, bodies, 16)
				<-s.all
				b.StopTimer()
				b.ReportMetric(float64(events*subscriptions)/b.Elapsed().Seconds(), "deliveries/s")
			})
		}
	}
}

// BenchmarkLatency is the time from an event's acknowledgement to its arrival at the subscriber, at a rate that leaves
// the machine some room: an iteration is an event, one every millisecond.
func BenchmarkLatency(b *testing.B) {
	for _, where := range []string{"memory", "file"} {
		b.Run(where, func(b *testing.B) {
			data := ""
			if where == "file" {
				data = filepath.Join(b.TempDir(), "kirim.db")
			}
			s := newSink(b)
			r := benched(b, data, 1, s.url)
			ids, bodies := statuses(b, b.N)
			acknowledged := make([]time.Time, b.N)
			s.expect(b.N)
			b.ResetTimer()
			var group sync.WaitGroup
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for i := range b.N {
				<-tick.C
				group.Go(func() {
					if err := r.IngestMeta(context.Background(), bodies[i]); err != nil {
						b.Error(err)
					}
					acknowledged[i] = time.Now()
				})
			}
			group.Wait()
			<-s.all
			b.StopTimer()
			var waits []time.Duration
			for i, id := range ids {
				if at, ok := s.arrived.Load(id); ok {
					waits = append(waits, at.(time.Time).Sub(acknowledged[i]))
				}
			}
			slices.Sort(waits)
			for name, share := range map[string]int{"p50-ms": 50, "p99-ms": 99} {
				b.ReportMetric(float64(waits[len(waits)*share/100].Microseconds())/1000, name)
			}
		})
	}
}

// BenchmarkDeliverWithPending is the same while so many other deliveries wait for their retry.
func BenchmarkDeliverWithPending(b *testing.B) {
	for _, pending := range []int{0, 10_000, 100_000} {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			dead, healthy := newSink(b), newSink(b)
			dead.refuse.Store(true)
			r := benched(b, "", 1, dead.url)
			before, each := heap(), 0.0
			if pending > 0 {
				_, bodies := statuses(b, pending)
				dead.expect(pending)
				ingest(b, r, bodies, 16)
				<-dead.all
				each = float64(heap()-before) / float64(pending)
			}
			org := r.Organisations()[0]
			_, err := r.CreateSubscription(b.Context(), org, relay.SubscriptionInput{URL: healthy.url, Events: []string{"contact.created"}})
			if err != nil {
				b.Fatal(err)
			}
			healthy.expect(b.N)
			b.ResetTimer()
			var next atomic.Int64
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() {
					for i := next.Add(1); int(i) <= b.N; i = next.Add(1) {
						_, err := r.CreateContact(context.Background(), org, relay.ContactInput{Phone: fmt.Sprintf("+6281%09d", i)})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			<-healthy.all
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			b.ReportMetric(each, "B/pending")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
