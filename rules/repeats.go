package rules

import (
	"hash/maphash"
	"math/bits"
)

// repeats remembers texts in which nothing was found, so that they are not
// scanned again: an agent sends its whole history with every call of its model,
// a message longer each time. It compares whole texts, under the same key and at the
// same depth of JSON: what it knows is what was scanned. A text is kept when it
// comes for the second time; the oldest are forgotten first. It belongs to one
// scanner, and with it to one engine: other rules begin anew.
type repeats struct {
	seed  maphash.Seed
	size  int    // bytes that the ring may have
	ring  []byte // key, previous element and text, one behind the other
	end   int    // bytes that were ever written to the ring
	slots []repeat
}

// repeat is a clean text.
type repeat struct {
	hash  uint64
	at    int // where it stands, in bytes that were ever written
	text  int // its length; 0 if it came only once
	prev  uint16
	key   uint16
	depth uint16
}

// MinRepeats is the least of Repeats other than 0.
func (Limits) MinRepeats() int { return minRepeats }

const (
	minRepeats  = 2 * maxRepeat
	minRepeat   = 256     // bytes of the shortest text that is remembered
	maxRepeat   = 1 << 16 // bytes of the longest, with what it stands under
	firstRing   = 8 << 10 // bytes of the ring to begin with
	firstSlots  = 256
	bytesOfSlot = 512 // of the ring, for each slot
)

// newRepeats remembers up to three quarters of size bytes of texts, since history
// has the rest; less than minRepeats is none.
// Memory is taken when there is something to remember.
func newRepeats(size int) repeats {
	if size < minRepeats {
		return repeats{}
	}
	return repeats{seed: maphash.MakeSeed(), size: size / 4 * 3}
}

// grow doubles the ring, which no text has reached the end of, and the slots.
func (r *repeats) grow() {
	ring := make([]byte, min(r.size, max(firstRing, 2*len(r.ring))))
	copy(ring, r.ring)
	slots := r.slots
	r.ring, r.slots = ring, make([]repeat, max(firstSlots, len(ring)/bytesOfSlot))
	for _, at := range slots {
		if at.hash != 0 {
			*r.slot(at.hash) = at
		}
	}
}

// slot is where a text with that hash is remembered.
func (r *repeats) slot(hash uint64) *repeat { return &r.slots[hash/2%uint64(len(r.slots))] }

// hash is that of where text is remembered. It need not be that of all bytes, since those are
// compared: texts that grow differ in length and at their end.
func (r *repeats) hash(text []byte) uint64 {
	if len(text) <= 4*headed {
		return maphash.Bytes(r.seed, text) | 1
	}
	middle := len(text) / 2
	return (maphash.Bytes(r.seed, text[:headed]) ^ bits.RotateLeft64(maphash.Bytes(r.seed, text[middle:middle+headed]), 21) ^
		bits.RotateLeft64(maphash.Bytes(r.seed, text[len(text)-headed:]), 42) + uint64(len(text))) | 1
}

// isRepeat says that text was clean when it stood there before. If it was not,
// remember has to be told hash, which is 0 for what is not to be remembered.
func (s *scanner) isRepeat(text, key, prev []byte, depth int) (hash uint64, yes bool) {
	r := &s.repeats
	if r.size == 0 || len(text) < minRepeat || len(text)+len(key)+len(prev) > maxRepeat || s.thorough || s.trace != nil {
		return 0, false
	}
	hash = r.hash(text)
	if r.slots == nil {
		r.slots = make([]repeat, firstSlots)
	}
	at := r.slot(hash)
	if at.hash != hash || at.text != len(text) || int(at.key) != len(key) || int(at.prev) != len(prev) || int(at.depth) != depth || r.end-at.at > len(r.ring) {
		return hash, false
	}
	b := r.ring[at.at%len(r.ring):]
	k, p := len(key), len(key)+len(prev)
	return hash, string(b[:k]) == string(key) && string(b[k:p]) == string(prev) && string(b[p:p+len(text)]) == string(text)
}

// remember is told of each text that was scanned; clean says that nothing was found.
func (s *scanner) remember(hash uint64, clean bool, text, key, prev []byte, depth int) {
	if hash == 0 || !clean {
		return
	}
	r := &s.repeats
	if slot := r.slot(hash); slot.hash != hash {
		*slot = repeat{hash: hash}
		return
	}
	n := len(key) + len(prev) + len(text)
	for r.end+n > len(r.ring) && len(r.ring) < r.size {
		r.grow()
	}
	if left := len(r.ring) - r.end%len(r.ring); left < n {
		r.end += left // none reaches over the ring's end
	}
	b := r.ring[r.end%len(r.ring):]
	k := copy(b, key)
	copy(b[k+copy(b[k:], prev):], text)
	*r.slot(hash) = repeat{hash, r.end, len(text), uint16(len(prev)), uint16(len(key)), uint16(depth)}
	r.end += n
}
