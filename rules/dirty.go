package rules

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"github.com/tracescrub/tracescrub/rules/decode"
)

// dirtyString is a string of a document in which something was found. Its bytes are
// kept nowhere: whether it is the same string is known by a hash of them, under a
// key that nobody else has.
type dirtyString struct {
	decode.Token
	sum [sha256.Size]byte
}

// maxDirty is how many there can be in what is remembered of a text.
const maxDirty = 8

// sum is the hash for dirtyString.
func (h *history) sum(text []byte) (sum [sha256.Size]byte) {
	if h.digest == nil {
		key := make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
		h.digest = hmac.New(sha256.New, key)
	}
	h.digest.Reset()
	h.digest.Write(text)
	h.digest.Sum(sum[:0])
	return sum
}

// same returns how many bytes text has in common with b from its beginning on.
func (b *beginning) same(text []byte, sum func([]byte) [sha256.Size]byte) int {
	from := 0
	for i := range b.dirty {
		d := &b.dirty[i]
		if n := from + sameBytes(b.text[from:d.Start], text[from:]); n < d.Start || len(text) < d.End {
			return n
		}
		if sum(text[d.Start:d.End]) != d.sum {
			return d.Start
		}
		from = d.End
	}
	return from + sameBytes(b.text[from:], text[from:])
}

// grow makes b the beginning text, with which it agrees as far as it goes, and in
// which something was found in the strings dirty.
func (b *beginning) grow(text []byte, dirty []decode.Token, sum func([]byte) [sha256.Size]byte) {
	b.text = append(b.text, text[len(b.text):]...)
	for i := range b.dirty {
		copy(b.text[b.dirty[i].Start:], text[b.dirty[i].Start:b.dirty[i].End])
	}
	b.dirty = b.dirty[:0]
	for _, tok := range dirty {
		if tok.End > len(text) {
			break
		}
		b.dirty = append(b.dirty, dirtyString{tok, sum(text[tok.Start:tok.End])})
	}
	for i := range b.dirty {
		clear(b.text[b.dirty[i].Start:b.dirty[i].End])
	}
}
