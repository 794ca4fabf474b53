package secretmaskprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// raw is what comes out of the processor, with what is left of what was dropped.
func (h *harness) raw(td ptrace.Traces) ptrace.Traces {
	h.t.Helper()
	h.traceSink.Reset()
	require.NoError(h.t, h.traces.ConsumeTraces(context.Background(), td))
	require.Len(h.t, h.traceSink.AllTraces(), 1)
	return h.traceSink.AllTraces()[0]
}

// TestEveryDroppedSpanIsTold: whatever a batch is made of, each span that goes
// leaves its ids, and what it went for, and nothing else; all others stay.
func TestEveryDroppedSpanIsTold(t *testing.T) {
	cfg := byName(t)
	newVault(t, cfg)
	h := start(t, cfg)
	total := 0
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 11))
		what := func(words ...string) string { return words[rng.IntN(len(words))] }
		b := newSpans(t)
		gone, stays := map[pcommon.SpanID]pcommon.TraceID{}, []pcommon.SpanID{}
		for range 1 + rng.IntN(3) {
			inResource := what("", "", "", "mask", "hold", "drop")
			b.resource(inResource)
			for range rng.IntN(3) {
				inScope := what("", "", "", "mask", "hold", "drop")
				b.scope(inScope)
				for range rng.IntN(4) {
					own := what("", "mask", "hold", "drop", "pass")
					b.span(byte(rng.IntN(5)), own)
					spans := b.last().ScopeSpans().At(b.last().ScopeSpans().Len() - 1).Spans()
					s := spans.At(spans.Len() - 1)
					if slices.Contains([]string{inResource, inScope, own}, "drop") {
						gone[s.SpanID()] = s.TraceID()
					} else {
						stays = append(stays, s.SpanID())
					}
				}
			}
		}
		before := h.sum(metricPrefix + "items_dropped")
		out := h.raw(b.td)
		require.EqualValues(t, len(gone), h.sum(metricPrefix+"items_dropped")-before, "seed %d", seed)
		total += len(gone)

		told, units := map[pcommon.TraceID]bool{}, 0
		for _, s := range item.Dropped(shape.Traces, out) {
			told[s.Trace] = true
			units += s.Spans
			require.NotEmpty(t, s.Policy, "seed %d", seed)
			require.NotEmpty(t, s.Rules, "seed %d: nobody is told what for", seed)
		}
		require.Equal(t, len(gone), units, "seed %d", seed)
		for _, trace := range gone {
			require.True(t, told[trace], "seed %d: trace %x", seed, trace)
		}
		var kept []pcommon.SpanID
		for _, rs := range item.Kept(shape.Traces, out).ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					kept = append(kept, s.SpanID())
				}
			}
		}
		require.ElementsMatch(t, stays, kept, "seed %d", seed)
		for _, rs := range out.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					if _, dropped := gone[s.SpanID()]; dropped {
						require.Empty(t, s.Name(), "seed %d", seed)
						for k := range s.Attributes().All() {
							require.Contains(t, []string{verdict.Verdict, verdict.Findings}, k, "seed %d", seed)
						}
					}
				}
			}
		}
	}
	require.Greater(t, total, 150)
}

// TestWhatIsLeftOfDropped: the service, the conversation, who sent it and what
// for; of logs and metrics as well.
func TestWhatIsLeftOfDropped(t *testing.T) {
	cfg := byName(t) // annotate is summary
	h := start(t, withoutHold(cfg))
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.SetSchemaUrl("https://schema.example/1")
	rl.Resource().Attributes().PutStr("service.name", "shop")
	rl.Resource().Attributes().PutStr("host.name", "canary")
	rl.Resource().Attributes().PutStr("drop", secret(t, 1))
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Body().SetStr("canary")
	r.SetTraceID(pcommon.TraceID{1})
	r.SetTimestamp(5)
	r.Attributes().PutStr("gen_ai.conversation.id", "talk "+secret(t, 2))
	r.Attributes().PutStr("canary", "canary")
	require.NoError(t, h.records.ConsumeLogs(from("someone"), ld))
	out := h.logSink.AllLogs()[0]
	require.NotContains(t, jsonOf(t, out), "canary")
	require.NotContains(t, jsonOf(t, out), "schema.example")
	told := item.Dropped(shape.Logs, out)
	require.Len(t, told, 2)
	require.Equal(t, "shop", told[1].Service)
	require.NotEmpty(t, told[1].Producer)
	require.Contains(t, told[1].Conversation, "talk [MASKED:")
	require.Equal(t, [16]byte{1}, told[1].Trace)
	require.Equal(t, 2, told[1].Findings, "its own and its resource's")
	require.Len(t, told[0].List, 1)
	require.Equal(t, "drop", told[0].List[0].Action)
	require.Len(t, told[0].List[0].Fingerprint, 8)
	require.Equal(t, pcommon.Timestamp(5), out.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Timestamp())

	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("stays")
	points := m.SetEmptyGauge().DataPoints()
	points.AppendEmpty().Attributes().PutStr("drop", secret(t, 3))
	points.AppendEmpty().SetIntValue(2)
	require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), md))
	metrics := h.metricsSink.AllMetrics()[0]
	require.Equal(t, 1, item.Dropped(shape.Metrics, metrics)[0].Spans)
	rest := item.Kept(shape.Metrics, metrics)
	require.Equal(t, 1, rest.DataPointCount())
	require.Contains(t, jsonOf(t, rest), "stays")
}

// withoutHold takes the entries of a policy away that need keys.
func withoutHold(cfg *Config) *Config {
	cfg.Policy = slices.DeleteFunc(cfg.Policy, func(p PolicyConfig) bool { return p.Action == "hold" })
	return cfg
}

// TestDropIsForgotten: what one batch dropped is not dropped from the next.
func TestDropIsForgotten(t *testing.T) {
	h := start(t, withoutHold(byName(t)))
	out := h.raw(newSpans(t).resource("drop").span(1, "").td)
	require.Len(t, item.Dropped(shape.Traces, out), 2)
	out = h.raw(newSpans(t).resource("mask").span(1, "").td)
	require.Empty(t, item.Dropped(shape.Traces, out))
	require.Equal(t, 1, out.SpanCount())
}

// TestWhatChangesIsStamped: nothing is taken out of telemetry, by a mask of any
// style or for any limit, without a finding at the unit it stood in: no
// finding, no audit event.
func TestWhatChangesIsStamped(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		late   bool
		least  int
	}{
		"default":     {func(*Config) {}, false, 100},
		"removed":     {func(c *Config) { c.Mask.Style = "remove" }, false, 100},
		"too long":    {func(c *Config) { c.Limits.MaxValueBytes = 20 }, false, 100},
		"too deep":    {func(c *Config) { c.Limits.MaxDepth = 2 }, false, 100},
		"too many":    {func(c *Config) { c.Limits.MaxFindings = 2 }, false, 100},
		"out of time": {func(*Config) {}, true, 100},
		"only told":   {func(c *Config) { c.Policy = []PolicyConfig{{Field: "span.*", Action: "pass"}} }, false, 10},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Annotate = annotateFull
			c.change(cfg)
			h := start(t, cfg)
			if c.late {
				late(h)
			}
			changed := 0
			for seed := range uint64(40) {
				td := motley(t, rand.New(rand.NewPCG(seed, 12)))
				before := ptrace.NewTraces()
				td.CopyTo(before)
				changed += checkStamped(t, fmt.Sprint("seed ", seed), before, h.raw(td))
			}
			require.Greater(t, changed, c.least)
		})
	}
}

// late makes the clock run so fast that no batch is in time.
func late(h *harness) {
	began := time.Now()
	var n time.Duration
	h.core.now = func() time.Time { n += time.Hour; return began.Add(n) }
}

// motley makes spans with secrets in all kinds of places, and without.
func motley(t testing.TB, rng *rand.Rand) ptrace.Traces {
	t.Helper()
	text := func() string {
		switch rng.IntN(3) {
		case 0:
			return secret(t, rng.Uint64())
		case 1:
			return "say " + secret(t, rng.Uint64()) + " twice"
		}
		return "nothing"
	}
	put := func(m pcommon.Map) {
		m.PutStr("plain", text())
		m.PutEmptyBytes("bytes").FromRaw([]byte(text()))
		m.PutStr("key "+text(), "v")
		m.PutInt("pin", 123400+rng.Int64N(99))
		m.PutEmptyMap("a").PutEmptyMap("b").PutEmptySlice("c").AppendEmpty().SetStr(text())
	}
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.SetSchemaUrl("https://schema.example/?" + text())
	put(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName(text())
	for i := range 5 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{byte(i % 2)})
		s.SetName(text())
		s.TraceState().FromRaw("a=" + text())
		s.Status().SetMessage(text())
		if i > 0 {
			put(s.Attributes())
			put(s.Events().AppendEmpty().Attributes())
			s.Links().AppendEmpty().TraceState().FromRaw("a=" + text())
		}
	}
	return td
}

// checkStamped counts the units that differ, and wants a finding at each.
func checkStamped(t *testing.T, what string, before, after ptrace.Traces) (changed int) {
	t.Helper()
	stamped := func(m pcommon.Map) bool {
		v, ok := m.Get(verdict.Findings)
		acted := false
		if ok {
			for _, f := range v.Slice().All() {
				acted = acted || get(t, f.Map(), "action").Str() != "pass"
			}
		}
		return acted
	}
	check := func(differ bool, attrs pcommon.Map, where string) {
		if differ {
			changed++
			require.True(t, stamped(attrs), "%s: a %s has changed without a finding", what, where)
		}
	}
	bare := func(m pcommon.Map) pcommon.Map {
		b := pcommon.NewMap()
		m.CopyTo(b)
		verdict.Strip(b)
		return b
	}
	br, ar := before.ResourceSpans().At(0), after.ResourceSpans().At(0)
	resource := ar.Resource().Attributes()
	check(br.SchemaUrl() != ar.SchemaUrl() || !br.Resource().Attributes().Equal(bare(resource)), resource, "resource")
	bs, as := br.ScopeSpans().At(0), ar.ScopeSpans().At(0)
	check(bs.Scope().Name() != as.Scope().Name(), as.Scope().Attributes(), "scope")
	for i := range bs.Spans().Len() {
		was, is := bs.Spans().At(i), ptrace.NewSpan()
		as.Spans().At(i).CopyTo(is)
		attrs := as.Spans().At(i).Attributes()
		verdict.Strip(is.Attributes())
		check(oneJSON(t, was) != oneJSON(t, is), attrs, "span")
	}
	return changed
}

func oneJSON(t *testing.T, s ptrace.Span) string {
	t.Helper()
	td := ptrace.NewTraces()
	s.CopyTo(td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
	return jsonOf(t, td)
}
