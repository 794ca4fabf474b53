package join

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// placed is what a joined text is, with where its pieces stand.
func placed(t *Text) string { return fmt.Sprint(t.Stream, bordered(t), t.Pieces) }

// reads reads a text from a mark on, which it moves; what is joined once stay
// texts were joined must be joined again, too.
func reads(f *Finder, text string, mark *Mark, stay int) (all, settled []string) {
	f.Inside([]byte(text), mark, func(t *Text) {
		if all = append(all, placed(t)); len(all) > stay {
			f.Stay()
			return
		}
		settled = append(settled, placed(t))
	})
	return all, settled
}

// grow reads texts that begin like each other, one after the other, and fails if one of them
// has a joined text that was given neither now nor, where its beginning stood, before;
// or if one is given that it does not have. It returns how many went on from a mark.
func grow(t *testing.T, texts []string, stay int) (went int) {
	t.Helper()
	var f, whole Finder
	var mark Mark
	settled, last := map[string]bool{}, ""
	for _, text := range texts {
		same := 0
		for same < min(len(last), len(text)) && last[same] == text[same] {
			same++
		}
		if !mark.Fits(same) {
			mark = Mark{}
			clear(settled)
		} else {
			went++
		}
		got, clean := reads(&f, text, &mark, stay)
		given := map[string]bool{}
		for _, j := range got {
			given[j] = true
		}
		want, _ := reads(&whole, text, nil, 0)
		has := map[string]bool{}
		for _, j := range want {
			if has[j] = true; !given[j] && !settled[j] {
				t.Fatalf("%q behind %q: %q is not joined", text, last, j)
			}
		}
		for j := range given {
			if !has[j] {
				t.Fatalf("%q behind %q: %q is joined", text, last, j)
			}
		}
		for _, j := range clean {
			settled[j] = true
		}
		last = text
	}
	return went
}

// shapes are pieces of documents that have something to be joined, %s being a value.
var shapes = []string{
	`{"role":"user","content":"%s"},`, `{"type":"text","n":1,"text":"%s"},`, `{"role":"a","parts":[{"type":"text","content":"%s"}]},`, `["a","%s"],`, `"%s","`,
	`{"d":{"text":"%s"}},`, `{"a":"%s","b":"%s"},`, "data: {\"text\":\"%s\"}\n\n", "{\"msg\":\"%s\"}\n", `{\"a\":\"%s\"},`, "{\\\"text\\\":\\\"%s\\\"}\\n",
	`{"choices":[{"delta":{"content":"%s"}}],"n":1},`, "%s", `%s"`, "{", "}", `]`, `[{`, `}},`, `"`, `\`, `\n`, "\n", " ", "event: x\n",
}

// value makes what stands in one.
func value(rng *rand.Rand) string {
	values := []string{"tok_12ab", "cd34ef", "is cd34", "a b", ".", "", "-----BEGIN", "-----END", "x1 -----BEGIN A"}
	switch i := rng.IntN(len(values) + 4); i {
	case len(values):
		return strings.Repeat("words in a row ", rng.IntN(60))
	case len(values) + 1:
		return strings.Repeat("Ab3", rng.IntN(300))
	case len(values) + 2:
		return strings.Repeat([]string{" ", `\`, `\\`, "\n", "] "}[rng.IntN(5)], rng.IntN(40))
	case len(values) + 3:
		return strings.Repeat([]string{"f() { return } ", "}, {", `{\"a\":1}`}[rng.IntN(3)], rng.IntN(400))
	default:
		return values[i]
	}
}

// piece makes a piece of a document, of one of some shapes.
func piece(rng *rand.Rand, shapes []string) string {
	s := shapes[min(rng.IntN(2*len(shapes)), rng.IntN(len(shapes)))]
	for strings.Contains(s, "%s") {
		s = strings.Replace(s, "%s", value(rng), 1)
	}
	return s
}

// TestGrown reads documents that grow by pieces of all shapes, and differ at their ends.
func TestGrown(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	went := 0
	for range 3000 {
		few := shapes
		if i := rng.IntN(len(shapes)); rng.IntN(4) > 0 {
			few = shapes[i:min(len(shapes), i+1+rng.IntN(2))]
		}
		text, texts := "[", []string{}
		for range 1 + rng.IntN(8) {
			if rng.IntN(5) == 0 {
				text = text[:rng.IntN(len(text)+1)]
			}
			for size := len(text) + rng.IntN(3*markEvery); len(text) < size; {
				if rng.IntN(40) == 0 {
					few = append(few[:len(few):len(few)], shapes[rng.IntN(len(shapes))])
				}
				text += piece(rng, few)
			}
			cut := text[:len(text)-rng.IntN(min(len(text)+1, 30))]
			texts = append(texts, cut+[]string{"", "]", `"}]`, `{}]`, "}\n", value(rng), piece(rng, shapes)}[rng.IntN(7)])
		}
		stay := 1 << 20
		if rng.IntN(3) == 0 {
			stay = rng.IntN(20)
		}
		went += grow(t, texts, stay)
	}
	t.Logf("%d times from a mark on", went)
	if went < 1000 {
		t.Error("too few for this to show anything")
	}
}

// FuzzGrown: what a text has joined that begins like another is joined when it is read, or was
// when the other one was.
func FuzzGrown(f *testing.F) {
	for i := range 24 {
		rng := rand.New(rand.NewPCG(uint64(i), 5))
		var begin strings.Builder
		for begin.Len() < 2*markEvery {
			begin.WriteString(piece(rng, shapes))
		}
		f.Add(begin.String(), piece(rng, shapes), piece(rng, shapes)+piece(rng, shapes), uint8(3*i))
	}
	f.Fuzz(func(t *testing.T, begin, first, second string, stay uint8) {
		grow(t, []string{begin + first, begin + second}, int(stay))
	})
}
