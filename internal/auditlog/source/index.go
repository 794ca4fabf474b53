package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// maxPlaces bounds the memory of an index, to about 40 MB. Older decisions are
// found by reading.
const maxPlaces = 1 << 20

// errOther: the files are not those that the index was made from, or not
// what was signed.
var errOther = errors.New("signed entries are missing or have changed")

// index knows where the last decision about each item is. It has read only
// what a checkpoint covers, which nobody changes any more, and of that as many of the
// newest segments as were needed: questions are about what was decided lately.
type index struct {
	dir      string
	max      int
	seen     proof.Checkpoint // the last one that it was asked by
	segments map[int]*segment
	places   int // in all segments
	// floor: the segments up to this one are not remembered, for lack of room.
	floor int
}

// segment is one that is remembered.
type segment struct {
	// at is where the line of the last decision about an item begins. Who
	// looks it up must look whether it is there: the key is half of the id.
	at map[uint64]int64
	cursor
}

// cursor is how far a segment has been read.
type cursor struct {
	first int64 // seq of the first entry
	seq   int64 // of the entry where it stands, or -1: no entry is signed yet
	next  int64 // the byte there
	end   bool  // nothing more will come
}

func newIndex(dir string) *index {
	return &index{dir: dir, max: maxPlaces, segments: map[int]*segment{}}
}

// found is the entry that was asked for.
type found struct {
	seq  int64
	line []byte
}

func key(item string) uint64 {
	n, _ := strconv.ParseUint(item[:16], 16, 64) // the id is in its form
	return n
}

// find returns the last decision about an item that the checkpoint covers, or ErrNone.
func (x *index) find(ctx context.Context, item string, c proof.Checkpoint) (*found, error) {
	if !x.continues(c) {
		return nil, errOther
	}
	x.seen = c
	numbers, err := files.Segments(x.dir)
	if err != nil {
		return nil, err
	}
	if len(numbers) > 0 {
		x.forget(numbers[0])
	}
	goal := c.Size // what is before it has not been looked at yet
	for i := len(numbers) - 1; i >= 0 && goal > 0; i-- {
		f, read, err := x.findIn(ctx, item, numbers[i], i == len(numbers)-1)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, ErrNone // pruned meanwhile, and so are all before it
		case err != nil:
			return nil, fmt.Errorf("%s: %w", files.Segment(numbers[i]), err)
		case read.seq < 0 && goal == c.Size:
			continue // nothing in it is signed yet
		case read.seq != goal:
			return nil, fmt.Errorf("%s: %w: it ends before entry %d", files.Segment(numbers[i]), errOther, goal)
		case f != nil:
			return f, nil
		}
		goal = read.first
	}
	if goal == c.Size && goal > 0 {
		return nil, errOther
	}
	return nil, ErrNone
}

// continues says whether the log is still the one that was read: whether the
// tree was then what it is said to have been.
func (x *index) continues(c proof.Checkpoint) bool {
	if x.seen.Size == 0 || x.seen == c {
		return true
	}
	f, err := regular.Open(filepath.Join(x.dir, files.Hashes))
	if err != nil {
		return false
	}
	defer f.Close()
	root, err := proof.Root(x.seen.Size, proof.Hashes(f))
	return err == nil && root == x.seen.Root && x.seen.Size <= c.Size
}

// forget drops the segments that have been pruned.
func (x *index) forget(first int) {
	for n, s := range x.segments {
		if n < first {
			x.drop(n, s)
		}
	}
}

func (x *index) drop(n int, s *segment) {
	x.places -= len(s.at)
	delete(x.segments, n)
}

// findIn looks into one segment, and says how far it has been read; last says
// that the log still writes it.
func (x *index) findIn(ctx context.Context, item string, n int, last bool) (*found, cursor, error) {
	s, err := x.remember(ctx, n, last)
	if err != nil {
		return nil, cursor{}, err
	}
	if s != nil {
		at, ok := s.at[key(item)]
		if !ok {
			return nil, s.cursor, nil
		}
		if f, err := x.load(n, at, item); f != nil || err != nil {
			return f, s.cursor, err
		}
		// Half of the id is another item's.
	}
	c := cursor{seq: -1}
	var f *found
	err = x.read(ctx, n, &c, func(line []byte, _ int64) error {
		if !bytes.Contains(line, []byte(item)) {
			return nil
		}
		if e, err := entry.Parse(line); err != nil {
			return fmt.Errorf("%w: %w", errOther, err)
		} else if Decided(e) == item {
			f = &found{seq: e.Seq, line: bytes.Clone(line)}
		}
		return nil
	})
	return f, c, err
}

// load returns the line at a place if it is a decision about an item, else nil.
func (x *index) load(n int, at int64, item string) (*found, error) {
	f, err := regular.Open(filepath.Join(x.dir, files.Segment(n)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, entry.MaxLine+1)
	got, err := f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line, _, whole := bytes.Cut(b[:got], []byte{'\n'})
	if !whole {
		return nil, errOther
	}
	e, err := entry.Parse(line)
	if err != nil || Decided(e) == "" {
		return nil, errOther
	}
	if Decided(e) != item {
		return nil, nil
	}
	return &found{seq: e.Seq, line: line}, nil
}

// remember reads what is new in a segment, and returns it, or nil if there is
// no room for it.
func (x *index) remember(ctx context.Context, n int, last bool) (*segment, error) {
	if n <= x.floor {
		return nil, nil
	}
	s := x.segments[n]
	if s == nil {
		s = &segment{at: map[uint64]int64{}, cursor: cursor{seq: -1}}
		x.segments[n] = s
	}
	if s.end || s.seq >= x.seen.Size {
		return s, nil
	}
	err := x.read(ctx, n, &s.cursor, func(line []byte, at int64) error {
		return x.note(n, s, line, at)
	})
	if errors.Is(err, errRoom) {
		x.drop(n, s)
		x.floor = n
		return nil, nil
	}
	// Where the reading stopped before the end of a segment that is complete,
	// the checkpoint did not cover it.
	s.end = err == nil && !last && s.end
	return s, err
}

// itemIs is how the id of an item begins in a line.
var itemIs = []byte(`"tracescrub.item.id":"`)

// note remembers where a decision is, without parsing it: by all ids of
// items in it, should an attribute quote another one. Who looks it up parses it.
func (x *index) note(n int, s *segment, line []byte, at int64) error {
	for {
		_, rest, ok := bytes.Cut(line, itemIs)
		if !ok {
			return nil
		}
		line = rest
		if len(rest) < 32 || !itemForm.Match(rest[:32]) {
			continue
		}
		k := key(string(rest[:32]))
		if _, known := s.at[k]; !known {
			if !x.room(n) {
				return errRoom
			}
			x.places++
		}
		s.at[k] = at
	}
}

var errRoom = errors.New("there is no room")

// room makes room for a place in a segment, at the cost of the oldest segment
// that is remembered. It says no if that is the segment itself.
func (x *index) room(n int) bool {
	if x.places < x.max {
		return true
	}
	oldest := n
	for m := range x.segments {
		oldest = min(oldest, m)
	}
	if oldest == n {
		return false
	}
	x.drop(oldest, x.segments[oldest])
	return x.room(n)
}

var errCovered = errors.New("the checkpoint covers no more")

// read calls f for each line that the checkpoint covers and that may be a
// decision, from where the cursor is, with where it begins.
func (x *index) read(ctx context.Context, n int, c *cursor, f func(line []byte, at int64) error) error {
	file, err := regular.Open(filepath.Join(x.dir, files.Segment(n)))
	if err != nil {
		return err
	}
	defer file.Close()
	from := c.next
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	first := true
	err = files.Lines(file, func(l files.Line) error {
		if first || c.seq%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if c.seq >= x.seen.Size || !l.Whole || l.Long {
			return errCovered // if it was signed all the same, find misses it
		}
		if first {
			if err := x.begin(c, l.Text); err != nil {
				return err
			}
			first = false
		}
		if decides(l.Text) {
			if err := f(l.Text, from+l.Offset); err != nil {
				return err
			}
		}
		c.seq++
		c.next = from + l.Offset + int64(len(l.Text)) + 1
		return nil
	})
	c.end = err == nil
	if errors.Is(err, errCovered) {
		return nil
	}
	return err
}

// begin holds the first line that is read against what came before it.
func (x *index) begin(c *cursor, line []byte) error {
	e, err := entry.Parse(line)
	switch {
	case c.seq < 0 && (err != nil || e.Seq >= x.seen.Size):
		return errCovered
	case err != nil:
		return fmt.Errorf("%w: at byte %d: %w", errOther, c.next, err)
	case c.seq < 0:
		c.first, c.seq = e.Seq, e.Seq
	case c.seq != e.Seq:
		return fmt.Errorf("%w: at byte %d: not entry %d", errOther, c.next, c.seq)
	}
	return nil
}

var kindIs = []byte(`"kind":"`)

// decides says whether a line may be that of a decision, without parsing it.
// Behind the field in question no other can have these bytes: they are short texts
// in the form of ids and times.
func decides(line []byte) bool {
	i := bytes.LastIndex(line, kindIs)
	if i < 0 {
		return false
	}
	for _, k := range decisions {
		if rest, ok := bytes.CutPrefix(line[i+len(kindIs):], []byte(k)); ok && len(rest) > 0 && rest[0] == '"' {
			return true
		}
	}
	return false
}
