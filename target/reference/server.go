package reference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
)

// The references' secrets: Kirim's signing secret, Meta's app secret, and the verify token. They protect nothing and are
// no secrets.
const (
	Secret     = "whsec_a2lyaW1jaGVjay1yZWZlcmVuY2UtcmVjZWl2ZXI"
	MetaSecret = "6b6972696d636865636b2d7265666572"
	MetaToken  = "kirimcheck-reference-token"
)

// readHeaderTimeout ends connections that never send a request.
const readHeaderTimeout = 10 * time.Second

// Server is a receiver that listens on loopback.
type Server struct {
	http *http.Server
	addr string
	done chan error
}

// Listen starts a server for the handler on a free port of 127.0.0.1. wrap may be nil; a mutant uses it to get at the
// connections. Close ends the server.
func Listen(ctx context.Context, handler http.Handler, wrap func(net.Listener) net.Listener) (*Server, error) {
	return ListenOn(ctx, "127.0.0.1:0", handler, wrap)
}

// ListenOn is Listen on an address, such as 127.0.0.1:8080.
func ListenOn(ctx context.Context, address string, handler http.Handler, wrap func(net.Listener) net.Listener) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the receiver cannot listen on %s: %w", address, err)
	}
	s := &Server{addr: l.Addr().String(), done: make(chan error, 1)}
	if wrap != nil {
		l = wrap(l)
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout,
		// A mutant that panics is meant to; its trace is no message to the user.
		ErrorLog: slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError),
	}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Close ends the server, its connections included, and waits for it.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Wait waits until ctx ends, and ends the server then. Where the server ended before, its error says why.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return s.Close()
	case err := <-s.done:
		return errors.Join(err, s.http.Close())
	}
}

// URL is where the server takes deliveries.
func (s *Server) URL() string { return "http://" + s.addr + WebhookPath }

// Config is the target file of the server in a role.
func (s *Server) Config(role contract.Role, edition string) target.Config {
	base := "http://" + s.addr
	return target.Config{
		Name: "reference " + string(role), Role: role, Edition: edition, URL: base + WebhookPath,
		Observe: target.Observe{
			// Effects are there before the answer is, so little time is needed to see that one is missing.
			Timeout: time.Second, Settle: 10 * time.Millisecond, Interval: 2 * time.Millisecond,
			HTTP: &target.HTTPObserver{
				URL:   base + EffectsPath + "?event={event}&event_id={event_id}&item={item_id}&status={status}",
				Count: "/count",
			},
		},
		Hooks: target.Hooks{
			Fail:    &target.Hook{HTTP: &target.Call{Method: http.MethodPost, URL: base + FailPath}},
			Recover: &target.Hook{HTTP: &target.Call{Method: http.MethodPost, URL: base + RecoverPath}},
		},
	}
}

// CorrectFor returns the right policy of a role.
func CorrectFor(role contract.Role, ed contract.Edition) (Policy, error) {
	switch role {
	case contract.RoleReceiver:
		return Correct(ed, Secret), nil
	case contract.RoleMetaReceiver:
		meta, err := contract.LoadMeta()
		return CorrectMeta(meta, MetaSecret, MetaToken), err
	case contract.RoleRelay:
	}
	return Policy{}, fmt.Errorf("there is no reference %s; there are receiver and meta-receiver", role)
}

// WithSecrets returns a target file together with the secrets of its role.
func WithSecrets(c target.Config) target.Config {
	if c.Role == contract.RoleMetaReceiver {
		return c.WithSecret(MetaSecret).WithVerifyToken(MetaToken)
	}
	return c.WithSecret(Secret)
}

// Start runs the correct receiver of a role and edition and returns it as a target.
func Start(ctx context.Context, role contract.Role, edition string) (*Server, *target.Target, error) {
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		return nil, nil, err
	}
	policy, err := CorrectFor(role, ed)
	if err != nil {
		return nil, nil, err
	}
	s, err := Listen(ctx, NewReceiver(policy), nil)
	if err != nil {
		return nil, nil, err
	}
	t, err := WithSecrets(s.Config(role, ed.ID)).Resolve("reference " + string(role))
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, t, nil
}
