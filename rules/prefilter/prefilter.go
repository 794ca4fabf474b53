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
	"math"
	"slices"
	"strings"
	"sync"
)

// MinLength is the shortest literal in bytes.
const MinLength = 3

// Literal is a string to find.
type Literal struct {
	// Text is compared with ASCII case folded, unless Exact.
	Text  string
	Exact bool
	// Follow is the set of bytes that can stand right behind it; nil means
	// any. Where another byte stands there it is not reported, at the end of
	// the text it is.
	Follow *[256]bool
}

// Hit says that Literal number Lit stands at byte offset Pos.
type Hit struct {
	Pos int
	Lit uint32
}

// Filter is immutable and safe for concurrent use.
type Filter struct {
	words   []uint64 // 1<<(32-shift) of them; two bits of one are set for a gram
	shift   uint32
	slots   []slot // open addressing, by the same hash
	mask    uint32
	entries []entry // those of one gram stand together; the first is none
	lits    []literal
	follows [][256]bool // by literal.follow; the first is any
}

// slot maps a folded gram to the entries from first on; 0 means that it is empty.
type slot struct{ gram, first uint32 }

// entry says that a gram stands at byte off of a literal (-1: one before it).
// The literal is compared eight bytes at a time: head under care, where a byte of
// care is 0xff, or 0xdf for a letter whose case does not count.
type entry struct {
	head, care uint64
	lit        uint32
	off        int16
	last       bool // of its gram
}

// literal is what remains to be compared behind the first eight bytes.
type literal struct {
	text   string // in lower case unless exact
	exact  bool
	follow uint16 // the set of bytes behind it
}

// The table of bits grows with the grams, so that of ordinary text few hit by chance:
// what does costs a look at memory that nothing else has brought into the cache.
const (
	minWordsLog  = 15
	maxWordsLog  = 17
	gramsPerWord = 2
)

const (
	fold = 0x20202020
	mul  = 0x9E3779B1
)

// The hash of a gram says which word of the table it has, and which two bits of that.
func hash(g uint32) uint32 { return g * mul }

func has(word uint64, h uint32) uint64 { return word >> (h >> 11 & 63) & (word >> (h >> 5 & 63)) & 1 }

func gram(s string) uint32 {
	return (uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24) | fold
}

// New builds a filter. Every literal needs MinLength bytes, and 65535 at most;
// all others are named in the error.
func New(lits []Literal) (*Filter, error) {
	f := &Filter{follows: make([][256]bool, 1)}
	grams := map[uint32][]entry{}
	sets := map[[256]bool]uint16{}
	var errs []error
	for i, l := range lits {
		if len(l.Text) < MinLength || len(l.Text) > math.MaxUint16 {
			errs = append(errs, fmt.Errorf("literal %d: %d bytes, need at least %d", i, len(l.Text), MinLength))
			continue
		}
		e := newEntry(l)
		e.lit = uint32(i)
		lit := literal{l.Text, l.Exact, f.followSet(sets, l.Follow)}
		if !l.Exact {
			lit.text = lower(l.Text)
		}
		f.lits = append(f.lits, lit)
		addLiteral(l, func(g uint32, off int32) {
			e.off = int16(off)
			if !slices.Contains(grams[g], e) {
				grams[g] = append(grams[g], e)
			}
		})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	f.index(grams)
	return f, nil
}

// followSet returns the number of a set of following bytes.
func (f *Filter) followSet(sets map[[256]bool]uint16, set *[256]bool) uint16 {
	if set == nil || len(f.follows) == math.MaxUint16 {
		return 0
	}
	n, ok := sets[*set]
	if !ok {
		n = uint16(len(f.follows))
		f.follows, sets[*set] = append(f.follows, *set), n
	}
	return n
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
	for i := 0; i+4 <= len(frequent); i++ {
		seen[gram(frequent[i:])] += 30
	}
	return seen
})

// frequent are words that stand in what agents write far more often than in the sample.
const frequent = " token tokens auth authentication authorization authorized oauth password passwords passwd secret secrets" +
	" private public key keys keyboard api access credential credentials bearer basic login session certificate user username" +
	" config client server service request response header cookie database connection string vault account "

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
	log, size := minWordsLog, uint32(16)
	for log < maxWordsLog && gramsPerWord<<log < len(grams) {
		log++
	}
	for int(size)*3 < 4*len(grams) {
		size *= 2
	}
	f.words, f.shift = make([]uint64, 1<<log), uint32(32-log)
	f.slots, f.mask = make([]slot, size), size-1
	f.entries = make([]entry, 1)
	order := make([]uint32, 0, len(grams))
	for g := range grams {
		order = append(order, g)
	}
	slices.Sort(order)
	for _, g := range order {
		h := hash(g)
		f.words[h>>f.shift] |= 1<<(h>>11&63) | 1<<(h>>5&63)
		i := f.place(h)
		for f.slots[i].first != 0 {
			i = (i + 1) & f.mask
		}
		f.slots[i] = slot{g, uint32(len(f.entries))}
		f.entries = append(f.entries, grams[g]...)
		f.entries[len(f.entries)-1].last = true
	}
}

// place is where the search for a gram's slot begins: grams of one word of the
// table are not neighbours.
func (f *Filter) place(h uint32) uint32 { return (h >> 8) & f.mask }

// Find appends the hits that begin in text[from:to] to dst and returns it
// and the offset, to or more, where the next call has to begin. Offsets of hits refer to
// text and rise, save that hits of one gram may stand in any order. It stops
// early when dst holds limit hits (checked now and then, so some more come back).
func (f *Filter) Find(dst []Hit, text []byte, from, to, limit int) (hits []Hit, next int) {
	i := from &^ 1
	end := min(to, len(text)-3)
	for n := (end - 4 - i) / step; n > 0; n = (end - 4 - i) / step {
		n = min(n, maxSteps)
		if len(dst) >= limit {
			return dst, i
		}
		dst = f.steps(dst, text, i, n)
		i += n * step
	}
	for ; i < end; i += 2 {
		dst = f.perhaps(dst, text, i, binary.LittleEndian.Uint32(text[i:])|fold)
	}
	if to < len(text)-3 {
		return dst, i
	}
	// The last bytes, as if zeros followed.
	for ; i < len(text); i += 2 {
		g := uint32(text[i])
		for k, c := range text[i+1:] {
			g |= uint32(c) << (8*k + 8)
		}
		dst = f.perhaps(dst, text, i, g|fold)
	}
	return dst, len(text)
}

const (
	step     = 8   // bytes looked at together
	maxSteps = 256 // that are looked at before their hits are
)

// steps looks at n steps from offset i on, and four bytes behind them. A first loop without
// branches notes the steps in which any bit is set: they come too seldom to be foreseen.
func (f *Filter) steps(dst []Hit, text []byte, i, n int) []Hit {
	var some [maxSteps]uint16
	shift, table, k := f.shift&31, f.words, 0
	part := text[i : i+n*step+4]
	for at := 0; at+step+4 <= len(part); at += step {
		v := binary.LittleEndian.Uint64(part[at:]) | fold<<32 | fold
		w := binary.LittleEndian.Uint32(part[at+6:]) | fold
		a, b, c, d := hash(uint32(v)), hash(uint32(v>>16)), hash(uint32(v>>32)), hash(w)
		some[k&(maxSteps-1)] = uint16(at)
		k += int(has(table[a>>shift], a) | has(table[b>>shift], b) | has(table[c>>shift], c) | has(table[d>>shift], d))
	}
	for _, at := range some[:k] {
		for p := i + int(at); p < i+int(at)+step; p += 2 {
			dst = f.perhaps(dst, text, p, binary.LittleEndian.Uint32(text[p:])|fold)
		}
	}
	return dst
}

// perhaps compares the literals that can stand where gram g stands at offset i.
func (f *Filter) perhaps(dst []Hit, text []byte, i int, g uint32) []Hit {
	h := hash(g)
	if has(f.words[h>>f.shift], h) == 0 {
		return dst
	}
	s := f.place(h)
	for f.slots[s].gram != g {
		if f.slots[s].first == 0 {
			return dst
		}
		s = (s + 1) & f.mask
	}
	for k := int(f.slots[s].first); ; k++ {
		e := &f.entries[k]
		pos := i - int(e.off)
		if pos >= 0 && pos+8 <= len(text) {
			if binary.LittleEndian.Uint64(text[pos:])&e.care == e.head && f.lits[e.lit].rest(f, text, pos, 8) {
				dst = append(dst, Hit{pos, e.lit})
			}
		} else if pos >= 0 && f.lits[e.lit].rest(f, text, pos, 0) {
			dst = append(dst, Hit{pos, e.lit})
		}
		if e.last {
			return dst
		}
	}
}

func newEntry(l Literal) entry {
	var e entry
	for i := range min(8, len(l.Text)) {
		c, care := l.Text[i], uint64(0xff)
		if !l.Exact && (c|0x20)-'a' < 26 {
			care = 0xdf
		}
		e.care |= care << (8 * i)
		e.head |= (uint64(c) & care) << (8 * i)
	}
	return e
}

// rest says that the literal stands at text[pos:], of which the first known bytes
// have been compared.
func (l *literal) rest(f *Filter, text []byte, pos, known int) bool {
	end := pos + len(l.text)
	if end > len(text) {
		return false
	}
	if known < len(l.text) {
		if l.exact {
			if string(text[pos+known:end]) != l.text[known:] {
				return false
			}
		} else {
			for i, c := range text[pos+known : end] {
				if lowerByte(c) != l.text[known+i] {
					return false
				}
			}
		}
	}
	return l.follow == 0 || end == len(text) || f.follows[l.follow][text[end]]
}
