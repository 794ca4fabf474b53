package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// errPruned is of entries whose segment is not there any more.
var errPruned = errors.New("the entries have been pruned")

// source makes tiles and bundles from the files of a log. It reads only what
// a checkpoint covers, which never changes.
type source struct {
	dir string

	// mu guards everything below.
	mu      sync.Mutex
	numbers []int            // of the segments, as they were listed last
	known   map[int]*segment // by number
}

// segment knows where some lines of a segment begin.
type segment struct {
	first int64   // seq of its first line
	next  int64   // seq of the line at end
	end   int64   // bytes that have been looked at
	marks []int64 // where lines with a seq that width divides begin, in their order
}

// checkpoint is the latest one, as it is.
func (s *source) checkpoint() (proof.Checkpoint, []byte, error) {
	b, err := regular.Small(filepath.Join(s.dir, files.Checkpoint))
	if err != nil {
		return proof.Checkpoint{}, nil, err
	}
	c, err := proof.Read(b)
	return c, b, err
}

// window is a part of a file.
type window struct {
	b  []byte
	at int64
}

func (w window) ReadAt(p []byte, off int64) (int, error) {
	return copy(p, w.b[off-w.at:]), nil
}

// tile reads a tile of hashes. Those of level 0 are close to each other in the
// file, and are read at once.
func (s *source) tile(t tlog.Tile) ([]byte, error) {
	f, err := regular.Open(filepath.Join(s.dir, files.Hashes))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if t.L > 0 {
		return tlog.ReadTileData(t, proof.Hashes(f))
	}
	first := tlog.StoredHashIndex(0, t.N<<height)
	last := tlog.StoredHashIndex(0, t.N<<height+int64(t.W)-1)
	w := window{make([]byte, (last-first+1)*tlog.HashSize), first * tlog.HashSize}
	if _, err := f.ReadAt(w.b, w.at); err != nil {
		return nil, fmt.Errorf("%s: %w", files.Hashes, err)
	}
	return tlog.ReadTileData(t, proof.Hashes(w))
}

// bundle makes an entry bundle of entries with the hashes given. Those that the
// log does not have any more are taken from head, lines that it begins with.
func (s *source) bundle(t tlog.Tile, leaves []byte, head [][]byte) ([]byte, error) {
	from, to := t.N<<height, t.N<<height+int64(t.W)
	lines, err := s.lines(from, to)
	if errors.Is(err, errPruned) && len(head) > 0 && len(head) <= t.W {
		if lines, err = s.lines(from+int64(len(head)), to); err == nil {
			lines = append(head[:len(head):len(head)], lines...)
		}
	}
	if err != nil {
		return nil, err
	}
	var b []byte
	for i, line := range lines {
		if tlog.RecordHash(line) != tlog.Hash(leaves[i*tlog.HashSize:][:tlog.HashSize]) {
			s.forget()
			return nil, fmt.Errorf("entry %d is not the one whose hash the log has", from+int64(i))
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(line))) //nolint:gosec // files.Lines has said that it is no longer than entry.MaxLine
		b = append(b, line...)
	}
	return b, nil
}

// split takes a bundle apart.
func split(b []byte) ([][]byte, error) {
	var lines [][]byte
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, errors.New("no entry bundle")
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		lines, b = append(lines, b[2:n]), b[n:]
	}
	return lines, nil
}

// lines reads the lines of entries, all of which a checkpoint covers.
func (s *source) lines(from, to int64) ([][]byte, error) {
	var lines [][]byte
	for from < to {
		more, err := s.some(from, to)
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			return nil, fmt.Errorf("entry %d is missing", from)
		}
		lines = append(lines, more...)
		from += int64(len(more))
	}
	return lines, nil
}

// some reads as many of the lines as are in the segment that has the first.
func (s *source) some(from, to int64) (lines [][]byte, err error) {
	f, seq, at, err := s.find(from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	enough := errors.New("enough")
	err = files.Lines(f, func(l files.Line) error {
		if seq == to || !l.Whole || l.Long {
			return enough
		}
		if seq >= from {
			lines = append(lines, slices.Clone(l.Text))
		}
		seq++
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return lines, err
}

// find opens the segment that has an entry. The line at the offset is that of
// seq, which is the entry or a few before it.
func (s *source) find(want int64) (f *os.File, seq, at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, err := s.segmentOf(want)
	if err != nil {
		return nil, 0, 0, err
	}
	g := s.known[number]
	if g == nil { // gone
		return nil, 0, 0, errPruned
	}
	f, err = regular.Open(filepath.Join(s.dir, files.Segment(number)))
	if errors.Is(err, fs.ErrNotExist) {
		delete(s.known, number)
		err = errPruned
	}
	if err != nil {
		return nil, 0, 0, err
	}
	if err := g.extend(f, want); err != nil {
		f.Close()
		return nil, 0, 0, err
	}
	seq, at = g.near(want)
	return f, seq, at, nil
}

// segmentOf is the number of the segment that has an entry.
func (s *source) segmentOf(want int64) (int, error) {
	i, err := s.search(want)
	if err == nil && (i < 0 || i == len(s.numbers)-1) { // there may be others by now
		if s.numbers, err = files.Segments(s.dir); err == nil {
			i, err = s.search(want)
		}
	}
	switch {
	case err != nil:
		return 0, err
	case i < 0:
		return 0, errPruned
	}
	return s.numbers[i], nil
}

// search finds the last segment that begins with an entry or before it.
func (s *source) search(want int64) (int, error) {
	var failed error
	n := sort.Search(len(s.numbers), func(i int) bool {
		first, err := s.first(i)
		failed = errors.Join(failed, err)
		return first > want
	})
	return n - 1, failed
}

// first is the seq of the first entry of a segment: before all of one that is
// gone, behind all of one that was just begun.
func (s *source) first(i int) (int64, error) {
	n := s.numbers[i]
	if g := s.known[n]; g != nil {
		return g.first, nil
	}
	e, err := read.First(filepath.Join(s.dir, files.Segment(n)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return -1, nil
	case errors.Is(err, read.ErrNoEntry) && i == len(s.numbers)-1:
		return math.MaxInt64, nil
	case err != nil:
		return 0, fmt.Errorf("%s: %w", files.Segment(n), err)
	}
	if s.known == nil {
		s.known = map[int]*segment{}
	}
	s.known[n] = &segment{first: e.Seq, next: e.Seq}
	return e.Seq, nil
}

func (s *source) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.numbers = nil, nil
}

// extend looks at lines until the wanted one is behind it. It stops there:
// what follows may be of a batch that is not acknowledged yet.
func (g *segment) extend(f io.ReaderAt, want int64) error {
	if g.next > want {
		return nil
	}
	enough := errors.New("enough")
	from := g.end
	err := files.Lines(io.NewSectionReader(f, from, 1<<62), func(l files.Line) error {
		if !l.Whole || l.Long || g.next > want {
			return enough
		}
		if g.next%width == 0 {
			g.marks = append(g.marks, from+l.Offset)
		}
		g.next++
		g.end = from + l.Offset + int64(len(l.Text)) + 1
		return nil
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// near is the last mark before an entry, or the beginning.
func (g *segment) near(want int64) (seq, at int64) {
	mark := (g.first + width - 1) / width // is the first
	if i := min(want/width-mark, int64(len(g.marks))-1); i >= 0 {
		return (mark + i) * width, g.marks[i]
	}
	return g.first, 0
}
