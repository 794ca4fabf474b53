package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

func newAudit(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit COMMAND",
		Short: "Verify, search and maintain the audit log",
		Long: `Verify, search and maintain the audit log: a directory of files that the
exporter audit_log writes, and that anybody with its public key can check.
docs/format/audit.md in the source specifies them.

DIR is the log's directory. Without it, it is audit in the data directory, which
the environment names as TRACESCRUB_DATA and is data otherwise.

Exit codes: 0 done; 1 verification failed; 2 wrong use, or there is no log.`,
		Example: `  tracescrub audit verify data/audit
  tracescrub audit verify --key log.pub --checkpoint checkpoint.march /mnt/audit`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerify(t), newAuditProve(t), newAuditCheckProof(t), newAuditTail(t), newAuditQuery(t),
		newAuditReport(t), newAuditReplay(t), newAuditErase(t), newAuditPrune(t), newAuditRotate(t), newAuditExport(t))
	return cmd
}

// between is cobra.RangeArgs with the hint of wrong use.
func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exactly(min(max(len(args), least), most))(cmd, args)
	}
}

// auditDirectory is the log that a command is about: its argument n, if there
// is one.
func auditDirectory(t *terminal, args []string, n int) string {
	if len(args) > n {
		return args[n]
	}
	data := t.getenv("TRACESCRUB_DATA")
	if data == "" {
		data = "data"
	}
	return filepath.Join(data, "audit")
}

// publicKeys reads what --key was given: a public key each, or a file of some,
// such as log.pub.
func publicKeys(given []string) ([]string, error) {
	var keys []string
	for _, k := range given {
		if _, err := note.NewVerifier(k); err == nil {
			keys = append(keys, k)
			continue
		}
		b, err := os.ReadFile(k)
		if err != nil {
			return nil, usef("--key: neither a public key nor a file: %w", err)
		}
		found := strings.Fields(string(b))
		if len(found) == 0 {
			return nil, fmt.Errorf("--key: %s is empty", k)
		}
		for _, f := range found {
			if _, err := note.NewVerifier(f); err != nil {
				return nil, fmt.Errorf("--key: %s holds something else than public keys of audit logs", k) // maybe a private one
			}
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

// keysOrOwn are the keys that were given, or those of the log itself; own says
// that it is those.
func keysOrOwn(given []string, dir string) (keys []string, own bool, err error) {
	if keys, err = publicKeys(given); err != nil || len(keys) > 0 {
		return keys, false, err
	}
	keys, err = files.PublicKeys(dir)
	if err != nil {
		return nil, true, fmt.Errorf("no public key: %w", err)
	}
	return keys, true, nil
}

// warnOwnKeys says what a check with the log's own keys is worth.
func warnOwnKeys(t *terminal, dir string) {
	fmt.Fprintf(t.err, "tracescrub: trusted %s itself: who could write there could have replaced the log and the key (--key names one from elsewhere)\n",
		cell(filepath.Join(dir, files.Public)))
}
