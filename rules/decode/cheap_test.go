package decode

import (
	"bytes"
	"encoding/base64"
	hexa "encoding/hex"
	"math/rand/v2"
	"testing"
)

// plainRun is NextRun, the obvious way.
func plainRun(text []byte, from int) (Span, bool) {
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

// FuzzCheapLooks: what is skipped because of a cheap look at it would have led to nothing.
func FuzzCheapLooks(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("abcXYZ019+/-_ .,\n\"'\\=`\x00\x1f\x8b\xc3\xa9")
	for n := range 300 {
		text := make([]byte, n)
		for i := range text {
			text[i] = alphabet[rng.IntN(4+n%(len(alphabet)-4))]
		}
		f.Add(text)
		f.Add([]byte(" " + base64.StdEncoding.EncodeToString(text) + "."))
		f.Add([]byte("=" + hexa.EncodeToString(text)))
	}
	f.Add([]byte(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("caf\u00e9 au lait "), 4))))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Runs
		for at := 0; ; {
			run, ok := NextRun(text, at)
			want, wanted := plainRun(text, at)
			if run != want || ok != wanted {
				t.Fatalf("from %d: run %v %v, want %v %v", at, run, ok, want, wanted)
			}
			if !ok {
				break
			}
			if _, _, is, _ := r.decode(text, run, maxInflated); is && !promising((*[MinRun]byte)(text[run.Start:])) {
				t.Fatalf("the run at %d can be decoded and is not promising", run.Start)
			}
			at = run.End
		}
		var m Map
		if out, changed := Join(nil, text, &m); changed {
			n := 0 // where the first break begins
			for n < len(out) && n < len(text) && out[n] == text[n] {
				n++
			}
			if !MayJoin(text, n+1) {
				t.Fatalf("a break before %d is taken out and was not foreseen", n+1)
			}
		}
	})
}
