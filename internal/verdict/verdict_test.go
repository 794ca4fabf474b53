package verdict

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestStrip(t *testing.T) {
	m := pcommon.NewMap()
	m.PutStr("a", "1")
	m.PutStr("tracescrub.policy", "forged")
	m.PutStr("tracescrubber", "2")
	m.PutStr("TraceScrub.Verdict", "forged")
	m.PutEmptySlice("tracescrub.findings")
	m.PutStr("z", "3")
	require.Equal(t, 3, Strip(m))
	require.Equal(t, map[string]any{"a": "1", "tracescrubber": "2", "z": "3"}, m.AsRaw())
	require.Zero(t, Strip(m))
	require.Zero(t, testing.AllocsPerRun(10, func() { Strip(m) }))
}

func TestStamp(t *testing.T) {
	m := pcommon.NewMap()
	f := Finding{Rule: "r", Severity: "high", Field: "log.body", Fingerprint: "00112233", Action: "mask", Length: 40}
	Stamp(m, Masked, []Finding{f}, false)
	require.Equal(t, map[string]any{
		"tracescrub.verdict": "masked",
		"tracescrub.findings": []any{map[string]any{
			"rule": "r", "severity": "high", "field": "log.body", "fingerprint": "00112233", "action": "mask", "length": int64(40),
		}},
	}, m.AsRaw())

	many := make([]Finding, maxFindings+1)
	Stamp(m, Held, many, false)
	v, _ := m.Get(Findings)
	require.Equal(t, maxFindings, v.Slice().Len())
	require.Equal(t, 2, m.Len(), "a second stamp replaces the first")
}

func TestSummary(t *testing.T) {
	m := pcommon.NewMap()
	var findings []Finding
	for i := range 10 {
		findings = append(findings, Finding{Rule: fmt.Sprintf("rule-%d", i%3)})
	}
	Stamp(m, Masked, findings, true)
	require.Equal(t, map[string]any{
		"tracescrub.verdict":  "masked",
		"tracescrub.findings": map[string]any{"rule-0": int64(4), "rule-1": int64(3), "rule-2": int64(3)},
	}, m.AsRaw())
}

func TestOnlyReported(t *testing.T) {
	for _, summary := range []bool{false, true} {
		m := pcommon.NewMap()
		Stamp(m, "", []Finding{{Rule: "r"}}, summary)
		_, ok := m.Get(Verdict)
		require.False(t, ok)
		require.Equal(t, 1, m.Len())
	}
}

func TestCommit(t *testing.T) {
	a := Commit([]byte("key 1"), "alice@example.org")
	require.Len(t, a, 32)
	require.Equal(t, a, Commit([]byte("key 1"), "alice@example.org"))
	require.NotEqual(t, a, Commit([]byte("key 2"), "alice@example.org"))
	require.NotEqual(t, a, Commit([]byte("key 1"), "bob@example.org"))
}

// TestStampOfMany: how many people must approve depends on what is listed.
func TestStampOfMany(t *testing.T) {
	many := make([]Finding, 3*maxFindings)
	for i := range many {
		many[i] = Finding{Rule: fmt.Sprint(i), Severity: "high"}
	}
	many[2*maxFindings].Severity = "critical"
	m := pcommon.NewMap()
	Stamp(m, Held, many, false)
	v, _ := m.Get(Findings)
	require.Equal(t, maxFindings, v.Slice().Len())
	first, _ := v.Slice().At(0).Map().Get("rule")
	require.Equal(t, fmt.Sprint(2*maxFindings), first.Str(), "the gravest comes first")
	second, _ := v.Slice().At(1).Map().Get("rule")
	require.Equal(t, "0", second.Str(), "then the first of the others")
	require.Equal(t, "0", many[0].Rule, "the caller's list stays as it is")
}

// TestEachAction: however many graver ones there are, the list names each
// action, so that who reads it knows whether anything stands there in the clear.
func TestEachAction(t *testing.T) {
	many := make([]Finding, 3*maxFindings)
	for i := range many {
		many[i] = Finding{Rule: fmt.Sprint(i), Severity: "high", Action: "mask"}
	}
	many[7].Severity, many[7].Action = "critical", "hold"
	for _, at := range []int{0, maxFindings - 1, maxFindings, len(many) - 1} {
		list := slices.Clone(many)
		list[at].Severity, list[at].Action = "low", "pass"
		list[20].Severity, list[20].Action = "medium", "drop"
		kept := gravest(list)
		require.Len(t, kept, maxFindings)
		require.Equal(t, "critical", kept[0].Severity)
		for _, action := range []string{"mask", "hold", "pass", "drop"} {
			require.True(t, slices.ContainsFunc(kept, func(f Finding) bool { return f.Action == action }), "%s with pass at %d", action, at)
		}
	}
	for i := range many {
		many[i].Action = fmt.Sprint(i)
	}
	require.Equal(t, "critical", gravest(many)[0].Severity)
}
