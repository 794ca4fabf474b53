package secretmaskprocessor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/verdict"
)

// TestPathsHoldNoSecret: a key that turns out to be a secret only after a
// finding below it was noted is in no path of the stamps.
func TestPathsHoldNoSecret(t *testing.T) {
	pw := password(t, 77)
	other := password(t, 79)
	for name, put := range map[string]func(attrs pcommon.Map, value string){
		"a key": func(attrs pcommon.Map, value string) { attrs.PutStr(pw, value) },
		"a key in a map": func(attrs pcommon.Map, value string) {
			attrs.PutEmptyMap("args").PutEmptyMap(pw).PutStr("b", value)
		},
		"two, one below the other": func(attrs pcommon.Map, value string) {
			attrs.PutEmptyMap(pw).PutEmptyMap("x").PutStr(other, value)
		},
		"where the path is cut off": func(attrs pcommon.Map, value string) {
			attrs.PutEmptyMap(strings.Repeat("long", 55)).PutStr(pw, value)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Annotate = annotateFull
			h := start(t, cfg)
			td := ptrace.NewTraces()
			spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
			put(spans.AppendEmpty().Attributes(), "token "+secret(t, 78))
			spans.AppendEmpty().Attributes().PutStr("text", "DB_PASSWORD="+pw+" \nAPI_PASSWORD="+other)
			out := h.trace(td)
			got := out.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			list := get(t, got, verdict.Findings).Slice()
			require.GreaterOrEqual(t, list.Len(), 2, "the key and the value")
			for i, e := range list.All() {
				f, ok := e.Map().Get("field")
				require.True(t, ok)
				require.False(t, shares(f.Str(), pw) || shares(f.Str(), other), "the path of finding %d", i)
			}
			text := jsonOf(t, out)
			require.False(t, shares(text, pw) || shares(text, other), "all of it")
		})
	}
}

// shares says whether s has eight bytes in a row of secret.
func shares(s, secret string) bool {
	for n := 0; n+8 <= len(secret); n++ {
		if strings.Contains(s, secret[n:n+8]) {
			return true
		}
	}
	return false
}
