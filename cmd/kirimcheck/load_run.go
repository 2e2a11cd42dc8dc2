package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/loadgen"
	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// runFlags are the flags of kirimcheck load run.
type runFlags struct {
	loadFlags
	rate     string
	duration time.Duration
	shape    string
	results  string
}

// defaultDuration is long enough for the 99.9th percentile at a few deliveries a second.
const defaultDuration = time.Minute

func newLoadRun(code *int, judge func(health.Account) []string) *cobra.Command {
	var f runFlags
	f.judge = judge
	cmd := &cobra.Command{
		Use:   "run (--target FILE | --url URL --secret-env NAME) --rate RATE",
		Short: "Send deliveries by a schedule and judge the answers",
		Long: "run sends unique, signed deliveries by a schedule that does not wait for the target, and judges latency from the\n" +
			"intended start, errors and rate by thresholds. It writes load.html, load.json, junit.xml, load.md and HDR logs.\n\n" +
			"Exit codes: 0 every threshold holds, 2 usage or bad configuration, 3 the target acknowledges nothing, or the harness\n" +
			"failed, 4 target unreachable, 5 thresholds not met, 6 the run is invalid (the generator was the bottleneck, or nothing\n" +
			"was measured), 130 interrupted.",
		Example: "  kirimcheck load run --target target.yaml --rate 2000/s --duration 60s --slo 'p99 < 250ms' --slo 'errors < 0.1%'\n" +
			"  kirimcheck load run --target target.yaml --rate 2000/s --shape ramp:from=100/s\n" +
			"  kirimcheck load run --target target.yaml --rate 500/s --shape burst:to=5000/s,every=10s,for=1s --preset kirim\n" +
			"  kirimcheck load run --target target.yaml --preset meta --messages 300/s --replies 30%\n" +
			"  kirimcheck load run --target target.yaml --shape replay:trace.csv",
		Args: exactly(0, "no arguments"),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		*code, err = f.run(cmd)
		return err
	}
	flags := cmd.Flags()
	f.register(flags)
	flags.StringVar(&f.rate, "rate", "", "deliveries per second, minute or hour, such as 2000/s; the end of a ramp, the mean of a sine")
	flags.DurationVar(&f.duration, "duration", defaultDuration, "length of the run; a replay is cut there")
	flags.StringVar(&f.shape, "shape", schedule.Constant, "course of the rate: constant, ramp:from=100/s, step:from=100/s,steps=5,\n"+
		"burst:to=5000/s,every=10s,for=1s, sine:amplitude=500/s,period=30s, or replay:FILE")
	flags.StringVar(&f.messages, "messages", "", "with --preset meta: messages to customers, such as 300/s, from which the rate follows")
	flags.StringVar(&f.results, "vegeta-results", "", "also write every delivery to this file, in Vegeta's own format")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) (int, error) {
	var export *vegetaFile
	l, err := f.prepare(cmd, cmd.ErrOrStderr(), func(o *loadgen.Options) {
		if f.results != "" {
			export = &vegetaFile{path: f.results}
			o.Results = export.encode
		}
	})
	if err != nil {
		return 0, err
	}
	sc, err := f.schedule(cmd, loadgen.Events(l.target))
	if err == nil {
		err = l.session.Check(sc)
	}
	if err != nil {
		return 0, usageError{err}
	}
	if export != nil {
		if err := export.open(); err != nil {
			return 0, usageError{err}
		}
		defer export.abandon()
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	if err := l.ready(ctx, load.KindRun, sc); err != nil {
		return 0, err
	}
	m, err := l.session.Measure(ctx, sc)
	l.show.end()
	if err != nil {
		return 0, err
	}
	if export != nil {
		err = export.close()
	}
	code, finished := l.finish(l.session.Report(l.tool, sc, m), cmd.OutOrStdout())
	return code, errors.Join(err, finished)
}

// schedule makes the schedule of the flags.
func (f *runFlags) schedule(cmd *cobra.Command, events []string) (*schedule.Schedule, error) {
	var rate schedule.Rate
	var err error
	replays := strings.HasPrefix(f.shape, schedule.Replay+":") || f.shape == schedule.Replay
	switch {
	case f.messages != "" && f.rate != "":
		return nil, errors.New("--rate and --messages both say how much to send; give one")
	case replays && (f.rate != "" || f.messages != ""):
		return nil, errors.New("a replay has the rate of its trace; leave --rate out")
	case f.messages != "":
		if rate, err = f.metaRate(); err != nil {
			return nil, err
		}
	case !replays && f.rate == "":
		return nil, errors.New("--rate is missing; give deliveries per second, such as --rate 2000/s")
	case !replays:
		if rate, err = schedule.ParseRate(f.rate); err != nil {
			return nil, fmt.Errorf("--%w", err)
		}
	}
	duration := f.duration
	if replays && !cmd.Flags().Changed("duration") {
		duration = 0
	} else if duration <= 0 {
		return nil, fmt.Errorf("--duration %s: it is above zero, such as 60s", duration)
	}
	return schedule.Parse(f.shape, rate, duration, func(path string) (*schedule.Trace, error) {
		return schedule.ReadTrace(path, func(event string) bool { return slices.Contains(events, event) })
	})
}

// metaRate is the traffic that so many messages to customers cause.
func (f *runFlags) metaRate() (schedule.Rate, error) {
	messages, err := schedule.ParseRate(f.messages)
	if err != nil {
		return schedule.Rate{}, fmt.Errorf("--messages: %w", err)
	}
	meta, err := contract.LoadMeta()
	if err != nil {
		return schedule.Rate{}, err
	}
	replies := payload.DefaultReplies
	if f.replies != "" {
		if replies, err = parseShare(f.replies); err != nil {
			return schedule.Rate{}, fmt.Errorf("--replies: %w", err)
		}
	}
	traffic, _, err := slo.MetaCapacity(meta, messages.PerSecond(), replies)
	if err != nil {
		return schedule.Rate{}, err
	}
	return schedule.WholeRate(traffic.Total()), nil
}
