package secretmaskprocessor

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// TestEveryExampleIsMasked runs the examples of all built-in rules through
// the masker of the default configuration: the secret is gone, what is around
// it stays, and a second run changes nothing.
func TestEveryExampleIsMasked(t *testing.T) {
	cfg := testConfig(t)
	options, err := cfg.MaskOptions(zap.NewNop())
	require.NoError(t, err)
	masker, err := mask.New(options)
	require.NoError(t, err)
	builtin, err := packs.Builtin()
	require.NoError(t, err)
	examples := 0
	try := func(id, template string) {
		rng := rand.New(rand.NewPCG(uint64(examples), 1))
		text, secret, err := pack.Expand(template, rng)
		require.NoError(t, err)
		out, hits := masker.Text(nil, []byte(text), &mask.Where{})
		found := false
		for _, h := range hits {
			found = found || h.Start <= secret[0] && h.End >= secret[1]
		}
		require.True(t, found, "rule %s: example %q is not masked as a whole", id, template)
		require.True(t, bounded(text, string(out), hits), "rule %s: example %q: clean bytes changed", id, template)
		again, _ := masker.Text(nil, out, &mask.Where{})
		require.Empty(t, string(again), "rule %s: example %q: masking twice changed something", id, template)
		examples++
	}
	for _, p := range builtin {
		for _, r := range p.Rules {
			for _, e := range r.Examples {
				try(r.ID, e)
			}
		}
		for _, n := range p.Names {
			for _, e := range n.Examples {
				try(n.ID, e)
			}
		}
	}
	require.Greater(t, examples, 100)
}

// bounded reports whether out is text but for the findings.
func bounded(text, out string, hits []mask.Hit) bool {
	pos := 0
	for _, h := range hits {
		clean := text[pos:h.Start]
		if !strings.HasPrefix(out, clean) {
			return false
		}
		out = out[len(clean):]
		end := strings.IndexByte(out, ']')
		if end < 0 {
			return false
		}
		out = out[end+1:]
		if h.Evidence&rules.Bare != 0 {
			out = out[int(h.Quote)+1:]
		}
		pos = h.End
	}
	return out == text[pos:]
}

// FuzzRealEngine: with the real rules masking never panics, masked text has
// no finding, JSON stays valid, and clean bytes stay.
func FuzzRealEngine(f *testing.F) {
	cfg := testConfig(f)
	options, err := cfg.MaskOptions(zap.NewNop())
	require.NoError(f, err)
	masker, err := mask.New(options)
	require.NoError(f, err)
	for i, s := range []string{
		"", "password=", `{"password":"Tr0ub4dor&3xyz"}`, `{"a":"{\"pin\":123456,\"token\":\"\\u0041\"}"}`,
		"Authorization: Bearer ", "postgres://u:p4ssw0rdX@host/db", "export API_KEY='", "%7B%22password%22%3A%22hunter2Xy%22%7D",
		"-----BEGIN PRIVATE KEY-----\nMIIE", `{"otp":123456,"cvv":[123,456]}`, "curl -u me:s3cr3tPass https://example.org",
	} {
		f.Add(s, "", uint64(i))
		f.Add(s, "password", uint64(i))
	}
	f.Fuzz(func(t *testing.T, text, key string, seed uint64) {
		if seed%2 == 0 {
			text += secret(t, seed)
		}
		where := mask.Where{Key: key}
		out, hits := masker.Text(nil, []byte(text), &where)
		for _, h := range hits {
			if h.RuleID == "withheld-panic" {
				t.Fatal("the engine panicked")
			}
		}
		if out == nil {
			return
		}
		if !bounded(text, string(out), hits) {
			t.Fatalf("bytes outside of %d findings changed", len(hits))
		}
		if json.Valid([]byte(text)) && !json.Valid(out) {
			t.Fatalf("JSON is no longer valid, %d findings", len(hits))
		}
		if again, more := masker.Text(nil, out, &where); again != nil {
			t.Fatalf("masked text has %d findings, the first is %s", len(more), more[0].RuleID)
		}
	})
}
