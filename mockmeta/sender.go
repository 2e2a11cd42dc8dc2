package mockmeta

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// DefaultConnections is how many requests a sender has on the way at once where nothing else is said.
const DefaultConnections = 16

// Config says how and where a sender sends.
type Config struct {
	// Meta holds the parameters; it comes from contract.LoadMeta.
	Meta contract.Meta
	// URL is the callback URL.
	URL string
	// Secret is the app secret.
	Secret string
	// VerifyToken is the token that the receiver expects in the handshake.
	VerifyToken string
	// Send makes one exchange. Send and SendReusing of a wire.Client are such functions; the client's timeout should
	// be Meta.Timeout.
	Send func(context.Context, wire.Request) wire.Exchange
	// Connections is the largest number of requests on the way at once; 0 means DefaultConnections. A delivery that
	// waits for its next attempt occupies none.
	Connections int
	// Clock is what the retries wait by; nil means RealClock.
	Clock Clock
	// Record, where set, is told of every attempt when it has ended. Calls never overlap, and the delivery goes on only
	// when it returns.
	Record func(Record)
}

// Record is one attempt and what came of it.
type Record struct {
	// Delivery is the number of the delivery, in the order in which the sender was given them, from 1.
	Delivery int
	// Attempt counts from 1 within the delivery.
	Attempt int
	// Sent is what was sent.
	Sent Attempt
	// Exchange is what came of it.
	Exchange wire.Exchange
}

// Outcome is how a delivery ended.
type Outcome string

// The outcomes.
const (
	// Delivered: an attempt was answered with 200.
	Delivered Outcome = "delivered"
	// Dropped: the window ended without one.
	Dropped Outcome = "dropped"
	// Interrupted: the context ended first.
	Interrupted Outcome = "interrupted"
)

// Delivery is what came of a delivery.
type Delivery struct {
	// Number is that of its records.
	Number int
	// Outcome is how it ended.
	Outcome Outcome
	// Attempts is how many were sent.
	Attempts int
}

// Sender sends as Meta does. It has no opinion about what comes back beyond what Meta acts on: 200, or something else.
// It is safe for concurrent use.
type Sender struct {
	config Config
	policy Policy
	slots  chan struct{}

	// given is the number of deliveries so far.
	given atomic.Int64
	// recording lets one call of Record run at a time.
	recording sync.Mutex
}

// NewSender checks the configuration. Nothing is sent yet.
func NewSender(c Config) (*Sender, error) {
	policy := PolicyOf(c.Meta)
	errs := []error{policy.Validate()}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, errors.New("the callback URL must be a whole one, such as https://example.com/webhooks"))
	}
	if c.Secret == "" {
		errs = append(errs, errors.New("the app secret is missing; without it nothing can be signed"))
	}
	if c.Send == nil {
		errs = append(errs, errors.New("the function that sends is missing"))
	}
	if c.Connections < 0 {
		errs = append(errs, fmt.Errorf("%d connections; there must be at least one", c.Connections))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("mock Meta: %w", err)
	}
	if c.Connections == 0 {
		c.Connections = DefaultConnections
	}
	if c.Clock == nil {
		c.Clock = RealClock()
	}
	return &Sender{config: c, policy: policy, slots: make(chan struct{}, c.Connections)}, nil
}

// Verify sends a handshake and returns its exchange; see ChallengeEchoed. The error is a handshake that cannot be built
// or a context that has ended.
func (s *Sender) Verify(ctx context.Context, h Handshake) (wire.Exchange, error) {
	v, err := BuildHandshake(s.config.Meta, s.config.URL, s.config.VerifyToken, h)
	if err != nil {
		return wire.Exchange{}, err
	}
	return s.send(ctx, v.Request)
}

// Post sends one attempt of a plan and never tries again. It is a delivery of its own, so the attempt is recorded too.
func (s *Sender) Post(ctx context.Context, p Plan) (wire.Exchange, error) {
	a, err := s.build(p)
	if err != nil {
		return wire.Exchange{}, err
	}
	number := s.number(1)
	x, err := s.send(ctx, a.Request)
	if err == nil {
		s.record(Record{Delivery: number, Attempt: 1, Sent: a, Exchange: x})
	}
	return x, err
}

// Deliver delivers the plans at once: Meta does not serialise deliveries. Each is tried until it is answered with 200
// or the window ends; see Policy. A plan that is given several times makes duplicates. The deliveries come in the order
// of the plans. The error is a plan that cannot be built, and then nothing was sent, or the context's where it
// interrupted a delivery.
func (s *Sender) Deliver(ctx context.Context, plans ...Plan) ([]Delivery, error) {
	return s.deliver(ctx, plans, false)
}

// DeliverInTurn is Deliver with the first attempts one after the other, in the order of the plans, each when the one
// before has ended. A retry holds nothing up and so comes after what is fresher.
func (s *Sender) DeliverInTurn(ctx context.Context, plans ...Plan) ([]Delivery, error) {
	return s.deliver(ctx, plans, true)
}

func (s *Sender) deliver(ctx context.Context, plans []Plan, inTurn bool) ([]Delivery, error) {
	attempts := make([]Attempt, len(plans))
	for i, p := range plans {
		a, err := s.build(p)
		if err != nil {
			return nil, fmt.Errorf("plan %d of %d: %w", i+1, len(plans), err)
		}
		attempts[i] = a
	}
	first := s.number(len(plans))
	out := make([]Delivery, len(plans))
	var wg sync.WaitGroup
	for i, a := range attempts {
		tried := make(chan struct{})
		wg.Go(func() { out[i] = s.untilTaken(ctx, first+i, a, tried) })
		if inTurn {
			<-tried
		}
	}
	wg.Wait()
	if slices.ContainsFunc(out, func(d Delivery) bool { return d.Outcome == Interrupted }) {
		return out, ctx.Err()
	}
	return out, nil
}

// untilTaken makes the attempts of one delivery. It closes tried when the first has ended.
func (s *Sender) untilTaken(ctx context.Context, number int, a Attempt, tried chan<- struct{}) Delivery {
	d := Delivery{Number: number, Outcome: Interrupted}
	ended := sync.OnceFunc(func() { close(tried) })
	defer ended()
	var begun time.Time
	for {
		if s.acquire(ctx) != nil {
			return d
		}
		if d.Attempts++; d.Attempts == 1 {
			// Waiting for a connection is no part of the window.
			begun = s.config.Clock.Now()
		}
		x := s.config.Send(ctx, a.Request)
		s.release()
		s.record(Record{Delivery: number, Attempt: d.Attempts, Sent: a, Exchange: x})
		ended()
		if Accepted(s.config.Meta, x) {
			d.Outcome = Delivered
			return d
		}
		if ctx.Err() != nil {
			return d
		}
		wait, ok := s.policy.Next(d.Attempts, s.config.Clock.Now().Sub(begun))
		if !ok {
			d.Outcome = Dropped
			return d
		}
		if s.config.Clock.Wait(ctx, wait) != nil {
			return d
		}
	}
}

// send makes one exchange when a connection is free. The error is the context's, and then nothing was sent.
func (s *Sender) send(ctx context.Context, r wire.Request) (wire.Exchange, error) {
	if err := s.acquire(ctx); err != nil {
		return wire.Exchange{}, err
	}
	defer s.release()
	return s.config.Send(ctx, r), nil
}

// acquire waits for a free connection.
func (s *Sender) acquire(ctx context.Context) error {
	// An ended context must win: where both are ready, select may take either.
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sender) release() { <-s.slots }

func (s *Sender) build(p Plan) (Attempt, error) {
	return Build(s.config.Meta, s.config.URL, s.config.Secret, p)
}

// number numbers the next n deliveries and returns the first number.
func (s *Sender) number(n int) int {
	return int(s.given.Add(int64(n))) - n + 1
}

func (s *Sender) record(r Record) {
	if s.config.Record == nil {
		return
	}
	s.recording.Lock()
	defer s.recording.Unlock()
	s.config.Record(r)
}
