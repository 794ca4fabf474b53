package secretmaskprocessor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/judged"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// writePack writes a pack with one rule: prefix and twenty letters.
func writePack(t testing.TB, dir, name, prefix string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte(`version: 1
name: own
rules:
  - id: own-`+strings.ToLower(prefix)+`
    provider: Own
    description: a token of our own
    severity: high
    reference: https://example.org/tokens
    pattern: '`+prefix+`-[a-z]{20}'
    examples: ['{{`+prefix+`-<20*lower>}}']
    near_misses: ['`+prefix+`-<10*lower>']
`), 0o600))
	return file
}

const letters = "abcdefghijklmnopqrst"

func TestMasksEverySignal(t *testing.T) {
	h := start(t, testConfig(t))
	token := secret(t, 1)

	td, s := oneSpan()
	s.Attributes().PutStr("http.request.header.authorization", "Bearer "+token)
	s.Attributes().PutStr(token, "in a key")
	s.Status().SetMessage("refused for " + token + ".")
	s.TraceState().FromRaw("vendor=" + token)
	s.Events().AppendEmpty().Attributes().PutEmptySlice("argv").AppendEmpty().SetStr(token)
	got := h.trace(td)
	require.NotContains(t, jsonOf(t, got), token)

	ld, r := oneLog()
	r.Body().SetEmptyMap().PutStr("json", `{"key":"`+token+`","n":1}`)
	body := h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body()
	require.Regexp(t, `^\{"key":"\[MASKED:github-token:[0-9a-f]{8}\]","n":1\}$`, get(t, body.Map(), "json").Str())

	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("requests")
	p := m.SetEmptySum().DataPoints().AppendEmpty()
	p.SetIntValue(7)
	p.Attributes().PutStr("token", token)
	p.Exemplars().AppendEmpty().FilteredAttributes().PutStr("t", token)
	require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), md))
	require.NotContains(t, jsonOf(t, h.metricsSink.AllMetrics()[0]), token)
	require.Equal(t, int64(7), h.metricsSink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).IntValue())
}

func TestAnnotate(t *testing.T) {
	for _, annotate := range []string{annotateFull, annotateSummary, annotateNone} {
		t.Run(annotate, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Annotate = annotate
			h := start(t, cfg)
			td, s := oneSpan()
			s.Attributes().PutStr("a", "x "+secret(t, 1))
			s.Events().AppendEmpty().SetName(secret(t, 2))
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("r", secret(t, 3))
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty().SetName("clean")
			rs := h.trace(td).ResourceSpans().At(0)
			dirty, clean := rs.ScopeSpans().At(0).Spans().At(0).Attributes(), rs.ScopeSpans().At(0).Spans().At(1).Attributes()
			require.Zero(t, clean.Len(), "a clean item stays as it was")
			if annotate == annotateNone {
				require.NotContains(t, jsonOf(t, td), "tracescrub.")
				return
			}
			require.Equal(t, h.core.state.Load().policy, get(t, rs.Resource().Attributes(), verdict.Policy).Str())
			require.Equal(t, "masked", get(t, rs.Resource().Attributes(), verdict.Verdict).Str())
			require.Equal(t, "masked", get(t, dirty, verdict.Verdict).Str())
			findings := get(t, dirty, verdict.Findings)
			if annotate == annotateSummary {
				require.Equal(t, map[string]any{"github-token": int64(2)}, findings.Map().AsRaw())
				return
			}
			require.Equal(t, 2, findings.Slice().Len())
			first := findings.Slice().At(0).Map().AsRaw()
			fp := first["fingerprint"].(string)
			delete(first, "fingerprint")
			require.Equal(t, map[string]any{
				"rule": "github-token", "severity": "critical", "field": `span.attributes["a"]`, "action": "mask", "length": int64(40),
			}, first)
			require.Equal(t, "x [MASKED:github-token:"+fp+"]", get(t, dirty, "a").Str())
			require.Equal(t, "span.events[0].name", findings.Slice().At(1).Map().AsRaw()["field"])
		})
	}
}

func TestForgedStampsAreRemoved(t *testing.T) {
	cfg := testConfig(t)
	h := start(t, cfg)
	td, s := oneSpan()
	forge := func(m pcommon.Map) {
		m.PutStr("before", "1")
		m.PutStr("tracescrub.verdict", "held")
		m.PutEmptySlice("tracescrub.findings")
		m.PutStr("tracescrub.policy", "forged")
		m.PutStr("after", "2")
	}
	forge(td.ResourceSpans().At(0).Resource().Attributes())
	forge(td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes())
	forge(s.Attributes())
	forge(s.Events().AppendEmpty().Attributes())
	forge(s.Links().AppendEmpty().Attributes())
	got := h.trace(td)
	require.Equal(t, int64(15), h.sum(metricPrefix+"forged_stamps", "signal=traces"))
	require.Equal(t, 1, strings.Count(jsonOf(t, got), "tracescrub."), "only the policy stamp is left, and it is ours")
	require.Equal(t, h.core.state.Load().policy, get(t, got.ResourceSpans().At(0).Resource().Attributes(), verdict.Policy).Str())
	require.Equal(t, 1, h.logs.FilterMessageSnippet("reserved for tracescrub").Len())

	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	forge(m.Metadata())
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	forge(p.Attributes())
	forge(p.Exemplars().AppendEmpty().FilteredAttributes())
	ld, r := oneLog()
	forge(r.Attributes())
	require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), md))
	h.log(ld)
	require.Equal(t, int64(9), h.sum(metricPrefix+"forged_stamps", "signal=metrics"))
	require.Equal(t, int64(3), h.sum(metricPrefix+"forged_stamps", "signal=logs"))
}

// sender is what an authenticator knows of who sent.
type sender map[string]any

func (s sender) GetAttribute(name string) any { return s[name] }
func (s sender) GetAttributeNames() []string  { return nil }

func TestProducer(t *testing.T) {
	h := start(t, testConfig(t))
	stamp := func(auth client.AuthData) string {
		ld, _ := oneLog()
		ctx := client.NewContext(context.Background(), client.Info{Auth: auth})
		require.NoError(t, h.records.ConsumeLogs(ctx, ld))
		v, ok := ld.ResourceLogs().At(0).Resource().Attributes().Get(verdict.Producer)
		if !ok {
			return ""
		}
		return v.Str()
	}
	require.Empty(t, stamp(nil))
	require.Empty(t, stamp(sender{"raw": "token"}))
	alice := stamp(sender{"subject": "alice@example.org", "raw": "token"})
	require.Regexp(t, `^[0-9a-f]{32}$`, alice)
	require.Equal(t, alice, stamp(sender{"username": "alice@example.org"}))
	require.NotEqual(t, alice, stamp(sender{"subject": "bob@example.org"}))
}

func TestMaskingTwiceChangesNothing(t *testing.T) {
	cfg := testConfig(t)
	cfg.Annotate = annotateNone
	h := start(t, cfg)
	td, s := oneSpan()
	s.Attributes().PutStr("json", `{"a":"{\"authorization\":\"Bearer `+secret(t, 1)+`\"}","password":"Tr0ub4dor&3xyz"}`)
	s.Attributes().PutStr(secret(t, 2), secret(t, 3))
	s.Attributes().PutStr("password", "c0rrect-h0rse-b4ttery")
	s.Attributes().PutEmptyBytes("bytes").FromRaw([]byte("x " + secret(t, 4)))
	s.TraceState().FromRaw("a=" + secret(t, 5))
	once := jsonOf(t, h.trace(td))
	require.Contains(t, once, "[MASKED:")
	require.Equal(t, once, jsonOf(t, h.trace(td)))
}

func TestPolicy(t *testing.T) {
	cfg := testConfig(t)
	cfg.Annotate = annotateFull
	cfg.Policy = []PolicyConfig{
		{Field: "log.body.keep", Action: "pass"},
		{Rule: "github-*", Resource: map[string]string{"env": "prod*"}, Action: "drop"},
		{Field: "log.severity_text", Action: "mask", Mask: &MaskConfig{Style: "fixed", Text: "***"}},
	}
	h := start(t, cfg)
	ld := plog.NewLogs()
	for _, env := range []string{"dev", "production"} {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("env", env)
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		records.AppendEmpty().Body().SetStr(secret(t, 1))
		r := records.AppendEmpty()
		r.Body().SetEmptyMap().PutStr("keep", secret(t, 2))
		if env == "dev" {
			r.SetSeverityText(secret(t, 3))
		}
	}
	out := h.log(ld)
	require.Equal(t, 3, out.LogRecordCount())
	require.Equal(t, int64(1), h.sum(metricPrefix+"items_dropped", "signal=logs"))
	require.Equal(t, int64(2), h.sum(metricPrefix+"findings", "action=pass"))
	require.Equal(t, int64(1), h.sum(metricPrefix+"findings", "action=drop"))
	dev := out.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	require.Contains(t, dev.At(0).Body().Str(), "[MASKED:")
	require.Equal(t, secret(t, 2), get(t, dev.At(1).Body().Map(), "keep").Str())
	require.Equal(t, "***", dev.At(1).SeverityText())
	prod := out.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().At(0)
	_, ok := prod.Attributes().Get(verdict.Verdict)
	require.False(t, ok, "what was only reported has findings, no verdict")
	require.Equal(t, 1, get(t, prod.Attributes(), verdict.Findings).Slice().Len())
}

// TestDroppedBatchGoesNoFurther: where no stamps are written, or nobody reads
// them, nobody could tell of it, nor take away what would be left.
func TestDroppedBatchGoesNoFurther(t *testing.T) {
	for name, c := range map[string]struct {
		annotate string
		read     bool
		want     int
	}{
		"no stamps":        {annotateNone, true, 0},
		"nobody reads":     {annotateFull, false, 0},
		"verdict is there": {annotateSummary, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			judged.Set(c.read)
			defer judged.Set(true)
			testDropAll(t, c.annotate, c.want)
		})
	}
}

func testDropAll(t *testing.T, annotate string, want int) {
	t.Helper()
	cfg := testConfig(t)
	cfg.Annotate = annotate
	cfg.Policy = []PolicyConfig{{Action: "drop"}}
	h := start(t, cfg)
	td, s := oneSpan()
	s.SetName(secret(t, 1))
	require.NoError(t, h.traces.ConsumeTraces(context.Background(), td))
	require.Len(t, h.traceSink.AllTraces(), want)
	require.Equal(t, int64(1), h.sum(metricPrefix+"items_dropped", "signal=traces"))
}

func TestScanOptions(t *testing.T) {
	cfg := testConfig(t)
	cfg.Scan.Keys, cfg.Scan.SchemaURLs = false, false
	h := start(t, cfg)
	td, s := oneSpan()
	s.Attributes().PutStr(secret(t, 1), "v")
	td.ResourceSpans().At(0).SetSchemaUrl("https://example.org/?" + secret(t, 2))
	out := jsonOf(t, h.trace(td))
	require.Contains(t, out, secret(t, 1))
	require.Contains(t, out, secret(t, 2))
}

func cleanBatch(spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for range spans {
		s := ss.AppendEmpty()
		s.SetName("chat gpt-5")
		for _, k := range []string{"gen_ai.provider.name", "gen_ai.request.model", "gen_ai.operation.name", "server.address", "url.full"} {
			s.Attributes().PutStr(k, "an ordinary value of some length")
		}
		s.Attributes().PutInt("gen_ai.usage.input_tokens", 1000)
		s.Attributes().PutStr("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"Here is the summary."}]}]`)
	}
	return td
}

func BenchmarkCleanSpans(b *testing.B) {
	h := start(b, testConfig(b))
	p := &instance{core: h.core}
	td := cleanBatch(1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.traces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "spans/s")
}
