package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
)

// Find returns the place of the last entry with an id.
func (l *Log) Find(ctx context.Context, id string) (int64, error) {
	for it, err := range l.Containing(ctx, []byte(`"id":"`+id+`"`)) {
		if err != nil {
			return 0, err
		}
		if it.ID == id {
			return it.Seq, nil
		}
	}
	return 0, fmt.Errorf("%w: %s", ErrNoEntry, id)
}

// Containing returns the entries whose lines have some bytes in them, the last
// first. Only those lines are parsed: to search so is much faster than to look
// at all entries.
func (l *Log) Containing(ctx context.Context, part []byte) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		numbers, err := files.Segments(l.dir)
		slices.Reverse(numbers)
		for _, n := range numbers {
			if err = l.backward(ctx, n, part, yield); err != nil {
				break
			}
		}
		if err != nil && !errors.Is(err, errDone) {
			yield(Item{}, err)
		}
	}
}

// chunk is how much is read at once. It must be longer than two lines.
const chunk = 1 << 20

// backward goes through a segment from its end.
func (l *Log) backward(ctx context.Context, n int, part []byte, yield func(Item, error) bool) error {
	f, err := regular.Open(filepath.Join(l.dir, files.Segment(n)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, min(end, chunk))
	for last := true; end > 0; last = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := max(0, end-chunk)
		b := buf[:end-at]
		if _, err := f.ReadAt(b, at); err != nil {
			return err
		}
		if last {
			b = b[:bytes.LastIndexByte(b, '\n')+1] // the rest is being written
		}
		if at > 0 { // a line that begins before comes with the next chunk
			skip := bytes.IndexByte(b, '\n') + 1
			if skip == 0 || skip == len(b) && !last {
				return fmt.Errorf("%s: at byte %d: a line is too long", files.Segment(n), at)
			}
			b, at = b[skip:], at+int64(skip)
		}
		if err := matches(n, b, at, part, yield); err != nil {
			return err
		}
		end = at
	}
	return nil
}

// matches yields those of some whole lines that have a part, the last first.
func matches(segment int, b []byte, offset int64, part []byte, yield func(Item, error) bool) error {
	type span struct{ from, to int }
	var found []span
	for at := 0; at < len(b); {
		i := bytes.Index(b[at:], part)
		if i < 0 {
			break
		}
		from := bytes.LastIndexByte(b[:at+i], '\n') + 1
		to := at + i + bytes.IndexByte(b[at+i:], '\n')
		found = append(found, span{from, to})
		at = to + 1
	}
	for _, s := range slices.Backward(found) {
		e, err := entry.Parse(b[s.from:s.to])
		if err != nil {
			return fmt.Errorf("%s: at byte %d: %w", files.Segment(segment), offset+int64(s.from), err)
		}
		if !yield(Item{Entry: e, Line: bytes.Clone(b[s.from:s.to]), Segment: segment, Offset: offset + int64(s.from)}, nil) {
			return errDone
		}
	}
	return nil
}

// place is where a line of a segment begins that is not behind an entry:
// close before it, or it.
func place(f *os.File, seq int64) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 2*(entry.MaxLine+1))
	low, high := int64(0), size // a line that begins at low is not behind it; one at high is, or none is there
	for high-low > int64(len(buf)) {
		mid := low + (high-low)/2
		n, err := f.ReadAt(buf, mid)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		from := bytes.IndexByte(buf[:n], '\n') + 1
		to := bytes.IndexByte(buf[from:n], '\n')
		if from == 0 || to < 0 || mid+int64(from) >= high {
			high = mid // no line begins in between
			continue
		}
		e, err := entry.Parse(buf[from : from+to])
		if err != nil {
			return 0, nil //nolint:nilerr // who reads from the beginning comes to it and says so
		}
		if e.Seq > seq {
			high = mid
		} else {
			low = mid + int64(from)
		}
	}
	return low, nil
}
