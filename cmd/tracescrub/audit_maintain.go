package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/control"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
	"github.com/tracescrub/tracescrub/internal/pause"
)

// howWriting stands in the help of commands that change a log.
const howWriting = `The process that writes the log does it, if one does and it can be reached in DIR;
else this one, with the log's private key: log.key in DIR, ../keys/audit.key from
there, or --key-file.`

func newAuditErase(t *terminal) *cobra.Command {
	var keyFile string
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase-subject SUBJECT|- [DIR]",
		Short: "Forget who a person in the audit log is",
		Long: `Forget who a person in the audit log is, and what reasons they gave: their lines
leave the side table, and nobody can tell any more what the commitments in the
entries stand for. The entries stay, and the log still verifies. This cannot be
undone; copies of the side table elsewhere are yours to change.

SUBJECT is issuer and subject with a space between, as in the attribute user.id, or
the commitment that stands for them. - reads it from standard input, where no
history of commands keeps it.

` + howWriting + `

Exit codes: 0 done; 2 wrong use, an unknown subject, or the log cannot be written.`,
		Example: `  tracescrub audit erase-subject 'https://id.example.com 4711'
  tracescrub audit erase-subject --yes - /mnt/audit < subject.txt`,
		DisableFlagsInUseLine: true,
		Args:                  between(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, err := subjectOf(t, args[0])
			if err != nil {
				return err
			}
			return runAuditErase(cmd.Context(), t, auditDirectory(t, args, 1), keyFile, subject, yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	keyFileFlag(cmd, &keyFile)
	return cmd
}

func keyFileFlag(cmd *cobra.Command, keyFile *string) {
	cmd.Flags().StringVar(keyFile, "key-file", "", "`file` with the log's private key, if this process has to write")
}

func subjectOf(t *terminal, arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	if t.inTTY && t.errTTY {
		fmt.Fprint(t.err, "subject: ")
	}
	line, err := bufio.NewReader(t.in).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line != "" {
		return line, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return "", usef("there is no subject on standard input")
}

func runAuditErase(ctx context.Context, t *terminal, dir, keyFile, subject string, yes bool) error {
	table, err := subjects.Load(dir, nil)
	if err != nil {
		return err
	}
	for _, r := range table.Rows() {
		if r.Commitment == subject {
			subject = r.Value
		}
	}
	owned := len(table.Owned(subject))
	if owned == 0 {
		return fmt.Errorf("the side table of %s does not know this subject, or not any more", dir)
	}
	if err := confirm(t, yes, fmt.Sprintf("erase what %d commitments in %s stand for", owned, dir)); err != nil {
		return err
	}
	erased := 0
	err = withLog(ctx, dir, keyFile, func(log control.Log) (err error) {
		erased, err = log.EraseSubject(ctx, subject)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "erased what %d commitments stood for\n", erased)
	return err
}

func newAuditPrune(t *terminal) *cobra.Command {
	var keyFile, before string
	var yes, onlyRecords bool
	cmd := &cobra.Command{
		Use:   "prune --before TIME [--records] [DIR]",
		Short: "Remove old entries from the audit log; their hashes stay",
		Long: `Remove the segments of the audit log that have only entries from before TIME, and
the recorded telemetry of days before it. The hashes stay: the log still verifies,
and receipts and checkpoints keep their worth. The segment that is being written
always stays. Copy away what you may need first: this cannot be undone.

TIME is a day (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (90d, 36h).

` + howWriting + `

Exit codes: 0 done; 2 wrong use, or the log cannot be written.`,
		Example: `  tracescrub audit prune --before 400d
  tracescrub audit prune --before 30d --records --yes /mnt/audit`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := pastTime(t.now(), before)
			if err != nil {
				return usef("--before: %w", err)
			}
			dir := auditDirectory(t, args, 0)
			what := fmt.Sprintf("remove entries and records of %s from before %s", dir, at.Format(time.RFC3339))
			if onlyRecords {
				what = fmt.Sprintf("remove records of %s from before %s", dir, at.Format(time.RFC3339))
			}
			if _, err := read.Open(dir); err != nil {
				return err
			}
			if err := confirm(t, yes, what); err != nil {
				return err
			}
			return runAuditPrune(cmd.Context(), t, dir, keyFile, at, onlyRecords)
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "the `time` before which entries go (required)")
	cmd.Flags().BoolVar(&onlyRecords, "records", false, "remove only recorded telemetry, no entries")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	keyFileFlag(cmd, &keyFile)
	return cmd
}

func runAuditPrune(ctx context.Context, t *terminal, dir, keyFile string, before time.Time, onlyRecords bool) error {
	if !onlyRecords {
		segments := 0
		err := withLog(ctx, dir, keyFile, func(log control.Log) (err error) {
			segments, err = log.Prune(ctx, before)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(t.out, "removed %d segments\n", segments); err != nil {
			return err
		}
	}
	removed, err := records.Open(dir).Prune(before)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "removed %d records\n", removed)
	return err
}

func newAuditRotate(t *terminal) *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use:   "rotate-key [DIR]",
		Short: "Let a new key sign the audit log from now on",
		Long: `Make a new key pair that signs the audit log from now on. The old key signs that it
gave way to the new one: who trusts the old one can go on doing so. The old private
key is removed.

` + howWriting + `

Exit codes: 0 done; 2 wrong use, or the log cannot be written.`,
		Example:               `  tracescrub audit rotate-key`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := auditDirectory(t, args, 0)
			if err := withLog(cmd.Context(), dir, keyFile, func(log control.Log) error { return log.RotateKey(cmd.Context()) }); err != nil {
				return err
			}
			keys, err := files.PublicKeys(dir)
			if err == nil {
				_, err = fmt.Fprintln(t.out, cell(keys[len(keys)-1]))
			}
			return err
		},
	}
	keyFileFlag(cmd, &keyFile)
	return cmd
}

// lockedFor is how long a log may be locked by somebody who does not listen:
// another command, or a Collector that starts or stops.
const lockedFor = 5 * time.Second

// withLog does something with the writer of a log: this process, or the one
// that holds the lock.
func withLog(ctx context.Context, dir, keyFile string, do func(control.Log) error) error {
	if _, err := read.Open(dir); err != nil {
		return err // and no new log
	}
	for until := time.Now().Add(lockedFor); ; {
		c, err := control.Dial(ctx, dir)
		if err == nil {
			return do(c)
		}
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
		key, err := privateKeyFile(dir, keyFile)
		if err != nil {
			return err
		}
		w, err := auditlog.Open(auditlog.Config{Directory: dir, KeyFile: key, Heartbeat: -1, Interval: -1})
		switch {
		case err == nil:
			return errors.Join(do(w), w.Close())
		case !errors.Is(err, auditlog.Locked), time.Now().After(until):
			return err
		}
		if err := pause.For(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// privateKeyFile finds the private key. There must be one: a writer would make
// it otherwise.
func privateKeyFile(dir, given string) (string, error) {
	candidates := []string{given}
	if given == "" {
		candidates = []string{filepath.Join(dir, files.Private), filepath.Join(dir, "..", "keys", "audit.key")}
	}
	for _, file := range candidates {
		b, err := os.ReadFile(file)
		switch {
		case err == nil:
			return file, ofThisLog(dir, file, strings.TrimSpace(string(b)))
		case !errors.Is(err, fs.ErrNotExist), given != "":
			return "", fmt.Errorf("the log's private key: %w", err)
		}
	}
	return "", fmt.Errorf("nobody who writes %s can be reached, and its private key is not there: --key-file names it", dir)
}

// ofThisLog refuses the key of another log: a writer would go on with it.
func ofThisLog(dir, file, private string) error {
	public, _, err := proof.Public(private)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	keys, err := files.PublicKeys(dir)
	if err != nil || len(keys) > 0 && keys[len(keys)-1] == public {
		return err
	}
	if _, err := os.Stat(file + ".next"); err == nil {
		return nil // a rotation was interrupted; the writer knows what to do
	}
	return fmt.Errorf("%s is not the key that signs this log", file)
}
