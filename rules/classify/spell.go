package classify

import (
	"encoding/binary"
	"math/bits"
)

// bitmap has a bit for each byte of a value, and a word of zeros behind.
type bitmap [maxRead/64 + 1]uint64

// spell cuts the value into segments, as fooBar, HTTPKey and foo_bar are cut,
// and looks each of them up. In random text nothing about the next letter can be
// foreseen, so cuts are made in bitmaps.
func (t *traits) spell(m *Model) {
	var lower, upper, first, more bitmap // more: letters behind the first of their segment
	letterMaps(t.b, &lower, &upper)
	words := (len(t.b) + 63) / 64
	lastLow, last := uint64(0), uint64(0)
	for w := range words {
		low, up := lower[w], upper[w]
		all := low | up
		cut := up & (low<<1 | lastLow | low>>1 | lower[w+1]<<63)
		more[w] = all & (all<<1 | last) &^ cut
		first[w] = all &^ more[w]
		lastLow, last = low>>63, all>>63
		t.segments += bits.OnesCount64(first[w])
	}
	t.longest = min(t.segments, 1)
	for w := range words {
		for long := first[w] & (more[w]>>1 | more[w+1]<<63); long != 0; long &= long - 1 {
			from := w*64 + bits.TrailingZeros64(long)
			t.segment(m, t.b[from:more.end(from+1)])
		}
	}
	if t.worst == 127 {
		t.worst = 0
	}
}

// end returns the offset of the first zero from offset i on.
func (m *bitmap) end(i int) int {
	w := i / 64
	if rest := ^m[w] >> (i & 63); rest != 0 {
		return i + bits.TrailingZeros64(rest)
	}
	for w++; m[w] == ^uint64(0); w++ {
	}
	return w*64 + bits.TrailingZeros64(^m[w])
}

// letterMaps marks the letters of b.
func letterMaps(b []byte, lower, upper *bitmap) {
	for i := 0; i < len(b); i += 8 {
		var v uint64
		if i+8 <= len(b) {
			v = binary.LittleEndian.Uint64(b[i:])
		} else {
			var rest [8]byte
			copy(rest[:], b[i:])
			v = binary.LittleEndian.Uint64(rest[:])
		}
		lower[i/64] |= within(v, 'a', 'z') << (i & 63)
		upper[i/64] |= within(v, 'A', 'Z') << (i & 63)
	}
}

// within has a bit for each of the eight bytes of v that is in a range of ASCII.
func within(v uint64, from, to uint64) uint64 {
	const each = 0x0101010101010101 // times a byte: that byte eight times
	low := v & (each * 0x7f)
	is := (low + each*(0x80-from)) &^ (low + each*(0x7f-to)) &^ v & (each * 0x80)
	return is >> 7 * 0x0102040810204080 >> 56
}

// segment takes in one segment of two letters or more.
func (t *traits) segment(m *Model, w []byte) {
	t.longest = max(t.longest, len(w))
	h, before, fit, a, b := uint32(hashSeed), uint32(0), 0, 0, 0
	for _, c := range w {
		before = h
		h = fold(h, c)
		l := int(c|0x20) - 'a' + 1
		fit += int(m.Trigrams[(a*letters+b)*letters+l])
		a, b = b, l
	}
	fit += int(m.Trigrams[(a*letters+b)*letters])
	t.letters += len(w)
	t.fit += fit
	if len(w) >= 3 {
		t.worst = min(t.worst, fit/len(w))
	}
	class := m.lookup(h)
	if class == 0 && len(w) >= 4 && w[len(w)-1]|0x20 == 's' {
		class = m.lookup(before)
	}
	switch {
	case class != 0:
		t.count(class, len(w))
	case len(w) >= 6:
		t.compound(m, w)
	case len(w) >= 3:
		t.unknown++
	}
}

func (t *traits) count(class Class, n int) {
	t.known++
	if class&Code != 0 {
		t.code += n
	}
	if class&Plain != 0 {
		t.plain += n
	}
	if class&Human != 0 {
		t.human += n
	}
	if class&Marker != 0 {
		t.marker++
	}
	if class&Named != 0 {
		t.named++
	}
}

// compound takes words off the front of a segment as long as there are any.
func (t *traits) compound(m *Model, w []byte) {
	for range 6 {
		h, best, class := uint32(hashSeed), 0, Class(0)
		for i := 0; i < min(len(w), 14); i++ {
			h = fold(h, w[i])
			if i >= 2 {
				if c := m.lookup(h); c != 0 {
					best, class = i+1, c
				}
			}
		}
		if best == 0 {
			break
		}
		t.count(class, best)
		w = w[best:]
	}
	if len(w) >= 3 {
		t.unknown++
	}
}
