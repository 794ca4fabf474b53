package prefilter

import "encoding/binary"

const (
	stride    = 2    // bytes from one sample to the next
	step      = 8    // bytes looked at together
	chunkSize = 2048 // bytes of which the samples are noted before they are looked at
	samples   = chunkSize / stride
)

// Work is the working memory of Find. The zero value is ready; it must not be
// used by two calls at a time.
type Work struct {
	some  [samples]uint16 // offsets of samples in their chunk
	lists [samples]uint32 // and the lists of their grams
	tail  [chunkSize + 2*step]byte
}

// Find appends the hits that begin in text[from:to] to dst and returns it
// and the offset, to or more, where the next call has to begin. Offsets of hits refer to
// text and rise, save that hits of one gram may stand in any order. It stops
// early when dst holds limit hits (checked now and then, so some more come back).
func (f *Filter) Find(w *Work, dst []Hit, text []byte, from, to, limit int) (hits []Hit, next int) {
	i := from &^ 1
	to = min(to, len(text))
	for i < to {
		if len(dst) >= limit {
			return dst, i
		}
		n := min((to-i+step-1)/step*step, chunkSize)
		if i+n+4 > len(text) { // the last bytes, as if zeros followed
			k := copy(w.tail[:], text[i:])
			clear(w.tail[k:min(k+2*step, len(w.tail))])
			dst = f.chunk(w, dst, text, w.tail[:n+4], i)
		} else {
			dst = f.chunk(w, dst, text, text[i:i+n+4], i)
		}
		i += n
	}
	return dst, i
}

// chunk looks at the samples of part, which stands at offset base of text and has
// four bytes more than those of a whole number of steps. Several loops do little
// each: what they would branch on comes too seldom to be foreseen.
func (f *Filter) chunk(w *Work, dst []Hit, text, part []byte, base int) []Hit {
	n := perhaps(f.first, f.mul, &w.some, part)
	n = probably(f.second, &w.some, part, n)
	before := byte(0)
	if base > 0 {
		before = text[base-1]
	}
	n = f.lookUp(w, part, before, n)
	for i := range min(n, samples) {
		dst = f.compare(dst, text, base+int(w.some[i]), &f.lists[w.lists[i]])
	}
	return dst
}

// perhaps notes in some the samples of part that the first table knows, and
// returns how many there are.
func perhaps(first *[firstSize]uint8, mul uint32, some *[samples]uint16, part []byte) int {
	n, at := uint(0), uint16(0)
	for len(part) >= step+4 {
		v := binary.LittleEndian.Uint64(part)&(low7<<32|low7) | (fold<<32 | fold)
		e := binary.LittleEndian.Uint32(part[6:])&low7 | fold
		a, b, c, d := uint32(v)*mul, uint32(v>>16)*mul, uint32(v>>32)*mul, e*mul
		some[n%samples] = at
		n += uint(first[a>>firstShift])
		some[n%samples] = at + 2
		n += uint(first[b>>firstShift])
		some[n%samples] = at + 4
		n += uint(first[c>>firstShift])
		some[n%samples] = at + 6
		n += uint(first[d>>firstShift])
		part, at = part[step:], at+step
	}
	return int(n)
}

// probably keeps of the first n samples those that the second table knows too.
func probably(second *[secondSize]uint64, some *[samples]uint16, part []byte, n int) int {
	kept := uint(0)
	for _, at := range some[:min(n, samples)] {
		h := hash(binary.LittleEndian.Uint32(part[at:])&low7 | fold)
		some[kept%samples] = at
		kept += uint(second[h>>18] >> (h >> 12 & 63) & 1)
	}
	return int(kept)
}

// lookUp keeps of the first n samples those that are a gram of a literal which
// the bytes around allow; before is the byte before part.
func (f *Filter) lookUp(w *Work, part []byte, before byte, n int) int {
	kept := uint(0)
	for _, at := range w.some[:min(n, samples)] {
		g := binary.LittleEndian.Uint32(part[at:])&low7 | fold
		s := hash(g) >> f.shift
		for f.slots[s].gram != g && f.slots[s].list != 0 {
			s = (s + 1) & uint32(len(f.slots)-1)
		}
		if at > 0 {
			before = part[at-1]
		}
		list := f.slots[s].list
		l := &f.lists[list]
		w.some[kept%samples], w.lists[kept%samples] = at, list
		kept += uint(l.before >> (before & 63) & (l.after >> (part[at+4] & 63)) & 1)
	}
	return int(kept)
}

// compare appends the literals of l that stand where its gram stands at offset i.
func (f *Filter) compare(dst []Hit, text []byte, i int, l *list) []Hit {
	for k := range f.entries[l.from:l.to] {
		e := &f.entries[l.from+uint32(k)]
		pos := i - int(e.off)
		if pos >= 0 && (pos+8 > len(text) || binary.LittleEndian.Uint64(text[pos:])&e.care == e.head) && f.stands(e, text, pos) {
			dst = append(dst, Hit{pos, e.lit})
		}
	}
	return dst
}

// stands says that the literal of e stands at text[pos:], of which the first
// eight bytes have been compared if there are as many.
func (f *Filter) stands(e *entry, text []byte, pos int) bool {
	end := pos + int(e.size)
	if end > len(text) {
		return false
	}
	if known := 8; pos+8 > len(text) || end > pos+8 {
		if pos+8 > len(text) {
			known = 0
		}
		if !f.lits[e.lit].equal(text[pos:end], known) {
			return false
		}
	}
	return end == len(text) || f.follows[e.follow][text[end]]
}

// equal compares what stands behind the first known bytes of the literal.
func (l *literal) equal(text []byte, known int) bool {
	if l.exact {
		return string(text[known:]) == l.text[known:]
	}
	for i, c := range text[known:] {
		if lowerByte(c) != l.text[known+i] {
			return false
		}
	}
	return true
}
