package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen"
	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/target"
)

func newLoad(code *int, judge func(health.Account) []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load a target, find its capacity, compare two runs",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; `kirimcheck load --help` lists them", args[0])}
			}
			return nil
		},
	}
	cmd.AddCommand(newLoadRun(code, judge), newLoadCapacity(code, judge), newLoadCompare(code))
	return cmd
}

// loadFlags are the flags that every command that loads a target has.
type loadFlags struct {
	targetFile, url, secretEnv, tokenEnv string
	role, edition                        string

	mix, preset string
	slos        []string
	messages    string
	replies     string

	connections int
	http2       bool
	timeout     time.Duration

	duplicates, retries, wrongSignatures, batched string
	batchItems                                    int
	bodySize                                      string
	seed                                          uint64

	out   string
	plain bool

	// judge is no flag: see loadgen.Options.
	judge func(health.Account) []string
}

const (
	presetNone  = "none"
	presetMeta  = "meta"
	presetKirim = "kirim"
)

func (f *loadFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.targetFile, "target", "", "target file (YAML)")
	flags.StringVar(&f.url, "url", "", "URL of the target, instead of a target file")
	flags.StringVar(&f.secretEnv, "secret-env", "", "with --url: environment variable that holds the signing secret")
	flags.StringVar(&f.tokenEnv, "verify-token-env", "", "with --url and --role meta-receiver: environment variable that holds the verify token")
	flags.StringVar(&f.role, "role", "", "role of the target: receiver (of Kirim's deliveries), relay or meta-receiver (both are sent what Meta sends)")
	flags.StringVar(&f.edition, "edition", "", "edition of the contract; comes before the target file's")
	flags.StringVar(&f.mix, "mix", "", "share of each event in percent, such as message.status=90,message.received=10; by default that of a WhatsApp business")
	flags.StringVar(&f.preset, "preset", "", "limits of a contract: kirim, meta, or none; by default that of the sender where no limit is given")
	flags.StringArrayVar(&f.slos, "slo", nil, "limit to judge by, such as 'p99 < 250ms', 'errors < 0.1%' or 'rate >= 1990/s'; can be repeated")
	flags.StringVar(&f.replies, "replies", "", "with --preset meta: share of the messages to customers that are answered (30%)")
	flags.IntVar(&f.connections, "connections", loadgen.DefaultConnections, "largest number of deliveries under way at a time")
	flags.BoolVar(&f.http2, "http2", false, "send over HTTP/2, to http URLs without TLS")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long to wait for an answer; by default as long as the sender does")
	flags.StringVar(&f.duplicates, "duplicates", "0%", "share of deliveries that are sent again as another first attempt")
	flags.StringVar(&f.retries, "retries", "0%", "share of deliveries that are later attempts of an earlier event")
	flags.StringVar(&f.wrongSignatures, "wrong-signatures", "0%", "share of deliveries whose signature is wrong, and which are to be refused")
	flags.StringVar(&f.batched, "batched", "0%", "share of deliveries whose body holds several updates")
	flags.IntVar(&f.batchItems, "batch-items", payload.DefaultBatchItems, "updates in a batched body")
	flags.StringVar(&f.bodySize, "body-size", "", "size to fill the bodies of message.received up to, such as 64KiB")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the generated ids and texts; 0 picks one")
	flags.StringVar(&f.out, "out", "reports/load", "folder for the reports")
	flags.BoolVar(&f.plain, "plain", false, "show progress as plain lines, also on a terminal")
}

// resolve returns the target.
func (f *loadFlags) resolve() (*target.Target, error) {
	switch {
	case f.targetFile == "" && f.url == "":
		return nil, usageError{errors.New("no target: give --target FILE, or --url URL with --secret-env NAME")}
	case f.targetFile != "" && f.url != "":
		return nil, usageError{errors.New("more than one target: give one of --target and --url")}
	case f.url == "" && (f.secretEnv != "" || f.tokenEnv != ""):
		return nil, usageError{errors.New("--secret-env and --verify-token-env go with --url; a target file names the secrets itself")}
	case f.url != "" && f.secretEnv == "":
		return nil, usageError{errors.New("--url needs --secret-env NAME, the environment variable that holds the signing secret")}
	case f.url != "":
		return target.Config{
			URL: f.url, Role: contract.Role(f.role), Edition: f.edition,
			Secret: target.SecretRef{Env: f.secretEnv}, VerifyToken: target.SecretRef{Env: f.tokenEnv},
		}.Resolve("command line")
	}
	return target.ReadFile(f.targetFile, func(c *target.Config) {
		if f.edition != "" {
			c.Edition = f.edition
		}
		if f.role != "" {
			c.Role = contract.Role(f.role)
		}
	})
}

// options turns the flags into options of a session. Every error is wrong usage.
func (f *loadFlags) options(t *target.Target) (loadgen.Options, error) {
	o := loadgen.Options{Target: t, Connections: f.connections, HTTP2: f.http2, Timeout: f.timeout, Judge: f.judge}
	if f.connections < 1 {
		return o, fmt.Errorf("--connections %d: it is at least 1", f.connections)
	}
	if f.batchItems == 0 {
		return o, errors.New("--batch-items 0: it is 2 or more")
	}
	if f.timeout < 0 {
		return o, fmt.Errorf("--timeout %s: it is above zero", f.timeout)
	}
	if f.seed == 0 {
		f.seed = rand.Uint64()
	}
	o.Payloads = payload.Options{BatchItems: f.batchItems, Seed: f.seed}
	for _, share := range []struct {
		flag, text string
		to         *float64
	}{
		{"--duplicates", f.duplicates, &o.Payloads.Duplicates},
		{"--retries", f.retries, &o.Payloads.Retries},
		{"--wrong-signatures", f.wrongSignatures, &o.Payloads.WrongSignatures},
		{"--batched", f.batched, &o.Payloads.Batched},
	} {
		var err error
		if *share.to, err = parseShare(share.text); err != nil {
			return o, fmt.Errorf("%s: %w", share.flag, err)
		}
	}
	var err error
	if f.bodySize != "" {
		if o.Payloads.BodySize, err = parseSize(f.bodySize); err != nil {
			return o, fmt.Errorf("--body-size: %w", err)
		}
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		return o, err
	}
	if o.SLOs, err = f.limits(t, meta); err != nil {
		return o, err
	}
	replies := payload.DefaultReplies
	if f.replies != "" {
		if f.preset != presetMeta {
			return o, errors.New("--replies goes with --preset meta")
		}
		if replies, err = parseShare(f.replies); err != nil {
			return o, fmt.Errorf("--replies: %w", err)
		}
	}
	switch {
	case f.mix != "":
		if o.Payloads.Mix, err = payload.ParseMix(f.mix, loadgen.Events(t)); err != nil {
			return o, fmt.Errorf("--%w", err)
		}
	case f.preset == presetMeta:
		// Meta's standard is about Meta's events.
		o.Payloads.Mix = payload.MetaMix(meta, replies)
	}
	if f.messages != "" {
		if f.preset != presetMeta {
			return o, errors.New("--messages goes with --preset meta")
		}
		rate, err := schedule.ParseRate(f.messages)
		if err != nil {
			return o, fmt.Errorf("--messages: %w", err)
		}
		_, taken, err := slo.MetaCapacity(meta, rate.PerSecond(), replies)
		if err != nil {
			return o, err
		}
		o.SLOs = append(o.SLOs, taken)
	}
	return o, nil
}

// limits are those of the preset, of the target file and of the flags. Where there is none, the sender's own preset holds:
// a run that judges nothing has to be asked for.
func (f *loadFlags) limits(t *target.Target, meta contract.Meta) ([]slo.SLO, error) {
	own, err := slo.ParseAll(f.slos, "--slo")
	if err != nil {
		return nil, fmt.Errorf("--slo: %w", err)
	}
	filed, err := slo.ParseAll(t.Load.SLO, "target file")
	if err != nil {
		return nil, &target.ConfigError{Place: f.targetFile, Key: "load.slo", Problem: err.Error()}
	}
	preset := f.preset
	if preset == "" && len(own)+len(filed) == 0 {
		preset = presetKirim
		if loadgen.Role(t) == contract.RoleMetaReceiver {
			preset = presetMeta
		}
	}
	var all []slo.SLO
	if preset != "" && preset != presetNone {
		if all, err = slo.Preset(preset, meta, t.Contract); err != nil {
			return nil, fmt.Errorf("--preset: %w", err)
		}
	}
	return append(append(all, filed...), own...), nil
}

// loadCommand is the command line that repeats a run, as it was given. The seed is left out, see certifyFlags.command.
func loadCommand(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			switch {
			case flag.Name == "seed":
			case flag.Value.Type() == "bool":
				words = append(words, "--"+flag.Name+map[string]string{"true": "", "false": "=false"}[value])
			case flag.Name == "url":
				words = append(words, "--url", shellWord(reports.RedactURL(value)))
			default:
				words = append(words, "--"+flag.Name, shellWord(value))
			}
		}
	})
	return strings.Join(words, " ")
}

// loading is a load command with its checked options.
type loading struct {
	flags    *loadFlags
	target   *target.Target
	options  loadgen.Options
	session  *loadgen.Session
	tool     reports.Tool
	redactor *reports.Redactor
	show     *loadProgress
}

// gcPercent lets the heap of a generator grow to five times what is live, some tens of megabytes, so that the collector
// runs a fourth as often: it saves about a tenth of the processor time of a delivery.
const gcPercent = 400

// prepare checks the flags and opens a session. Nothing is sent yet.
func (f *loadFlags) prepare(cmd *cobra.Command, stderr io.Writer, change func(*loadgen.Options)) (*loading, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	t, err := f.resolve()
	if err != nil {
		return nil, err
	}
	l := &loading{flags: f, target: t, redactor: reports.NewRedactor(t.Signing.Reveal(), t.Token.Reveal()), show: newLoadProgress(stderr, f.plain)}
	if l.options, err = f.options(t); err != nil {
		return nil, usageError{err}
	}
	l.options.Progress = l.show.update
	if change != nil {
		change(&l.options)
	}
	if l.session, err = loadgen.NewSession(l.options); err != nil {
		return nil, usageError{err}
	}
	if err := load.CheckWritable(f.out); err != nil {
		return nil, usageError{err}
	}
	l.tool = reports.Tool{Name: "kirimcheck", Version: version(), Command: loadCommand(cmd), Seed: f.seed}
	return l, nil
}

// ready sends the delivery that goes ahead. A target that does not answer at all gets a report that says so.
func (l *loading) ready(ctx context.Context, kind load.Kind, sc *schedule.Schedule) error {
	err := l.session.Preflight(ctx)
	var not *loadgen.NotReadyError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w before the first delivery of the run", errInterrupted)
	case !errors.As(err, &not) || not.Reached:
		return err
	}
	err = errors.New(l.redactor.String(not.Problem))
	report := l.session.Unreached(kind, l.tool, sc, time.Now(), err)
	_, written := load.WriteAll(l.flags.out, load.Redact(l.redactor, report))
	return unreachableError{errors.Join(err, written)}
}

// finish writes the reports and the summary, and returns the exit code.
func (l *loading) finish(report load.Report, stdout io.Writer) (int, error) {
	safe := load.Redact(l.redactor, report)
	// The disk may have filled up since it was looked at. The verdict is told all the same.
	files, writeErr := load.WriteAll(l.flags.out, safe)
	err := writeLoadSummary(stdout, safe.Report(), files)
	return loadCode(report.Outcome), errors.Join(writeErr, err)
}

// interruptible returns a context that the first interrupt ends; a second one ends the program at once.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
