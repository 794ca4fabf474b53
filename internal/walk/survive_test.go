package walk

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestTraceStateStaysValid(t *testing.T) {
	long := strings.Repeat("a", 250)
	for _, c := range []struct{ name, in, want string }{
		{"clean", "a=1,b=2", "a=1,b=2"},
		{"value", "a=1, rojo=secret ,b=2", "a=1, rojo=[MASKED:r:fp] ,b=2"},
		{"key", "secret=1,b=2", "masked_r_fp=1,b=2"},
		{"empty members", "a=1,,b=secret,", "a=1,,b=[MASKED:r:fp],"},
		{"too long", "a=" + long + "secret", "a=" + long},
		{"invalid", "no list, secret", "no list, [MASKED:r:fp]"},
		{"padding", "a=secret==", "a=[MASKED:r:fp]=="},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := pcommon.NewTraceState()
			ts.FromRaw(c.in)
			w := New(funcVisitor{text: func(_ *Place, text []byte) []byte {
				if !bytes.Contains(text, []byte("secret")) {
					return nil
				}
				return bytes.ReplaceAll(text, []byte("secret"), []byte("[MASKED:r:fp]"))
			}}, Options{})
			w.traceState(spanTraceState, ts)
			require.Equal(t, c.want, ts.AsRaw())
		})
	}
}

// TestDrop drops at every level and counts the items that went.
func TestDrop(t *testing.T) {
	for _, level := range []Level{Resource, Scope, Metric, Item} {
		for _, b := range batches() {
			if b.letter != "m" && level == Metric {
				continue
			}
			var p planter
			p.plant(reflect.ValueOf(b.data))
			items := itemCount(b.data)
			dropped := b.walk(New(funcVisitor{done: func(l Level, _ pcommon.Map) bool { return l != level }}, Options{}))
			require.Equal(t, items, dropped, "signal %s, level %d", b.letter, level)
			require.Zero(t, itemCount(b.data), "signal %s, level %d", b.letter, level)
		}
	}
}

func TestDropKeepsTheRest(t *testing.T) {
	ld := plog.NewLogs()
	for range 2 {
		records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := range 5 {
			records.AppendEmpty().Body().SetInt(int64(i))
		}
	}
	ld.ResourceLogs().AppendEmpty() // came empty, stays
	n := 0
	dropped := New(funcVisitor{done: func(l Level, _ pcommon.Map) bool {
		if l != Item {
			return true
		}
		n++
		return n <= 5 && n%2 == 0 // all of the second resource go
	}}, Options{}).Logs(ld)
	require.Equal(t, 8, dropped)
	require.Equal(t, 2, ld.ResourceLogs().Len())
	left := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	require.Equal(t, 2, left.Len())
	require.Equal(t, int64(1), left.At(0).Body().Int())
	require.Equal(t, int64(3), left.At(1).Body().Int())
}

func itemCount(data any) int {
	switch d := data.(type) {
	case ptrace.Traces:
		return d.SpanCount()
	case plog.Logs:
		return d.LogRecordCount()
	case pmetric.Metrics:
		return d.DataPointCount()
	case pprofile.Profiles:
		n := 0
		for _, rp := range d.ResourceProfiles().All() {
			for _, sp := range rp.ScopeProfiles().All() {
				n += sp.Profiles().Len()
			}
		}
		return n
	}
	return -1
}

// TestCleanBatchIsNotTouched: nothing is written (the data are read-only, a
// write panics) and nothing is allocated.
func TestCleanBatchIsNotTouched(t *testing.T) {
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		b.data.(interface{ MarkReadOnly() }).MarkReadOnly()
		texts := 0
		w := New(funcVisitor{text: func(*Place, []byte) []byte { texts++; return nil }}, Options{})
		allocs := testing.AllocsPerRun(20, func() { b.walk(w) })
		require.Zero(t, allocs, "signal %s", b.letter)
		require.Greater(t, texts, 50)
	}
}

// TestIDsTimesAndOrderSurvive masks every text and compares all the rest.
func TestIDsTimesAndOrderSurvive(t *testing.T) {
	build := func(canary func(i int) string) ptrace.Traces {
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for i := range 10 {
			s := spans.AppendEmpty()
			s.SetTraceID(pcommon.TraceID{1, byte(i)})
			s.SetSpanID(pcommon.SpanID{2, byte(i)})
			s.SetParentSpanID(pcommon.SpanID{3, byte(i)})
			s.SetStartTimestamp(pcommon.Timestamp(1000 + i))
			s.SetEndTimestamp(pcommon.Timestamp(2000 + i))
			s.SetKind(ptrace.SpanKindClient)
			s.SetFlags(uint32(i))
			s.SetDroppedAttributesCount(uint32(i))
			s.Status().SetCode(ptrace.StatusCodeError)
			s.Status().SetMessage(canary(i))
			e := s.Events().AppendEmpty()
			e.SetTimestamp(pcommon.Timestamp(1500 + i))
			e.SetName(canary(i))
			l := s.Links().AppendEmpty()
			l.SetTraceID(pcommon.TraceID{4, byte(i)})
			l.SetSpanID(pcommon.SpanID{5, byte(i)})
			s.Attributes().PutStr("a", "x")
			s.Attributes().PutInt("n", int64(i))
			s.Attributes().PutStr("z", canary(i))
		}
		return td
	}
	masked := build(func(int) string { return "canary-00001" })
	New(maskAll(), Options{}).Traces(masked)
	require.Equal(t, build(func(int) string { return "masked" }), masked)
}

func maskAll() Visitor {
	return funcVisitor{text: func(_ *Place, text []byte) []byte {
		if _, ok := isCanary(string(text)); ok {
			return []byte("masked")
		}
		return nil
	}}
}

// grow builds a random value and returns how many texts it holds.
func grow(r *rand.Rand, v pcommon.Value, depth int) int {
	switch k := r.IntN(8); {
	case k == 0:
		v.SetBool(true)
	case k == 1:
		v.SetInt(r.Int64())
		return 1
	case k == 2:
		v.SetDouble(r.NormFloat64())
		return 1
	case k == 3:
		v.SetEmptyBytes().FromRaw([]byte{byte(r.Uint32())})
		return 1
	case k == 4 && depth > 0:
		n, s := 0, v.SetEmptySlice()
		for range r.IntN(5) {
			n += grow(r, s.AppendEmpty(), depth-1)
		}
		return n
	case k == 5 && depth > 0:
		return growMap(r, v.SetEmptyMap(), depth-1)
	case k == 6:
		v.SetStr("")
	default:
		v.SetStr(string(rune(r.IntN(0x300) + 1)))
		return 1
	}
	return 0
}

func growMap(r *rand.Rand, m pcommon.Map, depth int) int {
	n := 0
	words := []string{"name", "value", "key", "header", "stringValue", "http.request.header.x", "a b", "", "ü"}
	for range r.IntN(6) {
		k := words[r.IntN(len(words))]
		if _, double := m.Get(k); double {
			continue
		}
		if k != "" {
			n++
		}
		n += grow(r, m.PutEmpty(k), depth)
	}
	return n
}

// FuzzVisitsWhatWasPlanted: the walker visits as many texts as the generator
// made, before and after all of them are replaced.
func FuzzVisitsWhatWasPlanted(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		planted := 0
		ld := plog.NewLogs()
		for range r.IntN(3) {
			rl := ld.ResourceLogs().AppendEmpty()
			planted += growMap(r, rl.Resource().Attributes(), 4)
			for range r.IntN(3) {
				sl := rl.ScopeLogs().AppendEmpty()
				planted += growMap(r, sl.Scope().Attributes(), 4)
				for range r.IntN(5) {
					lr := sl.LogRecords().AppendEmpty()
					lr.SetSeverityText("s")
					planted += 1 + grow(r, lr.Body(), 6) + growMap(r, lr.Attributes(), 4)
				}
			}
		}
		visited := 0
		w := New(funcVisitor{text: func(at *Place, text []byte) []byte {
			visited++
			_ = at.Field()
			return append([]byte("m"), text...)
		}}, Options{})
		w.Logs(ld)
		if visited != planted {
			t.Fatalf("planted %d texts, visited %d", planted, visited)
		}
		visited = 0
		w.Logs(ld)
		if visited != planted {
			t.Fatalf("planted %d texts, visited %d after masking", planted, visited)
		}
	})
}

func BenchmarkWalkCleanSpans(b *testing.B) {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for range 1000 {
		s := spans.AppendEmpty()
		s.SetName("chat")
		for _, k := range []string{"gen_ai.system", "gen_ai.request.model", "gen_ai.operation.name", "server.address", "url.full"} {
			s.Attributes().PutStr(k, "some ordinary value")
		}
		s.Attributes().PutInt("gen_ai.usage.input_tokens", 1000)
	}
	texts := 0
	w := New(funcVisitor{text: func(*Place, []byte) []byte { texts++; return nil }}, Options{})
	b.ReportAllocs()
	for b.Loop() {
		w.Traces(td)
	}
	if texts != b.N*13_000 {
		b.Fatalf("visited %d texts in %d walks, not 13,000 each", texts, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(texts), "ns/text")
}
