package verify

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestRunsAreForeseen: the look at every second place refuses no value that has a run.
func TestRunsAreForeseen(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	found := 0
	for range 200_000 {
		secret := make([]byte, 4+rng.IntN(30))
		alphabet := []string{"x*a", "01289ab", "89aAbBc0", "abcdefghijklmnop", "0123456789abcdef"}[rng.IntN(5)]
		at := rng.IntN(len(alphabet))
		for i := range secret {
			if rng.IntN(6) == 0 {
				at = rng.IntN(len(alphabet))
			} else if len(alphabet) > 5 {
				at = (at + 1) % len(alphabet)
			}
			secret[i] = alphabet[at]
		}
		if hasRun(secret) {
			found++
			if !runs(secret) {
				t.Fatalf("the run in %q was not seen", secret)
			}
		}
	}
	if found < 1000 {
		t.Errorf("%d values with runs, too few for this to show anything", found)
	}
}

// TestWordsAreForeseen: a word is seen at any place, in any case.
func TestWordsAreForeseen(t *testing.T) {
	for _, w := range exampleWords {
		for at := range 6 {
			for _, word := range [][]byte{w, bytes.ToUpper(w)} {
				if text := append(bytes.Repeat([]byte("7"), at), word...); !hasExampleWord(text) {
					t.Errorf("%q was not seen", text)
				}
			}
		}
	}
}
