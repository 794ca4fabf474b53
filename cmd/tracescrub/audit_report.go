package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
)

// auditReport is what a report is told.
type auditReport struct {
	facts.Options
	since, until string
	keys, older  []string
	given        checkpoints
	out          string
}

func newAuditReport(t *terminal) *cobra.Command {
	var o auditReport
	cmd := &cobra.Command{
		Use:   "report --out OUT [--since TIME] [--until TIME] [--key PUBKEY]... [--checkpoint OLD]... [--names] [DIR]",
		Short: "Write the evidence of a period, for an auditor",
		Long: `Write the evidence of a period, for an auditor: OUT/report.html has the counts,
every decision with who, how many were needed and how long it took, changes of
policy, rules, keys and configuration, interruptions, erasures, and whether the log
verified. Beside it are the tables as CSV and JSON, the entries of the period,
a receipt for each decision, and OUT/README.md, which says how to check all of
it without this program.

An entry belongs to the time at which it was written; --until itself does not count.
Who decided stands in the log as commitments; --names says who is meant, as far as
the side table knows, and makes OUT personal data. With the key of the fingerprints in
the environment as TRACESCRUB_FINGERPRINT_KEY it is computed anew that no sender
approved their own.

OUT must not exist. If the log is not what was signed, the report says so.

Exit codes: 0 done; 1 done, but verification failed; 2 wrong use, or there is no log.`,
		Example: `  tracescrub audit report --since 2026-07-01 --until 2026-10-01 --out evidence-q3
  tracescrub audit report --since 30d --key log.pub.copy --checkpoint last-month --names --out evidence`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Directory = auditDirectory(t, args, 0)
			if err := o.compile(t); err != nil {
				return err
			}
			return runAuditReport(cmd.Context(), t, &o)
		},
	}
	p := cmd.Flags()
	p.StringVar(&o.out, "out", "", "`directory` to write to (required)")
	p.StringVar(&o.since, "since", "", "from this `time` on: a day, a time, or how long ago (90d, 36h); the first entry without")
	p.StringVar(&o.until, "until", "", "before this `time`; now without")
	p.StringArrayVar(&o.keys, "key", nil, "public key to trust, or a `file` of some; log.pub in DIR without")
	p.StringArrayVar(&o.older, "checkpoint", nil, "`file` or directory of older checkpoints that the log must continue")
	p.BoolVar(&o.Names, "names", false, "write who and what commitments stand for, by the side table")
	p.DurationVar(&o.Silence, "silence", 5*time.Minute, "list silences of the log longer than this `time`")
	return cmd
}

// compile checks the words.
func (o *auditReport) compile(t *terminal) (err error) {
	if o.out == "" {
		return usef("--out: say where to")
	}
	if o.Silence <= 0 {
		return usef("--silence %s: must be positive", o.Silence)
	}
	o.Now, o.Tool = t.now(), "tracescrub "+buildVersion().short()
	if o.since != "" {
		if o.From, err = pastTime(o.Now, o.since); err != nil {
			return usef("--since: %w", err)
		}
	}
	o.To = o.Now
	if o.until != "" {
		if o.To, err = pastTime(o.Now, o.until); err != nil {
			return usef("--until: %w", err)
		}
	}
	if !o.From.Before(o.To) {
		return usef("--since must be before --until")
	}
	if o.Keys, err = publicKeys(o.keys); err != nil {
		return err
	}
	for _, path := range o.older {
		if err := o.given.add(path); err != nil {
			return usef("--checkpoint: %w", err)
		}
	}
	o.Older = o.given.signed
	if key := t.getenv(keyVariable); key != "" {
		o.FingerprintKey = []byte(key)
	}
	return nil
}

func runAuditReport(ctx context.Context, t *terminal, o *auditReport) error {
	p := startProgress(t, 0)
	o.Progress = p.set
	r, err := evidence.Write(ctx, o.Options, o.out)
	p.stop()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "%d entries and %d decisions of %s, from %s to %s, are in %s; %d exceptions\n", r.Period.Entries, len(r.Decisions),
		cell(r.Log.Origin), shortTime(r.Period.From), shortTime(r.Period.To), cell(o.out), len(r.Exceptions)); err != nil {
		return err
	}
	if r.Log.OwnKeys {
		warnOwnKeys(t, o.Directory)
	}
	if !r.Verification.OK {
		return wrongIn(t, r.Verification.Problems)
	}
	return nil
}
