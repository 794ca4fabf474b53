package match

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// patterns exercise every node; group is the secret's.
var patterns = []struct {
	expr  string
	group int
}{
	{`ab_[a-c]{3}`, 0},
	{`ab_[a-c]{2,4}`, 0},
	{`ab_([a-c]{2,}?)c`, 1},
	{`(?:ab|b)c?_+[abc]*`, 0},
	{`a(b|c_)*(a)b?`, 2},
	{`x(?:a{1,2}b){1,3}c`, 0},
	{`(?i)aB_[a-b]+`, 0},
	{`[a-c]{0,3}_ab([^c]*)c`, 1},
	{`a(?:b|)c{2}_?`, 0},
	{`\bab_c+\b`, 0},
	{`(?:a|ab)(?:c|bcd_)*_`, 0},
	{`(?:(?:a)*b?)*_`, 0},
	{`^ab_|abc$`, 0},
	{`a(?:bc){2}?_(?:a|b){2,3}?c`, 0},
	{`a(?:[b→]|_){1,3}c`, 0},
	{`a[^b]{1,2}→+c`, 0},
}

func compileAll(t testing.TB) (ps []*Pattern, refs []*regexp.Regexp) {
	t.Helper()
	for _, p := range patterns {
		c, err := Compile(p.expr, p.group)
		if err != nil {
			t.Fatalf("%s: %v", p.expr, err)
		}
		ps = append(ps, c)
		refs = append(refs, regexp.MustCompile(`^(?:`+p.expr+`)`))
	}
	return ps, refs
}

// check compares every pattern at the start of text with package regexp.
func check(t *testing.T, ps []*Pattern, refs []*regexp.Regexp, text []byte) {
	t.Helper()
	var s State
	for i, p := range ps {
		s.Steps, s.Limit = 0, 1<<20
		end, from, to, ok := p.At(&s, text, 0)
		m := refs[i].FindSubmatchIndex(text)
		if ok != (m != nil) {
			t.Fatalf("%s on %q: matched %v, regexp %v", patterns[i].expr, text, ok, m)
		}
		if !ok {
			continue
		}
		g := patterns[i].group
		if end != m[1] || m[2*g] >= 0 && (from != m[2*g] || to != m[2*g+1]) {
			t.Fatalf("%s on %q: got %d [%d %d], regexp %v", patterns[i].expr, text, end, from, to, m)
		}
	}
}

func TestEqualsRegexp(t *testing.T) {
	ps, refs := compileAll(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		text := make([]byte, rng.IntN(14))
		for i := range text {
			text[i] = "abc_AB \nx"[rng.IntN(9)]
		}
		if rng.IntN(4) == 0 {
			text = bytes.ReplaceAll(text, []byte("x"), []byte("→"))
		}
		check(t, ps, refs, text)
	}
}

func FuzzEqualsRegexp(f *testing.F) {
	ps, refs := compileAll(f)
	f.Add([]byte("ab_abc"))
	f.Add([]byte("xaabaabc"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for i := range text {
			text[i] &= 0x7f
		}
		if len(text) < 200 {
			check(t, ps, refs, text)
		}
	})
}

func TestLiterals(t *testing.T) {
	for _, tt := range []struct {
		name, expr string
		want       []string
		lo, hi     int
	}{
		{"prefix", `ghp_[0-9A-Za-z]{36}`, []string{"ghp_"}, 0, 0},
		{"small class", `gh[ps]_[0-9A-Za-z]{36}`, []string{"ghp_", "ghs_"}, 0, 0},
		{"infix", `sk-[0-9A-Za-z]{20}T3Bl[0-9A-Za-z]{20}`, []string{"T3Bl"}, 23, 23},
		{"alternatives", `(?:ab|cd)_x[a-z]+`, []string{"ab_x", "cd_x"}, 0, 0},
		{"behind a run", `[a-z]{1,9}://[^@]+@`, []string{"://"}, 1, 9},
		{"prefixes of alternatives", `(?:AKIA|A3T[A-Z])[0-9]{4}|(?:abc|xyz)[a-z]+`, []string{"AKIA", "A3T", "abc", "xyz"}, 0, 0},
		{"suffix", `[0-9a-f]{32}-us[0-9]{1,2}`, nil, 32, 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Compile(tt.expr, 0)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != nil && !slices.Equal(p.Literals, tt.want) || len(p.Literals) == 0 {
				t.Errorf("literals %q, want %q", p.Literals, tt.want)
			}
			if p.MinBefore != tt.lo || p.MaxBefore != tt.hi {
				t.Errorf("offset %d..%d, want %d..%d", p.MinBefore, p.MaxBefore, tt.lo, tt.hi)
			}
		})
	}
}

func TestStepsAreBounded(t *testing.T) {
	p, err := Compile(`a(?:b|bb)*c(?:b*b*b*)*_`, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := State{Limit: 10_000}
	if _, _, _, ok := p.At(&s, []byte("a"+strings.Repeat("b", 500)), 0); ok || !s.Over {
		t.Errorf("matched %v, over %v after %d steps", ok, s.Over, s.Steps)
	}
}

func TestHitEnd(t *testing.T) {
	p, err := Compile(`ghp_[0-9a-z]{8}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"ghp_1234": true, "ghp_1234 ": false, "gh": true, "ghp_1234-": false} {
		s := State{Limit: 1000}
		if _, _, _, ok := p.At(&s, []byte(text), 0); ok || s.HitEnd != want {
			t.Errorf("%q: matched %v, hit end %v, want %v", text, ok, s.HitEnd, want)
		}
	}
}

func TestUnsupportedIsAnError(t *testing.T) {
	for _, expr := range []string{`(`, `a{1001}`, `(?:(?:ab|c_){30}){90}`} {
		if _, err := Compile(expr, 0); err == nil {
			t.Errorf("%s: no error", expr)
		}
	}
	if _, err := Compile(`abc`, 1); err == nil {
		t.Error("group 1 of none: no error")
	}
}
