package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

func newKeys(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys list|new|rotate|import",
		Short: "Make, rotate and list the key pairs that held telemetry is sealed with",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysNew(t), newKeysRotate(t), newKeysImport(t), newKeysList(t))
	return cmd
}

func newKeysNew(t *terminal) *cobra.Command {
	var asJSON, ifMissing bool
	cmd := &cobra.Command{
		Use:   "new [--if-missing] [--json] DIR",
		Short: "Make a key pair in DIR/private and DIR/public",
		Long: `Make the first key pair of a directory. What is in DIR/public goes to every
collector that seals (secret_mask: seal::public_keys); what is in DIR/private
stays with release_gate (keys): whoever has it can open all that is held. Without
it nobody can: keep a copy, where you can destroy it too when the key is destroyed.

Keys that are there are never overwritten: without --if-missing that is an error.

Exit codes: 0 done; 2 wrong use, or there are keys already.`,
		Example: `  tracescrub keys new /etc/tracescrub/keys
  tracescrub keys new --if-missing data/keys`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dirs := keyfiles.In(args[0])
			p, err := dirs.New(time.Now())
			if ifMissing && errors.Is(err, keyfiles.ErrExists) {
				return keysAreThere(t.out, dirs, asJSON)
			}
			if err != nil {
				return err
			}
			return writePair(t.out, dirs, p, asJSON)
		},
	}
	cmd.Flags().BoolVar(&ifMissing, "if-missing", false, "do nothing if there are keys already")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the pair as an object, as keys list has it")
	return cmd
}

func newKeysRotate(t *terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate [--json] DIR",
		Short: "Make a new key pair; previous ones still open",
		Long: `Make a key pair that is newer than all others in DIR. Collectors that read
DIR/public seal for it as soon as they have it; what was sealed for earlier keys
opens as long as release_gate has their private keys.

Exit codes: 0 done; 2 wrong use, or there is no key to follow.`,
		Example:               `  tracescrub keys rotate /etc/tracescrub/keys`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dirs := keyfiles.In(args[0])
			p, err := dirs.Rotate(time.Now())
			if err != nil {
				return err
			}
			return writePair(t.out, dirs, p, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the pair as an object, as keys list has it")
	return cmd
}

func newKeysList(t *terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [--json] DIR",
		Short: "List the key pairs of a directory",
		Long: `List the key pairs of a directory, the oldest first: when each was made, whether
its private and its public key are there, when the private key was destroyed, and
which one is sealed for now. Keys are never printed.

Exit codes: 0 done; 2 wrong use, no keys, or a broken file.`,
		Example: `  tracescrub keys list data/keys
  tracescrub keys list --json data/keys | jq -r '.[] | select(.seals) | .id'`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			now := time.Now()
			pairs, err := keyfiles.In(args[0]).List(now)
			if err != nil {
				return err
			}
			if len(pairs) == 0 {
				return fmt.Errorf("there are no keys in %s (tracescrub keys new makes a pair)", args[0])
			}
			if asJSON {
				return writePairsJSON(t.out, pairs, now)
			}
			return writePairsTable(t.out, pairs, now, t.width)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write an array of {id, created, age_seconds, private, public, seals, destroyed}")
	return cmd
}

// keysAreThere is what keys new --if-missing says when it has nothing to do.
func keysAreThere(w io.Writer, dirs keyfiles.Dirs, asJSON bool) error {
	pairs, err := dirs.List(time.Now())
	if err != nil {
		return err
	}
	p := pairs[len(pairs)-1]
	if asJSON {
		return writeJSON(w, pairRowOf(p, time.Now()))
	}
	_, err = fmt.Fprintf(w, "there are keys already; the newest is %s\n", p.ID)
	return err
}

// writePair says what was made, and where.
func writePair(w io.Writer, dirs keyfiles.Dirs, p keyfiles.Pair, asJSON bool) error {
	if asJSON {
		return writeJSON(w, pairRowOf(p, time.Now()))
	}
	_, err := fmt.Fprintf(w, "key pair %s\nprivate, for release_gate only:     %s.key\npublic, for all that seal:          %s.pub\n",
		p.ID, filepath.Join(dirs.Private, p.Name()), filepath.Join(dirs.Public, p.Name()))
	return err
}

// pairRow is a pair as --json shows it.
type pairRow struct {
	ID         string     `json:"id"`
	Created    time.Time  `json:"created"`
	AgeSeconds int64      `json:"age_seconds"`
	Private    bool       `json:"private"`
	Public     bool       `json:"public"`
	Seals      bool       `json:"seals"`
	Destroyed  *time.Time `json:"destroyed"`
}

func pairRowOf(p keyfiles.Pair, now time.Time) pairRow {
	row := pairRow{
		ID: p.ID.String(), Created: p.Created.UTC(), AgeSeconds: int64(max(0, now.Sub(p.Created)) / time.Second),
		Private: p.Private, Public: p.Public, Seals: p.Seals,
	}
	if !p.Destroyed.IsZero() {
		at := p.Destroyed.UTC()
		row.Destroyed = &at
	}
	return row
}

func writePairsJSON(w io.Writer, pairs []keyfiles.Pair, now time.Time) error {
	rows := make([]pairRow, 0, len(pairs))
	for _, p := range pairs {
		rows = append(rows, pairRowOf(p, now))
	}
	return writeJSON(w, rows)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writePairsTable writes a line per pair, cut to width if that is not 0.
func writePairsTable(w io.Writer, pairs []keyfiles.Pair, now time.Time, width int) error {
	lines := []string{fmt.Sprintf("%-16s  %-20s  %6s  %-6s  %-20s  %s", "ID", "CREATED", "AGE", "PUBLIC", "PRIVATE", "SEALS")}
	for _, p := range pairs {
		lines = append(lines, fmt.Sprintf("%-16s  %-20s  %6s  %-6s  %-20s  %s", p.ID, p.Created.UTC().Format(time.RFC3339),
			age(now.Sub(p.Created)), yes(p.Public), privateWord(p), yes(p.Seals)))
	}
	for _, line := range lines {
		if width > 0 {
			line = cut(line, width)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// privateWord says what became of a private key.
func privateWord(p keyfiles.Pair) string {
	switch {
	case p.Destroyed.IsZero():
		return yes(p.Private)
	case p.Private:
		return "being destroyed"
	}
	return "destroyed " + p.Destroyed.UTC().Format(time.DateOnly)
}

// age is a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d <= -time.Minute:
		return "future"
	case d < time.Hour:
		return fmt.Sprintf("%dmin", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
