package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// The environment variables that serve reads; what is not set is made up and printed.
const (
	keyVariable      = "KIRIM_KEY"
	otherKeyVariable = "KIRIM_OTHER_KEY"
)

// The number that an emitter has when none is named; it is that of the documentation's examples.
const (
	defaultPhoneNumberID = "106540352242922"
	defaultDisplay       = "+62 851-1760-0829"
)

// drainWithin is how long a stop waits for the attempts in flight: a little more than the longest of them may take.
const drainWithin = 12 * time.Second

// serveFlags are the flags of kirimcheck serve.
type serveFlags struct {
	listen, edition, data string
	dev                   bool
	timeScale             float64
	virtualClock          bool
	tlsCert, tlsKey       string
	tlsGenerate           bool
	caOut                 string
	trust                 string
	accounts              []string
	rateLimits            string
	graphql               bool
	rotation, batch       string
	keepPending           bool
	constantDeliveryID    bool
	seed                  uint64
	logLevel, logFormat   string
	mutant                string
}

func newServe(code *int) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a local Kirim: API, Meta's callback URL, and signed deliveries with retries",
		Long: "serve is a complete relay to develop against: it takes Meta's webhooks, holds subscriptions, contacts and\n" +
			"conversations, and delivers the event catalogue as signed webhooks with retries, dead-letter queue, replay and\n" +
			"auto-disable. The API key comes from KIRIM_KEY, Meta's app secret from META_APP_SECRET and the verify token from\n" +
			"META_VERIFY_TOKEN; what is not set is made up and printed. KIRIM_OTHER_KEY adds a second organisation. With --mutant\n" +
			"it has a defect, and shows how a red line looks; it prints the target file to certify it with.\n\n" +
			"Exit codes: 0 stopped by a signal, everything in flight done; 2 wrong usage; 3 it could not start or go on.",
		Example: "  kirimcheck serve --dev\n" +
			"  kirimcheck serve --dev --virtual-clock\n" +
			"  kirimcheck serve --dev --time-scale 3600 --data kirim.db\n" +
			"  kirimcheck serve --dev --virtual-clock --mutant no-jitter",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			*code = exitConformant
			return f.run(ctx, stop, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8787", "address to listen on")
	flags.StringVar(&f.edition, "edition", "", withEditions("edition of the contract"))
	flags.StringVar(&f.data, "data", "", "file of the database; by default everything is kept in memory")
	flags.BoolVar(&f.dev, "dev", false, "let subscriptions point to http and to loopback addresses, as local work needs")
	flags.Float64Var(&f.timeScale, "time-scale", 0, "let time run so many times as fast, such as 3600")
	flags.BoolVar(&f.virtualClock, "virtual-clock", false, "let time stand until POST /test/clock/advance moves it")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "PEM file of the server's certificate")
	flags.StringVar(&f.tlsKey, "tls-key", "", "PEM file of its key")
	flags.BoolVar(&f.tlsGenerate, "tls", false,
		"serve https with a certificate of an authority made for this run, written to --ca-out")
	flags.StringVar(&f.caOut, "ca-out", "kirimcheck-ca.pem", "where --tls writes its authority")
	flags.StringVar(&f.trust, "trust", "", "PEM file of further authorities for the certificates of subscribers")
	flags.StringArrayVar(&f.accounts, "account", nil,
		"ID=NUMBER: a number of the organisation, by Meta's id and as people write it; repeatable")
	flags.StringVar(&f.rateLimits, "rate-limits", "",
		"WRITES/READS a minute that the API allows, such as 60/600; by default it has no limits")
	flags.StringVar(&f.rotation, "rotation", "new-expires", "which secrets get the expiry of a new one: new-expires or retire-old")
	flags.StringVar(&f.batch, "batch", "whole", "what a POST of Meta's with several updates becomes: whole or split")
	flags.BoolVar(&f.keepPending, "keep-pending", false, "keep what waits for a retry when its subscription is disabled")
	flags.BoolVar(&f.constantDeliveryID, "constant-delivery-id", false, "send one delivery id with all attempts of a delivery")
	flags.BoolVar(&f.graphql, "graphql", false, "serve the management over GraphQL too, at /graphql")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the jitter; 0 picks one")
	flags.StringVar(&f.mutant, "mutant", "",
		"be wrong on purpose, as the mutant of this `NAME`; kirimcheck mutants --role relay lists them")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json; logs go to stderr")
	return cmd
}

// run serves until ctx ends.
func (f *serveFlags) run(ctx context.Context, stop func(), out, logs io.Writer) error {
	config, printed, err := f.config(ctx, logs)
	if err != nil {
		return usageError{err}
	}
	s, err := server.Start(ctx, config)
	if err != nil {
		// An address that is taken, or a file that is no database: nothing ran yet.
		return usageError{err}
	}
	printed.url = s.URL()
	if err := printed.write(out); err != nil {
		return err
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-s.Failed():
	}
	// A second signal ends the program at once.
	stop()
	config.Log.Info("stopping; attempts in flight are waited for", "at_most", drainWithin)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := errors.Join(failed, s.Close(closing)); err != nil {
		// One line, whatever went wrong beside what.
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// config turns the flags into a server's configuration, and into what is printed when it runs.
func (f *serveFlags) config(ctx context.Context, logs io.Writer) (server.Config, *greeting, error) {
	var c server.Config
	g := &greeting{flags: f}
	edition := f.edition
	if f.mutant != "" {
		m, err := mutantNamed("--mutant", contract.RoleRelay, f.mutant)
		if err != nil {
			return c, nil, err
		}
		if edition, err = mutantEdition(m, f.edition); err != nil {
			return c, nil, err
		}
		c.Change, g.wrong = m.Mutate, wrongOnPurpose(m)
	}
	var err error
	if c.Edition, err = contract.LoadEdition(edition); err != nil {
		return c, nil, err
	}
	if f.listen == "" {
		// The system would take it for any port on every address of this machine.
		return c, nil, errors.New("--listen is empty; write an address such as 127.0.0.1:8787")
	}
	if c.Log, err = f.logger(logs); err != nil {
		return c, nil, err
	}
	if c.Clock, err = f.clock(ctx); err != nil {
		return c, nil, err
	}
	if c.TLS, err = f.serverTLS(); err != nil {
		return c, nil, err
	}
	if c.Trust, err = f.roots(); err != nil {
		return c, nil, err
	}
	if c.Limits, err = f.limits(); err != nil {
		return c, nil, err
	}
	rotations := map[string]relay.Rotation{"new-expires": relay.NewExpires, "retire-old": relay.RetireOld}
	batches := map[string]relay.Batch{"whole": relay.Whole, "split": relay.Split}
	var ok bool
	if c.Rotation, ok = rotations[f.rotation]; !ok {
		return c, nil, fmt.Errorf("--rotation %q: it is new-expires or retire-old", f.rotation)
	}
	if c.Batch, ok = batches[f.batch]; !ok {
		return c, nil, fmt.Errorf("--batch %q: it is whole or split", f.batch)
	}
	accounts, err := f.numbers()
	if err != nil {
		return c, nil, err
	}
	c.Listen, c.Data, c.Dev, c.Seed = f.listen, f.data, f.dev, f.seed
	c.KeepPending, c.ConstantDeliveryID, c.GraphQL = f.keepPending, f.constantDeliveryID, f.graphql
	g.edition = c.Edition
	key := g.variable(keyVariable, relay.NewKey)
	c.AppSecret = g.variable(mockmeta.SecretVariable, newHexSecret)
	c.VerifyToken = g.variable(mockmeta.TokenVariable, newHexSecret)
	c.Organisations = []relay.OrganisationConfig{{Name: "first", Key: key, Accounts: accounts}}
	g.phoneNumberID = accounts[0].PhoneNumberID
	other := os.Getenv(otherKeyVariable)
	if f.mutant != "" {
		// Whoever certifies it needs another organisation to look from.
		other = g.variable(otherKeyVariable, relay.NewKey)
	}
	if other != "" {
		if other == key {
			return c, nil, fmt.Errorf("%s and %s are the same key; two organisations need two", keyVariable, otherKeyVariable)
		}
		c.Organisations = append(c.Organisations, relay.OrganisationConfig{Name: "second", Key: other})
	}
	return c, g, nil
}

func (f *serveFlags) logger(out io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q: it is debug, info, warn or error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(out, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(out, options)), nil
	}
	return nil, fmt.Errorf("--log-format %q: it is text or json", f.logFormat)
}

// clock is the emitter's time. One that is not everybody's goes on where it was when the database was last used.
func (f *serveFlags) clock(ctx context.Context) (clock.Clock, error) {
	if f.virtualClock && f.timeScale != 0 {
		return nil, errors.New("--virtual-clock and --time-scale are both set; keep one")
	}
	start := time.Now()
	if f.data != "" && (f.virtualClock || f.timeScale != 0) {
		reached, err := relay.TimeOf(ctx, f.data)
		if err != nil {
			return nil, err
		}
		if reached.After(start) {
			start = reached
		}
	}
	switch {
	case f.virtualClock:
		return clock.NewVirtual(start), nil
	case f.timeScale != 0:
		scaled, err := clock.Scaled(start, f.timeScale)
		if err != nil {
			return nil, fmt.Errorf("--time-scale %v: %w", f.timeScale, err)
		}
		return scaled, nil
	}
	return clock.Real(), nil
}

// serverTLS is the configuration of an https server, or nil.
func (f *serveFlags) serverTLS() (*tls.Config, error) {
	if f.tlsGenerate && (f.tlsCert != "" || f.tlsKey != "") {
		return nil, errors.New("--tls makes a certificate, so --tls-cert and --tls-key do not go with it")
	}
	if (f.tlsCert == "") != (f.tlsKey == "") {
		return nil, errors.New("--tls-cert and --tls-key belong together; one of them is missing")
	}
	if f.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
	}
	if !f.tlsGenerate {
		return nil, nil
	}
	return generateTLS(f.listen, f.caOut)
}

func (f *serveFlags) roots() (*x509.CertPool, error) {
	if f.trust == "" {
		return nil, nil
	}
	return wire.Roots(f.trust)
}

func (f *serveFlags) limits() (*api.Limits, error) {
	if f.rateLimits == "" {
		return nil, nil
	}
	var l api.Limits
	if n, err := fmt.Sscanf(f.rateLimits+"\n", "%d/%d\n", &l.Write, &l.Read); n != 2 || err != nil || l.Write < 1 || l.Read < 1 {
		return nil, fmt.Errorf("--rate-limits %q: write calls a minute as WRITES/READS, such as 60/600", f.rateLimits)
	}
	return &l, nil
}

// numbers are the accounts of the flags, or the one of the documentation's examples.
func (f *serveFlags) numbers() ([]store.Account, error) {
	if len(f.accounts) == 0 {
		return []store.Account{{PhoneNumberID: defaultPhoneNumberID, Display: defaultDisplay}}, nil
	}
	var out []store.Account
	for _, text := range f.accounts {
		id, number, ok := strings.Cut(text, "=")
		if !ok || strings.Trim(id, "0123456789") != "" || len(id) < 6 || len(id) > 20 || !strings.HasPrefix(number, "+") {
			return nil, fmt.Errorf("--account %q: write Meta's id of the number and the number, such as %s=%s", text, defaultPhoneNumberID, defaultDisplay)
		}
		if slices.ContainsFunc(out, func(a store.Account) bool { return a.PhoneNumberID == id }) {
			return nil, fmt.Errorf("--account %q: %s is named before; one id has one number", text, id)
		}
		out = append(out, store.Account{PhoneNumberID: id, Display: number})
	}
	return out, nil
}
