package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// cost is what scanning some texts costs, by counts that no other work on the
// machine changes.
type cost struct {
	steps      float64 // scanner.work per byte
	hits       float64 // of the filter, per KB of the texts as they stand
	candidates float64 // of rules, tried per KB, in decoded text as well
	names      float64 // looked at per KB, the same
	allocs     float64 // per value
}

// guard bounds the cost of texts of each kind. Where a change makes texts
// cheaper, lower the bounds: run
//
//	go test ./rules -run TestCostIsBounded -v
//
// and write what it logs, and a tenth more, into the table. Raising one needs
// a reason in the message of the commit.
var guard = map[string]cost{
	"clean 64 B":                     {steps: 1.2, hits: 4.6, candidates: 0.17, names: 4, allocs: 0.001},
	"clean 1 KB":                     {steps: 1.25, hits: 5.4, candidates: 0.094, names: 4.8, allocs: 0.001},
	"clean 16 KB":                    {steps: 1.3, hits: 5.3, candidates: 0.092, names: 4.6, allocs: 0.02},
	"a secret in 200 values of 1 KB": {steps: 1.25, hits: 5.2, candidates: 0.11, names: 4.5, allocs: 0.001},
	"a secret on every line, 4 KB":   {steps: 7.7, hits: 39, candidates: 28.5, names: 18, allocs: 0.1},
}

const guardBytes = 1 << 20 // of each kind of text

func TestCostIsBounded(t *testing.T) {
	e := builtin(t)
	for kind, values := range guarded(t) {
		t.Run(kind, func(t *testing.T) {
			is, most := measure(e, values), guard[kind]
			t.Logf("%q: %s", kind, is)
			for _, c := range []struct {
				what     string
				is, most float64
			}{
				{"steps per byte", is.steps, most.steps},
				{"hits per KB", is.hits, most.hits},
				{"candidates per KB", is.candidates, most.candidates},
				{"names per KB", is.names, most.names},
				{"allocations per value", is.allocs, most.allocs},
			} {
				if c.is > c.most {
					t.Errorf("%.3g %s, at most %.3g are allowed", c.is, c.what, c.most)
				}
				if c.is < c.most/2 && c.most > 0.1 {
					t.Logf("%.3g %s are much less than the %.3g allowed: lower the bound", c.is, c.what, c.most)
				}
			}
		})
	}
}

func (c cost) String() string {
	return fmt.Sprintf("{steps: %.3g, hits: %.3g, candidates: %.3g, names: %.3g, allocs: %.3g}", c.steps, c.hits, c.candidates, c.names, c.allocs)
}

// guarded makes the texts. They come from seeds and are the same everywhere.
func guarded(t *testing.T) map[string][][]byte {
	t.Helper()
	texts := map[string][][]byte{
		"clean 64 B":  corpus.Values(1, 64, guardBytes/64),
		"clean 1 KB":  corpus.Values(1, 1<<10, guardBytes>>10),
		"clean 16 KB": corpus.Values(1, 16<<10, guardBytes/(16<<10)),
	}
	some := corpus.Values(2, 1<<10, guardBytes>>10)
	if _, err := corpus.Plant(3, some, 200); err != nil {
		t.Fatal(err)
	}
	texts["a secret in 200 values of 1 KB"] = some
	texts["a secret on every line, 4 KB"] = dumps(t, 64)
	return texts
}

// dumps makes texts as .env files and dumps of credentials are.
func dumps(t *testing.T, count int) (values [][]byte) {
	t.Helper()
	lines := []string{
		"DATABASE_URL=postgres://app:<16*base62>@db.internal:5432/orders", "export API_KEY=<32*base62>", "AWS_ACCESS_KEY_ID=AKIA<16*base32>",
		"GITHUB_TOKEN=ghp_<30*base62><check:github-crc32>", "DB_PASSWORD=<14*password>", `"client_secret": "<40*base64url>",`,
		"SLACK_BOT_TOKEN=xoxb-<12*digit>-<13*digit>-<24*base62>", "Authorization: Bearer <jwt>", "LOG_LEVEL=debug", "SESSION_SECRET='<48*hex>'",
	}
	rng := rand.New(rand.NewPCG(1, 4))
	for range count {
		var b strings.Builder
		for i := 0; b.Len() < 4<<10; i++ {
			line, _, err := pack.Expand(lines[i%len(lines)], rng)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(line + "\n")
		}
		values = append(values, []byte(b.String()))
	}
	return values
}

func measure(e *Engine, values [][]byte) cost {
	var c cost
	bytes := 0
	s := newScanner(e)
	var found []Finding
	for _, v := range values {
		bytes += len(v)
		found = s.scan(found[:0], v, Context{})
		c.steps += float64(s.work)
		c.candidates += float64(s.tried)
		c.names += float64(s.named)
		for next := 0; next < len(v); {
			var hits []prefilter.Hit
			hits, next = e.filter.Find(&s.find, nil, v, next, len(v), 1<<30)
			c.hits += float64(len(hits))
		}
	}
	c.allocs = testing.AllocsPerRun(3, func() {
		for _, v := range values {
			found = s.scan(found[:0], v, Context{})
		}
	}) / float64(len(values))
	c.steps /= float64(bytes)
	for _, n := range []*float64{&c.hits, &c.candidates, &c.names} {
		*n /= float64(bytes) / 1024
	}
	return c
}
