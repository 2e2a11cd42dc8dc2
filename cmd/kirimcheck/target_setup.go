package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/target"
)

func newTargetSetup() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "setup --target FILE",
		Short: "Print the subscriptions that have to be made by hand at a relay",
		Long: "setup reads the target file of a relay whose subscriptions are made by hand (management.static), and prints each\n" +
			"with its URL, its events and where its secret is kept. Nothing is sent, and no secret has to be there yet.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("no target: give --target FILE")}
			}
			tgt, err := target.ReadFile(file, func(c *target.Config) { *c = c.WithoutSecrets() })
			if err != nil {
				return err
			}
			if len(tgt.HandMade) == 0 {
				return usageError{fmt.Errorf("%s: nothing has to be set up by hand: the target has no management.static", file)}
			}
			return writeSetup(cmd.OutOrStdout(), tgt)
		},
	}
	cmd.Flags().StringVar(&file, "target", "", "target file (YAML)")
	return cmd
}

// writeSetup tells what has to be set up, without secrets.
func writeSetup(w io.Writer, tgt *target.Target) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Set up at %s by hand, before `kirimcheck certify` runs:\n", tgt.Name)
	for i, s := range tgt.Management.Static.Subscriptions {
		fmt.Fprintf(&b, "\n%3d  %s\n     events  %s\n     secret  %s", i+1, tgt.SubscriberURL(s.Path), strings.Join(s.Events, ", "), s.Secret.Place())
		if tgt.Delivery.Signature.Scheme == target.StandardScheme {
			b.WriteString(" (whsec_ and base64)")
		}
		b.WriteByte('\n')
		if s.Paused {
			b.WriteString("     pause it\n")
		}
	}
	fmt.Fprintf(&b, "\nThe subscribers listen on %s while kirimcheck runs. Meta's webhooks are posted to %s.\n", tgt.Subscriber.Listen, tgt.URL)
	_, err := io.WriteString(w, b.String())
	return err
}
