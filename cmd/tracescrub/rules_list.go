package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/rules"
)

func newRulesList(t *terminal) *cobra.Command {
	var asJSON bool
	var config string
	cmd := &cobra.Command{
		Use:   "list [--json]",
		Short: "List the rules that are in force",
		Long: `List the rules that are in force: the built-in ones, or with --config those of a
configuration. The table is cut to the width of the terminal; piped, it is whole.

Exit codes: 0 done; 2 wrong use or a broken configuration.`,
		Example: `  tracescrub rules list
  tracescrub rules list --json | jq -r '.[] | select(.severity == "critical") | .id'`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runRulesList(cmd.Context(), t, config, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write an array of {id, provider, description, severity, reference}")
	cmd.Flags().StringVar(&config, "config", "", "YAML `file` with the keys of secret_mask, or a Collector configuration that has one")
	return cmd
}

func runRulesList(ctx context.Context, t *terminal, config string, asJSON bool) error {
	s, err := readSettings(ctx, config, "none", t.getenv)
	if err != nil {
		return err
	}
	m, err := newMasking(s) //nolint:contextcheck // rule files are read before there is anything to interrupt
	if err != nil {
		return err
	}
	out := bufio.NewWriter(t.out)
	if asJSON {
		err = writeRulesJSON(out, m.engine.Rules())
	} else {
		err = writeRulesTable(out, m.engine.Rules(), t.width)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func writeRulesJSON(w io.Writer, infos []rules.Info) error {
	type row struct {
		ID          string `json:"id"`
		Provider    string `json:"provider"`
		Description string `json:"description"`
		Severity    string `json:"severity"`
		Reference   string `json:"reference"`
	}
	rows := make([]row, 0, len(infos))
	for _, r := range infos {
		rows = append(rows, row{r.ID, r.Provider, r.Description, r.Severity.String(), r.Reference})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// writeRulesTable writes a line per rule, cut to width if that is not 0.
func writeRulesTable(w io.Writer, infos []rules.Info, width int) error {
	rows := [][4]string{{"ID", "SEVERITY", "PROVIDER", "DESCRIPTION"}}
	for _, r := range infos {
		rows = append(rows, [4]string{r.ID, r.Severity.String(), r.Provider, r.Description})
	}
	var wide [3]int
	for _, row := range rows {
		for i := range wide {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
	}
	if width > 0 {
		wide[0] = min(wide[0], max(12, width/3))
		wide[2] = min(wide[2], max(8, width/5))
	}
	for _, row := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %-*s  %s", wide[0], cut(row[0], wide[0]), wide[1], row[1],
			wide[2], cut(row[2], wide[2]), row[3])
		if width > 0 {
			line = cut(line, width)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// cut shortens s to n characters, the last of which says so.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(0, n-1)]) + "…"
}
