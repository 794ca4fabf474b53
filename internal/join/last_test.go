package join

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestLastIndex(t *testing.T) {
	sep := []byte("data:")
	for _, size := range []int{0, 4, 5, 100, 4 << 10, 4<<10 + 3, 9000} {
		for _, at := range []int{-1, 0, 3, size/2 - 2, 4<<10 - 3, size - 4098, size - 4097, size - 5} {
			b := bytes.Repeat([]byte("d"), size)
			if at >= 0 && at+len(sep) <= size {
				copy(b, sep)
				copy(b[at:], sep)
			}
			if got, want := lastIndex(b, sep), bytes.LastIndex(b, sep); got != want {
				t.Errorf("%d bytes, at %d: %d, want %d", size, at, got, want)
			}
		}
	}
}

// TestLastByte compares with package bytes, on texts of few different bytes.
func TestLastByte(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		b := make([]byte, n%100)
		for i := range b {
			b[i] = "abcdef\x00\x80\xff"[rng.IntN(9)]
		}
		for _, c := range []byte("af\x00\x80\xff~\x01\x7f") {
			if got, want := lastByte(b, c), bytes.LastIndexByte(b, c); got != want {
				t.Fatalf("%d bytes: the last %q is at %d, want %d", len(b), c, got, want)
			}
		}
	}
}
