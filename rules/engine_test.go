package rules

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

func builtin(t testing.TB) *Engine {
	t.Helper()
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile(Limits{}, ps...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func digest(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// TestEveryRuleProvesItself runs the examples and near misses of all packs
// through the engine, each plain, and in JSON once and twice encoded.
func TestEveryRuleProvesItself(t *testing.T) {
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e := builtin(t)
	n := 0
	for _, p := range ps {
		for _, r := range p.Rules {
			n++
			t.Run(r.ID, func(t *testing.T) { prove(t, e, r.ID, r.Examples, r.NearMisses) })
		}
		for _, r := range p.Names {
			n++
			t.Run(r.ID, func(t *testing.T) { prove(t, e, r.ID, r.Examples, r.NearMisses) })
		}
	}
	if n < 20 {
		t.Fatalf("only %d rules: the packs are missing", n)
	}
}

func prove(t *testing.T, e *Engine, id string, examples, near []string) {
	t.Helper()
	for seed := range uint64(5) {
		for i, ex := range examples {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			text, secret, err := pack.Expand(ex, rng)
			if err != nil {
				t.Fatal(err)
			}
			covered(t, e, fmt.Sprintf("example %d, seed %d", i, seed), text, secret)
			for depth := 1; depth <= 2; depth++ {
				enc, sp := encode(text, secret, depth)
				covered(t, e, fmt.Sprintf("example %d, seed %d, JSON %d deep", i, seed, depth), enc, sp)
			}
		}
		for i, nm := range near {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			text, _, err := pack.Expand(nm, rng)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range e.Scan(nil, []byte(text), Context{}) {
				if e.Rules()[f.Rule].ID == id {
					t.Errorf("near miss %d, seed %d: found at [%d, %d)", i, seed, f.Start, f.End)
				}
			}
		}
	}
}

// encode puts text into a JSON document, depth times.
func encode(text string, secret [2]int, depth int) (string, [2]int) {
	esc := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b[1 : len(b)-1])
	}
	for range depth {
		head := `{"id":7,"content":"`
		a := esc(text[:secret[0]])
		s := esc(text[secret[0]:secret[1]])
		text = head + a + s + esc(text[secret[1]:]) + `","n":null}`
		secret = [2]int{len(head) + len(a), len(head) + len(a) + len(s)}
	}
	return text, secret
}

// covered checks that findings cover the secret and little else.
func covered(t *testing.T, e *Engine, what, text string, secret [2]int) {
	t.Helper()
	at := secret[0]
	fs := e.Scan(nil, []byte(text), Context{Digest: digest})
	for _, f := range fs {
		if f.Start <= at && f.End > at {
			at = f.End
		}
	}
	if at < secret[1] {
		t.Errorf("%s: secret at [%d, %d), covered up to %d by %d findings", what, secret[0], secret[1], at, len(fs))
	}
}

func TestCleanTextAllocatesNothing(t *testing.T) {
	e := builtin(t)
	text := []byte(strings.Repeat(`{"role":"user","content":"The token count is 42; max_tokens=4096, see https://example.com/a?b=c.\nKeys: primary key"}`+"\n", 40))
	ctx := Context{Key: "gen_ai.input.messages"}
	var dst []Finding
	dst = e.Scan(dst, text, ctx)
	if len(dst) != 0 {
		t.Fatalf("%d findings in clean text: %+v", len(dst), dst)
	}
	if n := testing.AllocsPerRun(200, func() { dst = e.Scan(dst[:0], text, ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
