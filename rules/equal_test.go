package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// byRules makes an engine of the built-in rules without names, and the
// reference for the same.
func byRules(t testing.TB) (*Engine, *refRules) {
	t.Helper()
	e, only := engineOf(t, func(p *pack.Pack) { p.Names = nil })
	return e, newReference(e, only)
}

// engineOf makes an engine of the built-in packs without what leave takes out.
func engineOf(t testing.TB, leave func(*pack.Pack)) (*Engine, []*pack.Pack) {
	t.Helper()
	only, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range only {
		leave(p)
	}
	e, err := Compile(Limits{}, only...)
	if err != nil {
		t.Fatal(err)
	}
	return e, only
}

// isDocument says that the engine reads text as JSON rather than as it stands.
func isDocument(text []byte) bool {
	return json.Valid(text) && bytes.ContainsAny(text, `{["`)
}

// ours says that a text holds a mask: the engine looks around masks, which the
// reference does not know.
func ours(text []byte) bool {
	low := folded(text)
	return bytes.Contains(low, []byte("[masked:")) || bytes.Contains(low, []byte("[withheld:"))
}

// besides says that the reference cannot know finding f of the engine: it was
// found in an encoding, is broken over lines or literals, or cut off.
func besides(text []byte, f Finding) bool {
	return f.Withheld != None || f.Evidence&(Decoded|Truncated) != 0 || bytes.ContainsAny(text[f.Start:f.End], match.Breaks+"+")
}

// compareWithReference says where engine and reference differ in text, or "".
// Each finding of the reference is one of the engine's, same bytes, rule,
// severity and evidence, or lies in one that the reference cannot know; and
// each other finding of the engine is one of the reference's. alike counts
// those that are the same, more those that only the engine can know.
func compareWithReference(e *Engine, ref *refRules, text []byte) (wrong string, alike, more int) {
	got, want := e.Scan(nil, text, Context{}), ref.find(text)
	for _, w := range want {
		i := slices.IndexFunc(got, func(g Finding) bool { return g.Start < w.End && g.End > w.Start })
		switch {
		case i < 0:
			return fmt.Sprintf("the engine misses %s", describe(e, []Finding{w})), alike, more
		case same(got[i], w), tied(e, got[i], w):
			alike++
		case !besides(text, got[i]) || got[i].Start > w.Start || got[i].End < w.End:
			return fmt.Sprintf("the engine has%s (%v), the reference%s (%v)", describe(e, got[i:i+1]), got[i].Evidence, describe(e, []Finding{w}), w.Evidence), alike, more
		}
	}
	for _, g := range got {
		if slices.ContainsFunc(want, func(w Finding) bool { return same(g, w) || tied(e, g, w) }) {
			continue
		}
		if !besides(text, g) {
			return fmt.Sprintf("only the engine has%s (%v)", describe(e, []Finding{g}), g.Evidence), alike, more
		}
		more++
	}
	return "", alike, more
}

// same says that two findings are, but for what only the engine notes.
func same(a, b Finding) bool {
	const mark = Decoded | ByKey | Bare
	return a.Start == b.Start && a.End == b.End && a.Rule == b.Rule && a.Severity == b.Severity && a.Evidence&^mark == b.Evidence&^mark
}

// tied says that two rules of one rank claim the same bytes on the same
// evidence: then the one that was found first names them.
func tied(e *Engine, a, b Finding) bool {
	return a.Start == b.Start && a.End == b.End && a.Evidence == b.Evidence && e.rankOf(a.Rule) == e.rankOf(b.Rule)
}

// TestEngineEqualsReferenceOnExamples: of all rules, plain and with neighbours.
func TestEngineEqualsReferenceOnExamples(t *testing.T) {
	e, ref := byRules(t)
	rng := rand.New(rand.NewPCG(1, 7))
	alike, more, bad := 0, 0, 0
	for n, ex := range allExamples(t) {
		text, _, err := pack.Expand(ex, rng)
		if err != nil {
			t.Fatal(err)
		}
		if isDocument([]byte(text)) {
			text = "body: " + text
		}
		if n%3 == 1 {
			text = "see " + text + ", and then\n"
		}
		wrong, a, m := compareWithReference(e, ref, []byte(text))
		if wrong != "" {
			bad++
			t.Errorf("%.70q: %s", ex, wrong)
		}
		alike, more = alike+a, more+m
	}
	t.Logf("%d findings alike, %d that only the engine can know", alike, more)
	if alike < 1200 || more > alike/10 {
		t.Errorf("%d findings alike, %d that only the engine can know: the comparison says little", alike, more)
	}
}

// leaves appends the texts in text that are no JSON documents: itself, or the
// strings of the document that it is.
func leaves(list []string, text string) []string {
	var doc any
	if !isDocument([]byte(text)) || json.Unmarshal([]byte(text), &doc) != nil {
		return append(list, text)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			list = leaves(list, v)
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for key, item := range v {
				list = append(list, key)
				walk(item)
			}
		}
	}
	walk(doc)
	return list
}

// TestEngineEqualsReferenceOnCorpus: in every text of the corpus with its
// secrets planted, down to the strings of JSON in strings.
func TestEngineEqualsReferenceOnCorpus(t *testing.T) {
	e, ref := byRules(t)
	loaded, err := corpus.Load(os.DirFS("../testdata/corpus"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := loaded.Fill(11)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	texts, alike, more := 0, 0, 0
	for _, c := range cases {
		all, err := corpus.Texts(c.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for path, whole := range all {
			for _, text := range leaves(nil, whole) {
				if len(text) < 8 || seen[text] || ours([]byte(text)) {
					continue
				}
				seen[text] = true
				wrong, a, m := compareWithReference(e, ref, []byte(text))
				if wrong != "" {
					t.Errorf("%s, %s, a text of %d bytes: %s", c.Name, path, len(text), wrong)
				}
				texts, alike, more = texts+1, alike+a, more+m
			}
		}
	}
	t.Logf("%d texts, %d findings alike, %d that only the engine can know", texts, alike, more)
	if alike < 300 || texts < 2000 {
		t.Errorf("%d texts, %d findings alike: the comparison says little", texts, alike)
	}
}

// pieces puts examples together as no example does: cut, in capitals, with
// other bytes inside, one after the other without a border.
func pieces(t testing.TB, examples []string, seed uint64, junk []byte) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 13))
	var text []byte
	for range 1 + rng.IntN(4) {
		ex, _, err := pack.Expand(examples[rng.IntN(len(examples))], rng)
		if err != nil {
			t.Fatal(err)
		}
		b := []byte(ex)
		at := rng.IntN(len(b))
		switch rng.IntN(6) {
		case 0:
			b = b[at:]
		case 1:
			b = b[:at]
		case 2:
			b = bytes.ToUpper(b)
		case 3:
			b = slices.Insert(b, at, junk[:min(len(junk), 64)]...)
		case 4:
			b[at] = " ._-/=\"0aZ+\x80"[rng.IntN(12)]
		}
		text = append(text, b...)
		if rng.IntN(2) == 0 {
			text = append(text, " \n;,_=\"-"[rng.IntN(8)])
		}
	}
	return text[:min(len(text), 1500)]
}

// TestEngineEqualsReferenceOnPieces: of examples, cut and put together.
func TestEngineEqualsReferenceOnPieces(t *testing.T) {
	e, ref := byRules(t)
	examples := allExamples(t)
	alike, more := 0, 0
	for seed := range uint64(600) {
		text := pieces(t, examples, seed, []byte("a1_"))
		if isDocument(text) {
			continue
		}
		wrong, a, m := compareWithReference(e, ref, text)
		if wrong != "" {
			t.Errorf("seed %d, %d bytes: %s", seed, len(text), wrong)
		}
		alike, more = alike+a, more+m
	}
	t.Logf("%d findings alike, %d that only the engine can know", alike, more)
	if alike < 300 {
		t.Errorf("%d findings alike: the comparison says little", alike)
	}
}

// TestEngineEqualsReferenceAtDistances: a word or keyword so far before a token
// that it just counts, and one byte farther.
func TestEngineEqualsReferenceAtDistances(t *testing.T) {
	e, ref := byRules(t)
	rng := rand.New(rand.NewPCG(1, 14))
	found, missed := 0, 0
	for i := range ref.rules {
		r := ref.rules[i].rule
		var word string
		var reach int
		switch {
		case len(r.Near) > 0:
			word, reach = strings.ReplaceAll(r.Near[0], "_", "-")+" key:", 73+len(r.Near[0])
		case len(r.Keywords) > 0:
			word, reach = r.Keywords[0], r.Within
		default:
			continue
		}
		text, secret, err := pack.Expand(r.Examples[0], rng)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Near) > 0 || r.Secret == 0 {
			text = text[secret[0]:secret[1]]
		}
		for gap := reach - len(word) - 3; gap < reach-len(word)+4; gap++ {
			whole := []byte("\n" + word + strings.Repeat(" ", max(0, gap)) + text)
			wrong, alike, _ := compareWithReference(e, ref, whole)
			if wrong != "" {
				t.Errorf("%s, %d bytes behind its word: %s", r.ID, gap, wrong)
			}
			if alike > 0 {
				found++
			} else {
				missed++
			}
		}
	}
	t.Logf("found at %d distances, not at %d", found, missed)
	if found < 500 || missed < 500 {
		t.Errorf("found at %d distances, not at %d: the comparison says little", found, missed)
	}
}

// FuzzEngineEqualsReference: on pieces of examples with any bytes in them.
func FuzzEngineEqualsReference(f *testing.F) {
	e, ref := byRules(f)
	examples := allExamples(f)
	for seed := range uint64(20) {
		f.Add(seed, []byte("\\n-----BEGIN eyJ"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, junk []byte) {
		text := pieces(t, examples, seed, junk)
		if isDocument(text) || ours(text) {
			return
		}
		if wrong, _, _ := compareWithReference(e, ref, text); wrong != "" {
			t.Fatalf("%d bytes: %s", len(text), wrong)
		}
	})
}
