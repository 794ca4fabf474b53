package mask

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/rules"
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
		{"hold", []Entry{{Action: Hold}}, Hold},
		{"producer", []Entry{{Producer: "p", Action: Pass}}, Pass},
		{"other producer", []Entry{{Producer: "q", Action: Pass}}, Mask},
		{"distinct is late", []Entry{{Distinct: 2, Action: Drop}}, Mask},
		{"all matchers must match", []Entry{{Rule: "word", Severity: pack.Critical, Action: Pass}}, Mask},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := Where{Field: func() string { return `span.attributes["abc"]` }, Resource: resource, Producer: "p"}
			out, hits := maskText(t, masker(t, Options{Policy: c.policy}), "SECRETx", at)
			require.Equal(t, c.want, hits[0].Action)
			require.Equal(t, c.want == Pass, out == "SECRETx")
		})
	}
}

// TestSettle: the first entry whose number is reached decides, if it stands
// before what decided at once and all else of it matches.
func TestSettle(t *testing.T) {
	m := masker(t, Options{Policy: []Entry{
		{Distinct: 5, Action: Drop},
		{Rule: "pin", Distinct: 3, Action: Drop},
		{Rule: "word", Distinct: 2, Action: Hold},
		{Field: "here", Action: Mask},
		{Distinct: 2, Action: Drop},
	}})
	require.Equal(t, 5, m.MostDistinct())
	for _, c := range []struct {
		field    string
		distinct int
		want     Action
	}{
		{"here", 1, Mask},
		{"here", 2, Hold},
		{"here", 4, Hold},
		{"here", 5, Drop},
		{"here", 99, Drop},
		{"there", 1, Mask},
		{"there", 2, Hold},
		{"there", 5, Drop},
	} {
		_, hits := maskText(t, m, "SECRETx", Where{Field: func() string { return c.field }})
		require.Equal(t, Mask, hits[0].Action)
		require.Equal(t, c.want, m.Settle(hits[0].Action, hits[0].Late, c.distinct), "%s, %d", c.field, c.distinct)
	}
	_, hits := maskText(t, m, "pin 1", Where{Field: func() string { return "here" }})
	require.Equal(t, Mask, m.Settle(hits[0].Action, hits[0].Late, 2), "behind what decided at once")
	require.Equal(t, Drop, m.Settle(hits[0].Action, hits[0].Late, 3))
	require.Zero(t, masker(t, Options{}).MostDistinct())
}

// TestApproved: what people approved is no finding, also where it was withheld.
func TestApproved(t *testing.T) {
	m := masker(t, Options{})
	approved := map[uint64]struct{}{}
	out, hits := maskText(t, m, "SECRETa SECRETb", Where{Approved: approved})
	require.Len(t, hits, 2)
	require.NotContains(t, out, "SECRET")
	approved[hits[0].Digest] = struct{}{}
	out, hits = maskText(t, m, "SECRETa SECRETb", Where{Approved: approved})
	require.Len(t, hits, 1)
	require.Regexp(t, `^SECRETa \[MASKED:word:[0-9a-f]{8}\]$`, out)

	_, hits = m.Withhold(nil, []byte("long text"), &Where{}, rules.Size)
	approved[hits[0].Digest] = struct{}{}
	masked, hits := m.Withhold(nil, []byte("long text"), &Where{Approved: approved}, rules.Size)
	require.Nil(t, masked)
	require.Empty(t, hits)
	_, hits = m.Withhold(nil, []byte("longer text"), &Where{Approved: approved}, rules.Size)
	require.Len(t, hits, 1)
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
