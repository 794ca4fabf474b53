package classify

import (
	"math/rand/v2"
	"testing"
)

// TestSpell: cutting a value in bitmaps is cutting it letter by letter.
func TestSpell(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 50000 {
		b := make([]byte, rng.IntN(maxRead+1))
		mix := 1 + rng.IntN(30) // few kinds of characters make long segments
		for i := range b {
			b[i] = "abAXzZ3-_.@[`{/\x80\xff 09qrstuvwyYMN"[rng.IntN(mix)]
		}
		requireCut(t, b)
	}
}

// FuzzSpell is TestSpell on what a fuzzer makes.
func FuzzSpell(f *testing.F) {
	for _, s := range []string{"", "x", "fooBar", "HTTPKey", "foo_barB", "ordersServiceInternalAccountPasswordNameAndSomeMoreOfTheseWordsInARow"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { requireCut(t, b[:min(len(b), maxRead)]) })
}

func requireCut(t *testing.T, b []byte) {
	t.Helper()
	m := Builtin()
	is, want := traits{b: b}, traits{b: b}
	is.worst, want.worst = 127, 127
	is.spell(m)
	want.spellPlainly(m)
	if is.words != want.words {
		t.Fatalf("a value of %d bytes: %+v, letter by letter %+v", len(b), is.words, want.words)
	}
}

// spellPlainly is spell, letter by letter.
func (t *traits) spellPlainly(m *Model) {
	b := t.b
	for i := 0; i < len(b); {
		if !isAlpha(b[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(b) && isAlpha(b[j]) && !(isUpper(b[j]) && (isLower(b[j-1]) || j+1 < len(b) && isLower(b[j+1]))) {
			j++
		}
		t.segments++
		t.longest = max(t.longest, 1)
		if j-i > 1 {
			t.segment(m, b[i:j])
		}
		i = j
	}
	if t.worst == 127 {
		t.worst = 0
	}
}

// TestLookup: what is said of four places at once is what each of them says.
func TestLookup(t *testing.T) {
	m := Builtin()
	plainly := func(h uint32) Class {
		slot, finger := place(h)
		for m.Words[slot] != 0 {
			if e := m.Words[slot]; e&^(1<<classBits-1) == finger {
				return Class(e & (1<<classBits - 1))
			}
			slot = (slot + 1) % slots
		}
		return 0
	}
	rng := rand.New(rand.NewPCG(6, 6))
	known := 0
	for range 2_000_000 {
		h := rng.Uint32()
		want := plainly(h)
		if got := m.lookup(h); got != want {
			t.Fatalf("%#x: class %d, one by one %d", h, got, want)
		}
		known += min(int(want), 1)
	}
	if known < 500 {
		t.Errorf("only %d of the hashes were those of words", known)
	}
}
