package suites

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relaySide is what the harness has around a relay: its management, its clock, and the subscribers behind it. Meta in
// front is the session's party.
type relaySide struct {
	management  target.Management
	clock       target.Clock
	lifecycle   target.Lifecycle
	subscribers *subscriber.Server
	// byHand are the subscriptions that were made by hand; nil where there is an API to make them.
	byHand *byHand
	// reference is the embedded relay, nil where there is a target; names are the names that it resolves.
	reference *server.Server
	names     *names
	// allowed are the harness's listeners that the embedded relay's guard lets through, and authority signs certificates
	// that it trusts; nil where there is a target.
	allowed   *origins
	authority *subscriber.Authority
	// config is what the embedded relay was started with; nil where there is a target.
	config *server.Config
	// tls is how the subscribers speak https; nil where they speak http.
	tls *tls.Config
	// schedule, exchanges and storm are what specs observe together, because it takes long; nil until the first asks.
	schedule  *schedule
	exchanges *exchanges
	storm     *storm
	// earlier is the schedule of an earlier run that this one goes on with, or earlierErr why it cannot.
	earlier    *schedule
	earlierErr error
}

// openRelay brings up what the specs of a relay need: the embedded reference where there is no target, the subscribers,
// and the clients of management and clock.
func (s *Session) openRelay(ctx context.Context) error {
	s.relay = &relaySide{}
	if s.opts.Target == nil {
		return s.openReferenceRelay(ctx)
	}
	s.target = s.opts.Target
	tlsConfig, err := subscriberTLS(s.target)
	if err != nil {
		return err
	}
	s.relay.tls = tlsConfig
	listen := s.target.Subscriber
	if s.relay.subscribers, err = subscriber.Listen(ctx, subscriber.Config{Address: listen.Listen, PublicURL: listen.PublicURL, TLS: tlsConfig}); err != nil {
		return fmt.Errorf("subscriber.listen: %w", err)
	}
	return s.openManagement()
}

// openManagement makes the clients of the target's management, clock and process.
func (s *Session) openManagement() (err error) {
	r := s.relay
	if r.management, err = s.target.NewManagement(); err != nil {
		return fmt.Errorf("management: %w", err)
	}
	if len(s.target.HandMade) > 0 {
		r.byHand = newByHand(s.target.HandMade, r.subscribers)
	}
	if r.clock, err = s.target.NewClock(); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	if r.lifecycle, err = s.target.NewLifecycle(r.management); err != nil {
		return fmt.Errorf("lifecycle: %w", err)
	}
	if s.opts.Resume {
		r.earlier, r.earlierErr = s.resumeSchedule()
	}
	return nil
}

// subscriberTLS is the certificate of the subscribers, or nil for plain http.
func subscriberTLS(t *target.Target) (*tls.Config, error) {
	if t.Subscriber.TLS == nil {
		return nil, nil
	}
	cert, given, err := t.SubscriberCertificate()
	if err != nil {
		return nil, fmt.Errorf("subscriber.tls: %w", err)
	}
	if given {
		return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
	}
	_, config, err := newAuthority()
	return config, err
}

// newAuthority makes an authority for this run, and the configuration of a listener on loopback with its certificate.
func newAuthority() (*subscriber.Authority, *tls.Config, error) {
	authority, err := subscriber.NewAuthority(time.Now())
	if err != nil {
		return nil, nil, err
	}
	cert, err := authority.Certificate(subscriber.NoFlaw, "127.0.0.1", "localhost")
	if err != nil {
		return nil, nil, err
	}
	return authority, subscriber.ServerTLS(cert, false), nil
}

// close ends what openRelay began.
func (r *relaySide) close() error {
	if r == nil {
		return nil
	}
	errs := []error{r.schedule.close(r)}
	if r.reference != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		errs = append(errs, r.reference.Close(ctx))
	}
	if r.subscribers != nil {
		errs = append(errs, r.subscribers.Close())
	}
	return errors.Join(errs...)
}

// closeWithin bounds how long the embedded relay waits for attempts that hang when the run is over.
const closeWithin = time.Second

// relaySpec defines the spec of a requirement of a relay. A spec whose capabilities the target lacks is not applicable.
func (s *Session) relaySpec(id, variant string, body func(c *relayCheck), needs ...target.Capability) {
	s.spec(id, variant, func(c *Check) { runRelay(c, body, needs) })
}

// serialSpec is relaySpec for specs that move the target's clock, or count what happens to the whole relay: against a
// target that parallel processes share they run alone. The embedded relay is each process's own.
func (s *Session) serialSpec(id, variant string, body func(c *relayCheck), needs ...target.Capability) {
	var args []any
	if s.opts.Target != nil {
		args = append(args, ginkgo.Serial)
	}
	s.spec(id, variant, func(c *Check) { runRelay(c, body, needs) }, args...)
}

func runRelay(c *Check, body func(c *relayCheck), needs []target.Capability) {
	r := &relayCheck{Check: c, relaySide: c.relay}
	r.need(needs...)
	defer r.leave()
	body(r)
}

// need ends the spec as not applicable where the target lacks a capability, and as untestable where the harness cannot
// see it.
func (c *relayCheck) need(capabilities ...target.Capability) {
	for _, capability := range capabilities {
		if reason, lacks := c.target.Lacks(capability); lacks {
			c.NotApplicable("the target declares that it has no %s: %s", capability, reason)
		}
	}
	for _, capability := range capabilities {
		if c.target.Hides(capability) {
			c.Untestable("%s: %v", capability, target.ErrByHand)
		}
	}
}
