package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/control"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	auditsource "github.com/tracescrub/tracescrub/internal/auditlog/source"
)

func newAuditProve(t *terminal) *cobra.Command {
	var item, name string
	cmd := &cobra.Command{
		Use:   "prove [--output FILE] ENTRY|--item ID [DIR]",
		Short: "Write the proof that an entry, or a decision, is in the audit log",
		Long: `Write the proof that an entry is in the audit log, as C2SP tlog-proof: with it and
the log's public key anybody can check that, without the log. It holds the entry.

ENTRY is the entry's number (seq) or its id. With --item it is the last decision about
an item: that it was approved, denied or expired.

Exit codes: 0 done; 1 the log does not hold what it has signed; 2 wrong use, no such
entry, or no checkpoint covers it yet.`,
		Example: `  tracescrub audit prove 4711 > entry.proof
  tracescrub audit prove --item 3fa9c1d20b7e4d5f8a6b1c2d3e4f5a6b --output decision.proof /mnt/audit`,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if item != "" {
				return between(0, 1)(cmd, args)
			}
			return between(1, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			what := item
			if item == "" {
				what, args = args[0], args[1:]
			}
			return runAuditProve(cmd.Context(), t, what, item != "", auditDirectory(t, args, 0), name)
		},
	}
	cmd.Flags().StringVar(&item, "item", "", "prove the last decision about the item with this `id`")
	cmd.Flags().StringVarP(&name, "output", "o", "", "write to this `file`, not to standard output")
	return cmd
}

func runAuditProve(ctx context.Context, t *terminal, what string, item bool, dir, name string) error {
	l, err := read.Open(dir)
	if err != nil {
		return err
	}
	seq, err := findEntry(ctx, l, what, item)
	if err != nil {
		return err
	}
	if err := coverEntry(ctx, l, dir, seq); err != nil {
		return err
	}
	r, err := l.Receipt(ctx, seq)
	if err != nil {
		return err
	}
	keys, err := files.PublicKeys(dir)
	if err != nil {
		return err
	}
	if _, _, err := r.Check(nil, keys); err != nil {
		fmt.Fprintf(t.err, "tracescrub: %s\nhint: tracescrub audit verify\n", cell(err.Error()))
		return errFindings
	}
	out, err := openOutput(t.out, name)
	if err != nil {
		return err
	}
	_, err = out.Write(r.Marshal())
	return out.close(err)
}

// findEntry finds the entry that somebody means: by its number, its id, or an
// item, of which it is the last decision.
func findEntry(ctx context.Context, l *read.Log, what string, item bool) (int64, error) {
	if seq, err := strconv.ParseInt(what, 10, 64); err == nil && seq >= 0 && len(what) < idLength && !item {
		return seq, nil
	}
	id := strings.ToLower(what)
	if len(id) != idLength || strings.Trim(id, "0123456789abcdef") != "" {
		return 0, usef("%q is no id: %d hex digits", what, idLength)
	}
	if !item {
		return l.Find(ctx, id)
	}
	for it, err := range l.Containing(ctx, []byte(id)) {
		if err != nil {
			return 0, err
		}
		if auditsource.Decided(it.Entry) == id {
			return it.Seq, nil
		}
	}
	return 0, fmt.Errorf("there is no decision about an item %s", id)
}

// coverEntry asks the writer for a checkpoint if the last one does not cover
// an entry.
func coverEntry(ctx context.Context, l *read.Log, dir string, seq int64) error {
	c, _, err := l.Checkpoint()
	if err != nil || seq < c.Size {
		return err
	}
	w, err := control.Dial(ctx, dir)
	if errors.Is(err, control.ErrNobody) {
		return nil // and so it stays: the receipt's error says it
	}
	if err == nil {
		_, err = w.Checkpoint(ctx)
	}
	return err
}
