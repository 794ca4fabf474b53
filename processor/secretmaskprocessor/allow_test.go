package secretmaskprocessor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

// TestAllow: by value, place, service; and what stands beside is masked as ever.
func TestAllow(t *testing.T) {
	one, two := "TSOLD-"+letters, "TSOLD-tsrqponmlkjihgfedcba"
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{writePack(t, t.TempDir(), "own.yaml", "TSOLD")}
	cfg.Allow = []AllowConfig{
		{Description: "revoked", Values: []configopaque.String{configopaque.String(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(one))))}},
		{Description: "load tests", Words: []string{"TSOLD"}, Resource: map[string]string{"service.name": "load*"}, Fields: []string{"log.body*"}},
	}
	h := start(t, cfg)
	out := h.body(one + " and " + two)
	require.Contains(t, out, one+" and [MASKED:")
	require.NotContains(t, out, two)

	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "load-7")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Body().SetStr(two)
	both := plog.NewLogs()
	ld.CopyTo(both)
	require.Equal(t, two, h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str())

	// What the same batch holds in a place that no entry names is masked there
	// alone: memory does not overrule the list.
	both.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("copy", two)
	r = h.log(both).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	require.Equal(t, two, r.Body().Str())
	copied, _ := r.Attributes().Get("copy")
	require.NotContains(t, copied.Str(), two)
}

// TestAllowInline: a sender cannot switch the masking off unless the operator says so.
func TestAllowInline(t *testing.T) {
	secret := "TSOLD-" + letters
	for _, allowed := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.Rules.Packs = []string{writePack(t, t.TempDir(), "own.yaml", "TSOLD")}
		cfg.AllowInline = allowed
		h := start(t, cfg)
		if got := h.body(secret + " # tracescrub:allow"); (got == secret+" # tracescrub:allow") != allowed {
			t.Errorf("allow_inline %v: the body is changed or is not", allowed)
		}
	}
}

func TestAllowMistakes(t *testing.T) {
	cfg := testConfig(t)
	cfg.Allow = []AllowConfig{{Words: []string{"x"}}, {Description: "all of it", Rules: []string{"*"}}}
	err := cfg.Validate()
	require.ErrorContains(t, err, "allow[0]: description: must say why")
	require.ErrorContains(t, err, "allow[1]: needs values, patterns, words, fields or resource")
}

// TestDisabledPackAllowsNothing: an allow-list about the rules of its pack does
// not become one about all when these rules are left out.
func TestDisabledPackAllowsNothing(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{writeFile(t, dir, "a.yaml", `version: 1
name: a
rules:
  - {id: a-rule, provider: A, description: a, severity: low, reference: "https://example.com", pattern: 'TSOLD-[A-Za-z0-9]{4}', examples: ['TSOLD-abcd'], near_misses: [x]}
allow:
  - {description: all of ours, words: [ts]}
`), writePack(t, dir, "own.yaml", "TSNEW")}
	cfg.Rules.Disable = []string{"a-rule"}
	h := start(t, cfg)
	require.NotContains(t, h.body("TSNEW-"+letters), letters)
}

// TestGitleaksPack: a configuration of gitleaks is a pack like others, and is
// read again when a file that it extends changes.
func TestGitleaksPack(t *testing.T) {
	dir := t.TempDir()
	rule := func(prefix string) string {
		return "[[rules]]\nid = \"own-" + prefix + "\"\nregex = '''\\b" + prefix + "_[a-z0-9]{20}\\b'''\n"
	}
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{writeFile(t, dir, "own.toml", "[extend]\npath = \"base.toml\"\n"+rule("tsone"))}
	writeFile(t, dir, "base.toml", rule("tstwo")+"[[rules]]\nid = \"file\"\npath = 'x'\n")
	h := start(t, cfg)
	token := func(prefix string) string { return prefix + "_" + "a1b2c3d4e5f6g7h8i9j0" }
	require.Contains(t, h.body(token("tsone")), "[MASKED:own-tsone:")
	require.Contains(t, h.body(token("tstwo")), "[MASKED:own-tstwo:")
	require.Equal(t, 1, h.logs.FilterMessageSnippet("differs from its file").Len())
	writeFile(t, dir, "base.toml", rule("tsthree"))
	h.core.reload(context.Background())
	require.Contains(t, h.body(token("tsthree")), "[MASKED:own-tsthree:")
	require.Equal(t, token("tstwo"), h.body(token("tstwo")))
	writeFile(t, dir, "base.toml", "[[rules]\n")
	h.core.reload(context.Background())
	require.Contains(t, h.body(token("tsthree")), "[MASKED:own-tsthree:", "the old rules stay")

	cfg.Rules.Packs = []string{filepath.Join(dir, "own.toml")}
	_, err := cfg.MaskOptions(zap.NewNop())
	require.ErrorContains(t, err, "base.toml:2: parsing toml")
}
