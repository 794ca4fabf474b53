package tiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// Export writes the signed part of the log in a directory as C2SP tlog-tiles
// below out, which must not exist or be an earlier export of the same log: that
// is continued, and keeps the entries that the log has pruned since.
// progress is told how many of how many entries have been read; may be nil.
//
// The checkpoint is written last. Until then the earlier export is whole.
func Export(ctx context.Context, dir, out string, progress func(done, total int64)) error {
	if err := export(ctx, files.Disk, dir, out, progress); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return nil
}

func export(ctx context.Context, sys files.System, dir, out string, progress func(done, total int64)) error {
	s := &source{dir: dir}
	c, signed, err := s.trusted()
	if err != nil {
		return err
	}
	old, err := s.earlier(out, c)
	if err != nil {
		return err
	}
	x := &exporter{sys: sys, src: s, out: out, old: old, hashes: tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, reader{s})}
	if err := durable.MkdirAll(out, 0o700); err != nil {
		return err
	}
	for _, t := range tlog.NewTiles(height, old.Size, c.Size) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.tile(t); err != nil {
			return err
		}
		if t.L == 0 && progress != nil {
			progress(t.N<<height+int64(t.W), c.Size)
		}
	}
	if err := sys.Replace(filepath.Join(out, files.Checkpoint), signed, 0o644); err != nil {
		return err
	}
	for _, dir := range x.outgrown {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// trusted is the checkpoint, if a key of the log has signed it.
func (s *source) trusted() (proof.Checkpoint, []byte, error) {
	_, signed, err := s.checkpoint()
	if err != nil {
		return proof.Checkpoint{}, nil, err
	}
	keys, err := files.PublicKeys(s.dir)
	if err != nil {
		return proof.Checkpoint{}, nil, err
	}
	c, _, err := proof.Open(signed, keys)
	return c, signed, err
}

// earlier is the checkpoint of what is below out, if there is one: the log
// must continue it.
func (s *source) earlier(out string, c proof.Checkpoint) (old proof.Checkpoint, err error) {
	b, err := regular.Small(filepath.Join(out, files.Checkpoint))
	if errors.Is(err, fs.ErrNotExist) {
		return old, unfinished(out)
	}
	if err != nil {
		return old, err
	}
	if old, err = proof.Read(b); err != nil {
		return old, fmt.Errorf("%s is no export: %w", out, err)
	}
	if old.Origin != c.Origin {
		return old, fmt.Errorf("%s is an export of another log", out)
	}
	if old.Size > c.Size {
		return old, fmt.Errorf("%s has %d entries, and of the log only %d are signed: it is not what it was", out, old.Size, c.Size)
	}
	f, err := regular.Open(filepath.Join(s.dir, files.Hashes))
	if err != nil {
		return old, err
	}
	defer f.Close()
	root, err := proof.Root(old.Size, proof.Hashes(f))
	if err == nil && root != old.Root {
		err = fmt.Errorf("the log does not continue the %d entries in %s", old.Size, out)
	}
	return old, err
}

// unfinished wants nothing in a directory but what an export begins with.
func unfinished(out string) error {
	found, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range found {
		if name := d.Name(); name != "tile" && !strings.HasPrefix(name, ".checkpoint.tmp-") {
			return fmt.Errorf("%s is no export: there is something else in it", out)
		}
	}
	return err
}

// exporter writes tiles that an earlier export does not have.
type exporter struct {
	sys      files.System
	src      *source
	hashes   tlog.HashReader // refuses those that do not lead to the root that was signed
	out      string
	old      proof.Checkpoint
	outgrown []string // directories of parts of what is whole now
}

// reader has the tiles of the log for package tlog, which checks them.
type reader struct{ *source }

func (reader) Height() int                     { return height }
func (reader) SaveTiles([]tlog.Tile, [][]byte) {}
func (r reader) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(ts))
	for i, t := range ts {
		var err error
		if all[i], err = r.tile(t); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (x *exporter) tile(t tlog.Tile) error {
	b, err := tlog.ReadTileData(t, x.hashes)
	if err != nil {
		return err
	}
	if t.L == 0 {
		if err := x.bundle(bundle(t), b); err != nil {
			return err
		}
	}
	return x.write(t, b)
}

// bundle writes an entry bundle, if all of its entries are to be had.
func (x *exporter) bundle(t tlog.Tile, leaves []byte) error {
	head, err := x.head(t)
	if err != nil {
		return err
	}
	b, err := x.src.bundle(t, leaves, head)
	if errors.Is(err, errPruned) {
		return nil
	}
	if err != nil {
		return err
	}
	return x.write(t, b)
}

// head is what the earlier export has of a bundle.
func (x *exporter) head(t tlog.Tile) ([][]byte, error) {
	w := x.old.Size - t.N<<height
	if w <= 0 {
		return nil, nil
	}
	b, err := os.ReadFile(x.path(tlog.Tile{H: height, L: entries, N: t.N, W: int(w)}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := split(b)
	if err == nil && len(lines) != int(w) {
		err = errors.New("entries are missing")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path(t), err)
	}
	return lines, nil
}

func (x *exporter) path(t tlog.Tile) string {
	return filepath.Join(x.out, filepath.FromSlash(path(t)))
}

// write writes one file. Who may read out may read it.
func (x *exporter) write(t tlog.Tile, b []byte) error {
	p := x.path(t)
	if err := durable.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	if t.W == width {
		x.outgrown = append(x.outgrown, p+".p")
	}
	return x.sys.Replace(p, b, 0o644)
}

// Minimum is the minimum index of an export, as C2SP tlog-tiles has it: no
// entry before it is there. It is 0 if nothing has been pruned.
func Minimum(out string) (int64, error) {
	b, err := regular.Small(filepath.Join(out, files.Checkpoint))
	if err != nil {
		return 0, err
	}
	c, err := proof.Read(b)
	if err != nil {
		return 0, err
	}
	for at := int64(0); at < c.Size; at += width {
		t := tlog.Tile{H: height, L: entries, N: at >> height, W: int(min(width, c.Size-at))}
		switch _, err := os.Stat(filepath.Join(out, filepath.FromSlash(path(t)))); {
		case err == nil:
			return at, nil
		case !errors.Is(err, fs.ErrNotExist):
			return 0, err
		}
	}
	return c.Size, nil
}
