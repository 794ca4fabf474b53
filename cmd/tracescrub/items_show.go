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
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/otlptext"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

func newItemsShow(t *terminal) *cobra.Command {
	var who access
	var asJSON, preview bool
	cmd := &cobra.Command{
		Use:   "show ID [--preview] [--json]",
		Short: "Show findings, votes and history of an item, and its masked content",
		Long: `Show findings, votes and history of an item; with --preview also its masked
content, which the server records as a view under your name.

Characters of the content that would steer the terminal or hide others are
written as their codes, such as \u001b.

Exit codes: 0 done; 2 wrong use, or the server cannot be used.`,
		Example: `  tracescrub items show 3fa9c1d2
  tracescrub items show 3fa9c1d2 --preview | less`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := who.client(t)
			if err != nil {
				return err
			}
			defer c.Close()
			return runItemsShow(cmd.Context(), t, c, args[0], preview, asJSON)
		},
	}
	who.flags(cmd, t)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the item as the API has it, with the content as \"preview\"")
	cmd.Flags().BoolVar(&preview, "preview", false, "show the masked content as well; this is recorded as a view")
	return cmd
}

func runItemsShow(ctx context.Context, t *terminal, c *gateapi.Client, id string, preview, asJSON bool) error {
	id, err := resolve(ctx, c, id)
	if err != nil {
		return err
	}
	d, err := c.Get(ctx, id)
	if err != nil {
		return err
	}
	var content []byte
	if preview {
		if content, err = c.Preview(ctx, id); err != nil {
			return err
		}
	}
	if asJSON {
		return writeItemsJSON(t.out, struct {
			gateapi.Detail
			Preview json.RawMessage `json:"preview,omitempty"`
		}{d, content})
	}
	out := bufio.NewWriter(t.out)
	writeDetail(out, t, &d)
	if preview {
		fmt.Fprintf(out, "\n%s\n", t.colour("1", "Masked content"))
		if err := otlptext.Write(out, content); err != nil {
			return fmt.Errorf("the preview of %s: %w", id, err)
		}
	}
	return out.Flush()
}

// writeDetail writes what is known of an item, but for its content.
func writeDetail(w io.Writer, t *terminal, d *gateapi.Detail) {
	fact := func(name, value string) { fmt.Fprintf(w, "%-10s %s\n", name, value) }
	fact("item", cell(d.ID)+fmt.Sprintf(" (version %d)", d.Version))
	fact("state", t.paintState(cell(d.State)))
	fact("severity", t.paintSeverity(cell(d.Severity)))
	fact("service", cell(d.Service))
	fact("signal", fmt.Sprintf("%s, %d spans, %s sealed", cell(d.Signal), d.Spans, size(float64(d.Bytes))))
	if d.TraceID != "" {
		fact("trace", cell(d.TraceID))
	}
	fact("held", stamp(d.HeldAt))
	fact("expires", stamp(d.ExpiresAt))
	fact("approvals", fmt.Sprintf("%d of %d", d.Approvals(), d.RequiredVotes))
	if d.Producer != "" {
		fact("sender", cell(d.Producer))
	}
	fact("policy", cell(d.Policy))
	fmt.Fprintf(w, "\n%s\n", t.colour("1", fmt.Sprintf("Findings (%d, of %d secrets)", d.Findings, d.Secrets)))
	rows := make([][]string, 0, len(d.FindingList))
	for _, f := range d.FindingList {
		rows = append(rows, []string{cell(f.Severity), cell(f.Rule), cell(f.Fingerprint), fmt.Sprint(f.Length), cell(f.Field)})
	}
	columns := []screen.Column{{Name: "SEVERITY", Paint: t.paintSeverity}, {Name: "RULE", Least: 8}, {Name: "FINGERPRINT"}, {Name: "BYTES"}, {Name: "FIELD", Least: 12}}
	screen.Table(w, t.width, columns, rows) //nolint:errcheck // w keeps its first error, and its Flush returns it
	if len(d.FindingList) < d.Findings {
		fmt.Fprintf(w, "and %d more, which are not listed\n", d.Findings-len(d.FindingList))
	}
	if len(d.Votes) > 0 {
		fmt.Fprintf(w, "\n%s\n", t.colour("1", "Votes"))
	}
	for _, v := range d.Votes {
		mode := ""
		if v.Mode != "" {
			mode = " " + cell(v.Mode)
		}
		fmt.Fprintf(w, "%s  %s%s by %s: %s\n", stamp(v.At), cell(v.Decision), mode, cell(v.By), cell(v.Reason))
	}
	fmt.Fprintf(w, "\n%s\n", t.colour("1", "History"))
	for _, h := range d.History {
		var more strings.Builder
		if h.By != "" {
			more.WriteString(" by " + cell(h.By))
		}
		if h.Reason != "" {
			more.WriteString(": " + cell(h.Reason))
		}
		fmt.Fprintf(w, "%s  %s%s\n", stamp(h.At), cell(h.Event), more.String())
	}
}

// stamp writes a time.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }
