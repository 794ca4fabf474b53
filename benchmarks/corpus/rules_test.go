package corpus

import (
	"math/rand/v2" // seeded
	"runtime"
	"testing"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// doubled makes engines of the built-in packs and of twice as many rules.
func doubled(t testing.TB) (single, double *rules.Engine) {
	t.Helper()
	all, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if single, err = rules.Compile(rules.Limits{}, all...); err != nil {
		t.Fatal(err)
	}
	if double, err = rules.Compile(rules.Limits{}, append(all[:len(all):len(all)], Double(1, all))...); err != nil {
		t.Fatal(err)
	}
	return single, double
}

// TestDouble: there are twice as many rules, and on our texts they find the same.
func TestDouble(t *testing.T) {
	single, double := doubled(t)
	if len(double.Rules()) != 2*len(single.Rules()) {
		t.Errorf("%d rules, doubled %d", len(single.Rules()), len(double.Rules()))
	}
	values := Values(1, 1<<10, 500)
	planted, err := Plant(1, values, 50)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i, v := range values {
		a, b := single.Scan(nil, v, rules.Context{}), double.Scan(nil, v, rules.Context{})
		if len(a) != len(b) {
			t.Errorf("value %d: %d findings, with twice as many rules %d", i, len(a), len(b))
		}
		found += len(b)
	}
	if found != planted {
		t.Errorf("%d found, %d planted", found, planted)
	}
}

// TestSyntheticRulesFind: the other half of the rules is at work, and in the
// form of a pack.
func TestSyntheticRulesFind(t *testing.T) {
	all, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	p := Double(1, all)
	e, err := rules.Compile(rules.Limits{}, p)
	if err != nil {
		t.Fatal(err)
	}
	templates := map[string]string{}
	for _, r := range p.Rules {
		templates[r.ID] = r.Examples[0]
	}
	for _, n := range p.Names {
		templates[n.ID] = n.Examples[0]
	}
	if len(templates) != len(e.Rules()) {
		t.Errorf("%d examples of %d rules", len(templates), len(e.Rules()))
	}
	for id, template := range templates {
		text, secret, err := pack.Expand(template, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		fs := e.Scan(nil, []byte(text), rules.Context{})
		if len(fs) != 1 || e.Rules()[fs[0].Rule].ID != id || fs[0].Start != secret[0] || fs[0].End != secret[1] {
			t.Errorf("%s: %d findings, want its own at %v", id, len(fs), secret)
		}
	}
}

// maxHeap is what an engine with twice the built-in rules, more than a
// thousand, may hold in memory, its working memory for a goroutine included.
const maxHeap = 64 << 20

func TestHeapOfThousandRules(t *testing.T) {
	all, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	all = append(all[:len(all):len(all)], Double(1, all))
	text := Values(1, 256<<10, 1)[0]
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	e, err := rules.Compile(rules.Limits{}, all...)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Rules()) < 1000 {
		t.Fatalf("%d rules, want a thousand or more", len(e.Rules()))
	}
	found := e.Scan(nil, text, rules.Context{})
	after := heap()
	if held := int64(after) - int64(before); held > maxHeap {
		t.Errorf("an engine of %d rules holds %d bytes, may hold %d", len(e.Rules()), held, maxHeap)
	} else {
		t.Logf("%d rules: %d bytes", len(e.Rules()), held)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(found)
}

// BenchmarkDoubling: cpu of the same texts by the built-in rules and by twice as many.
func BenchmarkDoubling(b *testing.B) {
	single, double := doubled(b)
	for _, size := range []int{64, 1 << 10, 16 << 10, 256 << 10} {
		values := Values(1, size, max(4, (1<<20)/size))
		for _, c := range []struct {
			name   string
			engine *rules.Engine
		}{{"single", single}, {"doubled", double}} {
			b.Run(c.name+"/"+sizeName(size), func(b *testing.B) {
				var dst []rules.Finding
				b.SetBytes(int64(size))
				for i := range b.N {
					dst = c.engine.Scan(dst[:0], values[i%len(values)], rules.Context{Key: "gen_ai.output.messages"})
				}
			})
		}
	}
}

func sizeName(n int) string {
	if n < 1<<10 {
		return "64B"
	}
	return map[int]string{1 << 10: "1KB", 16 << 10: "16KB", 256 << 10: "256KB"}[n]
}

// BenchmarkCompile: building an engine with twice the built-in rules.
func BenchmarkCompile(b *testing.B) {
	all, err := packs.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	all = append(all[:len(all):len(all)], Double(1, all))
	for b.Loop() {
		if _, err := rules.Compile(rules.Limits{}, all...); err != nil {
			b.Fatal(err)
		}
	}
}
