package rules

import "encoding/binary"

// nameMemo remembers what identifiers are spellings of: a text has few
// different ones, and has them often.
type nameMemo [128]struct {
	length uint8 // 0: nothing
	name   int32
	text   [maxMemo]byte
}

const (
	minMemo = 4
	maxMemo = 40
)

// nameAt returns the name that an identifier in which an anchor of one stands
// is a spelling of, or -1.
func (s *scanner) nameAt(identifier []byte) int {
	n := len(identifier)
	if n < minMemo || n > maxMemo {
		return s.e.nameIn(identifier)
	}
	h := binary.LittleEndian.Uint32(identifier)*0x9E3779B1 ^ binary.LittleEndian.Uint32(identifier[n-4:])*0x85EBCA6B + uint32(n)
	m := &s.names[h>>(32-7)]
	if int(m.length) == n && string(m.text[:n]) == string(identifier) {
		return int(m.name)
	}
	name := s.e.nameIn(identifier)
	m.length, m.name = uint8(n), int32(name)
	copy(m.text[:], identifier)
	return name
}
