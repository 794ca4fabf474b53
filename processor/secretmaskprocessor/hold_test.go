package secretmaskprocessor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// spans builds traces of resources, scopes and spans that have one attribute
// each, whose name says what is to become of it (byName), or none.
type spans struct {
	t    *testing.T
	td   ptrace.Traces
	next byte
}

func newSpans(t *testing.T) *spans {
	t.Helper()
	return &spans{td: ptrace.NewTraces(), t: t}
}

// resource begins a resource; what is hold, mask or empty.
func (s *spans) resource(what string) *spans {
	s.put(s.td.ResourceSpans().AppendEmpty().Resource().Attributes(), what)
	return s
}

func (s *spans) last() ptrace.ResourceSpans {
	return s.td.ResourceSpans().At(s.td.ResourceSpans().Len() - 1)
}

// scope begins a scope in the last resource.
func (s *spans) scope(what string) *spans {
	s.put(s.last().ScopeSpans().AppendEmpty().Scope().Attributes(), what)
	return s
}

// span adds a span of a trace to the last scope.
func (s *spans) span(trace byte, what string) *spans {
	if s.last().ScopeSpans().Len() == 0 {
		s.scope("")
	}
	span := s.last().ScopeSpans().At(s.last().ScopeSpans().Len() - 1).Spans().AppendEmpty()
	span.SetName("chat")
	span.SetTraceID(pcommon.TraceID{trace})
	s.next++
	span.SetSpanID(pcommon.SpanID{s.next})
	s.put(span.Attributes(), what)
	return s
}

// secretSeed makes all secrets of this file's tests differ.
var secretSeed uint64 = 5000

func (s *spans) put(m pcommon.Map, what string) {
	if what != "" {
		secretSeed++
		m.PutStr(what, secret(s.t, secretSeed))
	}
}

// whatOf says what the stamp of m says: held, masked, or nothing, with + for a patch.
func whatOf(t testing.TB, m pcommon.Map) string {
	t.Helper()
	what := "-"
	if v, ok := m.Get(verdict.Verdict); ok {
		what = v.Str()
	}
	if _, ok := m.Get(verdict.Restore); ok {
		what += "+"
	}
	return what
}

func whatsOf(t testing.TB, td ptrace.Traces) (all []string) {
	t.Helper()
	attributesOf(shape.Traces, td, func(m pcommon.Map) { all = append(all, whatOf(t, m)) })
	return all
}

// byName holds, drops, passes or masks by the attribute's name.
func byName(t testing.TB) *Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{
		{Field: `*.attributes["hold"]`, Action: "hold"},
		{Field: `*.attributes["drop"]`, Action: "drop"},
		{Field: `*.attributes["pass"]`, Action: "pass"},
		{Field: `*metadata["hold"]`, Action: "hold"},
		{Action: "mask"},
	}
	return cfg
}

func TestHoldSpreads(t *testing.T) {
	for name, c := range map[string]struct {
		batch *spans
		want  []string // resource, scope, span, ...
	}{
		"nothing is held": {newSpans(t).resource("mask").scope("mask").span(1, "mask").span(1, ""), []string{"masked", "masked", "masked", "-"}},
		"its trace and what is around it": {
			newSpans(t).resource("mask").scope("mask").span(1, "hold").span(1, "mask").span(2, "mask").span(1, "").span(1, "pass"),
			[]string{"masked+", "masked+", "held+", "held+", "masked", "-", "-"},
		},
		"another resource's spans of the trace": {
			newSpans(t).resource("").span(1, "hold").resource("mask").scope("").span(1, "mask").span(2, "mask"),
			[]string{"-", "-", "held+", "masked+", "-", "held+", "masked"},
		},
		"a resource": {
			newSpans(t).resource("hold").scope("mask").span(1, "mask").span(0, "mask").span(2, "").resource("mask").span(1, "mask").span(2, "mask").span(3, "mask").span(0, "mask"),
			[]string{"held+", "masked+", "held+", "held+", "-", "masked+", "-", "held+", "held+", "masked", "masked"},
		},
		"a scope": {
			newSpans(t).resource("mask").scope("hold").span(1, "mask").span(0, "mask").scope("mask").span(1, "mask").span(0, "mask"),
			[]string{"masked+", "held+", "held+", "held+", "masked+", "held+", "masked"},
		},
		"a span without a trace": {
			newSpans(t).resource("mask").span(0, "hold").span(0, "mask"), []string{"masked+", "-", "held+", "masked"},
		},
		"a dropped span shifts nothing": {
			newSpans(t).resource("").span(1, "drop").span(1, "hold").span(2, "drop").span(1, "mask"), []string{"-", "-", "held+", "held+"},
		},
		"a dropped resource shifts nothing": {
			newSpans(t).resource("drop").span(1, "hold").span(2, "hold").resource("mask").span(3, "hold").span(3, "mask"),
			[]string{"masked+", "-", "held+", "held+"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := byName(t)
			v := newVault(t, cfg)
			h := start(t, cfg)
			before := copyOf(t, shape.Traces, c.batch.td, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
			out := h.trace(c.batch.td)
			require.Equal(t, c.want, whatsOf(t, out))
			var held int64
			for _, w := range c.want {
				if w == "held+" {
					held++
				}
			}
			require.Equal(t, held, h.sum(metricPrefix+"items_held", "signal=traces"))
			originals, _ := restored(t, v, shape.Traces, out, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
			for _, o := range originals {
				for _, s := range o.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
					require.True(t, originalOf(before, s) || h.sum(metricPrefix+"items_held") == 0 || hasMask(s), "a span is neither masked nor what it was")
				}
			}
		})
	}
}

func hasMask(s ptrace.Span) bool {
	for _, v := range s.Attributes().All() {
		if anyMask.MatchString(v.Str()) {
			return true
		}
	}
	return false
}

// originalOf says whether a batch has a span with the attributes of s.
func originalOf(td ptrace.Traces, s ptrace.Span) bool {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, o := range ss.Spans().All() {
				if o.SpanID() == s.SpanID() && o.Attributes().Equal(s.Attributes()) {
					return true
				}
			}
		}
	}
	return false
}

// TestMetricsAreHeldWhole: verdict does not split a metric, so neither does the patch.
func TestMetricsAreHeldWhole(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for i := range 3 {
		m := ms.AppendEmpty()
		m.SetName("m")
		points := m.SetEmptyGauge().DataPoints()
		points.AppendEmpty().Attributes().PutStr("mask", secret(t, 5100+uint64(i)))
		points.AppendEmpty().Attributes().PutStr([]string{"hold", "mask", "mask"}[i], secret(t, 5110+uint64(i)))
	}
	ms.At(0).SetDescription(secret(t, 5120))
	ms.At(2).Metadata().PutStr("hold", secret(t, 5121))
	before := protoOf(t, shape.Metrics, md)
	require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), md))
	out := h.metricsSink.AllMetrics()[0]
	var got []string
	attributesOf(shape.Metrics, out, func(m pcommon.Map) { got = append(got, whatOf(t, m)) })
	require.Equal(t, []string{"-", "-", "masked+", "held+", "held+", "-", "masked", "masked", "held+", "held+", "held+"}, got)
	require.Equal(t, int64(4), h.sum(metricPrefix+"items_held", "signal=metrics", "level=item"))
	require.Equal(t, int64(1), h.sum(metricPrefix+"items_held", "signal=metrics", "level=metric"))

	out.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool {
		return whatOf(t, m.Gauge().DataPoints().At(0).Attributes()) == "masked" // verdict lets it go on
	})
	originals, _ := restored(t, v, shape.Metrics, out, (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics)
	require.Len(t, originals, 1)
	want, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(before)
	require.NoError(t, err)
	i := 0
	want.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().RemoveIf(func(pmetric.Metric) bool { i++; return i == 2 })
	require.Equal(t, protoOf(t, shape.Metrics, want), protoOf(t, shape.Metrics, originals[0]))
}

// TestLaterSpansOfAHeldTrace: what is masked later in a held trace can be restored too.
func TestLaterSpansOfAHeldTrace(t *testing.T) {
	cfg := byName(t)
	cfg.Memory.Duration = time.Minute
	newVault(t, cfg)
	h := start(t, cfg)
	now := time.Now()
	h.core.now = func() time.Time { return now }
	later := func() []string {
		return whatsOf(t, h.trace(newSpans(t).resource("mask").span(1, "mask").span(2, "mask").span(1, "").td))
	}
	require.Equal(t, []string{"masked", "-", "masked", "masked", "-"}, later())
	h.trace(newSpans(t).resource("").span(1, "hold").td)
	require.Equal(t, []string{"masked+", "-", "held+", "masked", "-"}, later())
	require.Equal(t, []string{"masked+", "-", "-"}, whatsOf(t, h.trace(newSpans(t).resource("mask").span(1, "").td)), "the resource of a clean span goes along")
	now = now.Add(time.Minute)
	require.Equal(t, []string{"masked", "-", "masked", "masked", "-"}, later())
}

// TestDefaultPolicy: critical findings, and ten secrets in a trace.
func TestDefaultPolicy(t *testing.T) {
	cfg := testConfig(t)
	newVault(t, cfg)
	h := start(t, cfg)
	require.Equal(t, []string{"-", "-", "held+", "-"}, whatsOf(t, h.trace(newSpans(t).resource("").span(1, "critical").span(2, "").td)))
	of := func(trace byte, n int) string {
		td, s := oneSpan()
		s.SetTraceID(pcommon.TraceID{trace})
		for i := range n {
			s.Attributes().PutStr(fmt.Sprint("k", i), "password="+password(t, 5400+uint64(i))) // not critical by itself
		}
		return whatOf(t, h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes())
	}
	require.Equal(t, "masked", of(2, 9))
	require.Equal(t, "held+", of(3, 10))
}

type auth string

func (a auth) GetAttribute(name string) any {
	if name == "subject" {
		return string(a)
	}
	return nil
}

func (auth) GetAttributeNames() []string { return []string{"subject"} }

func from(who string) context.Context {
	return client.NewContext(context.Background(), client.Info{Auth: auth(who)})
}

func TestProducerPolicy(t *testing.T) {
	for _, annotate := range []string{annotateFull, annotateNone} {
		cfg := testConfig(t)
		cfg.Annotate = annotate
		cfg.Policy = []PolicyConfig{{Producer: "robot", Action: "drop"}}
		h := start(t, cfg)
		for who, want := range map[string]int{"robot": 0, "Robot": 1, "": 1} {
			h.traceSink.Reset()
			require.NoError(t, h.traces.ConsumeTraces(from(who), newSpans(t).resource("").span(1, "a").td))
			got := 0
			for _, td := range h.traceSink.AllTraces() {
				got += kept(shape.Traces, td).SpanCount()
			}
			require.Equal(t, want, got, "%s, annotate %s", who, annotate)
		}
	}
}

// TestStampsInFull: whoever holds needs to know why, whatever annotate says.
func TestStampsInFull(t *testing.T) {
	for _, annotate := range []string{annotateFull, annotateSummary, annotateNone} {
		cfg := byName(t)
		cfg.Annotate = annotate
		newVault(t, cfg)
		h := start(t, cfg)
		out := h.trace(newSpans(t).resource("").span(1, "hold").span(2, "mask").td)
		rs := out.ResourceSpans().At(0)
		get(t, rs.Resource().Attributes(), verdict.Policy)
		for i, action := range []string{"hold", "mask"} {
			list := get(t, rs.ScopeSpans().At(0).Spans().At(i).Attributes(), verdict.Findings).Slice()
			require.Equal(t, 1, list.Len())
			require.Equal(t, action, get(t, list.At(0).Map(), "action").Str())
		}
	}
}

// TestProfilesAreMasked: what would be held is masked, and that is what is said of it.
func TestProfilesAreMasked(t *testing.T) {
	cfg := holdAll(t)
	cfg.Annotate = annotateFull
	newVault(t, cfg)
	h := start(t, cfg)
	pd := pprofile.NewProfiles()
	rp := pd.ResourceProfiles().AppendEmpty()
	rp.Resource().Attributes().PutStr("k", secret(t, 5300))
	pd.Dictionary().StringTable().Append("", secret(t, 5301))
	deep := pd.Dictionary().AttributeTable().AppendEmpty().Value()
	for range 20 {
		deep = deep.SetEmptySlice().AppendEmpty()
	}
	out, err := (&instance{core: h.core}).profiles(context.Background(), pd)
	require.NoError(t, err)
	attrs := rp.Resource().Attributes()
	require.Equal(t, "masked", whatOf(t, attrs))
	require.Equal(t, "mask", get(t, get(t, attrs, verdict.Findings).Slice().At(0).Map(), "action").Str())
	require.Equal(t, int64(2), h.sum(metricPrefix+"findings", "action=mask"))
	require.Zero(t, h.sum(metricPrefix+"findings", "action=hold"))
	require.Zero(t, h.sum(metricPrefix+"items_held"))
	require.NotContains(t, jsonOf(t, out), "ghp_") // last: encoding moves strings into the dictionary
}
