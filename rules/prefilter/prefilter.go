// Package prefilter finds, in one pass and without allocating, the places in
// a text where one of a few thousand literals stands. Clean text costs little
// more than reading it: every second position, four bytes are folded, hashed
// and looked up in a bit table; only where the bit is set are literals compared.
//
// Folding is x|0x20: it makes ASCII letters lower case and maps some other
// bytes onto each other. The compare that follows folds letters only, so a
// hit is exact up to ASCII case.
package prefilter

import (
	_ "embed" // ordinary.txt
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// MinLength is the shortest literal in bytes.
const MinLength = 3

// Literal is a string to find.
type Literal struct {
	// Text is compared with ASCII case folded.
	Text string
	// Follow is the set of bytes that can stand right behind it; nil means
	// any. It is a hint that makes short literals cheaper: a literal that is
	// followed by another byte, or by the end of the text, may still be reported.
	Follow *[256]bool
}

// Hit says that Literal number Lit stands at byte offset Pos.
type Hit struct {
	Pos int
	Lit uint32
}

// Filter is immutable and safe for concurrent use.
type Filter struct {
	bits    []uint64 // 1<<(32-shift) bits, by hash of the folded gram
	shift   uint32
	slots   []slot // open addressing, by the same hash
	entries []entry
	lits    []literal
	mask    uint32
}

// literal is compared eight bytes at a time: head under care, where a byte of
// care is 0xff, or 0xdf for a letter whose case does not count.
type literal struct {
	text       string // folded to lower case
	head, care uint64
}

// slot maps a folded gram to entries[from:to].
type slot struct {
	gram     uint32
	from, to uint32 // empty: to == 0
}

// entry says that the gram stands at byte off of literal lit (-1: one before it).
type entry struct {
	lit uint32
	off int32
}

// The table of bits grows with the grams, so that of ordinary text few hit by chance.
const (
	minBitsLog  = 20
	maxBitsLog  = 23
	bitsPerGram = 32
)

const (
	fold = 0x20202020
	mul  = 0x9E3779B1
)

func hash(g, shift uint32) uint32 { return g * mul >> (shift & 31) }

func gram(s string) uint32 {
	return (uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24) | fold
}

// New builds a filter. Every literal needs MinLength bytes; all that are
// shorter are named in the error.
func New(lits []Literal) (*Filter, error) {
	f := &Filter{}
	grams := map[uint32][]entry{}
	var errs []error
	for i, l := range lits {
		if len(l.Text) < MinLength {
			errs = append(errs, fmt.Errorf("literal %d: %d bytes, need at least %d", i, len(l.Text), MinLength))
			continue
		}
		f.lits = append(f.lits, newLiteral(lower(l.Text)))
		add := func(g uint32, off int32) {
			e := entry{uint32(i), off}
			if !slices.Contains(grams[g], e) {
				grams[g] = append(grams[g], e)
			}
		}
		addLiteral(l, add)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	f.index(grams)
	return f, nil
}

// addLiteral adds the grams of two neighbouring windows, so that wherever
// the literal stands one of them falls on an even offset.
func addLiteral(l Literal, add func(g uint32, off int32)) {
	s := l.Text
	if len(s) >= 5 {
		o := rarest(s)
		add(gram(s[o:]), int32(o))
		add(gram(s[o+1:]), int32(o+1))
		return
	}
	follow := func(last string) {
		for c := range 256 {
			if c == 0 || l.Follow == nil || l.Follow[c] {
				add(gram(last+string([]byte{byte(c)})), int32(len(s)-len(last)))
			}
		}
	}
	if len(s) == 4 {
		add(gram(s), 0)
		follow(s[1:])
		return
	}
	follow(s)
	for c := range 256 {
		add(gram(string([]byte{byte(c)})+s), -1)
	}
}

// rarest returns the offset of the two neighbouring windows of s whose grams
// are least common in ordinary text.
func rarest(s string) int {
	seen := commonness()
	best, at := -1, 0
	for o := 0; o+5 <= len(s); o++ {
		n := 64*(seen[gram(s[o:])]+seen[gram(s[o+1:])]) + commonLetters(s[o:o+5])
		if best < 0 || n < best {
			best, at = n, o
		}
	}
	return at
}

// commonLetters counts the common letters of s: of windows that the sample does not
// hold, the one with fewer of them is rarer.
func commonLetters(s string) (n int) {
	for i := range len(s) {
		if strings.IndexByte("etaoinsrlcdup", lowerByte(s[i])) >= 0 {
			n++
		}
	}
	return n
}

//go:embed ordinary.txt
var ordinary string

// commonness counts the grams of a sample of ordinary text: prose, code and
// telemetry of this repository.
var commonness = sync.OnceValue(func() map[uint32]int {
	seen := make(map[uint32]int, len(ordinary))
	for i := 0; i+4 <= len(ordinary); i++ {
		seen[gram(ordinary[i:])]++
	}
	return seen
})

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

func lowerByte(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

func (f *Filter) index(grams map[uint32][]entry) {
	size := uint32(16)
	for int(size) < 4*len(grams) {
		size *= 2
	}
	f.mask = size - 1
	bits := minBitsLog
	for bits < maxBitsLog && 1<<bits < bitsPerGram*len(grams) {
		bits++
	}
	f.bits, f.shift = make([]uint64, 1<<bits/64), uint32(32-bits)
	f.slots = make([]slot, size)
	order := make([]uint32, 0, len(grams))
	for g := range grams {
		order = append(order, g)
	}
	slices.Sort(order)
	for _, g := range order {
		h := hash(g, f.shift)
		f.bits[h/64] |= 1 << (h % 64)
		from := uint32(len(f.entries))
		f.entries = append(f.entries, grams[g]...)
		i := h & f.mask
		for f.slots[i].to != 0 {
			i = (i + 1) & f.mask
		}
		f.slots[i] = slot{g, from, uint32(len(f.entries))}
	}
}

// Find appends the hits that begin in text[from:to] to dst and returns it
// and the offset, to or more, where the next call has to begin. Offsets of hits refer to
// text and rise, save that hits of one gram may stand in any order. It stops
// early when dst holds limit hits (checked now and then, so a few more come back).
func (f *Filter) Find(dst []Hit, text []byte, from, to, limit int) (hits []Hit, next int) {
	i := from &^ 1
	shift := f.shift
	end := min(to, len(text)-3)
	for i+12 <= end {
		v := binary.LittleEndian.Uint64(text[i:]) | fold<<32 | fold
		w := binary.LittleEndian.Uint32(text[i+6:]) | fold
		a, b, c, d := hash(uint32(v), shift), hash(uint32(v>>16), shift), hash(uint32(v>>32), shift), hash(w, shift)
		if (f.bits[a/64]>>(a%64)|f.bits[b/64]>>(b%64)|f.bits[c/64]>>(c%64)|f.bits[d/64]>>(d%64))&1 != 0 {
			for k := range 4 {
				dst = f.at(dst, text, i+2*k, binary.LittleEndian.Uint32(text[i+2*k:])|fold)
			}
			if len(dst) >= limit {
				return dst, i + 8
			}
		}
		i += 8
	}
	for ; i < end; i += 2 {
		dst = f.at(dst, text, i, binary.LittleEndian.Uint32(text[i:])|fold)
	}
	if to < len(text)-3 {
		return dst, i
	}
	// The last bytes, as if zeros followed.
	for ; i < len(text); i += 2 {
		var tail [4]byte
		copy(tail[:], text[i:])
		dst = f.at(dst, text, i, binary.LittleEndian.Uint32(tail[:])|fold)
	}
	return dst, len(text)
}

// at compares the literals that can stand where gram g stands at offset i.
func (f *Filter) at(dst []Hit, text []byte, i int, g uint32) []Hit {
	h := hash(g, f.shift)
	if f.bits[h/64]>>(h%64)&1 == 0 {
		return dst
	}
	for s := h & f.mask; ; s = (s + 1) & f.mask {
		sl := &f.slots[s]
		if sl.to == 0 {
			return dst
		}
		if sl.gram != g {
			continue
		}
		for _, e := range f.entries[sl.from:sl.to] {
			pos := i - int(e.off)
			if pos >= 0 && f.lits[e.lit].at(text, pos) {
				dst = append(dst, Hit{pos, e.lit})
			}
		}
		return dst
	}
}

func newLiteral(s string) literal {
	l := literal{text: s}
	for i := range min(8, len(s)) {
		care := uint64(0xff)
		if c := s[i]; c-'a' < 26 {
			care = 0xdf
		}
		l.care |= care << (8 * i)
		l.head |= (uint64(s[i]) & care) << (8 * i)
	}
	return l
}

// at says that the literal stands at text[pos:].
func (l *literal) at(text []byte, pos int) bool {
	if pos+8 <= len(text) {
		if binary.LittleEndian.Uint64(text[pos:])&l.care != l.head {
			return false
		}
		if len(l.text) <= 8 {
			return true
		}
	}
	if pos+len(l.text) > len(text) {
		return false
	}
	for i, c := range text[pos : pos+len(l.text)] {
		if lowerByte(c) != l.text[i] {
			return false
		}
	}
	return true
}
