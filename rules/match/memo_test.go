package match

import (
	"math/rand/v2"
	"testing"
)

// TestMemoChangesNoAnswer makes attempts all over one text, in any order, with
// a memo and without.
func TestMemoChangesNoAnswer(t *testing.T) {
	ps, _ := compileAll(t)
	for _, expr := range []string{`a[a-c]{0,9}?_[ab]{1,3}?c`, `[ab]{1,6}_?[a-c]*x`, `a[^\n]{2,}b{1,2}(?:c|_)$`, `a(?:b[a-c]{0,4}|c[ab_]*?)_A`, `a(?:[bc]{1,3}_?)*x`, `(?:a[b_]*?c)+(?:[ab]+_)*A`, `a(?:(?:b[ac]*_)+c?a)*x`, `a[bc]{3,}x`, `a[bc]{2,5}_A`} {
		p, err := Compile(expr, 0)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	rng := rand.New(rand.NewPCG(5, 2))
	saved := 0
	for range 800 {
		text := make([]byte, 0, 80)
		for range 10 + rng.IntN(60) {
			text = append(text, pick(rng)...)
		}
		for i, p := range ps {
			var plain, memo State
			memo.Memo = &Memo{}
			plain.Limit, memo.Limit = 1<<20, 1<<20
			for range 2 * len(text) {
				at := rng.IntN(len(text) + 1)
				e1, a1, b1, ok1 := p.At(&plain, text, at)
				e2, a2, b2, ok2 := p.At(&memo, text, at)
				if e1 != e2 || a1 != a2 || b1 != b2 || ok1 != ok2 || memo.Far < plain.Far || plain.HitEnd && !memo.HitEnd || memo.Far > len(text) {
					t.Fatalf("pattern %d on %q at %d: got %d %d %d %v far %d end %v, without memo %d %d %d %v far %d end %v",
						i, text, at, e2, a2, b2, ok2, memo.Far, memo.HitEnd, e1, a1, b1, ok1, plain.Far, plain.HitEnd)
				}
			}
			saved += plain.Steps - memo.Steps
		}
	}
	if saved <= 0 {
		t.Errorf("no step saved, but %d more taken", -saved)
	}
}

// pick returns a piece of text; some are of characters of several bytes.
func pick(rng *rand.Rand) string {
	return []string{"a", "b", "c", "_", "A", "x", "\n", "ab", "aaaa", "ab_", "cab", "→", "\xe2"}[rng.IntN(13)]
}

// TestMemoMakesAttemptsLinear stands at every place of a text in which each
// attempt alone would go on to the end.
func TestMemoMakesAttemptsLinear(t *testing.T) {
	for _, expr := range []string{`ab[^;]*x`, `ab[^;]{0,160}?\sx`, `ab[a-z]*[^;]{1,}x`} {
		p, err := Compile(expr, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 20_000)
		for i := range text {
			text[i] = "ab \n"[i%4]
		}
		s := State{Memo: &Memo{}, Limit: 1 << 40}
		for at := range text {
			p.At(&s, text, at)
		}
		if s.Steps > 12*len(text) {
			t.Errorf("%s: %d steps per byte", expr, s.Steps/len(text))
		}
	}
}
