package verify

import (
	"math/rand/v2"
	"testing"
)

// TestRunsAreForeseen: the look at every third pair refuses no value that has a run.
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
