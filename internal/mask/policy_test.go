package mask

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func TestPolicy(t *testing.T) {
	resource := func(name string) (string, bool) { return "prod-eu", name == "env" }
	for _, c := range []struct {
		name   string
		policy []Entry
		want   Action
	}{
		{"none", nil, Mask},
		{"first match wins", []Entry{{Action: Drop}, {Action: Pass}}, Drop},
		{"rule", []Entry{{Rule: "w?r*", Action: Pass}}, Pass},
		{"other rule", []Entry{{Rule: "pin", Action: Pass}}, Mask},
		{"severity", []Entry{{Severity: pack.High, Action: Pass}}, Pass},
		{"higher severity", []Entry{{Severity: pack.Critical, Action: Pass}}, Mask},
		{"field", []Entry{{Field: `span.attributes["a*"]`, Action: Pass}}, Pass},
		{"other field", []Entry{{Field: "log.*", Action: Pass}}, Mask},
		{"resource", []Entry{{Resource: map[string]string{"env": "prod-*"}, Action: Pass}}, Pass},
		{"other resource", []Entry{{Resource: map[string]string{"env": "dev"}, Action: Pass}}, Mask},
		{"absent resource attribute", []Entry{{Resource: map[string]string{"zone": "*"}, Action: Pass}}, Mask},
		{"example", []Entry{{Example: true, Action: Pass}}, Mask},
		{"all matchers must match", []Entry{{Rule: "word", Severity: pack.Critical, Action: Pass}}, Mask},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := Where{Field: func() string { return `span.attributes["abc"]` }, Resource: resource}
			out, hits := maskText(t, masker(t, Options{Policy: c.policy}), "SECRETx", at)
			require.Equal(t, c.want, hits[0].Action)
			require.Equal(t, c.want == Pass, out == "SECRETx")
		})
	}
}

func TestPolicyStyle(t *testing.T) {
	m := masker(t, Options{Style: Style{Kind: "hash"}, Policy: []Entry{{Rule: "word", Action: Mask, Style: &Style{Kind: "remove"}}}})
	out, _ := maskText(t, m, "a SECRETx pin 1", Where{})
	require.Regexp(t, `^a  pin \S?\[MASKED:pin:[0-9a-f]{16}\]\S?$`, out)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abbc", true},
		{"a*c", "abcd", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*[0]*", "x[0].y", true},
		{"a**b*c", "aXbYbZc", true},
		{"abc", "abcd", false},
	} {
		require.Equal(t, c.want, match.Glob(c.pattern, c.s), "%s on %s", c.pattern, c.s)
	}
	start := time.Now()
	require.False(t, match.Glob(strings.Repeat("a*", 50)+"b", strings.Repeat("a", 10_000)))
	t.Logf("worst case: %v", time.Since(start))
}
