package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/tiles"
)

var _ = addAudit(newAuditExport)

func newAuditExport(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "export OUT [DIR]",
		Short: "Write the audit log as C2SP tlog-tiles",
		Long: `Write the signed part of the audit log below OUT as C2SP tlog-tiles, which any client
of such logs can read and check, from a web server or an object store. OUT must not
exist, or be an earlier export of the same log, which is then continued.

Exit codes: 0 done; 2 wrong use, or something cannot be read or written.`,
		Example: `  tracescrub audit export /srv/www/audit
  tracescrub audit export tiles /mnt/audit && aws s3 sync tiles s3://archive/audit`,
		DisableFlagsInUseLine: true,
		Args:                  between(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := startCounting(t, 0, "entries")
			var done int64
			err := tiles.Export(cmd.Context(), auditDirectory(t, args, 1), args[0], func(n, total int64) {
				done = n
				p.set(n, total)
			})
			p.stop()
			if err == nil {
				_, err = fmt.Fprintf(t.out, "exported %d entries\n", done)
			}
			if err != nil {
				return err
			}
			least, err := tiles.Minimum(args[0])
			if err == nil && least > 0 {
				_, err = fmt.Fprintf(t.out, "entries before %d are not there: they had been pruned\n", least)
			}
			return err
		},
	}
}
