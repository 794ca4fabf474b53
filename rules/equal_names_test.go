package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// byNames makes an engine of the built-in names without rules, and the
// reference for the same.
func byNames(t testing.TB) (*Engine, *refNames) {
	t.Helper()
	e, only := engineOf(t, func(p *pack.Pack) { p.Rules = nil })
	return e, newRefNames(e, only)
}

var identifiers = regexp.MustCompile(`[0-9A-Za-z_.-]+( [0-9A-Za-z_.-]+)?`)

// compareNames says where engine and reference differ about the identifiers of
// a text and about what stands under them, or "".
func compareNames(e *Engine, ref *refNames, s *scanner, text []byte) (wrong string, known, found int) {
	for _, key := range identifiers.FindAll(text, -1) {
		want := ref.of(key)
		if got := e.nameOf(key); got != want {
			return fmt.Sprintf("a key of %d bytes is name %d, for the reference %d", len(key), got, want), known, found
		}
		if want >= 0 {
			known++
			if got := s.nameAt(key); got != want {
				return fmt.Sprintf("an identifier of %d bytes is name %d, for the reference %d", len(key), got, want), known, found
			}
		}
	}
	got, want := e.Scan(nil, text, Context{}), ref.find(text)
	for _, w := range want {
		i := slices.IndexFunc(got, func(g Finding) bool { return g.Start < w.End && g.End > w.Start })
		if i < 0 || !same(got[i], w) && !besides(text, got[i]) {
			return fmt.Sprintf("the engine has%s, the reference%s", describe(e, got), describe(e, want)), known, found
		}
		found++
	}
	for _, g := range got {
		if !besides(text, g) && !slices.ContainsFunc(want, func(w Finding) bool { return same(g, w) }) {
			return "only the engine has" + describe(e, []Finding{g}), known, found
		}
	}
	return "", known, found
}

// TestNamesEqualReference: in lines of code, in the examples and in the corpus.
func TestNamesEqualReference(t *testing.T) {
	e, ref := byNames(t)
	texts := map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 9))
	for _, ex := range allExamples(t) {
		text, _, err := pack.Expand(ex, rng)
		if err != nil {
			t.Fatal(err)
		}
		texts[text] = true
	}
	for _, l := range append(readLines(t, "clean.txt", false), readLines(t, "secret.txt", true)...) {
		text, _, err := pack.Expand(l.template, rng)
		if err != nil {
			t.Fatal(err)
		}
		texts[text+"\n"] = true
	}
	loaded, err := corpus.Load(os.DirFS("../testdata/corpus"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := loaded.Fill(12)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		all, err := corpus.Texts(c.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, whole := range all {
			for _, text := range leaves(nil, whole) {
				texts[text] = true
			}
		}
	}
	s := newScanner(e)
	known, found := 0, 0
	for text := range texts {
		if isDocument([]byte(text)) || ours([]byte(text)) {
			continue
		}
		wrong, k, f := compareNames(e, ref, s, []byte(text))
		if wrong != "" {
			t.Errorf("a text of %d bytes: %s", len(text), wrong)
		}
		known, found = known+k, found+f
	}
	t.Logf("%d texts, %d names, %d values", len(texts), known, found)
	if known < 1000 || found < 400 {
		t.Errorf("%d names and %d values: the comparison says little", known, found)
	}
}

func FuzzNamesEqualReference(f *testing.F) {
	e, ref := byNames(f)
	s := newScanner(e)
	examples := allNames(f)
	for seed := range uint64(20) {
		f.Add(seed, []byte("_Api-key2: "))
	}
	f.Fuzz(func(t *testing.T, seed uint64, junk []byte) {
		text := pieces(t, examples, seed, junk)
		if isDocument(text) || ours(text) {
			return
		}
		if wrong, _, _ := compareNames(e, ref, s, text); wrong != "" {
			t.Fatalf("%d bytes: %s", len(text), wrong)
		}
	})
}

// allNames lists the examples and near misses of the names.
func allNames(t testing.TB) (all []string) {
	t.Helper()
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		for _, n := range p.Names {
			all = append(append(all, n.Examples...), n.NearMisses...)
		}
	}
	return all
}
