package secretmaskprocessor

import "encoding/binary"

// memo remembers short texts that were scanned and are clean: the names of
// attributes, and values such as "chat", come again in every span. It compares
// whole texts, not hashes: what it knows is what was scanned, under the same
// name and by the same state. It is owned by one goroutine.
type memo struct {
	slots [memoSlots]cleanText
	used  []uint8 // slots that were written since the last wipe
}

const (
	memoSlots = 256
	maxMemo   = 60 // bytes of a name and its value
)

// cleanText is a text behind the name that it stood under.
type cleanText struct {
	filled    bool
	key, size uint8
	bytes     [maxMemo]byte
}

// slot returns where a text under a key would be, nil if it is too long.
func (m *memo) slot(key string, text []byte) *cleanText {
	if len(key)+len(text) > maxMemo {
		return nil
	}
	return &m.slots[slotOf(key, text)]
}

// slotOf mixes the lengths and the last bytes, in which names of one kind differ.
func slotOf(key string, text []byte) uint8 {
	h := 31*uint64(len(key)) + uint64(len(text))
	if n := len(key); n > 0 {
		h += uint64(key[n-1])<<16 | uint64(key[n/2])<<24
	}
	if n := len(text); n >= 8 {
		h ^= binary.LittleEndian.Uint64(text[n-8:]) ^ uint64(text[0])<<20
	} else if n > 0 {
		h ^= uint64(text[0])<<32 | uint64(text[n/2])<<40 | uint64(text[n-1])<<48
	}
	return uint8(h * 0x9e3779b97f4a7c15 >> 56)
}

// is reports whether the slot has this text under this key.
func (r *cleanText) is(key string, text []byte) bool {
	k := int(r.key)
	return r.filled && k == len(key) && int(r.size) == k+len(text) &&
		string(r.bytes[:k]) == key && string(r.bytes[k:r.size]) == string(text)
}

// keep puts a clean text into its slot, in the place of what was there.
func (m *memo) keep(key string, text []byte) {
	at := slotOf(key, text)
	r := &m.slots[at]
	if !r.filled {
		m.used = append(m.used, at)
	}
	r.filled, r.key, r.size = true, uint8(len(key)), uint8(len(key)+len(text))
	copy(r.bytes[copy(r.bytes[:], key):], text)
}

// wipe forgets everything.
func (m *memo) wipe() {
	for _, at := range m.used {
		m.slots[at] = cleanText{}
	}
	m.used = m.used[:0]
}
