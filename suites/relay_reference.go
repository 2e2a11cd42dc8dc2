package suites

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/graphql"
	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// openReferenceRelay starts the emitter in this process, with a virtual clock. It refuses what Kirim refuses; only the
// harness's own listener, which stands on loopback, is let through, by https.
func (s *Session) openReferenceRelay(ctx context.Context) error {
	authority, tlsConfig, err := newAuthority()
	if err != nil {
		return err
	}
	if s.opts.HTTP2 {
		tlsConfig.NextProtos = append([]string{"h2"}, tlsConfig.NextProtos...)
	}
	r := s.relay
	if r.subscribers, err = subscriber.Listen(ctx, subscriber.Config{TLS: tlsConfig}); err != nil {
		return err
	}
	r.names, r.allowed, r.authority, r.tls = &names{}, &origins{}, authority, tlsConfig
	r.allowed.add("https://" + r.subscribers.Addr())
	key, other, appSecret, token := relay.NewKey(), relay.NewKey(), random(), random()
	config := server.Config{
		Listen: "127.0.0.1:0", Edition: s.edition, Clock: clock.NewVirtual(time.Now()), Trust: authority.Roots(), Seed: s.opts.Seed,
		AppSecret: appSecret, VerifyToken: token, GraphQL: s.opts.GraphQL,
		// Large enough for any run: what is looked at are the headers.
		Limits: &api.Limits{Write: 1_000_000, Read: 1_000_000},
		Organisations: []relay.OrganisationConfig{
			{Name: "first", Key: key, Accounts: []store.Account{{PhoneNumberID: target.DefaultPhoneNumberID, Display: "+62 851-1760-0829"}}},
			{Name: "second", Key: other, Accounts: []store.Account{{PhoneNumberID: otherPhoneNumberID, Display: "+62 851-1760-0830"}}},
		},
		Change: func(p *server.Parts) {
			p.Guard.Resolver = r.names
			let := letThrough{policy: p.Guard, allowed: r.allowed}
			p.Relay.Guard, p.Outbound.Control = let, let.Control
			if s.opts.Mutate != nil {
				s.opts.Mutate(p)
			}
		},
	}
	r.config = &config
	if r.reference, err = server.Start(ctx, config); err != nil {
		return err
	}
	return s.openEmbedded()
}

// openEmbedded makes the embedded relay that runs the target of the session.
func (s *Session) openEmbedded() (err error) {
	config, root := s.relay.config, s.relay.reference.URL()
	management := target.ManagementConfig{REST: &target.RESTConfig{Base: root + "/v1"}}
	if s.opts.GraphQL {
		management = target.ManagementConfig{GraphQL: &target.GraphQLConfig{URL: root + graphql.Path}}
	}
	s.target, err = target.Config{
		Name: "reference relay", Role: contract.RoleRelay, Edition: s.edition.ID, URL: root + server.MetaPath,
		Management: management,
		Clock:      target.ClockConfig{Mode: target.VirtualClock},
	}.WithSecret(config.AppSecret).WithVerifyToken(config.VerifyToken).
		WithKeys(config.Organisations[0].Key, config.Organisations[1].Key).Resolve("embedded reference")
	if err != nil {
		return err
	}
	return s.openManagement()
}

// otherPhoneNumberID is the number of the reference's second organisation.
const otherPhoneNumberID = "106540352242923"

func random() string {
	var bytes [16]byte
	// Read never returns an error (package crypto/rand).
	_, _ = rand.Read(bytes[:])
	return base64.RawURLEncoding.EncodeToString(bytes[:])
}

// letThrough is a guard with exceptions: the harness's listeners, by https. Every other address of loopback stays
// refused, so that the specs about them have something to see.
type letThrough struct {
	policy  *guard.Policy
	allowed *origins
}

func (l letThrough) CheckURL(ctx context.Context, raw string) error {
	if u, err := url.Parse(raw); err == nil && u.User == nil && !strings.Contains(raw, "#") && l.allowed.has(u.Scheme+"://"+u.Host) {
		return nil
	}
	return l.policy.CheckURL(ctx, raw)
}

func (l letThrough) Control(network, address string, c syscall.RawConn) error {
	if l.allowed.has("https://" + address) {
		return nil
	}
	return l.policy.Control(network, address, c)
}

// origins are URLs without a path.
type origins struct {
	mu  sync.Mutex
	all []string
}

func (o *origins) add(origin string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, origin)
}

func (o *origins) has(origin string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.all, origin)
}

// names is the name service of the embedded relay: names that the specs make up, and move.
type names struct {
	mu    sync.Mutex
	hosts map[string][]netip.Addr
}

// point lets a name lead to addresses; without any it can no longer be resolved.
func (n *names) point(host string, addresses ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		n.hosts = map[string][]netip.Addr{}
	}
	n.hosts[host] = addresses
}

// LookupNetIP looks a name up. Names that nobody pointed do not exist: specs resolve nothing outside this machine.
func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found := n.hosts[strings.TrimSuffix(strings.ToLower(host), ".")]; len(found) > 0 {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// String names it in errors.
func (n *names) String() string {
	return fmt.Sprintf("the harness's name service with %d names", len(n.hosts))
}
