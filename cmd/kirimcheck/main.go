// Command kirimcheck certifies receivers and relays of Kirim's webhooks, and is a local Kirim. It turns flags into calls and
// outcomes into exit codes; what is checked, and how, is decided elsewhere.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/loadgen/health"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, health.Judge))
}

// run carries a command line out and returns the exit code. An error is one line on stderr. judge says of a load run
// whether the generator was its bottleneck.
func run(args []string, stdout, stderr io.Writer, judge func(health.Account) []string) int {
	code := exitConformant
	root := newRoot(&code, judge)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(context.Background()); err != nil {
		// An unwritable stderr leaves nobody to tell.
		_, _ = fmt.Fprintln(stderr, "kirimcheck:", err)
		return errorCode(err)
	}
	return code
}

// newRoot builds the command tree. code receives the exit code of a command that ran to its end.
func newRoot(code *int, judge func(health.Account) []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "kirimcheck",
		Short: "Checks webhook software against Kirim's contract",
		Long: "kirimcheck sends a webhook receiver what Kirim sends, well and badly signed, whole and broken, once and twice,\n" +
			"or stands in front of a relay as Meta and behind it as its subscribers, and reports with evidence whether Kirim's\n" +
			"contract is kept. `kirimcheck load` measures how much load it takes. `kirimcheck serve` is a local Kirim to develop\n" +
			"against.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		// Without this, a mistyped command would print the help and succeed.
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; `kirimcheck --help` lists them", args[0])}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newCertify(code), newTrigger(code), newServe(code), newListen(code), newReceiver(code), newTarget(code),
		newLoad(code, judge), newList(), newExplain(), newMutants(), newMatrix(code))
	return root
}

// exactly is cobra.ExactArgs with our exit code.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s takes %s", cmd.CommandPath(), what)}
		}
		return nil
	}
}

// version is the module's version, as far as the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
