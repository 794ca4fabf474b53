package rules

import "encoding/binary"

// nameMemo remembers what identifiers are spellings of: a text has few
// different ones, and has them often. Each place has two, the newer first.
type nameMemo [512][2]nameFact

type nameFact struct {
	remembered
	name int32
}

// remembered is an identifier or key of minMemo to maxMemo bytes.
type remembered struct {
	length uint8 // 0: nothing
	text   [maxMemo]byte
}

func (r *remembered) is(b []byte) bool {
	return int(r.length) == len(b) && string(r.text[:len(b)]) == string(b)
}

func (r *remembered) set(b []byte) { r.length = uint8(copy(r.text[:], b)) }

const (
	minMemo = 4
	maxMemo = maxKey
)

func memoHash(b []byte) uint32 {
	n := len(b)
	mid := uint32(b[n/2])<<8 | uint32(b[n/2-1])
	return binary.LittleEndian.Uint32(b)*0x9E3779B1 ^ binary.LittleEndian.Uint32(b[n-4:])*0x85EBCA6B ^ mid*0xC2B2AE35 + uint32(n)*0x27D4EB2F
}

// nameAt returns the name that an identifier in which an anchor of one stands
// is a spelling of, or -1.
func (s *scanner) nameAt(identifier []byte) int {
	identifier = identifier[max(0, len(identifier)-maxKey):]
	if len(identifier) < minMemo {
		return s.e.nameIn(identifier)
	}
	m := &s.names[memoHash(identifier)>>(32-9)]
	if m[0].is(identifier) {
		return int(m[0].name)
	}
	if m[1].is(identifier) {
		return int(m[1].name)
	}
	name := s.e.nameIn(identifier)
	m[1] = m[0]
	m[0].set(identifier)
	m[0].name = int32(name)
	return name
}

// keyFacts is what a key says about its text.
type keyFacts struct {
	remembered
	name    int  // the name that it is a spelling of, or -1
	command bool // its text is a command line or part of one
	near    []nearWord
}

// nearWord is a word in a key near which tokens of plain form are credentials.
type nearWord struct {
	rule       int32
	start, end int
}

// keyMemo remembers what keys say: telemetry has few different ones.
type keyMemo struct {
	slots [256]keyFacts
	long  keyFacts // of a key too short or long to be remembered
}

// factsOf returns what key says; it is valid until the next call.
func (s *scanner) factsOf(key []byte) *keyFacts {
	n := len(key)
	if n < minMemo || n > maxMemo {
		s.learn(&s.keys.long, key)
		return &s.keys.long
	}
	k := &s.keys.slots[memoHash(key)>>(32-8)]
	if !k.is(key) {
		s.learn(k, key)
		k.set(key)
	}
	return k
}

func (s *scanner) learn(k *keyFacts, key []byte) {
	k.length, k.name, k.command, k.near = 0, -1, isCommand(key), k.near[:0]
	mayName := false
	for next := 0; next < len(key); {
		s.hits, next = s.filter.Find(&s.find, s.hits[:0], key, next, len(key), maxHits)
		for _, h := range s.hits {
			for _, t := range s.e.targets[h.Lit] {
				switch t.kind {
				case nearTarget:
					k.near = append(k.near, nearWord{t.rule, h.Pos, h.Pos + len(s.e.lits[h.Lit])})
				case nameTarget:
					mayName = true
				default:
				}
			}
		}
	}
	if mayName {
		k.name = s.e.nameOf(key)
	}
}

// nameOf returns the name that key is a spelling of, or -1. The name with
// the most words wins.
func (s *scanner) nameOf(key []byte) int {
	if len(key) == 0 {
		return -1
	}
	return s.factsOf(key).name
}
