package secretmaskprocessor

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/shape"
)

// TestDistinctSecrets counts in a trace, over batches, each secret once.
func TestDistinctSecrets(t *testing.T) {
	config := func(action string) *Config {
		cfg := testConfig(t)
		cfg.Policy = []PolicyConfig{{Field: `*"pass"*`, Action: "pass"}, {DistinctSecrets: 3, Action: action}, {Action: "mask"}}
		newVault(t, cfg)
		return cfg
	}
	h := start(t, config("hold"))
	send := func(b *spans) []string { return whatsOf(t, h.trace(b.td)) }
	require.Equal(t, []string{"-", "-", "masked", "masked", "masked", "masked"},
		send(newSpans(t).resource("").span(1, "a").span(1, "b").span(2, "a").span(2, "b")))
	require.Equal(t, []string{"-", "-", "held+", "masked"},
		send(newSpans(t).resource("").span(1, "a").span(3, "a")), "the third of trace 1, in another batch")
	require.Equal(t, []string{"-", "-", "held+", "held+", "held+", "-"},
		send(newSpans(t).resource("").span(4, "a").span(4, "b").span(4, "c").span(4, "")), "what came before the third as well")
	require.Equal(t, []string{"-", "-", "masked", "masked", "masked"},
		send(newSpans(t).resource("").span(0, "a").span(0, "b").span(0, "c")), "without a trace each span is for itself")
	require.Equal(t, []string{"-", "-", "masked", "masked", "-"},
		send(newSpans(t).resource("").span(5, "a").span(5, "b").span(5, "pass")), "what is let pass does not count")

	b := newSpans(t).resource("").span(0, "a").span(6, "a").span(6, "a").span(6, "a")
	s := b.last().ScopeSpans().At(0).Spans()
	b.put(s.At(0).Attributes(), "b")
	b.put(s.At(0).Attributes(), "c")
	for i := range 3 { // the same secret, in three forms
		s.At(i+1).Attributes().PutStr("a", []string{"%s", "x-api-key: %s", "%x"}[i])
		s.At(i+1).Attributes().PutStr("a", fmt.Sprintf([]string{"%s", "x-api-key: %s", "%x"}[i], secret(t, 5200)))
	}
	require.Equal(t, []string{"-", "-", "held+", "masked", "masked", "masked"}, send(b))

	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 3 {
		r := records.AppendEmpty()
		r.SetTraceID(pcommon.TraceID{7})
		r.Body().SetStr(secret(t, 5210+uint64(i)))
	}
	var got []string
	attributesOf(shape.Logs, h.log(ld), func(m pcommon.Map) { got = append(got, whatOf(t, m)) })
	require.Equal(t, []string{"-", "-", "held+", "held+", "held+"}, got)

	h = start(t, config("drop"))
	require.Equal(t, []string{"-", "-", "masked", "masked"}, send(newSpans(t).resource("").span(1, "a").span(1, "b")))
	require.Equal(t, []string{"-", "-", "masked"}, send(newSpans(t).resource("").span(1, "a").span(2, "c")), "dropped")
	require.Equal(t, int64(1), h.sum(metricPrefix+"items_dropped"))

	cfg := config("hold")
	cfg.Memory.Traces = 0
	h = start(t, cfg)
	require.Equal(t, []string{"-", "-", "masked", "masked"}, send(newSpans(t).resource("").span(1, "a").span(1, "b")))
	require.Equal(t, []string{"-", "-", "masked"}, send(newSpans(t).resource("").span(1, "a")), "nothing is remembered")
}

// TestDistinctNeedsNoSeal: dropping does not.
func TestDistinctNeedsNoSeal(t *testing.T) {
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{{DistinctSecrets: 2, Action: "drop"}}
	h := start(t, cfg)
	out := h.trace(newSpans(t).resource("").span(1, "a").span(1, "b").span(2, "a").td)
	require.Equal(t, 1, out.SpanCount())
}
