// Package server puts the emitter's doors on one listener: the API, where asked for GraphQL, Meta's callback URL, the page for people, the
// metrics, and where asked for the control of a virtual clock. What happens behind them is relay's.
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/front"
	"github.com/kirimcheck/kirimcheck/emitter/graphql"
	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/metrics"
	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/page"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Config is what a server is made of.
type Config struct {
	// Listen is the address, such as 127.0.0.1:8787; port 0 picks a free one.
	Listen string
	// TLS makes it an https server; nil means http.
	TLS     *tls.Config
	Edition contract.Edition
	// Clock is the time of everything that waits. With a virtual one, POST /test/clock/advance moves it.
	Clock clock.Clock
	// Data is the file of the database; empty keeps everything in memory.
	Data          string
	Organisations []relay.OrganisationConfig
	// AppSecret and VerifyToken are those of Meta's callback URL.
	AppSecret, VerifyToken string
	// Dev lets subscriptions point to http and to loopback addresses, and to nothing else that is refused otherwise.
	Dev bool
	// Trust are further roots for the certificates of subscribers.
	Trust *x509.CertPool
	// Limits are the API's rate limits; nil means none.
	Limits *api.Limits
	// GraphQL opens the door at graphql.Path, beside the REST API.
	GraphQL bool
	// Rotation, Batch, KeepPending and ConstantDeliveryID choose between readings.
	Rotation           relay.Rotation
	Batch              relay.Batch
	KeepPending        bool
	ConstantDeliveryID bool
	Seed               uint64
	Log                *slog.Logger
	// Change, where set, may replace parts of what was put together, to make a relay that is wrong on purpose.
	Change func(*Parts)
}

// Parts are the places where a relay can be made wrong.
type Parts struct {
	Relay *relay.Config
	Front *front.Config
	// Outbound makes the requests of deliveries.
	Outbound *outbound.Config
	// Guard checks the URLs of subscriptions, and the addresses that Outbound connects to.
	Guard *guard.Policy
	// Sender goes around what makes the requests; nil means nothing does.
	Sender func(pipeline.Sender) pipeline.Sender
	// Wrap goes around all doors; nil means nothing does.
	Wrap func(http.Handler) http.Handler
}

// Server is a running emitter.
type Server struct {
	relay    *relay.Relay
	outbound *outbound.Client
	http     *http.Server
	listener net.Listener
	tls      bool
	failed   chan error
}

// Limits of the server itself. An attempt of Meta's takes seconds at most; nobody else sends more than a page of JSON.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// Start opens the database and the listener, and serves until Close.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		return nil, err
	}
	behaviour := relay.Correct()
	behaviour.Rotation, behaviour.Batch = c.Rotation, c.Batch
	rules := pipeline.RulesOf(c.Edition)
	rules.KeepPending = c.KeepPending
	if c.ConstantDeliveryID {
		rules.DeliveryID = pipeline.IDPerDelivery
	}
	gauges := metrics.New()
	policy := &guard.Policy{Dev: c.Dev}
	parts := Parts{
		Guard:    policy,
		Outbound: &outbound.Config{Policy: policy, Roots: c.Trust},
		Front:    &front.Config{Meta: meta, AppSecret: c.AppSecret, VerifyToken: c.VerifyToken, Log: c.Log},
		Relay: &relay.Config{
			Edition: c.Edition, Clock: c.Clock, Data: c.Data, Organisations: c.Organisations, Guard: policy,
			Rules: &rules, Behaviour: &behaviour, OnAttempt: gauges.Attempt, Seed: c.Seed, Log: c.Log,
		},
	}
	if c.Change != nil {
		c.Change(&parts)
	}
	s := &Server{outbound: outbound.New(*parts.Outbound), tls: c.TLS != nil, failed: make(chan error, 1)}
	if parts.Relay.Sender == nil {
		parts.Relay.Sender = s.outbound
	}
	if parts.Sender != nil {
		parts.Relay.Sender = parts.Sender(parts.Relay.Sender)
	}
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", c.Listen, err)
	}
	if s.relay, err = relay.Open(ctx, *parts.Relay); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	if virtual, ok := c.Clock.(*clock.Virtual); ok {
		virtual.Settler(s.relay.Engine().Settle)
	}
	gauges.Watch(s.relay.Engine())
	if parts.Front.Ingest == nil {
		parts.Front.Ingest = s.relay.IngestMeta
	}
	s.serve(c, parts, gauges)
	return s, nil
}

// serve puts the doors together and begins to answer.
func (s *Server) serve(c Config, parts Parts, gauges *metrics.Metrics) {
	mux := http.NewServeMux()
	mux.Handle(MetaPath, http.StripPrefix(MetaPath, rooted(front.New(*parts.Front))))
	mux.Handle("GET /metrics", gauges.Handler())
	mux.Handle("GET "+clockPath, http.HandlerFunc(clockDoor{s.relay}.now))
	if _, ok := c.Clock.(*clock.Virtual); ok {
		// A website that somebody has open must not move the clock; curl and test programs are no browsers.
		mux.Handle("POST "+clockPath+"/advance", http.NewCrossOriginProtection().Handler(http.HandlerFunc(clockDoor{s.relay}.advance)))
	}
	mux.Handle("/", page.New(page.Config{Relay: s.relay, Public: !loopback(s.listener.Addr()), Log: c.Log}))
	rest, inside := api.NewBoth(api.Config{
		Service: s.relay, Edition: c.Edition, Clock: c.Clock, ClockMode: clock.Mode(c.Clock), Limits: c.Limits, Log: c.Log,
	})
	if c.GraphQL {
		mux.Handle(graphql.Path, graphql.New(graphql.Config{Service: s.relay, Inside: inside, Edition: c.Edition, Log: c.Log}))
	}
	handler := split(rest, mux)
	if parts.Wrap != nil {
		handler = parts.Wrap(handler)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	s.http = &http.Server{
		Handler: handler, TLSConfig: c.TLS, Protocols: protocols, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	go func() {
		var err error
		if c.TLS != nil {
			err = s.http.ServeTLS(s.listener, "", "")
		} else {
			err = s.http.Serve(s.listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// split sends the API's paths to the API as they stand: a mux would redirect /v1 and /v1//contacts, and an API answers
// in its envelope whatever the path.
func split(inAPI, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == api.Base || strings.HasPrefix(req.URL.Path, api.Base+"/") {
			inAPI.ServeHTTP(w, req)
			return
		}
		others.ServeHTTP(w, req)
	})
}

// MetaPath is the path of Meta's callback URL.
const MetaPath = "/webhooks/meta"

// rooted gives a handler that stands on one path the path / that its patterns expect.
func rooted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "" {
			req.URL.Path = "/"
		}
		h.ServeHTTP(w, req)
	})
}

// loopback reports whether only this machine can reach the address.
func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// URL is the server's address, without a path.
func (s *Server) URL() string {
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// Relay is the service behind the doors.
func (s *Server) Relay() *relay.Relay { return s.relay }

// Failed receives the error of a server that ended by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Close takes no further requests, waits for those that run and for the attempts in flight until ctx ends, and closes
// the database. What was not delivered is when the database is opened again.
func (s *Server) Close(ctx context.Context) error {
	// Side by side: a request that is slow to end must not use up the time of the attempts.
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		// Close drains again, and returns what is left to say.
		_ = s.relay.Engine().Drain(ctx)
	}()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were being answered and are cut off: %w", err), s.http.Close())
	}
	<-drained
	err = errors.Join(err, s.relay.Close(ctx))
	s.outbound.Close()
	return err
}
