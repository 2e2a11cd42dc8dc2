// Package suites holds the specs, as ordinary Ginkgo: `ginkgo ./suites`, `go test ./suites` and `kirimcheck certify`
// run the very same ones. It decides verdicts; how reports look is not its business.
package suites

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
	"github.com/kirimcheck/kirimcheck/wire"
)

// firstDelivery is a delivery and what came of it.
type firstDelivery struct {
	message
	exchange wire.Exchange
}

// Options say what a run is about.
type Options struct {
	// Target is the system under test; nil means the embedded reference of Edition.
	Target *target.Target
	// Edition and Role are those of the embedded reference; a target brings its own. An empty role is a receiver.
	Edition string
	Role    contract.Role
	// Mutate, where it is set, makes the embedded reference relay wrong on purpose.
	Mutate func(*server.Parts)
	// GraphQL has the embedded reference relay managed over GraphQL instead of REST.
	GraphQL bool
	// HTTP2 has the subscribers of the embedded reference relay offer HTTP/2.
	HTTP2 bool
	// Resume goes on with what an earlier run observed of a relay in real time, from the target's state file.
	Resume bool
	// Light has the specs that look at many events at once make do with fewer of them. What they look for is the same, and
	// so is what breaks it; a loss of one in a thousand may go unseen. The matrix of mutants is run so.
	Light bool
	// Blunt names specs that pass whatever they see: they are sent into the run as specs that cannot fail. It is there to
	// prove that the matrix of mutants notices such a spec.
	Blunt []string
	// Seed repeats the generated ids and texts; 0 picks one.
	Seed uint64
	// Version is the version of the program, for the report.
	Version string
	// Command is the command line that repeats the run, without secrets.
	Command string
	// Rerun returns the command line that runs the specs of one requirement alone.
	Rerun func(requirement string) string
	// Begin, where set, is told the number of specs before the first.
	Begin func(specs int)
	// Progress, where set, is told each spec's result as it comes.
	Progress func(reports.SpecResult)
}

// Session is one run of the suites against one target. Every parallel process has its own.
type Session struct {
	opts     Options
	ledger   contract.Ledger
	readings map[string]contract.Reading
	edition  contract.Edition
	role     contract.Role
	meta     contract.Meta
	party    party
	// events are the names of the events that the target is subscribed to and the harness can make.
	events   []string
	variants []fixtures.Variant
	fields   []fixtures.Field
	// What follows is there once the session is open.
	target *target.Target
	server *reference.Server
	// relay is what the harness has around a relay; nil for the other roles.
	relay    *relaySide
	client   *wire.Client
	observer target.Observer
	closeObs func() error
	watch    watcher
	// tells says by what the observer really tells effects apart; see controlLooks.
	tells     target.Tells
	generator *fixtures.Generator
	random    *rand.Rand

	// first is the baseline that was sent before any spec.
	first *firstDelivery
	// halted says why nothing more can be learned from the target; specs then end as untestable at once.
	halted string
	// mute says that it was the first delivery that had no complete answer.
	mute bool
	// witness is the requirement whose specs go on although the run is halted: they show what was seen.
	witness string
	// setup is the one error of a relay that does not let the harness subscribe.
	setup string
	// unreachable is the one error of a target that was never reached.
	unreachable string
	// comesBack reports whether a target that could not be reached is there again after a while.
	comesBack func(context.Context) bool
	// lost is the one error of a target that went away during the run.
	lost string
	// unseen says why effects cannot be judged although there is an observer: that of the first valid delivery was not
	// seen. Every further look would cost the observer's timeout.
	unseen string
	// observerError is the one error of an observer that failed from the start.
	observerError string
	// timeouts counts the exchanges in a row that timed out.
	timeouts int
	cause    *string

	// interrupts receives the signals that end a run early; Ginkgo acts on them, and the report has to say so.
	interrupts chan os.Signal
	report     *reports.Report
}

// NewSession checks the options and loads what is needed to define the specs. Nothing is sent yet.
func NewSession(opts Options) (*Session, error) {
	ledger, err := contract.LoadLedger()
	if err != nil {
		return nil, err
	}
	readings, err := contract.Readings()
	if err != nil {
		return nil, err
	}
	if opts.Seed == 0 {
		opts.Seed = rand.Uint64()
	}
	if opts.Rerun == nil {
		opts.Rerun = func(string) string { return "" }
	}
	if opts.Role == "" {
		opts.Role = contract.RoleReceiver
	}
	s := &Session{opts: opts, readings: readings, role: opts.Role, closeObs: func() error { return nil }}
	if opts.Target != nil {
		s.edition, s.role = opts.Target.Contract, opts.Target.Role
		for _, name := range opts.Target.Events {
			// The catalogue may name more than anybody can make.
			if _, ok := s.edition.Event(name); ok {
				s.events = append(s.events, name)
			}
		}
	} else {
		if s.edition, err = contract.LoadEdition(opts.Edition); err != nil {
			return nil, err
		}
		s.events = target.DefaultEvents(s.edition, s.role)
	}
	if s.meta, err = contract.LoadMeta(); err != nil {
		return nil, err
	}
	s.party = s.newParty()
	s.comesBack = s.looksAgain
	s.ledger = ledger.For(s.role, s.edition.ID).As(s.edition)
	catalogue := fixtures.Variants
	if s.playsMeta() {
		catalogue = fixtures.MetaVariants
	}
	if s.variants, err = catalogue(s.edition); err != nil {
		return nil, err
	}
	s.fields, err = fixtures.Fields()
	return s, err
}

// shared is what the first parallel process tells the others.
type shared struct {
	// Observer replaces the callback observer, of which there can be only one.
	Observer *target.HTTPObserver `json:"observer,omitempty"`
	Halted   string               `json:"halted,omitempty"`
	Mute     bool                 `json:"mute,omitempty"`
	Witness  string               `json:"witness,omitempty"`
	Unseen   string               `json:"unseen,omitempty"`
	Tells    target.Tells         `json:"tells"`
}

// open brings up what the specs need: the embedded reference, the client, the observer, the generator. process is the
// number of the parallel process; from is what the first one said, nil in the first one itself.
func (s *Session) open(ctx context.Context, process int, from *shared) error {
	s.target = s.opts.Target
	if process > 1 && s.target != nil && len(s.target.HandMade) > 0 {
		return errors.New("subscriptions that were made by hand lead to one process; run the suite without parallel ones")
	}
	if s.role == contract.RoleRelay {
		if err := s.openRelay(ctx); err != nil {
			return err
		}
	}
	if s.target == nil {
		server, t, err := reference.Start(ctx, s.role, s.edition.ID)
		if err != nil {
			return err
		}
		s.server, s.target = server, t
	}
	client, err := s.target.Client(s.party.timeout())
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	s.client = client
	observe := s.target.Observe
	if from != nil {
		s.halted, s.mute, s.witness, s.unseen, s.tells = from.Halted, from.Mute, from.Witness, from.Unseen, from.Tells
		if from.Observer != nil {
			observe.Callback, observe.HTTP = nil, from.Observer
		}
	}
	if s.observer, s.closeObs, err = target.NewObserver(ctx, observe, client.HTTP(target.ObserverTimeout)); err != nil {
		return observe.Locate(err)
	}
	s.watch = watcher{observer: s.observer, locate: observe.Locate, timeout: observe.Timeout, settle: observe.Settle, interval: observe.Interval}
	// Each process draws from a seed of its own, so that no two ever make the same id.
	seed := s.opts.Seed + uint64(process) - 1
	s.random = rand.New(rand.NewPCG(seed, 0))
	generator := fixtures.NewGenerator
	if s.playsMeta() {
		generator = fixtures.NewMetaGenerator
	}
	s.generator, err = generator(s.edition, seed, time.Now)
	return err
}

// playsMeta reports whether the harness stands in for Meta, before the target, and not for Kirim.
func (s *Session) playsMeta() bool { return s.role != contract.RoleReceiver }

// share is what the first process tells the others.
func (s *Session) share() shared {
	out := shared{Halted: s.halted, Mute: s.mute, Witness: s.witness, Unseen: s.unseen, Tells: s.tells}
	if cb, ok := s.observer.(*target.Callback); ok {
		o := cb.Shared()
		out.Observer = &o
	}
	return out
}

// close ends what open began.
func (s *Session) close() error {
	errs := []error{s.closeObs()}
	if s.client != nil {
		s.client.Close()
	}
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.relay != nil {
		// What came since a spec last looked is for a later run.
		errs = append(errs, s.keepSchedule(cmp.Or(s.relay.schedule, s.relay.earlier)))
	}
	errs = append(errs, s.relay.close())
	return errors.Join(errs...)
}

// attempt builds the request of a plan; a delivery id is made where the plan has none.
func (s *Session) attempt(p emitter.Plan) (emitter.Attempt, error) {
	if p.DeliveryID == "" {
		p.DeliveryID = s.generator.ID("wbd")
	}
	return emitter.Build(s.edition, s.target.URL, s.target.Signing.Reveal(), time.Now(), p)
}

// Report is the result of the run, nil before it ended.
func (s *Session) Report() *reports.Report { return s.report }

// Redactor hides the target's secret from everything that is written.
func (s *Session) Redactor() *reports.Redactor {
	// The embedded receivers' secrets are printed in the documentation; a relay's are made for the run.
	if s.target == nil || (s.opts.Target == nil && s.relay == nil) {
		return reports.NewRedactor()
	}
	secrets := []string{s.target.Signing.Reveal()}
	if token := s.target.Token.Reveal(); token != "" {
		secrets = append(secrets, token)
	}
	if s.relay != nil && s.relay.management != nil {
		secrets = append(secrets, s.relay.management.Secrets()...)
	}
	// Some observers have secrets of their own, such as the password of a database.
	if o, ok := s.observer.(interface{ Secrets() []string }); ok {
		secrets = append(secrets, o.Secrets()...)
	}
	return reports.NewRedactor(secrets...)
}
