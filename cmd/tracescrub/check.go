package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/pipelines"
)

func newCheck(t *terminal) *cobra.Command {
	merge := false
	cmd := &cobra.Command{
		Use:   "check CONFIG...",
		Short: "Find ways around secret_mask and verdict in Collector configurations",
		Long: `Check finds ways on which telemetry could get past secret_mask or verdict in
configurations of the Collector, and other pipelines that would lose what is
held. It is what the Collector itself checks at start, without starting it.

Each CONFIG is a configuration of its own, or, with --merge, all of them are one,
as with several --config of the Collector. ${env:NAME} is filled in.

Exit codes: 0 there is no way around; 1 there is, one line for each; 2 wrong use
or broken input.`,
		Example: `  tracescrub check deploy/gateway.yaml
  tracescrub check --merge base.yaml production.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usef("no CONFIG given")
			}
			return runCheck(cmd.Context(), t, args, merge)
		},
	}
	cmd.Flags().BoolVar(&merge, "merge", false, "all CONFIGs are one configuration")
	return cmd
}

func runCheck(ctx context.Context, t *terminal, files []string, merge bool) error {
	configs := [][]string{files}
	if !merge {
		configs = nil
		for _, file := range files {
			configs = append(configs, []string{file})
		}
	}
	// All are read before anything is said, so that broken input is no half answer.
	all := make([]map[string]any, len(configs))
	for i, config := range configs {
		var err error
		if all[i], err = resolveFiles(ctx, config...); err != nil {
			return fmt.Errorf("reading %s: %w", config[0], err)
		}
	}
	n := 0
	for i, conf := range all {
		for _, mistake := range pipelines.Check(conf) {
			n++
			fmt.Fprintln(t.out, screen.Plain(fmt.Sprintf("%s: %s", filepath.ToSlash(configs[i][len(configs[i])-1]), mistake), true))
		}
	}
	if n > 0 {
		return errFindings
	}
	_, err := fmt.Fprintf(t.out, "%d configuration(s): all is well\n", len(configs))
	return err
}
