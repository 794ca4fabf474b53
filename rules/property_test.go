package rules

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// splice writes a mask over every finding, as package mask does.
func splice(text []byte, fs []Finding) []byte {
	var out []byte
	at := 0
	for _, f := range fs {
		out = append(out, text[at:f.Start]...)
		quote := ""
		if f.Evidence&Bare != 0 {
			quote = strings.Repeat(`\`, int(f.Quote)) + `"`
		}
		out = fmt.Appendf(out, "%s[MASKED:github-token:%08x]%s", quote, uint32(f.Digest), quote)
		at = f.End
	}
	return append(out, text[at:]...)
}

// checkProperties asserts what must hold for any text.
func checkProperties(t *testing.T, e *Engine, text []byte, key string) {
	t.Helper()
	fs := e.Scan(nil, text, Context{Key: key, Digest: digest})
	at := 0
	for i, f := range fs {
		if f.Start < at || f.End <= f.Start || f.End > len(text) {
			t.Fatalf("finding %d at [%d, %d) after %d, in %d bytes", i, f.Start, f.End, at, len(text))
		}
		at = f.End
	}
	masked := splice(text, fs)
	if json.Valid(text) && !json.Valid(masked) {
		t.Errorf("valid JSON of %d bytes is broken by %d masks: %s", len(text), len(fs), describe(e, fs))
	}
	if again := e.Scan(nil, masked, Context{Key: key, Digest: digest}); len(again) != 0 {
		t.Errorf("%d findings in masked text; first: %s; then: %s", len(again), describe(e, fs), describe(e, again))
	}
}

func describe(e *Engine, fs []Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, " %s[%d,%d)", e.Rules()[f.Rule].ID, f.Start, f.End)
	}
	return b.String()
}

// wrappings put a text into the encodings of telemetry.
func wrappings(s string) []string {
	j := func(v any) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	once := j(map[string]any{"content": s, "n": []any{1.5, true, nil}})
	return []string{
		s, once, j([]string{once, s}), j(once), once[:len(once)-3],
		`{'content': '` + strings.ReplaceAll(s, "'", `\'`) + `', 'n': None}`,
		"prose before " + once + " and after\n",
	}
}

func TestPropertiesOnExamples(t *testing.T) {
	e := builtin(t)
	for _, ex := range allExamples(t) {
		text, _, err := pack.Expand(ex, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrappings(text) {
			checkProperties(t, e, []byte(w), "")
			checkProperties(t, e, []byte(w), "x.password")
		}
	}
}

func allExamples(t testing.TB) (all []string) {
	t.Helper()
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		for _, r := range p.Rules {
			all = append(append(all, r.Examples...), r.NearMisses...)
		}
		for _, r := range p.Names {
			all = append(append(all, r.Examples...), r.NearMisses...)
		}
	}
	if len(all) == 0 {
		t.Fatal("no examples")
	}
	return all
}

func FuzzScan(f *testing.F) {
	e := builtin(f)
	for i, ex := range allExamples(f) {
		text, _, err := pack.Expand(ex, rand.New(rand.NewPCG(uint64(i), 2)))
		if err != nil {
			f.Fatal(err)
		}
		ws := wrappings(text)
		f.Add([]byte(ws[i%len(ws)]), "")
	}
	f.Add([]byte(`{"pin":123456,"a":"{\"pin\":[1234,99999]}"}`), "pin")
	f.Add([]byte(`"[12345]"`), "password")
	f.Fuzz(func(t *testing.T, text []byte, key string) {
		checkProperties(t, e, text, key)
	})
}
