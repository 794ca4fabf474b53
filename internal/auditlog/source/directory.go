package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// directory is a log in a directory.
type directory struct {
	dir string
	// busy holds one thing: who put it there may use index.
	busy  chan struct{}
	index *index
}

// Directory is the log in a directory, which another process may write. It
// remembers where the last decisions are; the first question about an old one
// reads the log back to there.
func Directory(dir string) Source {
	return &directory{dir: dir, busy: make(chan struct{}, 1), index: newIndex(dir)}
}

// signed is a checkpoint that one of the log's keys has signed.
type signed struct {
	proof.Checkpoint
	bytes []byte
	keys  []string
}

// checkpoint reads the one in a file. The keys are read after it: a key is
// public before it signs.
func (d *directory) checkpoint(name string) (*signed, error) {
	b, err := regular.Small(filepath.Join(d.dir, name))
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	keys, err := files.PublicKeys(d.dir)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	c, _, err := proof.Open(b, keys)
	if err != nil {
		return nil, fmt.Errorf("audit log: %s: %w", name, err)
	}
	return &signed{c, b, keys}, nil
}

func (d *directory) Status(context.Context) (Status, error) {
	c, err := d.checkpoint(files.Checkpoint)
	if err != nil {
		return Status{}, err
	}
	s := Status{
		Origin: c.Origin, Keys: c.keys, Size: c.Size, Root: c.Root.String(), Checkpoint: string(c.bytes),
		Published: []Published{},
	}
	b, err := regular.Small(filepath.Join(d.dir, PublishedFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return Status{}, fmt.Errorf("audit log: %w", err)
	}
	if err := json.Unmarshal(b, &s.Published); err != nil {
		return Status{}, fmt.Errorf("audit log: %s: %w", PublishedFile, err)
	}
	return s, nil
}

func (d *directory) Decision(ctx context.Context, item string) ([]byte, error) {
	if !itemForm.MatchString(item) {
		return nil, ErrNone
	}
	f, c, err := d.find(ctx, item)
	if err != nil {
		return nil, err
	}
	// What a witness has cosigned proves more. That file is no part of the
	// log: if it is not there, too old, or not of this log, the log's own will do.
	if w, err := d.checkpoint(WitnessedFile); err == nil {
		if b, err := d.prove(f, w); err == nil {
			return b, nil
		}
	}
	return d.prove(f, c)
}

// find asks the index, by the latest checkpoint. It is made anew if the files
// are not those that it knows: somebody may have put back a copy.
func (d *directory) find(ctx context.Context, item string) (*found, *signed, error) {
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	c, err := d.checkpoint(files.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	f, err := d.index.find(ctx, item, c.Checkpoint)
	if errors.Is(err, errOther) {
		d.index = newIndex(d.dir)
		f, err = d.index.find(ctx, item, c.Checkpoint)
	}
	if err != nil && !errors.Is(err, ErrNone) {
		err = fmt.Errorf("audit log: %w", err)
	}
	return f, c, err
}

// prove makes the receipt, and hands out none that would not check.
func (d *directory) prove(at *found, c *signed) ([]byte, error) {
	f, err := regular.Open(filepath.Join(d.dir, files.Hashes))
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	defer f.Close()
	r := &proof.Receipt{Index: at.seq, Extra: at.line, Checkpoint: c.bytes}
	if r.Path, err = tlog.ProveRecord(c.Size, at.seq, proof.Hashes(f)); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if _, _, err := r.Check(nil, c.keys); err != nil {
		return nil, fmt.Errorf("audit log: entry %d cannot be proven, `tracescrub audit verify` says why: %w", at.seq, err)
	}
	return r.Marshal(), nil
}
