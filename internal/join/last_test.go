package join

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestLast compares with package bytes, on texts of few different bytes.
func TestLast(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sep := []byte("ab\x80")
	for n := range 5000 {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdef\x00\x80\xff"[rng.IntN(3+rng.IntN(7))]
		}
		for _, c := range []byte("af\x00\x80\xff~") {
			if got, want := lastByte(b, c), bytes.LastIndexByte(b, c); got != want {
				t.Fatalf("%d bytes: the last %q is at %d, want %d", n, c, got, want)
			}
		}
		if got, want := lastIndex(b, sep), bytes.LastIndex(b, sep); got != want {
			t.Fatalf("%d bytes: the last separator is at %d, want %d", n, got, want)
		}
	}
}
