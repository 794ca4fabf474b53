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
	"cmp"
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
	first   *[firstSize]uint8 // 1 for a gram, by its product with mul
	mul     uint32
	second  *[secondSize]uint64 // one bit for a gram, by another hash
	slots   []slot              // open addressing, by the other hash
	shift   uint32
	lists   []list // the first is of what is no gram
	entries []entry
	lits    []literal
	follows [][256]bool // by entry.follow; the first is any
}

// The tables that say cheaply that there is nothing: what both of them let
// pass is nearly always a gram.
const (
	firstSize  = 1 << 18
	secondSize = 1 << 14
	firstShift = 32 - 18
	// multipliers is how many are tried for the first table.
	multipliers = 16
)

// slot maps a folded gram to its list; 0 means that it is empty.
type slot struct{ gram, list uint32 }

// list is what a gram can be a part of: the entries from from to to. Before and
// after have a bit, by the low six of a byte, for each that can stand beside it.
type list struct {
	before, after uint64
	from, to      uint32
}

// entry says that a gram stands at byte off of a literal (-1: one before it).
// The literal is compared eight bytes at a time: head under care, where a byte of
// care is 0xff, or 0xdf for a letter whose case does not count.
type entry struct {
	head, care uint64
	lit        uint32
	off        int16
	follow     uint16 // the set of bytes behind the literal
	size       uint16 // of the literal, in bytes
}

// literal is what remains to be compared behind the first eight bytes.
type literal struct {
	text  string // in lower case unless exact
	exact bool
}

// A gram is four bytes, folded so that case does not count and bytes outside of
// ASCII are like some inside: fewer different ones make smaller tables.
const (
	low7 = 0x7f7f7f7f
	fold = 0x20202020
)

func hash(g uint32) uint32 { return (g ^ g>>15) * 0x85EBCA6B }

func gram(s string) uint32 {
	return (uint32(s[0])|uint32(s[1])<<8|uint32(s[2])<<16|uint32(s[3])<<24)&low7 | fold
}

// New builds a filter. Every literal needs MinLength bytes, and 65535 at most;
// all others are named in the error.
func New(lits []Literal) (*Filter, error) {
	f := &Filter{first: new([firstSize]uint8), second: new([secondSize]uint64), follows: make([][256]bool, 1)}
	for c := range f.follows[0] {
		f.follows[0][c] = true
	}
	grams := map[uint32][]entry{}
	sets := map[[256]bool]uint16{}
	var errs []error
	for i, l := range lits {
		if len(l.Text) < MinLength || len(l.Text) > math.MaxUint16 {
			errs = append(errs, fmt.Errorf("literal %d: %d bytes, need at least %d", i, len(l.Text), MinLength))
			continue
		}
		e := newEntry(l)
		e.lit, e.follow = uint32(i), f.followSet(sets, l.Follow)
		lit := literal{l.Text, l.Exact}
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
	log := uint32(4)
	for 1<<log < 4*len(grams) {
		log++
	}
	f.slots, f.shift = make([]slot, 1<<log), 32-log
	f.lists = make([]list, 1)
	same := map[string]uint32{} // the lists by what is in them
	order := make([]uint32, 0, len(grams))
	for g := range grams {
		order = append(order, g)
	}
	seen := commonness() // a common gram shall be where the search for it begins
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b)) })
	f.chooseFirst(grams)
	for _, g := range order {
		h := hash(g)
		f.second[h>>18] |= 1 << (h >> 12 & 63)
		i := h >> f.shift
		for f.slots[i].list != 0 {
			i = (i + 1) & uint32(len(f.slots)-1)
		}
		key := keyOf(grams[g])
		if same[key] == 0 {
			same[key] = uint32(len(f.lists))
			f.lists = append(f.lists, f.newList(grams[g]))
		}
		f.slots[i] = slot{g, same[key]}
	}
}

// chooseFirst fills the first table, with the one of some multipliers that lets the
// fewest grams of ordinary text pass that are none of a literal's.
func (f *Filter) chooseFirst(grams map[uint32][]entry) {
	type count struct {
		gram uint32
		n    int
	}
	var others []count
	for g, n := range commonness() {
		if _, is := grams[g]; !is {
			others = append(others, count{g, n})
		}
	}
	best := math.MaxInt
	table := new([firstSize]uint8)
	for mul := uint32(0x9E3779B1); mul < 0x9E3779B1+2*multipliers; mul += 2 {
		m := mul * mul
		clear(table[:])
		for g := range grams {
			table[g*m>>firstShift] = 1
		}
		pass := 0
		for _, o := range others {
			pass += o.n * int(table[o.gram*m>>firstShift])
		}
		if pass < best {
			best, f.mul = pass, m
			*f.first = *table
		}
	}
}

// keyOf is the same for entries that are the same.
func keyOf(entries []entry) string {
	var b []byte
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.lit)
		b = binary.LittleEndian.AppendUint16(b, uint16(e.off))
	}
	return string(b)
}

// newList gathers the entries of a gram.
func (f *Filter) newList(entries []entry) list {
	l := list{from: uint32(len(f.entries))}
	for _, e := range entries {
		lit := f.lits[e.lit]
		l.before |= lit.besides(int(e.off)-1, nil)
		l.after |= lit.besides(int(e.off)+4, &f.follows[e.follow])
	}
	f.entries = append(f.entries, entries...)
	l.to = uint32(len(f.entries))
	return l
}

// besides returns the set of bytes that can stand at offset i of the literal, or
// next to it: a bit for the low six of each. follow is what can stand right behind it.
// A zero is in every set: it stands for what is beyond the text.
func (l *literal) besides(i int, follow *[256]bool) (set uint64) {
	set = 1
	switch {
	case i >= 0 && i < len(l.text):
		set |= 1 << (l.text[i] & 63)
		if c := l.text[i]; !l.exact && c-'a' < 26 {
			set |= 1 << ((c - 'a' + 'A') & 63)
		}
	case i == len(l.text) && follow != nil:
		for c, ok := range follow {
			if ok {
				set |= 1 << (c & 63)
			}
		}
	default:
		set = ^uint64(0)
	}
	return set
}

func newEntry(l Literal) entry {
	e := entry{size: uint16(len(l.Text))}
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
