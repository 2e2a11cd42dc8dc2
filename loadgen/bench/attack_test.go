// Package bench sets the load generator beside its peers: run.sh against other programs, and the benchmarks of this
// package within one process, where allocations can be counted.
package bench

import (
	"bufio"
	"context"

	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/transport"
)

const connections = 64

// serve answers on loopback with as little work of its own as can be, so that what is measured is the generators.
func serve(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	// Vegeta keeps its connections, so that the server has to end them.
	ctx, cancel := context.WithCancel(b.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = c.Close() })
			done.Go(func() { answer(c) })
		}
	})
	b.Cleanup(func() {
		_ = l.Close()
		cancel()
		done.Wait()
	})
	return "http://" + l.Addr().String() + "/hook"
}

var ok = []byte("HTTP/1.1 200 OK\r\nDate: Fri, 13 Mar 2026 09:26:53 GMT\r\nContent-Length: 0\r\n\r\n")

func answer(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
			const name = "Content-Length: "
			if len(line) > len(name) && string(line[:len(name)]) == name {
				length = 0
				for _, digit := range line[len(name) : len(line)-2] {
					length = length*10 + int(digit-'0')
				}
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(ok); err != nil {
			return
		}
	}
}

// BenchmarkKirimcheck sends unique deliveries, each signed.
func BenchmarkKirimcheck(b *testing.B) {
	url := serve(b)
	edition, err := contract.LoadEdition("")
	if err != nil {
		b.Fatal(err)
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		b.Fatal(err)
	}
	// All at once: a million a second is more than there can be.
	sc, err := schedule.New(schedule.Spec{
		Shape: schedule.Constant, Rate: schedule.Rate{Count: 1_000_000, Per: time.Second}, Duration: max(time.Millisecond, time.Duration(b.N)*time.Microsecond),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	way, err := transport.NewHTTP1(ctx, url, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	defer way.Close()
	sender := payload.NewKirim(edition, "whsec_ofTheBenchmark")
	b.ReportAllocs()
	b.ResetTimer()
	queue, err := payload.NewQueue(ctx, payload.BuilderConfig{
		Edition: edition, Role: contract.RoleReceiver, Meta: meta, Sender: sender, Encode: way.Encode,
	}, sc, time.Now(), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer queue.Close()
	record := attack.NewRecord(time.Minute, sender.Taken, time.Second)
	ran, err := attack.Run(ctx, attack.Config{
		Schedule: sc, Queue: queue, Exchanger: way, Record: record, URL: url, Connections: connections, Began: time.Now(), Grace: time.Hour,
	})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	result, err := record.Result(sc, ran, 0)
	if err != nil {
		b.Fatal(err)
	}
	if result.Counts.Succeeded != int64(sc.Total()) {
		b.Fatalf("%+v", result.Counts)
	}
	b.ReportMetric(float64(result.Counts.Succeeded)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkVegeta sends one body again and again, as `vegeta attack` does with a file of targets.
func BenchmarkVegeta(b *testing.B) {
	url := serve(b)
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodPost, URL: url, Body: make([]byte, 506), Header: http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Kirim-Webhook/1.0"}, "X-Kirim-Source": {"meta"}, "X-Kirim-Event": {"message.received"},
		"X-Kirim-Event-Id": {"wamid.1"}, "X-Kirim-Delivery-Id": {"wbd_1"}, "X-Kirim-Attempt": {"1"}, "X-Kirim-Signature": {"t=1,v1=0"},
	}})
	attacker := vegeta.NewAttacker(vegeta.Workers(connections), vegeta.MaxWorkers(connections), vegeta.Connections(connections))
	b.ReportAllocs()
	b.ResetTimer()
	succeeded := 0
	for r := range attacker.Attack(target, counted(b.N), 0, "") {
		if r.Code == http.StatusOK {
			succeeded++
		}
	}
	b.StopTimer()
	if succeeded != b.N {
		b.Fatalf("%d of %d succeeded", succeeded, b.N)
	}
	b.ReportMetric(float64(succeeded)/b.Elapsed().Seconds(), "req/s")
}

// counted is a pacer for so many hits at once.
type counted uint64

func (c counted) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	return 0, hits >= uint64(c)
}
func (c counted) Rate(time.Duration) float64 { return 0 }
