package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/rules"
)

// maxExplained is the longest text that is explained.
const maxExplained = 16 << 20

// explainFlags are the flags of `tracescrub explain`.
type explainFlags struct {
	rule, key, config   string
	asJSON, allowInline bool
}

func newExplain(t *terminal) *cobra.Command {
	f := &explainFlags{}
	cmd := &cobra.Command{
		Use:   "explain [--rule R] [--key K] [--config F] < text",
		Short: "Say why something was found, or was not",
		Long: `Say of each candidate in a text what became of it, and why: by which rule it was
found and on what evidence, or what spoke against it (its border, its length, a
missing keyword, its checksum, its entropy, that it is a placeholder or a
reference, an allow-list). With --rule only that rule is told about, and if it has
no candidate, what it looks for. The text itself is never printed.

A line has line:column of begin and end, the outcome, the rule and the reason.
The outcomes: found; covered (another finding has these bytes); allowed;
rejected; absent. Where the rule is "-", the name of a credential was looked for.

Exit codes: 0 done; 2 wrong use.`,
		Example: `  tracescrub explain < line.txt
  tracescrub explain --rule github-token < line.txt
  printf %s "$VALUE" | tracescrub explain --key db.password`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runExplain(cmd.Context(), t, f)
		},
	}
	cmd.Flags().StringVar(&f.rule, "rule", "", "the id of a rule, as tracescrub rules list has it")
	cmd.Flags().StringVar(&f.key, "key", "", "the attribute key or member that the text stands under")
	cmd.Flags().StringVar(&f.config, "config", "", "YAML `file` with the keys of secret_mask, or a Collector configuration that has one")
	cmd.Flags().BoolVar(&f.allowInline, "allow-inline", false, "honour comments tracescrub:allow")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "write an object per line, with byte offsets")
	return cmd
}

func runExplain(ctx context.Context, t *terminal, f *explainFlags) error {
	s, err := readSettings(ctx, f.config, "none", t.getenv)
	if err != nil {
		return err
	}
	m, err := newMasking(s) //nolint:contextcheck // rule files are read before there is anything to interrupt
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(t.in, maxExplained+1))
	if err != nil {
		return err
	}
	if len(text) > maxExplained {
		return fmt.Errorf("the text has more than %d bytes", maxExplained)
	}
	steps, err := m.engine.Explain(text, rules.Context{Key: f.key, AllowInline: f.allowInline || s.AllowInline}, f.rule)
	if err != nil {
		return usef("--rule: %w", err)
	}
	out := bufio.NewWriter(t.out)
	for _, st := range steps {
		if f.asJSON {
			err = writeStepJSON(out, st)
		} else {
			err = writeStep(out, text, st)
		}
		if err != nil {
			return err
		}
	}
	if len(steps) == 0 && !f.asJSON {
		if _, err := fmt.Fprintln(out, "no rule has a candidate in this text"); err != nil {
			return err
		}
	}
	return out.Flush()
}

func writeStep(w io.Writer, text []byte, st rules.Step) error {
	rule := st.Rule
	if rule == "" {
		rule = "-"
	}
	at := "-"
	if st.Outcome != rules.Absent {
		at = position(text, st.Start) + "-" + position(text, st.End)
	}
	_, err := fmt.Fprintf(w, "%s %s %s: %s\n", at, st.Outcome, rule, st.Why)
	return err
}

// position is line:column of an offset, in characters.
func position(text []byte, offset int) string {
	before := text[:offset]
	line := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("%d:%d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[line:])+1)
}

func writeStepJSON(w io.Writer, st rules.Step) error {
	line, err := json.Marshal(map[string]any{
		"rule": st.Rule, "outcome": st.Outcome.String(), "start": st.Start, "end": st.End, "why": st.Why,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}
