package classify

import (
	_ "embed" // model.bin
	"encoding/binary"
	"errors"
	"sync"
)

const (
	// Features is how many features a value has, Width how many buckets each may have.
	Features = int(featureCount)
	// Width is the most buckets of a feature.
	Width = 64

	slots   = 8192 // of the vocabulary
	letters = 27   // a to z, and the border of a word
	symbols = 64   // characters and kinds of characters
)

// Model is what is learnt. Fields are exported for the training command.
type Model struct {
	// Words is the vocabulary: a hash table of class (five bits) and fingerprint (eleven).
	Words [slots]uint16
	// Trigrams says how much more likely than chance a letter follows two
	// others in a word, in eighths of a bit.
	Trigrams [letters * letters * letters]int8
	// Pairs says, for each question, how much more likely one character
	// follows another in secrets than in other values, in sixteenths of a bit.
	Pairs [questions][symbols * symbols]int8
	// Weights are those of the buckets, by question and feature.
	Weights [questions][Features][Width]int16
}

//go:embed model.bin
var builtin []byte

// Builtin returns the model that comes with the package.
var Builtin = sync.OnceValue(func() *Model {
	m := new(Model)
	if err := m.UnmarshalBinary(builtin); err != nil {
		// Training starts from an empty model: every value scores zero.
		return new(Model)
	}
	return m
})

// MarshalBinary returns the model's file: its fields in order, little endian.
func (m *Model) MarshalBinary() ([]byte, error) {
	return binary.Append(nil, binary.LittleEndian, m)
}

// UnmarshalBinary reads such a file.
func (m *Model) UnmarshalBinary(data []byte) error {
	if len(data) != binary.Size(m) {
		return errors.New("reading the model: wrong size for this version, train it again")
	}
	_, err := binary.Decode(data, binary.LittleEndian, m)
	return err
}

// Class says what kind of word a word of the vocabulary is.
type Class uint8

const (
	// Code is a word of programs and their configuration.
	Code Class = 1 << iota
	// Plain is a word of documentation.
	Plain
	// Human is a word that people choose passwords of.
	Human
	// Marker is a word of placeholders, or a small word of sentences.
	Marker
	// Named is a word for credentials.
	Named
)

const (
	classBits   = 5
	hashSeed    = 2166136261
	hashPrime   = 16777619
	fingerShift = 32 - (16 - classBits)
)

// fold adds a letter to the hash of a word, without case.
func fold(h uint32, c byte) uint32 { return (h ^ uint32(c|0x20)) * hashPrime }

// place mixes a hash into slot and fingerprint; the fingerprint is never zero.
func place(h uint32) (slot int, finger uint16) {
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	finger = uint16(h>>fingerShift) | 1
	return int(h % slots), finger << classBits
}

// lookup returns the class of the word with hash h, 0 if it is unknown.
func (m *Model) lookup(h uint32) Class {
	slot, finger := place(h)
	if slot <= slots-4 && m.lacks(slot, finger) {
		return 0
	}
	for range 64 {
		e := m.Words[slot]
		if e == 0 {
			return 0
		}
		if e&^(1<<classBits-1) == finger {
			return Class(e & (1<<classBits - 1))
		}
		slot = (slot + 1) % slots
	}
	return 0
}

// lacks looks at the first four places of a word together, and says that one of
// them is free and none has the word: so it is with most parts of random text.
func (m *Model) lacks(slot int, finger uint16) bool {
	const each = 0x0001000100010001 // times sixteen bits: those four times
	w := m.Words[slot : slot+4 : slot+4]
	v := uint64(w[0]) | uint64(w[1])<<16 | uint64(w[2])<<32 | uint64(w[3])<<48
	other := v&^(each*(1<<classBits-1)) ^ uint64(finger)*each
	return (v-each)&^v&(each<<15) != 0 && (other-each)&^other&(each<<15) == 0
}

// Learn adds a word of letters to the vocabulary, or a class to a word.
func (m *Model) Learn(word string, class Class) error {
	h := uint32(hashSeed)
	for i := range len(word) {
		h = fold(h, word[i])
	}
	slot, finger := place(h)
	for range 64 {
		if e := m.Words[slot]; e == 0 || e&^(1<<classBits-1) == finger {
			m.Words[slot] = e | finger | uint16(class)
			return nil
		}
		slot = (slot + 1) % slots
	}
	return errors.New("the vocabulary is full")
}

// symbolOf is the kind of a character in Pairs; 63 is the border of a value.
var symbolOf = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = uint8(c - 'a')
		case c >= 'A' && c <= 'Z':
			t[c] = uint8(c-'A') + 26
		case c >= '0' && c <= '9':
			t[c] = 52
		case c >= 0x80:
			t[c] = 62
		default:
			t[c] = 61
		}
	}
	for kind, set := range []string{"_", "-", ".", "/", "+=", "!@#$%^&*~?", " \t\n", "()[]{}<>"} {
		for _, c := range []byte(set) {
			t[c] = uint8(53 + kind)
		}
	}
	return t
}()

// Border is the symbol before and behind a value.
const border = symbols - 1

// Symbol returns the index in Pairs of the pair of characters a, b; -1 stands
// for the border of a value.
func Symbol(a, b int) int {
	s := [2]int{border, border}
	for i, c := range [2]int{a, b} {
		if c >= 0 {
			s[i] = int(symbolOf[byte(c)])
		}
	}
	return s[0]*symbols + s[1]
}
