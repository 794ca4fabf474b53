package main

import (
	"github.com/spf13/cobra"
)

func newRules(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules check|import|list",
		Short: "List the rules, check or import rule packs",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesList(t), newRulesCheck(t), newRulesImport(t))
	return cmd
}
