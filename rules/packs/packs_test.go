package packs

import (
	"math/rand/v2"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

const seeds = 50

func builtin(t *testing.T) []*pack.Pack {
	t.Helper()
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestExamples: each example is found with exactly the marked bytes, no near miss is.
func TestExamples(t *testing.T) {
	for _, p := range builtin(t) {
		for i := range p.Rules {
			r := &p.Rules[i]
			t.Run(r.ID, func(t *testing.T) {
				t.Parallel()
				o := newOracle(r)
				for n := range r.Examples {
					for seed := range uint64(seeds) {
						checkExample(t, o, n, seed)
					}
				}
				for n := range r.NearMisses {
					for seed := range uint64(seeds) {
						text, _, err := pack.Expand(r.NearMisses[n], rand.New(rand.NewPCG(seed, 2)))
						if err != nil {
							t.Fatal(err)
						}
						if got := o.find(text); len(got) > 0 {
							t.Fatalf("near miss %d, seed %d: found at %v of %d bytes", n, seed, got, len(text))
						}
					}
				}
			})
		}
	}
}

func checkExample(t *testing.T, o *oracle, n int, seed uint64) {
	t.Helper()
	text, want, err := pack.Expand(o.rule.Examples[n], rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatal(err)
	}
	got := o.find(text)
	if len(got) != 1 || got[0] != want {
		t.Fatalf("example %d, seed %d: found at %v, want %v of %d bytes", n, seed, got, want, len(text))
	}
}
