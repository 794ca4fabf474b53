package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/filescan"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/report"
)

// scanFlags are the flags of `tracescrub scan`.
type scanFlags struct {
	format, config, output string
	exclude                []string
	noGitIgnore            bool
	allowInline            bool
}

func newScan(t *terminal) *cobra.Command {
	f := &scanFlags{}
	cmd := &cobra.Command{
		Use:   "scan PATH... [--format text|json|sarif]",
		Short: "Find secrets in files and directories",
		Long: `Find secrets in files and directories. A finding is file:line:column, severity,
rule and fingerprint; the secret itself and the text around it are never shown.
PATH - is standard input.

Left out are: .git, symbolic links, binary files (with NUL bytes; UTF-16 text is
read), what .gitignore files leave out (unless --no-gitignore), and what
--exclude patterns or a file .tracescrubignore in any directory name. Both are
written like a .gitignore. A file that is named itself is scanned even if
.gitignore names it.

The allow-list of the configuration counts; its fields are paths of files, as
they are reported. With --allow-inline a comment tracescrub:allow (or
tracescrub:allow=RULE,RULE) behind a finding in the same line allows it.

A SARIF report ends after 25,000 results, the most that GitHub accepts, and says so.

Columns count characters. Fingerprints tell equal secrets within a run; with
a fingerprint key in the configuration or ` + keyVariable + ` set they
are those of all runs with the same key, and SARIF carries them.

Exit codes: 0 nothing found; 1 findings; 2 wrong use, or a file could not be
read (it is named, and the other files are scanned all the same).`,
		Example: `  tracescrub scan .
  tracescrub scan --exclude 'testdata/' --exclude '*.snap' src deploy
  tracescrub scan --format sarif --output results.sarif .
  git diff | tracescrub scan -`,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usef("no PATH given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runScan(cmd.Context(), t, f, args)
		},
	}
	cmd.Flags().StringVar(&f.format, "format", "text", "how to report: text, json, sarif")
	cmd.Flags().StringArrayVar(&f.exclude, "exclude", nil, "leave out what fits this `pattern`, as in .gitignore; may be repeated")
	cmd.Flags().BoolVar(&f.noGitIgnore, "no-gitignore", false, "scan what .gitignore leaves out, too")
	cmd.Flags().BoolVar(&f.allowInline, "allow-inline", false, "honour comments tracescrub:allow")
	cmd.Flags().StringVar(&f.config, "config", "", "YAML `file` with the keys of secret_mask, or a Collector configuration that has one")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write the report to this `file`, which appears only when it is complete")
	complete(cmd, "format", report.Formats)
	return cmd
}

// tally counts for the summary and the exit code.
type tally struct{ files, binary, hit, findings, unread int }

func runScan(ctx context.Context, t *terminal, f *scanFlags, paths []string) error {
	if err := oneOf("format", f.format, report.Formats); err != nil {
		return err
	}
	s, err := readSettings(ctx, f.config, "none", t.getenv)
	if err != nil {
		return err
	}
	s.AllowInline = f.allowInline
	m, err := newMasking(s) //nolint:contextcheck // rule files are read before there is anything to interrupt
	if err != nil {
		return err
	}
	out, err := openOutput(t.out, f.output)
	if err != nil {
		return err
	}
	meta := report.Meta{
		Version: buildVersion().short(), Hash: m.engine.Hash(), Rules: m.engine.Rules(), StableKey: s.stableKey,
	}
	if f.output == "" {
		meta.Colour = t.colour
	}
	count := &tally{}
	err = scanAll(ctx, t, f, paths, m, meta, out, count)
	if err = out.close(err); err != nil {
		return err
	}
	return count.verdict(t)
}

// scanAll scans the paths in order and reports on out.
func scanAll(ctx context.Context, t *terminal, f *scanFlags, paths []string, m *masking, meta report.Meta, out *output, count *tally) error {
	w, err := report.New(f.format, out, meta)
	if err != nil {
		return err
	}
	p := startProgress(t, 0)
	defer p.stop()
	opts := filescan.Options{
		Find: m.in, Exclude: f.exclude, NoGitIgnore: f.noGitIgnore, Workers: runtime.GOMAXPROCS(0), Read: p.add,
	}
	file := func(f filescan.File) error {
		count.add(t, f)
		return w.File(f)
	}
	for len(paths) > 0 {
		n := 0
		for n < len(paths) && paths[n] != "-" {
			n++
		}
		if err := filescan.Scan(ctx, paths[:n], opts, file); err != nil {
			return err
		}
		if paths = paths[n:]; len(paths) > 0 {
			opts.Read = nil
			in := filescan.Stream(ctx, "(standard input)", newInput(ctx, t.in, p), opts)
			if err := errors.Join(ctx.Err(), file(in)); err != nil {
				return err
			}
			opts.Read, paths = p.add, paths[1:]
		}
	}
	return w.Close()
}

func (c *tally) add(t *terminal, f filescan.File) {
	c.files++
	c.findings += len(f.Findings)
	if len(f.Findings) > 0 {
		c.hit++
	}
	if f.Binary {
		c.binary++
	}
	if f.Err != nil {
		c.unread++
		if errors.Is(f.Err, context.Canceled) {
			return
		}
		err := f.Err
		var path *fs.PathError // says the name twice
		if errors.As(err, &path) {
			err = path.Err
		}
		t.say("tracescrub: %s: %v", f.Path, err)
	}
}

// verdict writes the summary and returns what the exit code is made of.
func (c *tally) verdict(t *terminal) error {
	if t.errTTY {
		fmt.Fprintf(t.err, "%d findings in %d of %d files; %d binary files left out\n", c.findings, c.hit, c.files, c.binary)
	}
	switch {
	case c.unread > 0:
		return fmt.Errorf("%d of %d files could not be read", c.unread, c.files)
	case c.findings > 0:
		return errFindings
	}
	return nil
}
