package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target/reference"
	"github.com/kirimcheck/kirimcheck/wire"
)

// receiverFlags are the flags of kirimcheck receiver.
type receiverFlags struct {
	role, mutant    string
	listen, edition string
}

func newReceiver(code *int) *cobra.Command {
	var f receiverFlags
	cmd := &cobra.Command{
		Use:   "receiver",
		Short: "Run the reference receiver, or one that is wrong on purpose, to certify it",
		Long: "receiver runs what the suites take for right, so that a run can be tried before there is a receiver of one's own;\n" +
			"with --mutant it has a defect, and shows how a red line looks. It prints the target file to certify it with. Its\n" +
			"secrets are known to everybody and protect nothing. Ctrl-C ends it.\n\n" +
			"Exit codes: 0 ended by a signal; 2 wrong usage, or an address that is taken; 3 it could not go on.",
		Example: "  kirimcheck receiver\n" +
			"  kirimcheck receiver --mutant no-tolerance\n" +
			"  kirimcheck receiver --role meta-receiver --mutant sha1-only --listen 127.0.0.1:8081",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			*code = exitConformant
			return f.run(ctx, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.role, "role", string(contract.RoleReceiver),
		"receiver (of Kirim's deliveries) or meta-receiver (of Meta's own webhooks)")
	flags.StringVar(&f.mutant, "mutant", "", "be wrong on purpose, as the mutant of this `NAME`; kirimcheck mutants lists them")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address to listen on")
	flags.StringVar(&f.edition, "edition", "", "edition of the contract")
	return cmd
}

// run serves until ctx ends.
func (f receiverFlags) run(ctx context.Context, out io.Writer) error {
	handler, wrap, text, err := f.implementation()
	if err != nil {
		return err
	}
	s, err := reference.ListenOn(ctx, f.listen, handler, wrap)
	if err != nil {
		return usageError{err}
	}
	if _, err := io.WriteString(out, text(s.URL())); err != nil {
		return errors.Join(err, s.Close())
	}
	return s.Wait(ctx)
}

// implementation is what serves, what goes around its listener, and what is printed of it when its URL is known.
func (f receiverFlags) implementation() (http.Handler, func(net.Listener) net.Listener, func(url string) string, error) {
	fail := func(err error) (http.Handler, func(net.Listener) net.Listener, func(string) string, error) {
		return nil, nil, nil, err
	}
	role := contract.Role(f.role)
	if f.role == "" || checkRole(f.role, contract.RoleReceiver, contract.RoleMetaReceiver) != nil {
		return fail(usageError{fmt.Errorf("--role %q: it is receiver or meta-receiver; `kirimcheck serve` is a relay", f.role)})
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return fail(usageError{fmt.Errorf("--listen %q: it is of the form host:port, such as 127.0.0.1:8080", f.listen)})
	}
	if f.mutant == "" {
		edition, err := contract.LoadEdition(f.edition)
		if err != nil {
			return fail(usageError{err})
		}
		policy, err := reference.CorrectFor(role, edition)
		if err != nil {
			return fail(err)
		}
		return reference.NewReceiver(policy), nil, f.greeting(edition, ""), nil
	}
	m, err := mutantNamed("--mutant", role, f.mutant)
	if err != nil {
		return fail(err)
	}
	name, err := mutantEdition(m, f.edition)
	if err != nil {
		return fail(err)
	}
	edition, err := contract.LoadEdition(name)
	if err != nil {
		return fail(usageError{err})
	}
	handler, wrap, err := m.Receiver(edition)
	if err != nil {
		return fail(err)
	}
	return handler, wrap, f.greeting(edition, wrongOnPurpose(m)), nil
}

// greeting returns what is printed: where the receiver is, its secrets, and lines that certify it. wrong says which defect
// it has.
func (f receiverFlags) greeting(edition contract.Edition, wrong string) func(url string) string {
	return func(url string) string {
		var b strings.Builder
		line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
		line("kirimcheck receiver: the reference %s, edition %s, at %s; Ctrl-C ends it", f.role, edition.ID, url)
		name := "reference " + f.role
		if wrong != "" {
			line("\n  %s", wrong)
			name = "mutant " + f.mutant
		}
		line("\nTo certify it, copy into another shell:\n")
		secrets := [][2]string{{emitter.SecretVariable, reference.Secret}}
		if contract.Role(f.role) == contract.RoleMetaReceiver {
			secrets = [][2]string{{mockmeta.SecretVariable, reference.MetaSecret}, {mockmeta.TokenVariable, reference.MetaToken}}
		}
		for _, secret := range secrets {
			line("export %s=%s", secret[0], wire.ShellQuote(secret[1]))
		}
		base := strings.TrimSuffix(url, reference.WebhookPath)
		line("cat > target.yaml <<'END'")
		line("name: %s\nrole: %s\nedition: %s\nurl: %s", name, f.role, edition.ID, url)
		line("secret: {env: %s}", secrets[0][0])
		if len(secrets) > 1 {
			line("verify_token: {env: %s}", secrets[1][0])
		}
		line("observe:\n  settle: 20ms")
		line("  http:\n    url: \"%s%s?event={event}&event_id={event_id}&item={item_id}&status={status}\"\n    count: /count", base, reference.EffectsPath)
		line("hooks:")
		line("  fail:    {http: {method: POST, url: \"%s%s\"}}", base, reference.FailPath)
		line("  recover: {http: {method: POST, url: \"%s%s\"}}", base, reference.RecoverPath)
		line("END")
		line("%s certify --target target.yaml", invoked())
		return b.String()
	}
}
