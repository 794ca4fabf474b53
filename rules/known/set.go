package known

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/cloudflare/ahocorasick"
)

// Set finds the values of a dictionary in a text. It is immutable and safe
// for concurrent use.
type Set struct {
	values   []value
	literals []Literal
	groups   [][]place // by Literal.Group
	longest  int
	// matcher names the values in a stretch of text; nil for a dictionary of
	// more than matcherBytes, for which it would take too much memory (4 KB a
	// byte) and groups alone decide.
	matcher *ahocorasick.Matcher
	exact   map[string]int // values of digits only, for numbers
}

type value struct {
	text string
	name string
}

// place says that a group's literal stands at byte off of a value.
type place struct {
	value, off int
}

// Literal is what a filter has to look for.
type Literal struct {
	Text string
	// Group is what At wants to know; -1: the literal only says that a value
	// may be there in some encoding.
	Group int
}

const (
	window       = 8 // bytes of a literal
	minWindow    = 5
	matcherBytes = 4096
	sketchLog    = 20
	stretch      = 4096 // bytes that the matcher looks at beyond what one value needs
)

// New makes a set of secrets.
func New(secrets []Secret) *Set {
	s := &Set{values: make([]value, 0, len(secrets)), exact: map[string]int{}}
	common := newSketch(secrets)
	groups := map[string]int{}
	total := 0
	for i, sec := range secrets {
		s.values = append(s.values, value{sec.value, sec.Name})
		s.longest = max(s.longest, len(sec.value))
		total += len(sec.value)
		if strings.Trim(sec.value, "0123456789") == "" {
			s.exact[sec.value] = i
		}
		off, n, plain := choose(sec.value, common)
		s.literal(groups, sec.value[off:off+n], place{i, off})
		if !plain {
			for _, encoded := range encodings(sec.value) {
				off, n, _ := choose(encoded, common)
				s.sign(groups, encoded[off:off+n])
			}
		}
	}
	if total <= matcherBytes {
		words := make([]string, len(s.values))
		for i, v := range s.values {
			words[i] = v.text
		}
		s.matcher = ahocorasick.NewStringMatcher(words)
	}
	return s
}

// literal registers a value under the bytes that give it away.
func (s *Set) literal(groups map[string]int, text string, p place) {
	key := lower(text) // filters fold case
	g, ok := groups[key]
	if !ok {
		g = len(s.groups)
		groups[key] = g
		s.groups = append(s.groups, nil)
		s.literals = append(s.literals, Literal{strings.Clone(text), g})
	}
	s.groups[g] = append(s.groups[g], p)
}

func (s *Set) sign(groups map[string]int, text string) {
	key := lower(text)
	if _, ok := groups[key]; ok {
		return
	}
	groups[key] = -1
	s.literals = append(s.literals, Literal{text, -1})
}

// Literals are what a filter has to look for, its case folded.
func (s *Set) Literals() []Literal { return s.literals }

// Len is the number of values.
func (s *Set) Len() int { return len(s.values) }

// Name is the name of value number i, or "".
func (s *Set) Name(i int) string { return s.values[i].name }

// Memo is the memory of one text, which is to be asked about from its
// beginning to its end. The zero Memo is for a text not seen yet.
type Memo struct {
	from, to int // the stretch of text that named is about
	named    []int
}

// At calls found with each value that stands where the literal of a group
// stands at offset pos of text.
func (s *Set) At(m *Memo, text []byte, group, pos int, found func(value, start, end int)) {
	if group < 0 {
		return
	}
	from, to := max(0, pos-s.longest), min(len(text), pos+s.longest)
	if s.matcher != nil && (from < m.from || to > m.to) {
		m.from, m.to = from, min(len(text), to+stretch)
		m.named = s.matcher.MatchThreadSafe(text[m.from:m.to])
	}
	for _, p := range s.groups[group] {
		if s.matcher != nil && !slices.Contains(m.named, p.value) {
			continue
		}
		start := pos - p.off
		v := s.values[p.value].text
		if start >= 0 && start+len(v) <= len(text) && string(text[start:start+len(v)]) == v {
			found(p.value, start, start+len(v))
		}
	}
}

// Number returns the value that digits are as a whole, or -1.
func (s *Set) Number(digits []byte) int {
	if i, ok := s.exact[string(digits)]; ok {
		return i
	}
	return -1
}

// sketch counts windows roughly, so that a literal which many values share is
// not chosen where another can be had.
type sketch struct {
	seed   maphash.Seed
	counts []uint8
}

func newSketch(secrets []Secret) *sketch {
	k := &sketch{seed: maphash.MakeSeed(), counts: make([]uint8, 1<<sketchLog)}
	for _, s := range secrets {
		for o := 0; o+window <= len(s.value); o++ {
			if c := k.at(s.value[o : o+window]); *c < 255 {
				*c++
			}
		}
	}
	return k
}

func (k *sketch) at(w string) *uint8 {
	return &k.counts[maphash.String(k.seed, lower(w))>>(64-sketchLog)]
}

// choose returns the window of v that is rarest in ordinary text and among
// the values. plain says that no encoding changes its bytes.
func choose(v string, k *sketch) (off, n int, plain bool) {
	for size := min(window, len(v)); size >= minWindow; size-- {
		best := -1 << 30
		for o := 0; o+size <= len(v); o++ {
			w := v[o : o+size]
			if score := rarity(w) - 4*int(*k.at(w)); isPlain(w) && score > best {
				best, off = score, o
			}
		}
		if best > -1<<30 {
			return off, size, true
		}
	}
	n = min(window, len(v))
	best := -1 << 30
	for o := 0; o+n <= len(v); o++ {
		if score := rarity(v[o:o+n]) - 4*int(*k.at(v[o : o+n])); score > best {
			best, off = score, o
		}
	}
	return off, n, false
}

// isPlain says that w stands in every common encoding as it is: the characters
// that RFC 3986 never asks to encode.
func isPlain(w string) bool {
	for _, c := range []byte(w) {
		if (c|0x20)-'a' >= 26 && c-'0' >= 10 && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

// lower folds ASCII letters, as filters do; bytes beyond ASCII stay.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// rarity scores a window: digits, signs and rare letters are worth more, and
// bytes that differ.
func rarity(w string) (n int) {
	for i, c := range []byte(lower(w)) {
		switch {
		case strings.IndexByte(" etaoinsr", c) >= 0:
		case c-'a' < 26 && strings.IndexByte("qxzjkvw", c) < 0:
			n++
		case c-'0' < 10:
			n += 2
		default:
			n += 3
		}
		if strings.IndexByte(w[:i], w[i]) < 0 {
			n++
		}
	}
	return n
}
