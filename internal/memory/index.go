package memory

import (
	"encoding/binary"
	"hash/maphash"
)

// Match is a place of a known value.
type Match struct {
	Start, End int
	Value      *Value
	// Encoded: it stands there encoded or escaped.
	Encoded bool
}

// Index finds known values in texts. The zero value knows none; it keeps its
// memory and is not safe for concurrent use while values are added.
type Index struct {
	filter []uint64 // a bit for each known window
	shift  uint
	stride int // every window at a multiple of it is looked at
	most   int // bounds stride for tests; 0: maxStride
	table  map[uint32][]entry
	values []*Value
	ready  bool
}

// entry is a window of a value if form is -1, else one of the first of a form.
type entry struct {
	value  *Value
	form   int32
	offset int32
}

// Reset forgets all values.
func (x *Index) Reset() {
	clear(x.values)
	x.values, x.ready = x.values[:0], false
	clear(x.table)
}

// Add makes v known.
func (x *Index) Add(v *Value) {
	x.ready = false
	for i, have := range x.values {
		if have.Digest == v.Digest && have.size == v.size {
			if v.Form && !have.Form { // the more specific label
				x.values[i] = v
			}
			return
		}
	}
	x.values = append(x.values, v)
}

// Len returns how many values are known.
func (x *Index) Len() int { return len(x.values) }

func (x *Index) build() {
	if x.table == nil {
		x.table = map[uint32][]entry{}
	}
	clear(x.table)
	x.stride = maxStride
	if x.most > 0 {
		x.stride = x.most
	}
	for _, v := range x.values {
		x.stride = min(x.stride, v.narrowest())
	}
	for _, v := range x.values {
		// Of the windows of a fragment as many in a row are known as the search
		// goes on at a time, so that it meets one of them.
		period := v.fewest() - x.stride + 1
		for i := range v.windows {
			if i%period < x.stride {
				x.put(v.windows[i], entry{v, -1, int32(i)})
			}
		}
		for i := range v.forms {
			for at, h := range v.forms[i].starts[:x.stride] {
				x.put(h, entry{v, int32(i), int32(at)})
			}
		}
	}
	size := 10 // bits of the filter's index
	for 1<<size < 32*len(x.table) && size < 22 {
		size++
	}
	x.shift = uint(32 - size)
	if need := 1 << size / 64; cap(x.filter) < need {
		x.filter = make([]uint64, need)
	} else {
		x.filter = x.filter[:need]
		clear(x.filter)
	}
	for h := range x.table {
		at := h >> x.shift
		x.filter[at>>6] |= 1 << (at & 63)
	}
	x.ready = true
}

// fewest returns how many windows are in the shortest part of v that counts.
func (v *Value) fewest() int {
	if v.least > 0 {
		return v.least - window + 1
	}
	return max(len(v.windows), 1)
}

// narrowest returns how many windows in a row are in whatever counts.
func (v *Value) narrowest() int {
	n := v.fewest()
	for i := range v.forms {
		n = min(n, v.forms[i].size-window+1)
	}
	return n
}

func (x *Index) put(h uint32, e entry) { x.table[h] = append(x.table[h], e) }

// Find appends the places of known values in text to dst, in order and not
// overlapping.
func (x *Index) Find(dst []Match, text []byte) []Match {
	if len(x.values) == 0 || len(text) < window {
		return dst
	}
	if !x.ready {
		x.build()
	}
	from := len(dst)
	filter, shift, stride := x.filter, x.shift, x.stride
	k0, k1 := key0, key1
	for i := 0; i+window <= len(text); i += stride {
		h := uint32((binary.LittleEndian.Uint64(text[i:]) ^ k0) * k1 >> 32) // sum32, without reading the keys again
		if at := h >> shift; filter[at>>6]&(1<<(at&63)) == 0 {
			continue
		}
		best := Match{}
		for _, e := range x.table[h] {
			if m, ok := e.match(text, i); ok && m.End-m.Start > best.End-best.Start {
				best = m
			}
		}
		if best.Value == nil {
			continue
		}
		if n := len(dst); n > from && best.Start < dst[n-1].End {
			if best.End > dst[n-1].End {
				dst[n-1].End = best.End
			}
		} else {
			dst = append(dst, best)
		}
		i = max(i, best.End-window)
	}
	return dst
}

// match measures what of the value stands around offset i of text.
func (e entry) match(text []byte, i int) (m Match, ok bool) {
	v := e.value
	if e.form >= 0 {
		f := &v.forms[e.form]
		if i -= int(e.offset); i < 0 || i+f.size > len(text) || maphash.Bytes(seed, text[i:i+f.size]) != f.sum {
			return m, false
		}
		m = Match{i, i + f.size, v, f.kind != plainForm}
		m.widen(text, f.kind)
		return m, unescaped(text, &m)
	}
	first, last := int(e.offset), int(e.offset)
	start, end := i, i
	for last+1 < len(v.windows) && end+1+window <= len(text) && sum32(load(text, end+1)) == v.windows[last+1] {
		last, end = last+1, end+1
	}
	for first > 0 && start > 0 && sum32(load(text, start-1)) == v.windows[first-1] {
		first, start = first-1, start-1
	}
	m = Match{start, end + window, v, false}
	whole := m.End-m.Start == v.size
	if !unescaped(text, &m) {
		return m, false
	}
	if whole && (v.size >= minBorders || alone(text, m)) {
		return m, true
	}
	part := text[m.Start:m.End]
	if v.block {
		return m, len(part) >= v.least
	}
	return m, v.least > 0 && len(part) >= v.least && alone(text, m) && telling(part)
}

// telling says that a fragment is no word: words stand elsewhere as well.
func telling(part []byte) bool {
	return kinds(part) >= 2 && turns(part) >= 2 && (len(part) >= 12 || distinct(part))
}

// alone says that no letter or digit stands beside m, so that it is not by
// chance a part of something else.
func alone(text []byte, m Match) bool {
	if m.End < len(text) && isAlnum(text[m.End]) {
		return false
	}
	if m.Start == 0 || !isAlnum(text[m.Start-1]) {
		return true
	}
	at := m.Start
	switch c := text[at-1]; {
	case at >= 2 && text[at-2] == '\\':
		return c == 'n' || c == 't' || c == 'r'
	case at >= 3 && text[at-3] == '%':
		return true
	case at >= 6 && text[at-6] == '\\' && text[at-5] == 'u':
		return true
	}
	return false
}

// unescaped moves the beginning of m behind an escape that it would cut.
func unescaped(text []byte, m *Match) bool {
	n := 0
	for m.Start-n > 0 && text[m.Start-n-1] == '\\' {
		n++
	}
	if n%2 == 0 {
		return true
	}
	m.Start++
	c := text[m.Start-1]
	return c != 'u' && c != 'x' && c != 'U' && m.End-m.Start >= window
}

// widen takes in the run that an encoded secret stands in.
func (m *Match) widen(text []byte, kind formKind) {
	var in func(c byte) bool
	switch kind {
	case base64Form:
		in = func(c byte) bool { return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_' }
	case hexForm:
		in = func(c byte) bool { return c-'0' < 10 || (c|0x20)-'a' < 6 }
	default:
		return
	}
	for m.Start > 0 && in(text[m.Start-1]) {
		m.Start--
	}
	for m.End < len(text) && in(text[m.End]) {
		m.End++
	}
	for pad := 0; kind == base64Form && pad < 2 && m.End < len(text) && text[m.End] == '='; pad++ {
		m.End++
	}
}
