package walk

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestEmpty: of what is dropped nothing stays but what must, wherever it was.
func TestEmpty(t *testing.T) {
	for _, b := range batches() {
		if b.letter == "p" {
			continue
		}
		var p planter
		p.plant(reflect.ValueOf(b.data))
		items := itemCount(b.data)
		require.Positive(t, items)
		before := idsOf(b.data)
		units := 0
		dropped := b.walk(New(funcVisitor{done: func(_ Level, m pcommon.Map) bool {
			units++
			m.Clear()
			m.PutStr("left", "x")
			return false
		}}, Options{UnitsOnly: true, Empty: true}))
		require.Equal(t, items, dropped, b.letter)
		require.Equal(t, items, itemCount(b.data), "%s: they are still there", b.letter)
		require.Equal(t, before, idsOf(b.data), b.letter)
		require.Greater(t, units, items, "%s: what is in what was dropped is visited", b.letter)
		texts, left := 0, 0
		b.walk(New(funcVisitor{text: func(at *Place, text []byte) []byte {
			switch {
			case string(text) == "left":
				require.True(t, at.Name)
				left++
			default:
				require.Equal(t, "x", string(text), "%s: a text is left at %s", b.letter, at.Field())
				texts++
			}
			return nil
		}}, Options{}))
		require.Equal(t, units, left, b.letter)
		require.Equal(t, units, texts, b.letter)
	}
}

// TestEmptyLeavesNoNumbers: a size of what was dropped is compared with one of
// nothing but ids and times.
func TestEmptyLeavesNoNumbers(t *testing.T) {
	for _, b := range batches() {
		if b.letter == "p" {
			continue
		}
		var p planter
		p.plant(reflect.ValueOf(b.data))
		b.walk(New(funcVisitor{done: func(_ Level, m pcommon.Map) bool { m.Clear(); return false }}, Options{UnitsOnly: true, Empty: true}))
		once := protoOf(t, b.data)
		require.NotEmpty(t, once)
		switch d := b.data.(type) {
		case ptrace.Traces:
			for _, r := range d.ResourceSpans().All() {
				for _, s := range r.ScopeSpans().All() {
					for _, e := range s.Spans().All() {
						bare := ptrace.NewSpan()
						bare.SetTraceID(e.TraceID())
						bare.SetSpanID(e.SpanID())
						bare.SetStartTimestamp(e.StartTimestamp())
						bare.SetEndTimestamp(e.EndTimestamp())
						require.Equal(t, bare, e)
					}
				}
			}
		case plog.Logs:
			for _, r := range d.ResourceLogs().All() {
				for _, s := range r.ScopeLogs().All() {
					for _, e := range s.LogRecords().All() {
						bare := plog.NewLogRecord()
						bare.SetTraceID(e.TraceID())
						bare.SetSpanID(e.SpanID())
						bare.SetTimestamp(e.Timestamp())
						bare.SetObservedTimestamp(e.ObservedTimestamp())
						require.Equal(t, bare, e)
					}
				}
			}
		}
	}
}

// TestEmptyPoints: of each kind, with values.
func TestEmptyPoints(t *testing.T) {
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	number := func(p pmetric.NumberDataPoint) {
		p.SetIntValue(7)
		p.SetTimestamp(1)
		p.Exemplars().AppendEmpty().SetIntValue(8)
	}
	number(ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty())
	number(ms.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty())
	h := ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty()
	h.SetTimestamp(1)
	h.SetCount(7)
	h.BucketCounts().FromRaw([]uint64{7})
	h.Exemplars().AppendEmpty()
	e := ms.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
	e.SetTimestamp(1)
	e.SetCount(7)
	e.Positive().BucketCounts().FromRaw([]uint64{7})
	s := ms.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty()
	s.SetTimestamp(1)
	s.SetCount(7)
	s.QuantileValues().AppendEmpty().SetValue(7)
	require.Equal(t, 5, New(funcVisitor{done: func(l Level, _ pcommon.Map) bool { return l != Item }}, Options{UnitsOnly: true, Empty: true}).Metrics(md))

	want := pmetric.NewMetrics()
	ms = want.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetTimestamp(1)
	ms.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().SetTimestamp(1)
	ms.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().SetTimestamp(1)
	ms.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().SetTimestamp(1)
	ms.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty().SetTimestamp(1)
	require.Equal(t, protoOf(t, want), protoOf(t, md))
}

// idsOf are the ids and times of what has any.
func idsOf(data any) (all []any) {
	switch d := data.(type) {
	case ptrace.Traces:
		for _, r := range d.ResourceSpans().All() {
			for _, s := range r.ScopeSpans().All() {
				for _, e := range s.Spans().All() {
					all = append(all, e.TraceID(), e.SpanID(), e.StartTimestamp(), e.EndTimestamp())
				}
			}
		}
	case plog.Logs:
		for _, r := range d.ResourceLogs().All() {
			for _, s := range r.ScopeLogs().All() {
				for _, e := range s.LogRecords().All() {
					all = append(all, e.TraceID(), e.SpanID(), e.Timestamp(), e.ObservedTimestamp())
				}
			}
		}
	}
	return all
}
