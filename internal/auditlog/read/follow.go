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
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
)

// Follow returns the entries from a place on, and then those that are written
// later, until the context ends; it looks for them at an interval. An entry may
// be seen before it is durable, and then be replaced by another.
func (l *Log) Follow(ctx context.Context, from int64, interval time.Duration) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		f := follower{l: l, next: from}
		for {
			more, err := f.read(ctx, yield)
			switch {
			case errors.Is(err, errDone), ctx.Err() != nil:
				return
			case err != nil:
				yield(Item{}, err)
				return
			case more:
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(interval):
			}
		}
	}
}

// follower is where one is in a log that grows.
type follower struct {
	l       *Log
	segment int // 0: not known yet
	offset  int64
	next    int64 // seq
}

// read takes what is new in a segment; more says that another one follows it.
func (f *follower) read(ctx context.Context, yield func(Item, error) bool) (more bool, err error) {
	// The list comes first: a segment with one behind it is complete.
	numbers, err := files.Segments(f.l.dir)
	if err != nil {
		return false, err
	}
	if f.segment == 0 {
		if numbers = f.l.skip(numbers, f.next); len(numbers) == 0 {
			return false, nil
		}
		f.segment = numbers[0]
	}
	file, err := regular.Open(filepath.Join(f.l.dir, files.Segment(f.segment)))
	if err == nil {
		err = f.lines(ctx, file, yield)
		file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // pruned meanwhile
		return false, err
	}
	for _, n := range numbers {
		if n > f.segment {
			f.segment, f.offset = n, 0
			return true, nil
		}
	}
	return false, nil
}

func (f *follower) lines(ctx context.Context, file *os.File, yield func(Item, error) bool) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// A write that failed was cut off, and its entries are written anew.
	again := info.Size() < f.offset
	if again {
		f.offset, f.next = 0, 0
	}
	if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
		return err
	}
	start := f.offset
	return files.Lines(file, func(line files.Line) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !line.Whole {
			return nil // is being written
		}
		e, err := entry.Parse(line.Text)
		if err != nil {
			return fmt.Errorf("%s: at byte %d: %w", files.Segment(f.segment), start+line.Offset, err)
		}
		at := start + line.Offset
		f.offset = at + int64(len(line.Text)) + 1
		if again {
			f.next = e.Seq + 1
		}
		if e.Seq < f.next {
			return nil
		}
		f.next = e.Seq + 1
		if !yield(Item{Entry: e, Line: append([]byte(nil), line.Text...), Segment: f.segment, Offset: at}, nil) {
			return errDone
		}
		return nil
	})
}
