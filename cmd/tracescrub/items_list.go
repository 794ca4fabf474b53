package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/gateapi"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

func newItemsList(t *terminal) *cobra.Command {
	var who access
	var filters filterFlags
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list [--json] [filters]",
		Short: "List what is held, the newest first",
		Long: `List what is held, the newest first. The table is cut to the width of the
terminal; piped, it is whole.

Exit codes: 0 done; 2 wrong use, or the server cannot be used.`,
		Example: `  tracescrub items list --severity critical
  tracescrub items list --state all --service 'checkout*' --json | jq -r '.[].id'`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := filters.filter()
			if err != nil {
				return err
			}
			if limit < 0 {
				return usef("--limit %d: must not be negative", limit)
			}
			c, err := who.client(t)
			if err != nil {
				return err
			}
			defer c.Close()
			return runItemsList(cmd.Context(), t, c, f, limit, asJSON)
		},
	}
	who.flags(cmd, t)
	filters.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write an array of items as the API has them")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this `number` of items, 0 for all")
	return cmd
}

func runItemsList(ctx context.Context, t *terminal, c *gateapi.Client, f gateapi.Filter, limit int, asJSON bool) error {
	items, more, err := allItems(ctx, c, f, limit)
	if err != nil {
		return err
	}
	if asJSON {
		if items == nil {
			items = []gateapi.Item{}
		}
		err = writeItemsJSON(t.out, items)
	} else {
		err = writeItems(t, items)
	}
	if err == nil && more {
		fmt.Fprintf(t.err, "tracescrub: there are more than %d; --limit 0 lists them all\n", limit)
	}
	return err
}

// writeItemsJSON writes v, with nothing in it that a terminal would obey.
func writeItemsJSON(w io.Writer, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(screen.JSON([]byte(b.String())))
	return err
}

const (
	shortID = 10 // hex digits of an id that are shown where room is dear
	narrow  = 72 // columns, with fewer of which the rules are left out
)

func writeItems(t *terminal, items []gateapi.Item) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(t.err, "tracescrub: no items")
		return err
	}
	columns := []screen.Column{
		{Name: "ID"},
		{Name: "STATE", Paint: t.paintState},
		{Name: "SEVERITY", Paint: t.paintSeverity},
		{Name: "VOTES"},
		{Name: "EXPIRES"},
		{Name: "SERVICE", Least: 8},
		{Name: "RULES", Least: 8},
	}
	if t.width > 0 && t.width < narrow {
		columns = columns[:len(columns)-1]
	}
	rows := make([][]string, 0, len(items))
	for _, it := range items {
		id := it.ID
		if t.width > 0 && len(id) > idLength/2 {
			id = id[:shortID] // enough to name it by
		}
		rows = append(rows, []string{
			cell(id), cell(it.State), cell(it.Severity), votes(&it), expires(t, &it), cell(it.Service), cell(strings.Join(it.Rules, ",")),
		})
	}
	out := bufio.NewWriter(t.out)
	if err := screen.Table(out, t.width, columns, rows); err != nil {
		return err
	}
	return out.Flush()
}

// cell is foreign text on one line.
func cell(s string) string { return screen.Plain(s, false) }

// votes is how many of the approvals that it takes there are.
func votes(it *gateapi.Item) string { return fmt.Sprintf("%d/%d", it.Approvals(), it.RequiredVotes) }

// expires is how long a pending item has left, as far as someone looks at it now.
func expires(t *terminal, it *gateapi.Item) string {
	switch {
	case it.State != "pending":
		return "-"
	case t.width == 0:
		return it.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return left(it.ExpiresAt.Sub(t.now()))
}

// left writes a time that is left, in its two largest units.
func left(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s <= 0:
		return "now"
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm", s/60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

func (t *terminal) paintState(s string) string {
	switch s {
	case "pending":
		return t.colour("33", s)
	case "released":
		return t.colour("32", s)
	case "denied", "expired":
		return t.colour("31", s)
	case "shredded":
		return t.colour("2", s)
	}
	return s
}

func (t *terminal) paintSeverity(s string) string {
	switch s {
	case "critical":
		return t.colour("1;31", s)
	case "high":
		return t.colour("33", s)
	}
	return s
}
