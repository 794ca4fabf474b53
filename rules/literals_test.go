package rules

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/cloudflare/ahocorasick"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// folded is b with ASCII letters in lower case, written without the engine's tables.
func folded(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c - 'A' + 'a'
		}
	}
	return out
}

// literalOracle knows by an automaton of others which literals stand in a text.
type literalOracle struct {
	list    []prefilter.Literal
	low     [][]byte // by literal, in lower case
	matcher *ahocorasick.Matcher
	plain   *prefilter.Filter // the literals without Exact and Follow
}

func newLiteralOracle(t testing.TB, e *Engine) *literalOracle {
	t.Helper()
	o := &literalOracle{list: e.list}
	bare := slices.Clone(e.list)
	for i, l := range e.list {
		o.low = append(o.low, folded([]byte(l.Text)))
		bare[i].Exact, bare[i].Follow = false, nil
	}
	o.matcher = ahocorasick.NewMatcher(o.low)
	var err error
	if o.plain, err = prefilter.New(bare); err != nil {
		t.Fatal(err)
	}
	return o
}

// hitsOf returns all hits of a filter, found in pieces of so many bytes.
func hitsOf(f *prefilter.Filter, text []byte, piece int) (hits []prefilter.Hit) {
	w := new(prefilter.Work)
	for at := 0; at < len(text); {
		hits, at = f.Find(w, hits, text, at, min(len(text), at+piece), 1<<30)
	}
	slices.SortFunc(hits, func(a, b prefilter.Hit) int {
		return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Lit, b.Lit))
	})
	return hits
}

// check says what is wrong with the hits of filter f in text, or "". The
// automaton answers which literals stand in a window, not where: so windows are
// small and overlap. What a hit has to be besides, is looked at in the text.
func (o *literalOracle) check(f *prefilter.Filter, text []byte, piece int) string {
	plain := hitsOf(o.plain, text, piece)
	low := folded(text)
	for _, h := range plain {
		if !bytes.HasPrefix(low[h.Pos:], o.low[h.Lit]) {
			return "the filter finds a literal where it does not stand"
		}
	}
	for _, size := range []int{len(text), 512, 40} {
		stride := max(1, size/2)
		if size == 40 && len(text) < 2048 {
			stride = 1
		}
		for from := 0; from == 0 || from < len(low); from += stride {
			to := min(len(low), from+size)
			want := o.matcher.MatchThreadSafe(low[from:to])
			slices.Sort(want)
			if got := o.within(plain, from, to); !slices.Equal(got, want) {
				return describeHits("without hints", len(got), len(want))
			}
		}
	}
	want := slices.DeleteFunc(slices.Clone(plain), func(h prefilter.Hit) bool {
		l, end := o.list[h.Lit], h.Pos+len(o.list[h.Lit].Text)
		return l.Exact && string(text[h.Pos:end]) != l.Text || l.Follow != nil && end < len(text) && !l.Follow[text[end]]
	})
	if got := hitsOf(f, text, piece); !slices.Equal(got, want) {
		return describeHits("with hints", len(got), len(want))
	}
	return ""
}

// within lists the literals of the hits that lie in [from, to), each once.
func (o *literalOracle) within(hits []prefilter.Hit, from, to int) (lits []int) {
	at, _ := slices.BinarySearchFunc(hits, from, func(h prefilter.Hit, from int) int { return h.Pos - from })
	for ; at < len(hits) && hits[at].Pos < to; at++ {
		if h := hits[at]; h.Pos+len(o.low[h.Lit]) <= to {
			lits = append(lits, int(h.Lit))
		}
	}
	slices.Sort(lits)
	return slices.Compact(lits)
}

func describeHits(what string, got, want int) string {
	if got == want {
		return what + " the filter finds other literals than the automaton"
	}
	return what + " the filter finds " + strconv.Itoa(got) + " literals, the automaton " + strconv.Itoa(want)
}

// TestFilterAgreesWithAutomaton: on the corpus, on the examples of all rules in
// the spellings that matter and on ordinary text the filter finds the literals
// that an Aho-Corasick automaton finds, whatever the pieces it is given.
func TestFilterAgreesWithAutomaton(t *testing.T) {
	e := builtin(t)
	o := newLiteralOracle(t, e)
	texts := map[string][]byte{}
	files, err := filepath.Glob("../testdata/corpus/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of the corpus: %v", len(files), err)
	}
	for _, f := range files {
		if texts[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 5))
	var all []byte
	for i, ex := range allExamples(t) {
		text, _, err := pack.Expand(ex, rng)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
		switch i % 4 { // what follows the literals, and at which offset they stand
		case 0:
			all = append(all, bytes.ToUpper([]byte(text))...)
		case 1:
			all = append(all, '\n')
		case 2:
			all = append(all, text[:len(text)/3]...)
		}
	}
	texts["examples"] = all
	var lits []byte
	for _, l := range e.list {
		for _, end := range []string{"", "7", "x", " ", "\x80", "\x00"} {
			lits = append(append(lits, l.Text...), end...)
		}
	}
	texts["literals"], texts["literals in upper case"] = lits, bytes.ToUpper(lits)
	texts["ordinary"] = bytes.Join(corpus.Values(5, 4<<10, 32), []byte("\n"))
	for name, text := range texts {
		for _, piece := range []int{len(text), 64 << 10, 130} {
			if wrong := o.check(e.filter, text, piece); wrong != "" {
				t.Errorf("%s, in pieces of %d bytes: %s", name, piece, wrong)
			}
		}
	}
	if n := len(hitsOf(e.filter, lits, len(lits))); n < 3*len(e.list) {
		t.Errorf("%d hits in a text of all %d literals", n, len(e.list))
	}
}

func FuzzFilterAgreesWithAutomaton(f *testing.F) {
	e := builtin(f)
	o := newLiteralOracle(f, e)
	rng := rand.New(rand.NewPCG(1, 6))
	for i, ex := range allExamples(f) {
		text, _, err := pack.Expand(ex, rng)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(text), uint16(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint16) {
		if wrong := o.check(e.filter, text, max(2, int(piece))); wrong != "" {
			t.Fatalf("%d bytes in pieces of %d: %s", len(text), piece, wrong)
		}
	})
}
