package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newTarget holds the commands about target files.
func newTarget(code *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "Look after a target file",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; `%s --help` lists them", args[0], cmd.CommandPath())}
			}
			return nil
		},
	}
	cmd.AddCommand(newTargetSetup(), newTargetCheck(code))
	return cmd
}
