package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/suites"
	"github.com/kirimcheck/kirimcheck/target"
)

// certifyFlags are the flags of kirimcheck certify.
type certifyFlags struct {
	targetFile  string
	url         string
	secretEnv   string
	tokenEnv    string
	role        string
	edition     string
	reference   bool
	labelFilter string
	out         string
	seed        uint64
	noColor     bool
	budget      time.Duration
	resume      bool
}

func newCertify(code *int) *cobra.Command {
	var f certifyFlags
	cmd := &cobra.Command{
		Use:   "certify (--target FILE | --url URL --secret-env NAME | --reference)",
		Short: "Run the specs against a target and write the reports",
		Long: "certify sends deliveries to the target, judges what comes back, prints a summary, and writes report.html,\n" +
			"report.json and junit.xml.\n\n" +
			"Exit codes: 0 conformant, 1 non-conformant, 2 usage or bad configuration, 3 incomplete (something could not\n" +
			"be observed), 4 target unreachable, 130 interrupted.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			*code, err = certify(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.targetFile, "target", "", "target file (YAML)")
	flags.StringVar(&f.url, "url", "", "URL of the receiver, instead of a target file; effects cannot be seen then")
	flags.StringVar(&f.secretEnv, "secret-env", "", "with --url: environment variable that holds the signing secret")
	flags.StringVar(&f.tokenEnv, "verify-token-env", "",
		"with --url and --role meta-receiver: environment variable that holds the verify token")
	flags.StringVar(&f.role, "role", "",
		"role of the target: receiver (of Kirim's deliveries), relay, or meta-receiver (of Meta's own webhooks)")
	flags.DurationVar(&f.budget, "budget", 0,
		"relays whose time cannot be driven: how long a spec may wait for retries; comes before the target file's")
	flags.BoolVar(&f.resume, "resume", false,
		"relays whose time cannot be driven: go on with what an earlier run observed, from the target file's state")
	flags.BoolVar(&f.reference, "reference", false, "certify the embedded reference, to see how a clean report looks")
	flags.StringVar(&f.edition, "edition", "", withEditions("edition of the contract; comes before the target file's"))
	flags.StringVar(&f.labelFilter, "label-filter", "",
		"run only the specs whose labels match, such as 'signature && MUST' or a requirement id")
	flags.StringVar(&f.out, "out", "reports/out", "folder for the reports")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the generated ids and texts; 0 picks one")
	flags.BoolVar(&f.noColor, "no-color", false, "print without colour, also on a terminal")
	return cmd
}

// certify runs the suites and returns the exit code.
func certify(ctx context.Context, f certifyFlags, stdout, stderr io.Writer) (int, error) {
	tgt, err := f.resolve()
	if err != nil {
		return 0, err
	}
	if err := reports.CheckWritable(f.out); err != nil {
		return 0, usageError{err}
	}
	if tgt != nil {
		if err := misfit(ctx, tgt); err != nil {
			return 0, err
		}
	}
	progress := newProgress(stderr)
	session, err := suites.NewSession(suites.Options{
		Target: tgt, Edition: f.edition, Role: contract.Role(f.role), Seed: f.seed, Version: version(),
		Command: f.command(f.labelFilter), Rerun: f.command, Resume: f.resume,
		Begin: progress.begin, Progress: progress.spec,
	})
	if err != nil {
		return 0, usageError{err}
	}
	if err := session.CheckFilter(f.labelFilter); err != nil {
		return 0, usageError{err}
	}
	report, err := session.Run(f.labelFilter)
	progress.end()
	if err != nil {
		return 0, err
	}
	record, err := mutants.Record()
	if err != nil {
		return 0, err
	}
	if report, err = reports.WithSelfCheck(report, record); err != nil {
		return 0, err
	}
	safe := session.Redactor().Report(report)
	// The disk may have filled up since it was looked at. The verdict is told all the same.
	files, writeErr := reports.WriteAll(f.out, safe)
	err = reports.WriteSummary(stdout, safe, reports.SummaryOptions{
		Color: !f.noColor && os.Getenv("NO_COLOR") == "" && isTerminal(stdout), Width: width(stdout), Files: files,
	})
	return outcomeCode(report.Outcome), errors.Join(writeErr, err)
}

// misfit is how a target file does not fit the target's own schema; it is found before anything is sent. That the target
// cannot be reached, or tells no schema, is for the run to report.
func misfit(ctx context.Context, tgt *target.Target) error {
	err := tgt.Prepare(ctx)
	if _, wrong := errors.AsType[*target.ConfigError](err); wrong {
		return err
	}
	return nil
}

// resolve returns the target, or nil for the embedded reference.
func (f certifyFlags) resolve() (*target.Target, error) {
	given := 0
	for _, set := range []bool{f.targetFile != "", f.url != "", f.reference} {
		if set {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, usageError{errors.New("no target: give --target FILE, or --url URL with --secret-env NAME, or --reference")}
	case given > 1:
		return nil, usageError{errors.New("more than one target: give one of --target, --url and --reference")}
	case (f.secretEnv != "" || f.tokenEnv != "") && f.url == "":
		return nil, usageError{errors.New("--secret-env and --verify-token-env go with --url; a target file names the secrets itself")}
	case (f.budget != 0 || f.resume) && f.targetFile == "":
		return nil, usageError{errors.New("--budget and --resume go with --target FILE, a relay in real time")}
	case f.reference:
		roles := []contract.Role{"", contract.RoleReceiver, contract.RoleRelay, contract.RoleMetaReceiver}
		if !slices.Contains(roles, contract.Role(f.role)) {
			return nil, usageError{fmt.Errorf("there is no reference %s; there are receiver, relay and meta-receiver", f.role)}
		}
		return nil, nil
	case f.url != "" && contract.Role(f.role) == contract.RoleRelay:
		return nil, usageError{errors.New("a relay needs a target file, which says how it is managed: give --target FILE; docs/target.md has an example")}
	case f.url != "":
		if f.secretEnv == "" {
			return nil, usageError{errors.New("--url needs --secret-env NAME, the environment variable that holds the signing secret")}
		}
		return target.Config{
			URL: f.url, Role: contract.Role(f.role), Edition: f.edition,
			Secret: target.SecretRef{Env: f.secretEnv}, VerifyToken: target.SecretRef{Env: f.tokenEnv},
		}.Resolve("command line")
	default:
		return target.ReadFile(f.targetFile, func(c *target.Config) {
			if f.edition != "" {
				c.Edition = f.edition
			}
			if f.role != "" {
				c.Role = contract.Role(f.role)
			}
			if f.budget != 0 {
				*c = c.WithBudget(f.budget)
			}
		})
	}
}

// command is the command line that repeats the run with a label filter. The seed is left out: a target that remembers
// event ids would take the same ones for duplicates.
func (f certifyFlags) command(filter string) string {
	words := []string{"kirimcheck", "certify"}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	add("--target", f.targetFile)
	if f.url != "" {
		add("--url", reports.RedactURL(f.url))
	}
	add("--secret-env", f.secretEnv)
	if f.reference {
		words = append(words, "--reference")
	}
	add("--verify-token-env", f.tokenEnv)
	add("--role", f.role)
	add("--edition", f.edition)
	add("--label-filter", filter)
	return strings.Join(words, " ")
}

// shellWord quotes a word for a shell where it needs it.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$`&|;<>()*?[]!#~{}") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// width is the terminal's number of columns, 0 where there is none.
func width(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return min(columns, 120)
}
