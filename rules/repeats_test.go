package rules

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// rememberingEngines makes an engine that remembers and one that does not.
func rememberingEngines(t testing.TB, size int) (remembering, plain *Engine) {
	t.Helper()
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if remembering, err = Compile(Limits{Repeats: size}, ps...); err != nil {
		t.Fatal(err)
	}
	if plain, err = Compile(Limits{}, ps...); err != nil {
		t.Fatal(err)
	}
	if remembering.Hash() != plain.Hash() {
		t.Error("what is remembered changes the hash of the rules")
	}
	return remembering, plain
}

// TestRepeatsChangeNothing scans clean texts and ones with an example of each
// rule again and again, by themselves and as members of growing documents, under
// keys that matter, with room for few of them: findings are as without a memory.
func TestRepeatsChangeNothing(t *testing.T) {
	remembering, plain := rememberingEngines(t, minRepeats)
	ps, _ := packs.Builtin()
	rng := rand.New(rand.NewPCG(11, 12))
	var texts []string
	for _, p := range ps {
		for i := range p.Rules {
			for _, ex := range slices.Concat(p.Rules[i].Examples, p.Rules[i].NearMisses) {
				text, _, err := pack.Expand(ex, rng)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, fmt.Sprintf("%s\n%s", corpus.Values(uint64(len(texts)), minRepeat, 1)[0], text))
			}
		}
	}
	for i, v := range corpus.Values(1, 700, len(texts)) {
		texts = append(texts, fmt.Sprintf("%d %s", i, v))
	}
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	keys := []string{"", "gen_ai.content", "password", "authorization", "datadog.value"}
	s, known, found := newScanner(remembering), 0, 0
	check := func(where string, text []byte, ctx Context) {
		t.Helper()
		got, want := s.scan(nil, text, ctx), plain.Scan(nil, text, ctx)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d findings, without a memory %d or others", where, len(got), len(want))
		}
		if found += len(want); len(want) == 0 && s.work == 0 {
			known++
		}
	}
	for i := range texts {
		for _, back := range []int{0, 0, 1, 3, 0} {
			n := max(0, i-back)
			check(fmt.Sprintf("text %d", n), []byte(texts[n]), Context{Key: keys[(i+back)%len(keys)]})
		}
		if i%4 == 3 {
			for n := range 4 {
				doc, err := json.Marshal(map[string]any{"messages": texts[i-3 : i-n+1], keys[i%len(keys)]: texts[i]})
				if err != nil {
					t.Fatal(err)
				}
				check(fmt.Sprintf("document %d of texts before %d", n, i), doc, Context{Key: "gen_ai.input.messages"})
			}
		}
	}
	t.Logf("%d texts, %d findings, %d times a text was known to be clean", len(texts), found, known)
	if known < len(texts)/8 || found < len(texts) {
		t.Error("too little was known or found for this to show anything")
	}
}

// TestRepeatsAreCompared: what a text stands under, behind and how deep is part of it.
func TestRepeatsAreCompared(t *testing.T) {
	e, _ := rememberingEngines(t, minRepeats)
	s := newScanner(e)
	clean := corpus.Values(3, 600, 1)[0]
	again := func(text []byte, ctx Context) bool {
		s.scan(nil, text, ctx)
		return s.work == 0
	}
	ctx := Context{Key: "note", Prev: "before"}
	for n, want := range []bool{false, false, true, true} { // kept at its second time
		if got := again(clean, ctx); got != want {
			t.Errorf("time %d: known %v, want %v", n, got, want)
		}
	}
	other := slices.Clone(clean)
	other[len(other)/2] ^= 1
	for name, known := range map[string]bool{
		"another key":      again(clean, Context{Key: "nota", Prev: "before"}),
		"another element":  again(clean, Context{Key: "note", Prev: "behind"}),
		"a longer key":     again(clean, Context{Key: "noteb", Prev: "efore"}),
		"another byte":     again(other, ctx),
		"a shorter text":   again(clean[:len(clean)-1], ctx),
		"a short one":      slices.Contains([]bool{again(clean[:minRepeat-1], ctx), again(clean[:minRepeat-1], ctx), again(clean[:minRepeat-1], ctx)}, true),
		"forgotten, later": forgotten(s, again, clean, ctx),
	} {
		if known {
			t.Errorf("%s: taken for the clean text", name)
		}
	}
	secret, _, err := pack.Expand("ghp_<30*base62><check:github-crc32>", rand.New(rand.NewPCG(5, 6)))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if len(s.scan(nil, append([]byte(secret+" "), clean...), ctx)) != 1 {
			t.Error("a secret was not found again")
		}
	}
}

// forgotten says that text is still known after so many others that it cannot be.
func forgotten(s *scanner, again func([]byte, Context) bool, text []byte, ctx Context) bool {
	for i, v := range corpus.Values(4, 4000, 2*minRepeats/4000) {
		for range 2 {
			s.scan(nil, fmt.Appendf(nil, "%d %s", i, v), ctx)
		}
	}
	return again(text, ctx)
}

// FuzzRepeats: two texts in turn, alone and in a document, are answered as without a memory.
func FuzzRepeats(f *testing.F) {
	remembering, plain := rememberingEngines(f, minRepeats)
	pad := string(corpus.Values(9, minRepeat, 1)[0])
	f.Add("a", "b")
	f.Add("password: ", "hunter2 is it")
	f.Add(`{"token":"`, `\u0041`)
	s := newScanner(remembering)
	f.Fuzz(func(t *testing.T, a, b string) {
		doc, err := json.Marshal([]string{pad + a, pad + b, pad + a})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for n, text := range [][]byte{[]byte(pad + a), []byte(b + pad), doc, []byte(pad + b)} {
				if !slices.Equal(s.scan(nil, text, Context{Key: "k"}), plain.Scan(nil, text, Context{Key: "k"})) {
					t.Errorf("text %d: other findings than without a memory", n)
				}
			}
		}
	})
}
