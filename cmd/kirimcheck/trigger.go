package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// triggerFlags are the flags of kirimcheck trigger.
type triggerFlags struct {
	variant   string
	set, add  []string
	to        string
	as        string
	count     int
	print     bool
	list      bool
	edition   string
	secretEnv string
	seed      uint64
}

const (
	asKirim = "kirim"
	asMeta  = "meta"
	// printedURL stands in printed lines where no URL was given.
	printedURL = "http://127.0.0.1:8080/kirim-webhook"
)

func newTrigger(code *int) *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger EVENT",
		Short: "Send or print one signed event",
		Long: "trigger makes an event of the catalogue, unique and signed, and sends it to a URL (--to) or prints the curl line that\n" +
			"sends it. As kirim (the default) it is a delivery of Kirim's; as meta it is a POST of Meta's own, and EVENT may then\n" +
			"also be another webhook field, such as account_update. The secret comes from the environment: KIRIM_SECRET, or\n" +
			"META_APP_SECRET as meta.\n\n" +
			"Exit codes: 0 printed, or acknowledged by all; 1 not acknowledged; 2 wrong usage; 4 the URL could not be reached.",
		Example: "  kirimcheck trigger contact.created --to http://127.0.0.1:8080/kirim-webhook\n" +
			"  kirimcheck trigger message.received --variant image --print\n" +
			"  kirimcheck trigger contact.updated --set data.contact.name=Ayu --count 3 --to http://127.0.0.1:8080/kirim-webhook\n" +
			"  kirimcheck trigger message.status --variant read --as meta --to http://127.0.0.1:8080/webhooks/meta",
		Args: func(cmd *cobra.Command, args []string) error {
			if f.list {
				return exactly(0, "no event with --list")(cmd, args)
			}
			return exactly(1, "one event; `kirimcheck trigger --list` shows them")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return usageError{err}
			}
			if f.list {
				return f.writeCatalogue(cmd.OutOrStdout())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			var err error
			*code, err = f.run(ctx, args[0], cmd.OutOrStdout())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.variant, "variant", "", "variant of the event; by default its first")
	flags.StringArrayVar(&f.set, "set", nil, "path=value: give a member of the body another value, such as data.contact.name=Ayu")
	flags.StringArrayVar(&f.add, "add", nil, "path=value: add a member that the body does not have")
	flags.StringVar(&f.to, "to", "", "URL to send to")
	flags.StringVar(&f.as, "as", asKirim, "who sends: kirim or meta")
	flags.IntVar(&f.count, "count", 1, "how many events, each unique")
	flags.BoolVar(&f.print, "print", false, "print the curl line and send nothing")
	flags.BoolVar(&f.list, "list", false, "list the events and their variants")
	flags.StringVar(&f.edition, "edition", "", withEditions("edition of the contract"))
	flags.StringVar(&f.secretEnv, "secret-env", "", "environment variable that holds the secret")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the generated ids and texts; 0 picks one")
	return cmd
}

func (f *triggerFlags) check() error {
	if f.as != asKirim && f.as != asMeta {
		return fmt.Errorf("--as %q: it is kirim or meta", f.as)
	}
	if f.count < 1 {
		return fmt.Errorf("--count %d: it is at least 1", f.count)
	}
	if f.secretEnv == "" {
		f.secretEnv = map[string]string{asKirim: emitter.SecretVariable, asMeta: mockmeta.SecretVariable}[f.as]
	}
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	return nil
}

// run sends or prints the events and returns the exit code.
func (f *triggerFlags) run(ctx context.Context, name string, out io.Writer) (int, error) {
	edition, err := contract.LoadEdition(f.edition)
	if err != nil {
		return 0, usageError{err}
	}
	newGenerator := fixtures.NewGenerator
	if f.as == asMeta {
		newGenerator = fixtures.NewMetaGenerator
	}
	generator, err := newGenerator(edition, f.seed, time.Now)
	if err != nil {
		return 0, err
	}
	sending := f.to != "" && !f.print
	secret, given := os.LookupEnv(f.secretEnv)
	if sending && secret == "" {
		return 0, usageError{fmt.Errorf("the environment variable %s is empty or not set; it holds the secret to sign with", f.secretEnv)}
	}
	if !given {
		// What is printed takes the secret from the environment when it is run.
		secret = "unset"
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		return 0, err
	}
	timeout := edition.Delivery.Timeout
	if f.as == asMeta {
		timeout = meta.Timeout.Value
	}
	client, err := wire.NewClient(timeout, "", false)
	if err != nil {
		return 0, err
	}
	worst := exitConformant
	for range f.count {
		m, label, err := f.message(generator, edition, meta, name, secret)
		if err != nil {
			return 0, usageError{err}
		}
		if !sending {
			line := m.Repeat()
			if line == "" {
				return 0, usageError{fmt.Errorf("the body of %s is too long for a line; send it with --to", name)}
			}
			if _, err := fmt.Fprintln(out, line); err != nil {
				return 0, err
			}
			continue
		}
		code, err := f.send(ctx, client, meta, m, label, out)
		if err != nil {
			return 0, err
		}
		worst = max(worst, code)
	}
	return worst, nil
}

// triggered is a request together with the line that repeats it.
type triggered interface {
	Wire() wire.Request
	Repeat() string
}

// message builds one event and says in a few words what it is.
func (f *triggerFlags) message(g *fixtures.Generator, edition contract.Edition, meta contract.Meta, name, secret string) (triggered, string, error) {
	url := f.to
	if url == "" {
		url = printedURL
	}
	if f.as == asMeta {
		return f.metaMessage(g, edition, meta, url, name, secret)
	}
	ev, err := g.Event(name, f.variant)
	if err != nil {
		return nil, "", fmt.Errorf("%w; `kirimcheck trigger --list` shows them all", err)
	}
	if ev.Body, err = edit(ev.Body, f.set, f.add); err != nil {
		return nil, "", err
	}
	ev.ID = eventID(ev)
	a, err := emitter.Build(edition, url, secret, time.Now(), emitter.Plan{Event: ev, DeliveryID: g.ID("wbd")})
	return a, strings.Join([]string{ev.Name, ev.Variant, ev.ID}, " "), err
}

func (f *triggerFlags) metaMessage(
	g *fixtures.Generator, edition contract.Edition, meta contract.Meta, url, name, secret string,
) (triggered, string, error) {
	var plan mockmeta.Plan
	var err error
	label := name
	if e, known := edition.Event(name); known && e.Source == contract.SourceMeta {
		if plan.Event, err = g.Event(name, f.variant); err != nil {
			return nil, "", err
		}
		label += " " + plan.Event.Variant + " " + plan.Event.ID
	} else {
		update, err := g.Meta(name, f.variant)
		if err != nil {
			return nil, "", fmt.Errorf("%w; `kirimcheck trigger --as meta --list` shows what Meta sends", err)
		}
		// Meta's POST has no header that names the event, so any of its events carries the body.
		if plan.Event, err = g.Event("message.received", ""); err != nil {
			return nil, "", err
		}
		plan.Event.Body = update.Body
		label += " " + update.Variant
	}
	if plan.Event.Body, err = edit(plan.Event.Body, f.set, f.add); err != nil {
		return nil, "", err
	}
	a, err := mockmeta.Build(meta, url, secret, plan)
	return a, label, err
}

// send sends one event and prints what came of it on one line.
func (f *triggerFlags) send(ctx context.Context, client *wire.Client, meta contract.Meta, m triggered, label string, out io.Writer) (int, error) {
	x := client.Send(ctx, m.Wire())
	switch x.Trouble {
	case wire.None:
	case wire.NotReached, wire.BadTLS:
		_, err := fmt.Fprintf(out, "%s: not reached: %v\n", label, x.Err)
		return exitUnreachable, err
	case wire.Stopped:
		return 0, errInterrupted
	case wire.TimedOut, wire.BrokenOff, wire.NotHTTP:
		_, err := fmt.Fprintf(out, "%s: no answer: %v\n", label, x.Err)
		return exitNonConformant, err
	}
	taken := x.Acknowledged()
	if f.as == asMeta {
		taken = mockmeta.Accepted(meta, x)
	}
	word, code := "taken", exitConformant
	if !taken {
		word, code = "not taken", exitNonConformant
	}
	_, err := fmt.Fprintf(out, "%s: %s with %d in %s\n", label, word, x.Status, x.Took.Round(10*time.Microsecond))
	return code, err
}

// writeCatalogue lists what can be triggered.
func (f *triggerFlags) writeCatalogue(out io.Writer) error {
	edition, err := contract.LoadEdition(f.edition)
	if err != nil {
		return usageError{err}
	}
	catalogue := fixtures.Variants
	if f.as == asMeta {
		catalogue = fixtures.MetaVariants
	}
	variants, err := catalogue(edition)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, variant, description string) {
		// The error is kept by the writer and comes out of Flush.
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\n", name, variant, description)
	}
	for _, v := range variants {
		if e, _ := edition.Event(v.Event); f.as == asKirim || e.Source == contract.SourceMeta {
			row(v.Event, v.Name, v.Description)
		}
	}
	if f.as == asMeta {
		fields, err := fixtures.Fields()
		if err != nil {
			return err
		}
		for _, field := range fields {
			row(field.Field, field.Name, field.Description)
		}
	}
	return tw.Flush()
}
