// Package read reads an audit log, without its lock and without checking it:
// what package verify is for.
package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// Log is a log to read. It may be used by many goroutines at once, and while
// it is written.
type Log struct{ dir string }

// ErrNoEntry is of an entry that is not there, or not any more.
var ErrNoEntry = errors.New("no such entry")

// Open returns the log in a directory.
func Open(dir string) (*Log, error) {
	if _, err := os.Stat(filepath.Join(dir, files.Public)); err != nil {
		return nil, fmt.Errorf("no audit log: %w", err)
	}
	return &Log{dir}, nil
}

// Item is one entry and where it is.
type Item struct {
	*entry.Entry
	// Line is the entry as written, without LF. It is the reader's to keep.
	Line    []byte
	Segment int
	Offset  int64
}

// First is the first entry of a segment file.
func First(path string) (*entry.Entry, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var e *entry.Entry
	err = files.Lines(f, func(l files.Line) error {
		if !l.Whole {
			return ErrNoEntry
		}
		if e, err = entry.Parse(l.Text); err != nil {
			return err
		}
		return errDone
	})
	if errors.Is(err, errDone) {
		return e, nil
	}
	if err == nil {
		err = ErrNoEntry
	}
	return nil, err
}

var errDone = errors.New("done")

// Entries returns the entries from a place on, in their order. A last line that
// is not whole yet ends it; a line that is no entry is an error, and the end.
func (l *Log) Entries(ctx context.Context, from int64) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		numbers, err := files.Segments(l.dir)
		if err == nil {
			numbers = l.skip(numbers, from)
		}
		for _, n := range numbers {
			if err = l.segment(ctx, n, from, yield); err != nil {
				break
			}
		}
		if err != nil && !errors.Is(err, errDone) {
			yield(Item{}, err)
		}
	}
}

// skip leaves out segments that end before an entry.
func (l *Log) skip(numbers []int, from int64) []int {
	for i := len(numbers) - 1; i > 0; i-- {
		if e, err := First(filepath.Join(l.dir, files.Segment(numbers[i]))); err == nil && e.Seq <= from {
			return numbers[i:]
		}
	}
	return numbers
}

func (l *Log) segment(ctx context.Context, n int, from int64, yield func(Item, error) bool) error {
	f, err := regular.Open(filepath.Join(l.dir, files.Segment(n)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	begin, err := place(f, from)
	if err != nil {
		return err
	}
	if _, err := f.Seek(begin, io.SeekStart); err != nil {
		return err
	}
	return files.Lines(f, func(line files.Line) error {
		line.Offset += begin
		if err := ctx.Err(); err != nil {
			return err
		}
		if !line.Whole {
			return errDone
		}
		e, err := entry.Parse(line.Text)
		if err != nil {
			return fmt.Errorf("%s: at byte %d: %w", files.Segment(n), line.Offset, err)
		}
		if e.Seq < from {
			return nil
		}
		if !yield(Item{Entry: e, Line: append([]byte(nil), line.Text...), Segment: n, Offset: line.Offset}, nil) {
			return errDone
		}
		return nil
	})
}

// Checkpoint returns the latest one, its signatures not looked at.
func (l *Log) Checkpoint() (proof.Checkpoint, []byte, error) {
	b, err := regular.Small(filepath.Join(l.dir, files.Checkpoint))
	if err != nil {
		return proof.Checkpoint{}, nil, err
	}
	c, err := proof.Read(b)
	return c, b, err
}

// Receipt returns the proof that the entry at a place is in the log.
func (l *Log) Receipt(ctx context.Context, seq int64) (*proof.Receipt, error) {
	c, signed, err := l.Checkpoint()
	if err != nil {
		return nil, err
	}
	if seq < 0 || seq >= c.Size {
		return nil, fmt.Errorf("%w: entry %d is not among the %d of the checkpoint", ErrNoEntry, seq, c.Size)
	}
	r := &proof.Receipt{Index: seq, Checkpoint: signed}
	for it, err := range l.Entries(ctx, seq) {
		if err != nil {
			return nil, err
		}
		if it.Seq == seq {
			r.Extra = it.Line
		}
		break
	}
	if r.Extra == nil {
		return nil, fmt.Errorf("%w: entry %d has been pruned", ErrNoEntry, seq)
	}
	return r, l.hashes(func(h tlog.HashReader) (err error) {
		r.Path, err = tlog.ProveRecord(c.Size, seq, h)
		return err
	})
}

// Consistency proves that the latest checkpoint, which is returned, continues
// one of old entries.
func (l *Log) Consistency(old int64) (path []tlog.Hash, signed []byte, err error) {
	c, signed, err := l.Checkpoint()
	if err != nil {
		return nil, nil, err
	}
	if old < 1 || old > c.Size {
		return nil, nil, fmt.Errorf("consistency: from %d to %d entries", old, c.Size)
	}
	err = l.hashes(func(h tlog.HashReader) (err error) {
		path, err = tlog.ProveTree(c.Size, old, h)
		return err
	})
	return path, signed, err
}

func (l *Log) hashes(use func(tlog.HashReader) error) error {
	f, err := regular.Open(filepath.Join(l.dir, files.Hashes))
	if err != nil {
		return err
	}
	defer f.Close()
	return use(proof.Hashes(f))
}
