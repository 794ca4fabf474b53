package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// auditView is what query and tail have in common.
type auditView struct {
	auditFilter
	asJSON, names bool
}

func (v *auditView) flags(cmd *cobra.Command) {
	v.auditFilter.flags(cmd)
	cmd.Flags().BoolVar(&v.asJSON, "json", false, "write a line of JSON for each entry, as it is in the log")
	cmd.Flags().BoolVar(&v.names, "names", false, "write who and what commitments stand for, by the side table")
}

// open opens a log and makes what writes its entries.
func (v *auditView) open(t *terminal, dir string) (*read.Log, *auditLines, error) {
	l, err := read.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	w := &auditLines{t: t, out: t.out, asJSON: v.asJSON}
	var rows []subjects.Row
	if v.names || v.actor != "" {
		table, err := subjects.Load(dir, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("side table: %w", err)
		}
		rows = table.Rows()
	}
	if v.names {
		w.names = namesOf(rows)
	}
	return l, w, v.compile(t.now(), rows)
}

const filterHelp = `Filters are joined: an entry must pass all of them. Names of people and their reasons
stand in the log as commitments only: --actor finds who is meant by the side table,
as far as they have not been erased, and --names writes what commitments stand for.`

func newAuditQuery(t *terminal) *cobra.Command {
	var v auditView
	limit := 0
	cmd := &cobra.Command{
		Use:   "query [filters] [--json] [DIR]",
		Short: "Find entries of the audit log",
		Long: `Find entries of the audit log, the oldest first. On a terminal lines are cut to its
width. Nothing is verified: tracescrub audit verify does that.

` + filterHelp + `

Exit codes: 0 done; 2 wrong use, there is no log, or a line of it is no entry.`,
		Example: `  tracescrub audit query --since 7d --severity critical
  tracescrub audit query --kind viewed,voted --actor 'https://id.example.com 4711' --names
  tracescrub audit query --item 3fa9c1d2 --json | jq -r .kind`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usef("--limit %d: must not be negative", limit)
			}
			dir := auditDirectory(t, args, 0)
			l, w, err := v.open(t, dir)
			if err != nil {
				return err
			}
			return runAuditQuery(cmd.Context(), t, dir, l, w, &v, limit)
		},
	}
	v.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "end after this `number` of entries, 0 for all")
	return cmd
}

func runAuditQuery(ctx context.Context, t *terminal, dir string, l *read.Log, w *auditLines, v *auditView, limit int) error {
	out := bufio.NewWriterSize(t.out, 64<<10)
	w.out = out
	p := newLogProgress(t, dir)
	found, err := 0, error(nil)
	for it, bad := range l.Entries(ctx, 0) {
		if err = bad; err != nil {
			break
		}
		p.at(&it)
		if !v.match(&it) {
			continue
		}
		if found == 0 && !v.asJSON {
			fmt.Fprintln(out, w.fit(auditHeader))
		}
		if err = w.write(&it); err != nil {
			break
		}
		if found++; limit > 0 && found >= limit {
			break
		}
	}
	p.stop()
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err == nil && found == 0 {
		fmt.Fprintln(t.err, "tracescrub: no entries")
	}
	return err
}

// logProgress says how far a log has been read. Where the entries come out on
// the same terminal it would be in their way.
type logProgress struct {
	*progress
	before  map[int]int64 // bytes of the segments before, by segment
	total   int64
	entries int
}

func newLogProgress(t *terminal, dir string) *logProgress {
	p := &logProgress{before: map[int]int64{}}
	numbers, _ := files.Segments(dir) // reading them will tell what is wrong
	for _, n := range numbers {
		p.before[n] = p.total
		if info, err := os.Stat(filepath.Join(dir, files.Segment(n))); err == nil {
			p.total += info.Size()
		}
	}
	shy := *t
	shy.errTTY = t.errTTY && !t.outTTY
	p.progress = startProgress(&shy, p.total)
	return p
}

func (p *logProgress) at(it *read.Item) {
	if p.entries++; p.entries%1024 == 0 {
		p.set(min(p.before[it.Segment]+it.Offset, p.total), p.total)
	}
}

func newAuditTail(t *terminal) *cobra.Command {
	var v auditView
	var follow bool
	n := 10
	cmd := &cobra.Command{
		Use:   "tail [-n N] [-f] [filters] [--json] [DIR]",
		Short: "Write the last entries of the audit log, and follow it",
		Long: `Write the last entries of the audit log that the filters choose, and with --follow
those that are written from then on, until interrupted. Nothing is verified.

` + filterHelp + `

Exit codes: 0 done; 2 wrong use, there is no log, or a line of it is no entry.`,
		Example: `  tracescrub audit tail -f
  tracescrub audit tail -n 100 --kind gap,log.* /mnt/audit`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 0 {
				return usef("-n %d: must not be negative", n)
			}
			l, w, err := v.open(t, auditDirectory(t, args, 0))
			if err != nil {
				return err
			}
			return runAuditTail(cmd.Context(), l, w, &v, n, follow)
		},
	}
	v.flags(cmd)
	cmd.Flags().IntVarP(&n, "lines", "n", n, "this `number` of entries")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with entries as they are written")
	return cmd
}

// followEvery is how often a log that is followed is looked at.
const followEvery = 200 * time.Millisecond

func runAuditTail(ctx context.Context, l *read.Log, w *auditLines, v *auditView, n int, follow bool) error {
	next := int64(0)
	if c, _, err := l.Checkpoint(); err == nil && !v.set() {
		next = max(0, c.Size-int64(n)) // and what is not signed yet
	}
	var last []read.Item
	for it, err := range l.Entries(ctx, next) {
		if err != nil {
			return err
		}
		next = it.Seq + 1
		if n > 0 && v.match(&it) {
			if last = append(last, it); len(last)-n > n { // not 2*n: n may be any number
				last = append(last[:0], last[len(last)-n:]...)
			}
		}
	}
	for _, it := range last[max(0, len(last)-n):] {
		if err := w.write(&it); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	for it, err := range l.Follow(ctx, next, followEvery) {
		if err != nil {
			return err
		}
		if v.match(&it) {
			if err := w.write(&it); err != nil {
				return err
			}
		}
	}
	return nil
}
