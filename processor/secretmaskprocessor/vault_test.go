package secretmaskprocessor

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// vault is a real key pair, and what opens with it.
type vault struct {
	dirs keyfiles.Dirs
	ring *unseal.Keyring
}

// newVault makes keys and switches holding on.
func newVault(t testing.TB, cfg *Config) *vault {
	t.Helper()
	v := &vault{dirs: keyfiles.In(t.TempDir())}
	_, err := v.dirs.New(time.Now())
	require.NoError(t, err)
	v.ring, err = unseal.New(v.dirs.Private)
	require.NoError(t, err)
	cfg.Seal.PublicKeys = v.dirs.Public
	return v
}

// restored makes items of what is held, as verdict and the quarantine exporter
// do, and returns their originals, without stamps, with the digests to approve.
func restored[B restore.Telemetry, R, S, U any](t testing.TB, v *vault, sh *shape.Shape[B, R, S, U], data B, read func([]byte) (B, error)) (originals []B, approved []map[uint64]struct{}) {
	t.Helper()
	items, err := item.Of(sh, data)
	require.NoError(t, err)
	for i := range items {
		original, err := read(items[i].View)
		require.NoError(t, err)
		digests, err := restore.Apply(original, restore.Of(&items[i]), v.ring.OpenPacked)
		require.NoError(t, err)
		unstamp(sh, original)
		originals, approved = append(originals, original), append(approved, digests)
	}
	return originals, approved
}

// attributesOf calls fn with all maps that can have a stamp.
func attributesOf[B, R, S, U any](sh *shape.Shape[B, R, S, U], b B, fn func(pcommon.Map)) {
	for i := range sh.Resources(b) {
		r := sh.Resource(b, i)
		fn(sh.ResourceAttrs(r))
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			fn(sh.ScopeAttrs(s))
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				fn(sh.Attrs(u))
				for p := range sh.Points(u) {
					fn(sh.Point(u, p))
				}
			}
		}
	}
}

func unstamp[B, R, S, U any](sh *shape.Shape[B, R, S, U], b B) {
	attributesOf(sh, b, func(m pcommon.Map) { verdict.Strip(m) })
}

func protoOf[B, R, S, U any](t testing.TB, sh *shape.Shape[B, R, S, U], b B) []byte {
	t.Helper()
	raw, err := sh.Marshal(b)
	require.NoError(t, err)
	return raw
}

func copyOf[B, R, S, U any](t testing.TB, sh *shape.Shape[B, R, S, U], b B, read func([]byte) (B, error)) B {
	t.Helper()
	c, err := read(protoOf(t, sh, b))
	require.NoError(t, err)
	return c
}

// planted are telemetry and the secrets in it.
type planted struct {
	t       testing.TB
	r       *rand.Rand
	seed    uint64
	secrets []string
}

func (p *planted) secret() string {
	p.seed++
	s := secret(p.t, p.seed)
	p.secrets = append(p.secrets, s)
	return s
}

// text is clean, or has secrets in it, in one of many ways.
func (p *planted) text() string {
	switch p.r.IntN(8) {
	case 0:
		return "clean"
	case 1:
		return p.secret()
	case 2:
		return "a " + p.secret() + " b " + p.secret()
	case 3:
		return `{"a": {"token": "` + p.secret() + `"}, "n": 1}`
	case 4:
		return "password=" + password(p.t, p.r.Uint64())
	case 5:
		return fmt.Sprintf("%x", p.secret())
	case 6:
		return "\xff\x00 " + p.secret()
	}
	return "https://user:" + p.secret() + "@host/"
}

func (p *planted) attributes(m pcommon.Map) {
	for i := range p.r.IntN(5) {
		m.PutStr(fmt.Sprint("k", i), p.text())
		switch p.r.IntN(7) {
		case 0:
			m.PutInt("pin", 100_000+p.r.Int64N(899_999))
		case 1:
			m.PutStr("key "+p.secret(), p.text())
		case 2:
			m.PutEmptyBytes("bytes").FromRaw([]byte(p.text()))
		case 3:
			s := m.PutEmptySlice("slice")
			s.AppendEmpty().SetStr(p.text())
			s.AppendEmpty().SetBool(true)
			s.AppendEmpty().SetEmptyMap().PutStr(p.secret(), p.text())
		case 4:
			v := m.PutEmpty("deep")
			for range 3 + p.r.IntN(10) {
				v = v.SetEmptyMap().PutEmptySlice("x").AppendEmpty()
			}
			v.SetStr(p.text())
		case 5:
			s := m.PutEmptySlice("llm.chunks") // a secret that was cut
			cut := p.secret()
			s.AppendEmpty().SetStr(cut[:17])
			s.AppendEmpty().SetStr(cut[17:])
		case 6:
			m.PutDouble("password", float64(p.r.Uint32())+0.5)
		}
	}
}

func (p *planted) resource(r pcommon.Resource) {
	p.attributes(r.Attributes())
	ref := entity.ResourceEntityRefs(r).AppendEmpty()
	ref.SetType(p.text())
	ref.IdKeys().Append("a", "key "+p.secret())
}

func (p *planted) scope(s pcommon.InstrumentationScope) {
	s.SetName(p.text())
	s.SetVersion(p.text())
	p.attributes(s.Attributes())
}

// traces have spans of three traces, and some without.
func (p *planted) traces() ptrace.Traces {
	td := ptrace.NewTraces()
	for range 1 + p.r.IntN(3) {
		rs := td.ResourceSpans().AppendEmpty()
		p.resource(rs.Resource())
		rs.SetSchemaUrl(p.text())
		for range 1 + p.r.IntN(2) {
			ss := rs.ScopeSpans().AppendEmpty()
			p.scope(ss.Scope())
			ss.SetSchemaUrl(p.text())
			for range 1 + p.r.IntN(4) {
				p.span(ss.Spans().AppendEmpty())
			}
		}
	}
	return td
}

func (p *planted) span(s ptrace.Span) {
	p.seed++
	s.SetTraceID(pcommon.TraceID{byte(p.r.IntN(4))})
	s.SetSpanID(pcommon.SpanID{1, byte(p.seed), byte(p.seed >> 8)})
	s.SetName(p.text())
	s.TraceState().FromRaw("a=1, vendor=" + p.secret() + ",x=y")
	p.attributes(s.Attributes())
	for range p.r.IntN(3) {
		e := s.Events().AppendEmpty()
		e.SetName(p.text())
		p.attributes(e.Attributes())
	}
	l := s.Links().AppendEmpty()
	l.TraceState().FromRaw("no list; " + p.text())
	p.attributes(l.Attributes())
	s.Status().SetMessage(p.text())
}

func (p *planted) logs() plog.Logs {
	ld := plog.NewLogs()
	for range 1 + p.r.IntN(3) {
		rl := ld.ResourceLogs().AppendEmpty()
		p.resource(rl.Resource())
		sl := rl.ScopeLogs().AppendEmpty()
		p.scope(sl.Scope())
		for range 1 + p.r.IntN(5) {
			r := sl.LogRecords().AppendEmpty()
			r.SetTraceID(pcommon.TraceID{byte(p.r.IntN(3))})
			r.SetSpanID(pcommon.SpanID{byte(p.r.IntN(3))})
			if p.r.IntN(2) == 0 {
				r.Body().SetStr(p.text())
			} else {
				p.attributes(r.Body().SetEmptyMap())
			}
			r.SetSeverityText(p.text())
			r.SetEventName(p.text())
			p.attributes(r.Attributes())
		}
	}
	return ld
}

func (p *planted) metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range 1 + p.r.IntN(2) {
		rm := md.ResourceMetrics().AppendEmpty()
		p.resource(rm.Resource())
		sm := rm.ScopeMetrics().AppendEmpty()
		p.scope(sm.Scope())
		for i := range 1 + p.r.IntN(5) {
			m := sm.Metrics().AppendEmpty()
			m.SetName(p.text())
			m.SetDescription(p.text())
			m.SetUnit(p.text())
			p.attributes(m.Metadata())
			for range 1 + p.r.IntN(3) {
				p.point(m, i)
			}
		}
	}
	return md
}

func (p *planted) point(m pmetric.Metric, kind int) {
	switch kind {
	case 0:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyGauge()
		}
		d := m.Gauge().DataPoints().AppendEmpty()
		p.attributes(d.Attributes())
		p.attributes(d.Exemplars().AppendEmpty().FilteredAttributes())
	case 1:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySum()
		}
		p.attributes(m.Sum().DataPoints().AppendEmpty().Attributes())
	case 2:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyHistogram()
		}
		p.attributes(m.Histogram().DataPoints().AppendEmpty().Attributes())
	case 3:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyExponentialHistogram()
		}
		p.attributes(m.ExponentialHistogram().DataPoints().AppendEmpty().Attributes())
	default:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySummary()
		}
		p.attributes(m.Summary().DataPoints().AppendEmpty().Attributes())
	}
}

// heldWhole sends planted telemetry, all findings of which are held, and wants
// each item's original back, to the bit, and no secret in what was held.
func heldWhole[B restore.Telemetry, R, S, U any](t *testing.T, v *vault, p *planted, sh *shape.Shape[B, R, S, U], data B,
	send func(B) B, read func([]byte) (B, error),
) {
	t.Helper()
	before := copyOf(t, sh, data, read)
	wanted, err := item.Of(sh, before)
	require.NoError(t, err)
	held := send(data)
	raw := protoOf(t, sh, held)
	for i, s := range p.secrets {
		require.False(t, bytes.Contains(raw, []byte(s)), "secret %d of %d went on", i, len(p.secrets))
	}
	originals, _ := restored(t, v, sh, held, read)
	// Items of telemetry without a trace are made by the content of the
	// resource, which is masked in one and not in the other: the order is the same.
	require.Equal(t, len(wanted), len(originals))
	for i := range wanted {
		require.True(t, bytes.Equal(wanted[i].View, protoOf(t, sh, originals[i])), "item %d is not what it was", i)
	}
}

func holdAll(t testing.TB) *Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{{Action: "hold"}}
	cfg.Limits.MaxDepth = 8
	cfg.Limits.MaxBatchTime = time.Hour
	cfg.Memory.Traces = 0
	return cfg
}

// FuzzHoldIsReversible: whatever is found and wherever it stands, what is held
// has no secret and can be restored to the bit.
func FuzzHoldIsReversible(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint8(seed))
	}
	cfg := holdAll(f)
	v := newVault(f, cfg)
	h := start(f, cfg)
	f.Fuzz(func(t *testing.T, seed uint64, signal uint8) {
		p := &planted{t: t, r: rand.New(rand.NewPCG(seed, 11)), seed: seed << 16}
		switch signal % 3 {
		case 0:
			heldWhole(t, v, p, shape.Traces, p.traces(), func(td ptrace.Traces) ptrace.Traces {
				h.traceSink.Reset()
				require.NoError(t, h.traces.ConsumeTraces(context.Background(), td))
				return h.traceSink.AllTraces()[0]
			}, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
		case 1:
			heldWhole(t, v, p, shape.Logs, p.logs(), func(ld plog.Logs) plog.Logs {
				h.logSink.Reset()
				require.NoError(t, h.records.ConsumeLogs(context.Background(), ld))
				return h.logSink.AllLogs()[0]
			}, (&plog.ProtoUnmarshaler{}).UnmarshalLogs)
		default:
			heldWhole(t, v, p, shape.Metrics, p.metrics(), func(md pmetric.Metrics) pmetric.Metrics {
				h.metricsSink.Reset()
				require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), md))
				return h.metricsSink.AllMetrics()[0]
			}, (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics)
		}
	})
}
