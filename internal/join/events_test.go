package join

import (
	"bytes"
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
