package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// listenFlags are the flags of kirimcheck listen.
type listenFlags struct {
	address, path   string
	forwardTo       string
	status, times   int
	delay           time.Duration
	secretEnv       string
	edition         string
	json            bool
	anyTime         bool
	tls             bool
	tlsCert, tlsKey string
	caOut           string
	noColor         bool
	subscribe       string
	events          []string
}

// defaultListenAddress is where listen stands, and where the lines that serve prints point to.
const defaultListenAddress = "127.0.0.1:9000"

func newListen(code *int) *cobra.Command {
	var f listenFlags
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive deliveries, verify and print them, and fail when told to",
		Long: "listen is a subscriber for people: it verifies the signature of each delivery, checks the body against its schema,\n" +
			"and prints one line. The signing secret comes from the environment, " + emitter.SecretVariable + " by default; several of them,\n" +
			"as during a rotation, are separated by blanks or commas. It answers 200, or what it is told to (--status,\n" +
			"--delay), or what --forward-to answers to the same bytes and headers. Ctrl-C ends it.\n\n" +
			"Exit codes: 0 ended by a signal; 2 wrong usage, or an address that is taken; 3 it could not go on.",
		Example: "  kirimcheck listen\n" +
			"  kirimcheck listen --subscribe http://127.0.0.1:8787/v1\n" +
			"  kirimcheck listen --forward-to http://127.0.0.1:3000/webhooks/kirim\n" +
			"  kirimcheck listen --status 500 --times 3\n" +
			"  kirimcheck listen --delay 11s",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			*code = exitConformant
			return f.run(ctx, cmd.Flags().Changed, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.address, "address", defaultListenAddress, "address to listen on")
	flags.StringVar(&f.path, "path", "/", "path of the webhook; / takes every path")
	flags.StringVar(&f.forwardTo, "forward-to", "", "URL that gets every delivery as it came, and whose answer is given back")
	flags.IntVar(&f.status, "status", http.StatusOK, "status to answer with")
	flags.IntVar(&f.times, "times", 0, "how many deliveries --status and --delay hold for; 0 means all")
	flags.DurationVar(&f.delay, "delay", 0, "wait before each answer, such as 11s")
	flags.StringVar(&f.secretEnv, "secret-env", emitter.SecretVariable,
		"environment variable that holds the signing secret, or several")
	flags.StringVar(&f.subscribe, "subscribe", "",
		"base of a relay's API, such as http://127.0.0.1:8787/v1: subscribe there for this run, with the key in "+keyVariable)
	flags.StringSliceVar(&f.events, "events", nil,
		"with --subscribe: the events, separated by commas; by default all of the edition")
	flags.StringVar(&f.edition, "edition", "", withEditions("edition of the contract"))
	flags.BoolVar(&f.json, "json", false, "print one JSON object for each delivery")
	flags.BoolVar(&f.anyTime, "any-time", false, "verify signatures of any age, as those of a relay on a scaled or virtual clock")
	flags.BoolVar(&f.tls, "tls", false, "speak https with a certificate of an authority made for this run, written to --ca-out")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "PEM file of a certificate to speak https with")
	flags.StringVar(&f.tlsKey, "tls-key", "", "PEM file of its key")
	flags.StringVar(&f.caOut, "ca-out", "kirimcheck-listen-ca.pem", "where --tls writes its authority, for the relay to trust")
	flags.BoolVar(&f.noColor, "no-color", false, "print without colour, also on a terminal")
	return cmd
}

// run listens until ctx ends. changed reports whether a flag was given.
func (f *listenFlags) run(ctx context.Context, changed func(string) bool, out, notes io.Writer) error {
	if err := f.check(changed); err != nil {
		return usageError{err}
	}
	l, err := f.listener(changed, out)
	if err != nil {
		return err
	}
	config, err := f.serverTLS()
	if err != nil {
		return usageError{err}
	}
	// What was printed need not be kept.
	server, err := subscriber.Listen(ctx, subscriber.Config{Address: f.address, TLS: config, MaxRecords: 1})
	if err != nil {
		return usageError{err}
	}
	// Every path, so that deliveries to a wrong one are seen.
	endpoint := server.EndpointAt("/")
	endpoint.Handle(l.handle)
	address := strings.TrimSuffix(endpoint.URL(), "/") + f.path
	var own *ownSubscription
	if f.subscribe != "" {
		if own, err = subscribe(ctx, l.edition, f.subscribe, address, f.events); err != nil {
			return errors.Join(err, server.Close())
		}
		l.trust(own.secret)
	}
	err = f.greet(notes, address, l)
	if err == nil {
		select {
		case <-ctx.Done():
		case <-l.broken:
		}
	}
	if own != nil {
		err = errors.Join(err, own.end(ctx))
	}
	err = errors.Join(err, server.Close())
	return errors.Join(err, l.sum(notes))
}

func (f *listenFlags) check(changed func(string) bool) error {
	switch {
	case f.status < 200 || f.status > 599:
		return fmt.Errorf("--status %d: it is from 200 to 599", f.status)
	case f.times < 0:
		return fmt.Errorf("--times %d: it is 0 or more", f.times)
	case f.times > 0 && !changed("status") && f.delay == 0:
		return errors.New("--times says how often --status or --delay holds; give one of them")
	case f.delay < 0:
		return fmt.Errorf("--delay %s: it is 0 or more", f.delay)
	case !strings.HasPrefix(f.path, "/") || strings.ContainsAny(f.path, "?# \t\r\n"):
		return fmt.Errorf("--path %q: it begins with a slash and has no query, such as /webhooks/kirim", f.path)
	case f.forwardTo != "" && changed("status") && f.times == 0:
		return errors.New("--forward-to decides the status, so --status needs --times, after which deliveries are forwarded")
	case len(f.events) > 0 && f.subscribe == "":
		return errors.New("--events goes with --subscribe")
	case f.tls && (f.tlsCert != "" || f.tlsKey != ""):
		return errors.New("--tls makes a certificate, so --tls-cert and --tls-key do not go with it")
	case (f.tlsCert == "") != (f.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key belong together; one of them is missing")
	}
	if _, _, err := net.SplitHostPort(f.address); err != nil {
		return fmt.Errorf("--address %q: it is of the form host:port, such as 127.0.0.1:9000", f.address)
	}
	if f.forwardTo == "" {
		return nil
	}
	u, err := url.Parse(f.forwardTo)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		// Not repeated: it may hold a password.
		return errors.New("--forward-to: it is a URL such as http://127.0.0.1:3000/webhooks/kirim")
	case u.User != nil:
		return errors.New("--forward-to: a user name or password in the URL is not supported")
	case u.Host == f.address:
		return errors.New("--forward-to points to this listener itself")
	}
	return nil
}

// listener makes what takes the deliveries.
func (f *listenFlags) listener(changed func(string) bool, out io.Writer) (*listener, error) {
	edition, err := contract.LoadEdition(f.edition)
	if err != nil {
		return nil, usageError{err}
	}
	set, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	secrets := strings.FieldsFunc(os.Getenv(f.secretEnv), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' })
	if len(secrets) == 0 && changed("secret-env") {
		return nil, usageError{fmt.Errorf("the environment variable %s is empty or not set; it holds the secret to verify with", f.secretEnv)}
	}
	l := &listener{
		flags: f, edition: edition, schemas: set, out: out,
		color:    !f.noColor && os.Getenv("NO_COLOR") == "" && isTerminal(out),
		verifier: signature.Verifier{Secrets: secrets, Tolerance: edition.Signature.Tolerance},
		seen:     newSeen(), broken: make(chan struct{}),
	}
	if f.anyTime {
		l.verifier.Tolerance = math.MaxInt64
	}
	if f.forwardTo == "" {
		return l, nil
	}
	// The sender gives up after the same time.
	l.client, err = wire.NewClient(edition.Delivery.Timeout, "", false)
	return l, err
}

// serverTLS is the configuration for https, or nil.
func (f *listenFlags) serverTLS() (*tls.Config, error) {
	if f.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return subscriber.ServerTLS(pair, true), nil
	}
	if !f.tls {
		return nil, nil
	}
	return generateTLS(f.address, f.caOut)
}

// greet says where the listener is, and what it does not do.
func (f *listenFlags) greet(notes io.Writer, address string, l *listener) error {
	lines := []string{"listening on " + address + "; Ctrl-C ends it"}
	if f.tls {
		lines = append(lines, "relays trust it with the authority in "+f.caOut)
	}
	switch n := len(l.verifier.Secrets); {
	case n == 0:
		lines = append(lines, f.secretEnv+" is not set, so signatures are not checked")
	default:
		for i, secret := range l.verifier.Secrets {
			if prefix := l.edition.Signature.SecretPrefix; !strings.HasPrefix(secret, prefix) {
				lines = append(lines, fmt.Sprintf("secret %d of %d in %s does not begin with %s, which is part of every secret", i+1, n, f.secretEnv, prefix))
			}
		}
	}
	_, err := fmt.Fprintln(notes, strings.Join(lines, "\n"))
	return err
}
