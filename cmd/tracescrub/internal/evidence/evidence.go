// Package evidence writes an evidence bundle: a directory with a report about a
// period of the audit log, the entries of the period, and proofs for all of it
// that can be checked without this program.
package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/page"
	"github.com/tracescrub/tracescrub/internal/auditlog/browser"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// The programs that check a bundle without this one.
var (
	//go:embed check.py
	checkPython string
	//go:embed check.sh
	checkShell string
)

// Write makes a bundle in out, which must not exist, and returns its report. If
// it fails there is nothing.
func Write(ctx context.Context, o facts.Options, out string) (r *facts.Report, err error) {
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("%s is there already", out)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+".*")
	if err != nil {
		return nil, err
	}
	b := &bundle{dir: tmp, o: o, named: map[string]bool{}}
	if r, err = b.write(ctx); err == nil {
		err = os.Rename(tmp, out)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	return r, nil
}

// bundle is a directory that is being filled. Only its owner can read it: it
// may name people.
type bundle struct {
	dir string
	o   facts.Options
	// named are the commitments of the period, if names were asked for.
	named map[string]bool
}

func (b *bundle) write(ctx context.Context) (*facts.Report, error) {
	r, signed, err := b.collect(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.copies(signed); err != nil {
		return nil, err
	}
	proofs, err := b.prove(ctx, r, signed)
	if err != nil {
		return nil, err
	}
	if b.o.Names {
		if err := b.subjects(r, b.named); err != nil {
			return nil, err
		}
	}
	summary, err := indented(r)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := page.Write(&html, r, page.Options{
		Receipts: proofs.receipts, Anchor: proofs.anchor, Range: proofs.period, Checker: browser.Script(),
	}); err != nil {
		return nil, err
	}
	readme, err := readme(r, b.o)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{
		"summary.json": summary, "report.html": html.Bytes(), "README.md": readme, "range.json": proofs.period,
		"decisions.csv": decisionsCSV(r), "counts.csv": countsCSV(r),
		"check.py": []byte(checkPython), "check.sh": []byte(checkShell),
	} {
		if err := b.file(name, text); err != nil {
			return nil, err
		}
	}
	return r, b.sums()
}

// collect makes the report, and writes the lines of the period on the way.
func (b *bundle) collect(ctx context.Context) (*facts.Report, []byte, error) {
	f, err := os.OpenFile(filepath.Join(b.dir, "entries.jsonl"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	o := b.o
	o.Entry = func(it read.Item) error {
		if o.Names {
			subjects.In(it.Attributes, func(c string) { b.named[c] = true })
		}
		w.Write(it.Line) //nolint:errcheck // w keeps its first error, and WriteByte returns it
		return w.WriteByte('\n')
	}
	r, signed, err := facts.Collect(ctx, o)
	return r, signed, errors.Join(err, w.Flush(), f.Close())
}

// copies are files of the log that the proofs need.
func (b *bundle) copies(signed []byte) error {
	if err := b.file(files.Checkpoint, signed); err != nil {
		return err
	}
	names := []string{files.Public, source.WitnessedFile}
	numbers, err := files.Handovers(b.o.Directory)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		names = append(names, files.Handover(n))
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(b.o.Directory, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := b.file(name, text); err != nil {
			return err
		}
	}
	return nil
}

// file writes a file of the bundle.
func (b *bundle) file(name string, text []byte) error {
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// sums writes the digests of all files, as sha256sum does.
func (b *bundle) sums() error {
	var lines []string
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(b.dir, path)
		h := sha256.Sum256(text)
		lines = append(lines, hex.EncodeToString(h[:])+"  "+filepath.ToSlash(name)+"\n")
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return b.file("SHA256SUMS", []byte(strings.Join(lines, "")))
}

// indented is JSON that people can read, in which nothing steers a terminal.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return visible(b.Bytes()), nil
}
