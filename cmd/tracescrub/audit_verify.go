package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

func newAuditVerify(t *terminal) *cobra.Command {
	var keys, older []string
	var asJSON, withoutSubjects bool
	cmd := &cobra.Command{
		Use:   "verify [--key PUBKEY]... [--checkpoint OLD]... [--without-subjects] [--json] [DIR]",
		Short: "Check a whole audit log, from its files and a public key alone",
		Long: `Check a whole audit log, from its files and a public key alone: that its signed
part is whole, in its order and what was signed. Says what is wrong and where, one
line for each: code, file, line, entry. A log that is being written can be checked.

A log that was rolled back to an older copy, or written anew by who holds its
private key, only differs from checkpoints that were kept elsewhere: --checkpoint takes
a checkpoint, a receipt, a message of a webhook, or a directory of them.

Entries that no checkpoint covers yet are counted as unsigned; they could have been
cut off without a trace. Gaps, where the log was interrupted, are no errors.

Exit codes: 0 nothing is wrong; 1 something is; 2 wrong use, or there is no log.`,
		Example: `  tracescrub audit verify
  tracescrub audit verify --key log.pub --checkpoint checkpoint.march /mnt/audit
  tracescrub audit verify --json data/audit | jq '.problems[].code'`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := verify.Options{Directory: auditDirectory(t, args, 0), WithoutSubjects: withoutSubjects}
			var err error
			if o.Keys, err = publicKeys(keys); err != nil {
				return err
			}
			var given checkpoints
			for _, path := range older {
				if err := given.add(path); err != nil {
					return usef("--checkpoint: %w", err)
				}
			}
			o.Older = given.signed
			return runAuditVerify(cmd.Context(), t, o, given.names, asJSON)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "public key to trust, or a `file` of some; log.pub in DIR without")
	cmd.Flags().StringArrayVar(&older, "checkpoint", nil, "`file` or directory of older checkpoints that the log must continue")
	cmd.Flags().BoolVar(&withoutSubjects, "without-subjects", false, "do not look at the side table, which a copy of the log may leave out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as an object of JSON")
	return cmd
}

func runAuditVerify(ctx context.Context, t *terminal, o verify.Options, older []string, asJSON bool) error {
	p := startProgress(t, 0)
	r, err := verifyWith(ctx, o, p)
	p.stop()
	if err != nil {
		return err
	}
	nameCheckpoints(r.Problems, older)
	if asJSON {
		err = writeItemsJSON(t.out, verifyReportOf(o.Directory, r))
	} else {
		err = writeVerifyReport(t, o.Directory, r)
	}
	if err != nil {
		return err
	}
	if r.OwnKeys {
		warnOwnKeys(t, o.Directory)
	}
	if len(r.Problems) > 0 {
		return errFindings
	}
	return nil
}

func verifyWith(ctx context.Context, o verify.Options, p *progress) (*verify.Report, error) {
	o.Progress = p.set
	return verify.Run(ctx, o)
}

// verifyReport is what --json writes.
type verifyReport struct {
	OK        bool             `json:"ok"`
	Directory string           `json:"directory"`
	Origin    string           `json:"origin"`
	Entries   int64            `json:"entries"`
	Signed    int64            `json:"signed"`
	Unsigned  int64            `json:"unsigned"`
	Pruned    int64            `json:"pruned"`
	Erased    int64            `json:"erased"`
	First     *time.Time       `json:"first"`
	Last      *time.Time       `json:"last"`
	Kinds     map[string]int64 `json:"kinds"`
	Gaps      []gapRow         `json:"gaps"`
	OwnKeys   bool             `json:"own_keys"`
	Problems  []problemRow     `json:"problems"`
	More      int64            `json:"more_problems"`
}

type gapRow struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Since  string    `json:"since"`
	Reason string    `json:"reason"`
}

type problemRow struct {
	Code verify.Code `json:"code"`
	File string      `json:"file,omitempty"`
	Line int64       `json:"line,omitempty"`
	Seq  *int64      `json:"seq,omitempty"`
	What string      `json:"what"`
}

func verifyReportOf(dir string, r *verify.Report) verifyReport {
	v := verifyReport{
		OK: len(r.Problems) == 0, Directory: dir, Origin: r.Origin, Entries: r.Entries, Signed: r.Size, Unsigned: unsigned(r),
		Pruned: r.Pruned, Erased: r.Erased, Kinds: r.Kinds, OwnKeys: r.OwnKeys, More: r.More,
		Gaps: []gapRow{}, Problems: []problemRow{},
	}
	if !r.First.IsZero() {
		v.First, v.Last = &r.First, &r.Last
	}
	for _, g := range r.Gaps {
		v.Gaps = append(v.Gaps, gapRow(g))
	}
	for _, p := range r.Problems {
		row := problemRow{Code: p.Code, File: p.File, Line: p.Line, What: p.What}
		if p.Seq >= 0 {
			row.Seq = &p.Seq
		}
		v.Problems = append(v.Problems, row)
	}
	return v
}

func unsigned(r *verify.Report) int64 { return max(0, r.Entries-r.Size) }

const maxGapsShown = 20

func writeVerifyReport(t *terminal, dir string, r *verify.Report) error {
	out := bufio.NewWriter(t.out)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-9s %s\n", name, cell(fmt.Sprintf(format, args...)))
	}
	line("log", "%s in %s", r.Origin, dir)
	if r.Entries > r.Pruned {
		line("time", "%s to %s", shortTime(r.First), shortTime(r.Last))
	}
	line("entries", "%d", r.Entries)
	line("signed", "%d", r.Size)
	line("unsigned", "%d", unsigned(r))
	line("pruned", "%d", r.Pruned)
	line("erased", "%d", r.Erased)
	line("gaps", "%d", len(r.Gaps))
	for i, g := range r.Gaps {
		if i == maxGapsShown {
			line("", "and %d more; --json lists all", len(r.Gaps)-i)
			break
		}
		line("", "entry %d, %s: %s, nothing since %s", g.Seq, shortTime(g.At), g.Reason, g.Since)
	}
	for i, kind := range slices.Sorted(maps.Keys(r.Kinds)) {
		name := ""
		if i == 0 {
			name = "kinds"
		}
		line(name, "%s %d", kind, r.Kinds[kind])
	}
	for _, p := range r.Problems {
		fmt.Fprintln(out, t.colour("31", cell(p.String())))
	}
	switch n := int64(len(r.Problems)) + r.More; n {
	case 0:
		fmt.Fprintln(out, t.colour("32", "verified: nothing is wrong"))
	case int64(len(r.Problems)):
		fmt.Fprintln(out, t.colour("1;31", fmt.Sprintf("NOT verified: %d wrong", n)))
	default:
		fmt.Fprintln(out, t.colour("1;31", fmt.Sprintf("NOT verified: %d wrong, the first %d are listed", n, len(r.Problems))))
	}
	return out.Flush()
}

// shortTime is a time of the log, to the second.
func shortTime(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}
