// Package window cuts an endless text into pieces that can be scanned one by
// one, without losing a finding at a border and without holding more than a
// few pieces in memory.
//
// A window is scanned whole, but only its front is given out: what stands in
// the last Carry bytes is scanned again with what follows, and a border never
// falls into a finding. The next window begins with Before bytes that were
// already given out, so that a key name before a border still counts.
//
//	|-- Before --|---------------- given out ----------------|-- Carry --|
//	 context only                                        border      end of what was read
package window

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/internal/mask"
)

// Options are the sizes of a window in bytes. The zero value of a field means its default.
type Options struct {
	// Chunk is how much is given out at a time; default 1 MiB.
	Chunk int
	// Carry is how much behind a border is looked at; default 64 KiB. A
	// finding longer than this is still found whole if its beginning gives it away.
	Carry int
	// Before is how much in front of a border stays as context; default 4 KiB.
	Before int
	// Max is the largest window; default 48 MiB, less than the engine's own
	// limit. A single finding that is longer ends the work with ErrTooLong.
	Max int
}

// ErrTooLong is returned when a finding does not end within Options.Max bytes.
var ErrTooLong = errors.New("a finding is longer than the largest window")

// Segment is a piece to give out: Text[Start:End]. What is left and right of
// it in Text is context that belongs to other segments.
type Segment struct {
	Text       []byte
	Start, End int
	// Hits are those in the piece, by position, as offsets into Text.
	Hits []mask.Hit
	// Offset is the place of Text[Start] in the whole stream.
	Offset int64
}

// Find returns the hits in a text, by position and not overlapping. It may use dst.
type Find func(dst []mask.Hit, text []byte) []mask.Hit

// Each reads r to its end and calls emit with one segment after another; a
// segment is valid until emit returns. It ends with the first error of r or
// emit; everything before it has been emitted only if it stands in front of a
// border, so the output stops at the end of a line where there are lines.
func Each(r io.Reader, o Options, find Find, emit func(Segment) error) error {
	w := walker{r: r, o: o.withDefaults(), find: find, emit: emit}
	w.want = w.o.Chunk + w.o.Carry
	for {
		if err := w.fill(); err != nil {
			return err
		}
		if done, err := w.step(); done || err != nil {
			return err
		}
	}
}

func (o Options) withDefaults() Options {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&o.Chunk, 1<<20)
	set(&o.Carry, 64<<10)
	set(&o.Before, 4<<10)
	set(&o.Max, 48<<20)
	return o
}

// walker is owned by the goroutine of Each.
type walker struct {
	r    io.Reader
	o    Options
	find Find
	emit func(Segment) error

	buf    []byte
	left   int   // buf[:left] was already emitted
	offset int64 // of buf[left]
	want   int   // how much of buf[left:] to fill
	eof    bool
	hits   []mask.Hit
}

// fill reads until the window is full or the stream has ended.
func (w *walker) fill() error {
	need := w.left + w.want
	if cap(w.buf) < need {
		grown := make([]byte, len(w.buf), need)
		copy(grown, w.buf)
		w.buf = grown
	}
	for !w.eof && len(w.buf) < need {
		n, err := w.r.Read(w.buf[len(w.buf):need])
		w.buf = w.buf[:len(w.buf)+n]
		if errors.Is(err, io.EOF) {
			w.eof = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// step scans the window and emits its front; done means that nothing is left.
func (w *walker) step() (done bool, err error) {
	w.hits = w.find(w.hits[:0], w.buf)
	if w.eof {
		return true, w.give(len(w.buf))
	}
	cut := w.border(len(w.buf) - w.o.Carry)
	for i := len(w.hits) - 1; i >= 0; i-- {
		if h := w.hits[i]; h.Start < cut && h.End > cut {
			cut = h.Start
		}
	}
	if cut <= w.left {
		if len(w.buf) >= w.o.Max {
			return false, fmt.Errorf("%w (%d bytes), at byte %d", ErrTooLong, w.o.Max, w.offset)
		}
		w.want = min(2*w.want, w.o.Max)
		return false, nil
	}
	if err := w.give(cut); err != nil {
		return false, err
	}
	w.drop(cut)
	return false, nil
}

// give emits buf[left:cut].
func (w *walker) give(cut int) error {
	if cut == w.left {
		return nil
	}
	seg := Segment{Text: w.buf, Start: w.left, End: cut, Offset: w.offset}
	inside := w.hits[:0]
	for _, h := range w.hits {
		if h.End <= w.left || h.Start >= cut {
			continue
		}
		// A hit can only reach over the left border when less context made it
		// look longer than before: what is still here is masked.
		h.Start = max(h.Start, w.left)
		inside = append(inside, h)
	}
	seg.Hits = inside
	return w.emit(seg)
}

// drop forgets what was emitted up to cut, but for the context.
func (w *walker) drop(cut int) {
	w.offset += int64(cut - w.left)
	keep := max(0, cut-w.o.Before)
	if keep > 0 {
		if nl := bytes.IndexByte(w.buf[keep:cut], '\n'); nl >= 0 && keep+nl+1 < cut {
			keep += nl + 1
		} else {
			keep = runeStart(w.buf, keep)
		}
	}
	w.left = cut - keep
	w.buf = w.buf[:copy(w.buf, w.buf[keep:])]
	w.want = w.o.Chunk + w.o.Carry
	if cap(w.buf) > 4*(w.want+w.o.Before) {
		w.buf = append(make([]byte, 0, max(w.left+w.want, len(w.buf))), w.buf...)
	}
}

// border returns the best place for a border at or before limit: after a line
// end, else after white space, else between two characters.
func (w *walker) border(limit int) int {
	if limit <= w.left {
		return w.left
	}
	part := w.buf[w.left:limit]
	if nl := bytes.LastIndexByte(part, '\n'); nl >= 0 {
		return w.left + nl + 1
	}
	if sp := bytes.LastIndexAny(part[max(0, len(part)-4096):], " \t"); sp >= 0 {
		return w.left + max(0, len(part)-4096) + sp + 1
	}
	return max(w.left, runeStart(w.buf, limit))
}

// runeStart moves i back to the beginning of the character it stands in.
func runeStart(b []byte, i int) int {
	for j := i; j > 0 && i-j < utf8.UTFMax; j-- {
		if j < len(b) && utf8.RuneStart(b[j]) {
			return j
		}
	}
	return i
}
