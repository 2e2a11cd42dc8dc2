// Package loadgen loads a target by a schedule and reports what came of it: it puts schedule, payloads, attack, transport
// and the watch over the generator together. What a limit is and how a report looks is decided elsewhere.
package loadgen

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/loadgen/transport"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/target"
)

// DefaultConnections is how many deliveries may be under way at a time where nothing else is said. A connection is opened
// when it is needed, so that a fast target sees few of them; at 2000 deliveries a second a target that takes 100 ms needs
// 200.
const DefaultConnections = 256

// MaxConnections is what one machine can open to one address, less some that are still closing.
const MaxConnections = 20_000

// Options say what to send to which target, and how.
type Options struct {
	Target   *target.Target
	Payloads payload.Options
	// Connections is the largest number of deliveries under way at a time; 0 means DefaultConnections.
	Connections int
	// HTTP2 sends over HTTP/2 instead of HTTP/1.1.
	HTTP2 bool
	// Timeout is how long an answer is waited for; 0 means the sender's own.
	Timeout time.Duration
	// SLOs are the limits to judge by.
	SLOs []slo.SLO
	// Judge says why a run says nothing about the target; nil means health.Judge.
	Judge func(health.Account) []string
	// Progress, where it is set, is called about once a second during a run.
	Progress func(Progress)
	// Results, where it is set, is given every delivery in Vegeta's own format.
	Results vegeta.Encoder
}

// Progress is a look at a run under way.
type Progress struct {
	// Elapsed of Planned has passed.
	Elapsed, Planned time.Duration
	// RatePerS is how many deliveries were started per second since the last look.
	RatePerS float64
	attack.Live
}

// Session holds what the runs against one target have in common.
type Session struct {
	options Options
	role    contract.Role
	meta    contract.Meta
	sender  payload.Sender
	// tolerance is the age of a signature that the target must accept, 0 where signatures have no age.
	tolerance time.Duration
}

// NewSession checks the options. The error is wrong configuration; nothing was sent.
func NewSession(o Options) (*Session, error) {
	s := &Session{options: o, role: Role(o.Target)}
	var err error
	if s.meta, err = contract.LoadMeta(); err != nil {
		return nil, err
	}
	secret, timeout := o.Target.Signing.Reveal(), s.meta.Timeout.Value
	if s.role == contract.RoleMetaReceiver {
		s.sender = payload.NewMeta(s.meta, o.Target.URL, secret)
	} else {
		s.sender = payload.NewKirim(o.Target.Contract, secret)
		s.tolerance, timeout = o.Target.Contract.Signature.Tolerance, o.Target.Contract.Delivery.Timeout
	}
	if o.Judge == nil {
		s.options.Judge = health.Judge
	}
	s.options.Timeout = cmp.Or(o.Timeout, timeout)
	s.options.Connections = cmp.Or(o.Connections, DefaultConnections)
	if s.options.Connections < 1 || s.options.Connections > MaxConnections {
		return nil, fmt.Errorf("%d connections are outside 1 to %d", s.options.Connections, MaxConnections)
	}
	if s.options.Timeout < time.Millisecond || s.options.Timeout > time.Hour {
		return nil, fmt.Errorf("a timeout of %s is outside 1ms to 1h", s.options.Timeout)
	}
	if len(o.Payloads.Mix) == 0 {
		s.options.Payloads.Mix = payload.DefaultMix(Events(o.Target), s.meta)
	}
	if _, err := payload.NewBuilder(s.builders(nil), 0); err != nil {
		return nil, err
	}
	mixed := make([]string, 0, len(s.options.Payloads.Mix))
	for event := range s.options.Payloads.Mix {
		mixed = append(mixed, event)
	}
	slices.Sort(mixed)
	return s, slo.Check(o.SLOs, mixed)
}

// Check refuses limits that a run by this schedule has too few values for. Deliveries with a wrong signature have no
// latency.
func (s *Session) Check(sc *schedule.Schedule) error {
	plan := s.Plan(sc)
	return slo.Enough(s.options.SLOs, float64(sc.Total())*(1-plan.Shares.WrongSignatures), plan.Mix)
}

// Role is that by which a target is loaded: a relay is sent what Meta sends, like any receiver of Meta's webhooks.
func Role(t *target.Target) contract.Role {
	if t.Role == contract.RoleReceiver || t.Role == "" {
		return contract.RoleReceiver
	}
	return contract.RoleMetaReceiver
}

// Events are the events that a target is sent.
func Events(t *target.Target) []string {
	all := payload.Events(t.Contract, Role(t))
	if len(t.Events) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(e string) bool { return !slices.Contains(t.Events, e) })
}

// builders is what the builders of a run need.
func (s *Session) builders(encode payload.Encoder) payload.BuilderConfig {
	return payload.BuilderConfig{
		Edition: s.options.Target.Contract, Role: s.role, Meta: s.meta, Options: s.options.Payloads, Sender: s.sender, Encode: encode,
	}
}

// sending is a transport, with what encodes for it ahead where it wants that.
type sending interface {
	attack.Exchanger
	Close()
}

// transport opens the way to the target.
func (s *Session) transport(ctx context.Context) (sending, payload.Encoder, error) {
	o := s.options
	if !o.HTTP2 && strings.HasPrefix(o.Target.URL, "http:") {
		t, err := transport.NewHTTP1(ctx, o.Target.URL, o.Timeout)
		if err != nil {
			return nil, nil, err
		}
		return t, t.Encode, nil
	}
	client, err := o.Target.Client(o.Timeout)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	t, err := transport.NewStandard(o.Target.URL, o.Timeout, client.TLS(), o.Connections, o.HTTP2)
	return t, nil, err
}

// Plan is what a run by a schedule sends.
func (s *Session) Plan(sc *schedule.Schedule) load.Plan {
	o := s.options
	plan := load.Plan{
		Shape: sc.Shape(), Schedule: sc.String(), RatePerS: sc.Mean(), PeakPerS: sc.Peak(), Mix: o.Payloads.Mix.Shares(),
		Shares: load.Shares{
			Duplicates: o.Payloads.Duplicates, Retries: o.Payloads.Retries,
			WrongSignatures: o.Payloads.WrongSignatures, Batched: o.Payloads.Batched,
		},
		Connections: &s.options.Connections, Protocol: "HTTP/1.1", TLS: strings.HasPrefix(o.Target.URL, "https:"),
		TimeoutMS: float64(o.Timeout) / float64(time.Millisecond),
	}
	if o.HTTP2 {
		plan.Protocol = "HTTP/2"
	}
	if o.Payloads.BodySize > 0 {
		size := int64(o.Payloads.BodySize)
		plan.BodyBytes = &size
	}
	if trace := sc.Trace(); trace != nil {
		plan.Trace = trace.SHA256
		if trace.Events != nil {
			plan.Mix = trace.Mix(plan.Mix, sc.Total())
		}
	}
	return plan
}
