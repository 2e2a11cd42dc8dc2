package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/loadgen"
	"github.com/kirimcheck/kirimcheck/loadgen/capacity"
	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// capacityFlags are the flags of kirimcheck load capacity.
type capacityFlags struct {
	loadFlags
	from, to      string
	step          time.Duration
	resolution    string
	confirmations int
}

// defaultStep is long enough for the 99th percentile at 10 deliveries a second, and for a garbage collection or two.
const defaultStep = 10 * time.Second

func newLoadCapacity(code *int, judge func(health.Account) []string) *cobra.Command {
	var f capacityFlags
	f.judge = judge
	defaults := capacity.Defaults()
	cmd := &cobra.Command{
		Use:   "capacity (--target FILE | --url URL --secret-env NAME)",
		Short: "Find the highest rate at which the limits hold",
		Long: "capacity raises the rate in coarse steps until a limit breaks, halves the gap until it is narrow, and confirms the\n" +
			"answer by fresh runs. Where the generator gives out first, it says so, and the answer is a lower bound.\n\n" +
			"Exit codes: 0 a capacity was found, 2 usage or bad configuration, 3 the target acknowledges nothing, or the harness\n" +
			"failed, 4 target unreachable, 5 not even the lowest rate holds, 6 the generator was the bottleneck even there, 130\n" +
			"interrupted.",
		Example: "  kirimcheck load capacity --target target.yaml --slo 'p99 < 250ms' --slo 'errors < 0.1%'",
		Args:    exactly(0, "no arguments"),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		*code, err = f.run(cmd)
		return err
	}
	flags := cmd.Flags()
	f.register(flags)
	flags.StringVar(&f.from, "from", schedule.WholeRate(defaults.Lowest).String(), "lowest rate, where the search begins")
	flags.StringVar(&f.to, "to", "50000/s", "highest rate that is tried")
	flags.DurationVar(&f.step, "step", defaultStep, fmt.Sprintf("length of each measurement; below %s a target that falls behind is not told", loadgen.Tellable))
	flags.StringVar(&f.resolution, "resolution", fmt.Sprintf("%g%%", 100*defaults.Resolution), "width at which the search ends")
	flags.IntVar(&f.confirmations, "confirmations", defaults.Confirmations, "fresh runs at the answer, all of which must hold")
	return cmd
}

// config reads the flags of the search.
func (f *capacityFlags) config() (capacity.Config, error) {
	c := capacity.Defaults()
	for _, rate := range []struct {
		flag, text string
		to         *float64
	}{{"--from", f.from, &c.Lowest}, {"--to", f.to, &c.Highest}} {
		parsed, err := schedule.ParseRate(rate.text)
		if err != nil {
			return c, fmt.Errorf("%s: %w", rate.flag, err)
		}
		*rate.to = parsed.PerSecond()
	}
	var err error
	if c.Resolution, err = parseShare(f.resolution); err != nil {
		return c, fmt.Errorf("--resolution: %w", err)
	}
	c.Confirmations = f.confirmations
	if f.step < time.Second {
		return c, fmt.Errorf("--step %s: it is at least 1s", f.step)
	}
	return c, c.Check()
}

func (f *capacityFlags) run(cmd *cobra.Command) (int, error) {
	l, err := f.prepare(cmd, cmd.ErrOrStderr(), nil)
	if err != nil {
		return 0, err
	}
	c, err := f.config()
	if err != nil {
		return 0, usageError{err}
	}
	if len(l.options.SLOs) == 0 {
		return 0, usageError{errors.New("--preset none leaves no limit to measure a capacity by; give --slo")}
	}
	sc, err := loadgen.StepSchedule(c.Lowest, f.step)
	if err == nil {
		// What the lowest rate has enough deliveries for, every rate has.
		err = l.session.Check(sc)
	}
	if err != nil {
		return 0, usageError{err}
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	if err := l.ready(ctx, load.KindCapacity, sc); err != nil {
		return 0, err
	}
	report, err := l.session.Capacity(ctx, l.tool, c, f.step, func(ratePerS float64) {
		l.show.end()
		l.show.label = fmt.Sprintf("trying %s: ", load.Quantity(ratePerS, load.PerSecond))
	})
	l.show.end()
	if err != nil {
		return 0, err
	}
	return l.finish(report, cmd.OutOrStdout())
}
