package decode

import (
	"math/rand/v2"
	"testing"
)

// TestNextRun: a search in steps finds the runs that one byte by byte does.
func TestNextRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	found := 0
	for range 20000 {
		text := make([]byte, rng.IntN(200))
		rare := 2 + rng.IntN(60)
		for i := range text {
			text[i] = "abZ09+/-_"[rng.IntN(9)]
			if rng.IntN(rare) == 0 {
				text[i] = " .,:;=@[`{*\x00\x0b\xff\n"[rng.IntN(15)]
			}
		}
		from := rng.IntN(len(text) + 1)
		for at := from; ; found++ {
			got, ok := NextRun(text, at)
			want, is := nextRunPlainly(text, at)
			if got != want || ok != is {
				t.Fatalf("from %d in %d bytes: %v %v, byte by byte %v %v", at, len(text), got, ok, want, is)
			}
			if !ok {
				break
			}
			at = got.End
		}
	}
	if found < 10000 {
		t.Errorf("only %d runs", found)
	}
}

func nextRunPlainly(text []byte, from int) (Span, bool) {
	for a := from; a < len(text); a++ {
		b := a
		for b < len(text) && runBytes[text[b]] != 0 {
			b++
		}
		if b-a >= MinRun {
			return Span{a, b}, true
		}
		a = b
	}
	return Span{}, false
}
