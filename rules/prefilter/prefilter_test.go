package prefilter

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var some = []string{"abc", "ghp_", "token", "://", "AKIA", "xoxb-", "passw", "SG.", "-----begin ", "hf_"}

func build(t testing.TB, lits ...string) *Filter {
	t.Helper()
	var ls []Literal
	for _, l := range lits {
		ls = append(ls, Literal{Text: l})
	}
	f, err := New(ls)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// plain is the obvious way to the same answer.
func plain(lits []string, text []byte) (hits []Hit) {
	low := bytes.ToLower(text)
	for i := range low {
		for l, s := range lits {
			if bytes.HasPrefix(low[i:], []byte(strings.ToLower(s))) {
				hits = append(hits, Hit{i, uint32(l)})
			}
		}
	}
	return hits
}

func all(f *Filter, text []byte, step int) (hits []Hit) {
	w := new(Work)
	for at := 0; at < len(text); {
		hits, at = f.Find(w, hits, text, at, min(len(text), at+step), 1<<30)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Lit, b.Lit))
	})
	return hits
}

func ascii(b []byte) []byte {
	for i := range b {
		b[i] &= 0x7f
	}
	return b
}

func TestFindAtEveryOffset(t *testing.T) {
	f := build(t, some...)
	for _, lit := range some {
		for before := range 20 {
			for after := range 12 {
				text := []byte(strings.Repeat("q", before) + strings.ToUpper(lit) + strings.Repeat("q", after))
				for _, step := range []int{2, 8, 64, 1 << 20} {
					got, want := all(f, text, step), plain(some, text)
					if !slices.Equal(got, want) {
						t.Fatalf("%q after %d before %d step %d: got %v, want %v", lit, before, after, step, got, want)
					}
				}
			}
		}
	}
}

func TestShortLiteralIsRefused(t *testing.T) {
	if _, err := New([]Literal{{Text: "ab"}, {Text: "abc"}, {Text: ""}}); err == nil || strings.Count(err.Error(), "need at least") != 2 {
		t.Fatalf("want both short literals named, got %v", err)
	}
}

func FuzzFindEqualsPlainSearch(f *testing.F) {
	flt := build(f, some...)
	f.Add([]byte("a ghp_abcabc://TOKEN xoxb-"), uint16(3))
	f.Add([]byte("SG.hf_-----BEGIN passwd"), uint16(500))
	f.Fuzz(func(t *testing.T, text []byte, step uint16) {
		text = ascii(text)
		got, want := all(flt, text, max(2, int(step))), plain(some, text)
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: got %v, want %v", step, got, want)
		}
	})
}

// TestHints: a literal whose case counts, or behind which only some bytes can
// stand, is reported there and nowhere else, at any offset and near any end.
func TestHints(t *testing.T) {
	var digits [256]bool
	for c := byte('0'); c <= '9'; c++ {
		digits[c] = true
	}
	lits := []Literal{
		{Text: "KEY", Exact: true},
		{Text: "SCA", Exact: true, Follow: &digits},
		{Text: "auth", Follow: &digits},
		{Text: "Private_", Exact: true, Follow: &digits},
		{Text: "a-long-literal", Follow: &digits},
		{Text: "A-Long-Other", Exact: true},
	}
	f, err := New(lits)
	if err != nil {
		t.Fatal(err)
	}
	stands := func(l Literal, text string, at int) bool {
		if at+len(l.Text) > len(text) {
			return false
		}
		is := text[at : at+len(l.Text)]
		end := at + len(l.Text)
		return (is == l.Text || !l.Exact && strings.EqualFold(is, l.Text)) && (l.Follow == nil || end == len(text) || l.Follow[text[end]])
	}
	hits := 0
	for _, lit := range lits {
		for _, spelled := range []string{lit.Text, strings.ToLower(lit.Text), strings.ToUpper(lit.Text)} {
			for _, next := range []string{"", "7", "x", " 7", "77"} {
				for before := range 20 {
					for _, after := range []int{0, 1, 2, 3, 9, 40} {
						text := strings.Repeat("q", before) + spelled + next + strings.Repeat("q", after)
						var want []Hit
						for at := range text {
							for l := range lits {
								if stands(lits[l], text, at) {
									want = append(want, Hit{at, uint32(l)})
								}
							}
						}
						if got := all(f, []byte(text), 1<<20); !slices.Equal(got, want) {
							t.Fatalf("%q: got %v, want %v", text, got, want)
						}
						hits += len(want)
					}
				}
			}
		}
	}
	if hits < 1000 {
		t.Errorf("%d hits only", hits)
	}
}

func BenchmarkFind(b *testing.B) {
	var lits []string
	for i := range 400 {
		lits = append(lits, fmt.Sprintf("x%03dz_", i))
	}
	f := build(b, append(lits, some...)...)
	text := []byte(strings.Repeat("The quick brown fox jumps over 12 lazy dogs; {\"a\": [1, 2.5, \"b\"]}\n", 4000))
	for _, n := range []int{64, 1 << 10, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			var hits []Hit
			w := new(Work)
			for b.Loop() {
				hits, _ = f.Find(w, hits[:0], text[:n], 0, n, 1<<30)
			}
		})
	}
}
