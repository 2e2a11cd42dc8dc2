package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// benchmarkStores runs a benchmark in memory and on a file.
func benchmarkStores(b *testing.B, run func(*testing.B, *Store)) {
	for _, at := range []string{"memory", "file"} {
		b.Run(at, func(b *testing.B) {
			path := ""
			if at == "file" {
				path = filepath.Join(b.TempDir(), "bench.db")
			}
			s, err := Open(b.Context(), path, OnError(func(err error) { b.Error(err) }))
			if err != nil {
				b.Fatal(err)
			}
			run(b, s)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			b.ReportMetric(float64(s.jobs.Load())/float64(s.groups.Load()), "jobs/group")
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// numbered makes ids like those of the emitter: 26 characters without an order.
func numbered(prefix string, n int64) string {
	return fmt.Sprintf("%s_%016X%010d", prefix, uint64(n)*0x9E3779B97F4A7C15, n)
}

var (
	benchBody  = make([]byte, 1200) // about as long as a message.received of Meta
	benchStart = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
)

// ingest is what the emitter writes when Meta's webhook comes in.
func ingest(tx *Tx, n int64, subscribers int) error {
	now := benchStart.Add(time.Duration(n) * time.Millisecond)
	key := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n)*0x9E3779B97F4A7C15)
	if _, err := tx.Seen(1, key, now); err != nil {
		return err
	}
	e := Event{Org: 1, ID: numbered("evt", n), Name: "message.received", Source: contract.SourceMeta,
		Body: benchBody, CreatedAt: now}
	if err := tx.InsertEvent(&e); err != nil {
		return err
	}
	for i := range subscribers {
		d := Delivery{Org: 1, ID: numbered("wbd", n<<10+int64(i)), Subscription: int64(i + 1), Event: e.Seq, EventName: e.Name,
			NextAt: now, CreatedAt: now, UpdatedAt: now}
		if err := tx.InsertDelivery(&d); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkIngest: 64 callers at a time, each waiting until its event is durable.
func BenchmarkIngest(b *testing.B) {
	for _, subscribers := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			benchmarkStores(b, func(b *testing.B, s *Store) {
				var n atomic.Int64
				b.SetParallelism(32) // for each of GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						i := n.Add(1)
						if err := s.Update(context.Background(), func(tx *Tx) error { return ingest(tx, i, subscribers) }); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		})
	}
}

// BenchmarkAttempted: the result of an attempt, recorded without waiting.
func BenchmarkAttempted(b *testing.B) {
	benchmarkStores(b, func(b *testing.B, s *Store) {
		fill(b, s, b.N)
		answer := []byte(`{"ok":true}`)
		b.ResetTimer()
		for i := range b.N {
			seq := int64(i + 1)
			s.Record(func(tx *Tx) error {
				at := benchStart.Add(time.Duration(i) * time.Millisecond)
				return tx.Attempted(Attempt{Delivery: seq, Number: 1, HeaderID: numbered("wbd", seq<<10), StartedAt: at, EndedAt: at,
					HTTPStatus: 200, Body: answer, Outcome: "delivered"}, DeliveryDelivered, time.Time{})
			})
		}
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
}

// fill inserts so many deliveries, each of an event of its own.
func fill(tb testing.TB, s *Store, n int) {
	for i := range n {
		s.Record(func(tx *Tx) error { return ingest(tx, int64(i+1), 1) })
	}
	if err := s.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkRead: what the API and the start-up read, with 100,000 deliveries that are pending, all of one moment.
func BenchmarkRead(b *testing.B) {
	const n = 100_000
	benchmarkStores(b, func(b *testing.B, s *Store) {
		if err := s.Update(b.Context(), func(tx *Tx) error {
			return tx.InsertSubscription(&Subscription{Org: 1, ID: "wbs_1"})
		}); err != nil {
			b.Fatal(err)
		}
		for i := range n {
			s.Record(func(tx *Tx) error {
				e := Event{Org: 1, ID: numbered("evt", int64(i)), Name: "message.received", Body: benchBody, CreatedAt: benchStart}
				if err := tx.InsertEvent(&e); err != nil {
					return err
				}
				return tx.InsertDelivery(&Delivery{Org: 1, ID: numbered("wbd", int64(i)), Subscription: 1, Event: e.Seq,
					EventName: e.Name, NextAt: benchStart, CreatedAt: benchStart})
			})
		}
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		pending, terminal := DeliveryPending, DeliveryTerminal
		for _, f := range []struct {
			name string
			DeliveryFilter
		}{
			{"all", DeliveryFilter{}},
			{"subscription", DeliveryFilter{Subscription: "wbs_1"}},
			{"pending", DeliveryFilter{Status: &pending}},
			{"terminal", DeliveryFilter{Status: &terminal, Subscription: "wbs_1"}},
			{"event-name", DeliveryFilter{EventName: "contact.created"}},
			{"event", DeliveryFilter{EventID: numbered("evt", 77)}},
			{"created", DeliveryFilter{CreatedBefore: benchStart.Add(-1)}},
		} {
			b.Run("page/"+f.name, func(b *testing.B) {
				for range b.N {
					if err := s.View(b.Context(), func(tx *Tx) error {
						_, err := tx.Deliveries(1, f.DeliveryFilter, 25, n/2)
						return err
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("pending/stream", func(b *testing.B) {
			for range b.N {
				seen := 0
				if err := s.View(b.Context(), func(tx *Tx) error {
					return tx.PendingDeliveries(func(Delivery, Event) error { seen++; return nil })
				}); err != nil || seen != n {
					b.Fatal(seen, err)
				}
			}
		})
		b.Run("body", func(b *testing.B) {
			for i := range b.N {
				if err := s.View(b.Context(), func(tx *Tx) error { _, _, err := tx.EventBody(int64(i%n + 1)); return err }); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("subscribers", func(b *testing.B) {
			for range b.N {
				if err := s.View(b.Context(), func(tx *Tx) error {
					_, err := tx.Subscribers(1, "message.received")
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
