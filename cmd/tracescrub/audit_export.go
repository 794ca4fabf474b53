package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/tiles"
)

func newAuditExport(t *terminal) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export --out OUT [DIR]",
		Short: "Write the audit log as C2SP tlog-tiles",
		Long: `Write the signed part of the audit log below OUT as C2SP tlog-tiles, which any client
of such logs can read and check, from a web server or an object store. OUT must not
exist, or be an earlier export of the same log, which is then continued.

Exit codes: 0 done; 2 wrong use, or something cannot be read or written.`,
		Example: `  tracescrub audit export --out /srv/www/audit
  tracescrub audit export --out tiles /mnt/audit && aws s3 sync tiles s3://archive/audit`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usef("--out: say where to")
			}
			return runAuditExport(cmd.Context(), t, auditDirectory(t, args, 0), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write to (required)")
	return cmd
}

func runAuditExport(ctx context.Context, t *terminal, dir, out string) error {
	p := startCounting(t, 0, "entries")
	err := tiles.Export(ctx, dir, out, p.set)
	p.stop()
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(out, files.Checkpoint))
	if err != nil {
		return err
	}
	c, err := proof.Read(signed)
	if err != nil {
		return err
	}
	least, err := tiles.Minimum(out)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(t.out, "%d entries of %s are in %s\n", c.Size, cell(c.Origin), cell(out)); err == nil && least > 0 {
		_, err = fmt.Fprintf(t.out, "entries before %d are not there: they had been pruned\n", least)
	}
	return err
}
