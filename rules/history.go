package rules

import (
	"bytes"
	"encoding/binary"
	"hash"
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// history remembers how long texts begin, what the filter has found there,
// and how far they were read as JSON: a document that has grown since its last time
// is filtered from where it differs, and its strings are scanned from there on. What
// the filter finds at a place depends on the bytes around it and on nothing else, what is
// found in a string on the string, its key and the element before it. So this changes
// no answer; the rules about documents are tried on the whole. The beginnings are compared
// byte by byte, but for strings in which something was found: those are scanned each time,
// and a hash is kept in the place of their bytes, which are secrets. It belongs to one scanner.
type history struct {
	size   int // bytes of each text
	margin int // bytes behind a place that the filter looks at
	past   [4]beginning
	seen   [64]uint64 // hashes of how texts began that came once
	turn   int

	// Of the text at hand:
	of     *beginning     // that has most of it; nil if nothing is known
	told   Past           // about it
	same   int            // bytes that are those of it
	begin  uint64         // hash of how it begins; 0 if it is too short
	limit  int            // bytes at its beginning that can be remembered
	read   decode.Mark    // how far it was read as JSON; of it only what is in limit
	dirty  []decode.Token // strings before limit in which something was found
	found  int            // how much was found in strings
	pieces int            // that have been filtered, or were known
	ends   []int          // hits after each piece that was filtered
	hits   []prefilter.Hit
	digest hash.Hash // for dirtyString
}

// beginning is that of a text in which nothing was found but in some of its strings.
type beginning struct {
	text   []byte // with zeros for those strings
	dirty  []dirtyString
	ends   []int // hits after each piece
	hits   []prefilter.Hit
	key    []byte      // that it stood under
	read   decode.Mark // how far it was read as JSON, with clean strings
	turn   int         // when it was used last
	number uint64      // Past.Text
}

const (
	piece    = 4 << 10   // bytes that are filtered, and known, as one
	minGrown = 2 * piece // bytes of the shortest text of which the beginning is remembered
	headed   = 512       // bytes by which texts are told apart that come for the first time
)

// lastNumber is the number that a text was given last, by any scanner.
var lastNumber atomic.Uint64

// newHistory remembers up to a quarter of size bytes; less than minRepeats is none.
// Memory is taken when there is something to remember.
func newHistory(size int, lits []string) history {
	if size < minRepeats {
		return history{}
	}
	h := history{size: size / 4 / len(history{}.past)}
	for _, l := range lits {
		h.margin = max(h.margin, len(l))
	}
	h.margin += 2 * 8 // a step, and the bytes of a gram
	return h
}

// start looks for the beginning of text.
func (h *history) start(seed maphash.Seed, text []byte) {
	h.of, h.same, h.begin, h.pieces, h.ends, h.hits = nil, 0, 0, 0, h.ends[:0], h.hits[:0]
	h.limit, h.dirty, h.found, h.told = min(len(text), h.size), h.dirty[:0], 0, Past{}
	h.read.Copy(&decode.Mark{})
	if h.size < minGrown || len(text) < minGrown {
		return
	}
	for i := range h.past {
		if n := h.past[i].same(text, h.sum); n > h.same {
			h.of, h.same = &h.past[i], n
		}
	}
	h.turn++
	if h.of != nil {
		h.of.turn = h.turn
		h.told.Of, h.told.Same = h.of.number, h.same
	}
	h.begin = maphash.Bytes(seed, text[:headed]) | 1
}

// known appends the hits of the pieces from offset from on that need not be
// filtered, and returns where the first other one begins.
func (h *history) known(dst []prefilter.Hit, from, to int) ([]prefilter.Hit, int) {
	if h.of == nil || from != h.pieces*piece || len(h.ends) > 0 {
		return dst, from
	}
	for h.pieces < len(h.of.ends) && len(dst) < maxHits && from+piece <= to && from+piece+h.margin <= h.same {
		first := 0
		if h.pieces > 0 {
			first = h.of.ends[h.pieces-1]
		}
		dst = append(dst, h.of.hits[first:h.of.ends[h.pieces]]...)
		h.pieces++
		from += piece
	}
	return dst, from
}

// filtered is told the hits of the piece that begins at offset from.
func (h *history) filtered(hits []prefilter.Hit, from int) {
	if h.begin != 0 && from == h.pieces*piece && from+piece <= h.size {
		h.hits = append(h.hits, hits...)
		h.ends = append(h.ends, len(h.hits))
		h.pieces++
	}
}

// resume begins to read text, which stands under key, where it is not known, and
// returns the strings before that in which something was found, to be scanned again.
func (h *history) resume(j *decode.JSON, text, key []byte) []decode.Token {
	if h.of == nil || h.of.read.Pos() >= h.same || !bytes.Equal(h.of.key, key) {
		j.Reset(text)
		return nil
	}
	h.read.Copy(&h.of.read)
	j.Resume(text, &h.read)
	for i := 0; i < len(h.of.dirty) && h.of.dirty[i].End <= j.Pos(); i++ {
		h.dirty = append(h.dirty, h.of.dirty[i].Token)
	}
	return h.dirty
}

// passed is told that the string tok was scanned, behind which j stands, and how much was
// found in it.
func (h *history) passed(j *decode.JSON, tok decode.Token, found int) {
	if found > 0 {
		h.found += found
		if len(h.dirty) == maxDirty || tok.End > h.limit {
			h.limit = min(h.limit, tok.Start)
		} else {
			h.dirty = append(h.dirty, tok)
		}
	}
	if h.begin != 0 && tok.End-tok.Start >= minRepeat && j.Pos() < h.limit {
		j.Mark(&h.read)
	}
}

// block returns the hits of the next block of text, and where the one behind it begins.
func (s *scanner) block(lv *level, text []byte, from int) (hits []prefilter.Hit, next int) {
	to := min(from+blockSize, len(text))
	lv.hits, next = lv.hits[:0], from
	if h := &s.history; lv == &s.levels[0] && h.begin != 0 {
		lv.hits, next = h.known(lv.hits, from, to)
		for next%piece == 0 && next+piece <= to && len(lv.hits) < maxHits {
			n, at := len(lv.hits), next
			lv.hits, next = s.filter.Find(&s.find, lv.hits, text, at, at+piece, maxHits)
			h.filtered(lv.hits[n:], at)
		}
	}
	if next < to && len(lv.hits) < maxHits {
		lv.hits, next = s.filter.Find(&s.find, lv.hits, text, next, to, maxHits)
	}
	s.work += next - from
	return lv.hits, next
}

// keep remembers how text, which stood under key, begins, if one that began like it
// has come before and all that was found in it was found in strings.
func (h *history) keep(text, key []byte, found int) {
	if h.begin == 0 || found != h.found || h.limit < minGrown {
		return
	}
	if slot := &h.seen[h.begin>>1%uint64(len(h.seen))]; *slot != h.begin {
		*slot = h.begin
		return
	}
	text = text[:h.limit]
	to, known := h.of, h.pieces-len(h.ends)
	if to == nil || min(h.same, len(text)) < len(to.text) { // it is not that one, grown
		if to != nil && h.same >= len(text) {
			return // and no more than it
		}
		to = h.oldest()
		to.turn = h.turn
	}
	hits := 0
	if known > 0 {
		hits = h.of.ends[known-1]
	}
	if to != h.of {
		to.text, to.dirty, to.ends, to.hits = to.text[:0], to.dirty[:0], to.ends[:0], to.hits[:0]
		if known > 0 {
			to.ends, to.hits = append(to.ends, h.of.ends[:known]...), append(to.hits, h.of.hits[:hits]...)
		}
	}
	to.grow(text, h.dirty, h.sum)
	to.number = lastNumber.Add(1)
	h.told.Text = to.number
	to.key = append(to.key[:0], key...)
	to.read.Copy(&h.read)
	to.ends, to.hits = to.ends[:known], append(to.hits[:hits], h.hits...)
	for _, end := range h.ends {
		to.ends = append(to.ends, hits+end)
	}
}

// oldest returns the beginning that was used last the longest time ago, and is not that of the text at hand.
func (h *history) oldest() (old *beginning) {
	for i := range h.past {
		if b := &h.past[i]; b != h.of && (old == nil || b.turn < old.turn) {
			old = b
		}
	}
	return old
}

// sameBytes returns how many bytes a and b have in common from their beginning on.
func sameBytes(a, b []byte) int {
	n, i := min(len(a), len(b)), 0
	for i+headed <= n && bytes.Equal(a[i:i+headed], b[i:i+headed]) {
		i += headed
	}
	for ; i+8 <= n; i += 8 {
		if d := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); d != 0 {
			return i + bits.TrailingZeros64(d)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
