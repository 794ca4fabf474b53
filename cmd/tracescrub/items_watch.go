package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/gateapi"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// errEnough ends watching after --count changes.
var errEnough = errors.New("enough")

func newItemsWatch(t *terminal) *cobra.Command {
	var who access
	var asJSON bool
	var count int
	cmd := &cobra.Command{
		Use:   "watch [--json] [--count N]",
		Short: "Write a line for each change of an item, as it happens",
		Long: `Write a line for each change of an item, as it happens, until interrupted. If
the connection breaks it is made again; should changes have been missed, a line
says so.

Exit codes: 0 done; 2 wrong use, or the server cannot be used.`,
		Example: `  tracescrub items watch
  tracescrub items watch --json | jq -c 'select(.state == "pending")'`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := who.client(t)
			if err != nil {
				return err
			}
			defer c.Close()
			return runItemsWatch(cmd.Context(), t, c, count, asJSON)
		},
	}
	who.flags(cmd, t)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write a line of JSON for each change: {seq, id, state, version}")
	cmd.Flags().IntVar(&count, "count", 0, "end after this `number` of changes, 0 for never")
	return cmd
}

func runItemsWatch(ctx context.Context, t *terminal, c *gateapi.Client, count int, asJSON bool) error {
	seen, begun := 0, false
	each := func(n gateapi.Notice) error {
		if n.ID == "" { // the first says where the stream starts
			if begun {
				fmt.Fprintln(t.err, "tracescrub: changes may have been missed")
			}
			begun = true
			return nil
		}
		begun = true
		line, err := watchLine(ctx, t, c, n, asJSON)
		if err == nil {
			_, err = fmt.Fprintln(t.out, line)
		}
		if err != nil {
			return err
		}
		if seen++; count > 0 && seen >= count {
			return errEnough
		}
		return nil
	}
	err := c.Watch(ctx, each, func(err error) {
		fmt.Fprintf(t.err, "tracescrub: %s; trying again\n", screen.Plain(err.Error(), false))
	})
	if errors.Is(err, errEnough) || ctx.Err() != nil { // the ways to end it
		return nil
	}
	return err
}

// watchLine says what changed. What the notice does not say of the item is asked for.
func watchLine(ctx context.Context, t *terminal, c *gateapi.Client, n gateapi.Notice, asJSON bool) (string, error) {
	if asJSON {
		b, err := json.Marshal(n)
		return string(screen.JSON(b)), err
	}
	line := fmt.Sprintf("%s  %s  %-9s", t.now().Format("15:04:05"), cell(n.ID), cell(n.State))
	d, err := c.Get(ctx, n.ID)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil: // it may be gone; the change happened all the same
		return line, nil
	}
	line = fmt.Sprintf("%s  %-8s  %s  %s", line, cell(d.Severity), votes(&d.Item), cell(d.Service))
	if t.width > 0 {
		line = screen.Cut(line, t.width)
	}
	return line, nil
}
