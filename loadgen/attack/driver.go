package attack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
)

// ticketHeader names the seat of a request on its way through Vegeta. It never leaves the process.
const ticketHeader = "Kirimcheck-Seat"

// driver is the three parts that Vegeta's attacker is given: the pacer, the targeter and the transport of its client.
//
// Vegeta takes a result's time before it asks the targeter, so that whatever the targeter waits for is billed to the
// target; and it knows nothing of intended starts. So the driver keeps the times itself: the schedule says when a start
// is due, and the transport takes the time when it hands the request to the connection and when the answer is complete.
type driver struct {
	ctx      context.Context
	schedule *schedule.Schedule
	queue    *payload.Queue
	exchange Exchanger
	record   *Record
	url      string
	began    time.Time
	// until is when starts end that are still due: the planned end and what is waited for stragglers.
	until time.Duration
	// seats are the free seats, the one that was freed first in front.
	seats chan *seat
	all   []*seat
	err   chan error
	wait  Waiter
	// stop ends the run.
	stop context.CancelFunc
	// ended is told of every flight when it has ended, where it is set.
	ended func(*flight)
}

// seat is a place for one delivery under way. There are as many as Vegeta has workers.
type seat struct {
	header   http.Header
	delivery *payload.Delivery
	// free is when the seat would have become free in a run without any delay of the generator's.
	free time.Duration
}

func newDriver(ctx context.Context, stop context.CancelFunc, c Config) *driver {
	d := &driver{
		ctx: ctx, schedule: c.Schedule, queue: c.Queue, exchange: c.Exchanger, record: c.Record, url: c.URL, began: c.Began,
		until: c.Schedule.Duration() + c.Grace, seats: make(chan *seat, c.Connections), err: make(chan error, 1),
		wait: c.Wait, stop: stop,
	}
	if d.wait == nil {
		d.wait = Timer()
	}
	if c.Results != nil {
		d.ended = d.export(c.Results)
	}
	for i := range c.Connections {
		s := &seat{header: http.Header{ticketHeader: {strconv.Itoa(i)}}}
		d.all = append(d.all, s)
		d.seats <- s
	}
	return d
}

// Pace waits until start number hits is due. It waits itself and lets Vegeta wait for nothing: Vegeta's sleep ends for no
// context, and what is behind the schedule must go at once.
func (d *driver) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	at, ok := d.schedule.At(hits)
	if !ok || d.ctx.Err() != nil {
		return 0, true
	}
	now := time.Since(d.began)
	if now > d.until {
		return 0, true
	}
	if at > now && d.wait(d.ctx, d.began.Add(at)) != nil {
		return 0, true
	}
	return 0, false
}

// Rate is the rate that the schedule asks for, per second.
func (d *driver) Rate(elapsed time.Duration) float64 { return d.schedule.RateAt(elapsed) }

// target takes the next delivery out of the queue and gives it a seat.
func (d *driver) target(t *vegeta.Target) error {
	delivery, err := d.queue.Take(d.ctx)
	// A tick that waited for a worker when the run was stopped starts nothing any more.
	if stopped := d.ctx.Err() != nil; stopped || err != nil {
		if !stopped && !errors.Is(err, payload.ErrEnd) {
			d.fail(err)
		}
		// The attacker stops at any error of the targeter.
		return vegeta.ErrNoTargets
	}
	s := <-d.seats
	s.delivery = delivery
	t.Method, t.URL, t.Header = http.MethodPost, d.url, s.header
	return nil
}

// fail keeps the first error and ends the run.
func (d *driver) fail(err error) {
	defer d.stop()
	select {
	case d.err <- err:
	default:
	}
}

// answered is what Vegeta is told of an exchange; the record knows the rest.
const answered = http.StatusOK

// RoundTrip makes the exchange of the delivery that the request has a seat for, and keeps its times.
func (d *driver) RoundTrip(req *http.Request) (*http.Response, error) {
	i, err := strconv.Atoi(req.Header.Get(ticketHeader))
	if err != nil {
		return nil, fmt.Errorf("a request without a seat: %w", err)
	}
	s := d.all[i]
	f := flight{delivery: s.delivery, start: time.Since(d.began)}
	f.ideal = min(max(f.delivery.At, s.free), f.start)
	d.record.begin(&f)
	f.answer = d.exchange.Exchange(d.ctx, f.delivery)
	f.end = time.Since(d.began)
	s.free = f.ideal + f.end - f.start
	d.record.end(&f)
	if d.ended != nil {
		d.ended(&f)
	}
	s.delivery = nil
	d.seats <- s
	return &http.Response{
		StatusCode: answered, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, Request: req,
	}, nil
}
