package walk

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata"
)

func protoOf(t testing.TB, data any) []byte {
	t.Helper()
	var b []byte
	var err error
	switch d := data.(type) {
	case ptrace.Traces:
		b, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(d)
	case plog.Logs:
		b, err = (&plog.ProtoMarshaler{}).MarshalLogs(d)
	case pmetric.Metrics:
		b, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(d)
	default:
		t.Fatal("not recorded")
	}
	require.NoError(t, err)
	return b
}

// recorder masks at random and keeps the edits, as a visitor with stamps.
type recorder struct {
	r     *rand.Rand
	rate  int // one text in so many
	edits map[Unit][]Edit
	spots map[string]bool
	kinds map[Kind]int
}

const testStamp = "tracescrub.test"

func newRecorder(seed uint64, rate int) *recorder {
	return &recorder{
		r: rand.New(rand.NewPCG(seed, 7)), rate: rate,
		edits: map[Unit][]Edit{}, spots: map[string]bool{}, kinds: map[Kind]int{},
	}
}

func (c *recorder) record(at *Place, e Edit) {
	c.edits[at.Unit] = append(c.edits[at.Unit], e)
	c.spots[e.Spot.String()] = true
	c.kinds[e.Kind]++
}

func (c *recorder) Attributes(_ *Place, m pcommon.Map) {
	m.RemoveIf(func(k string, _ pcommon.Value) bool { return k == testStamp })
}

func (c *recorder) Text(at *Place, text []byte) []byte {
	if at.TooDeep {
		switch c.r.IntN(3) {
		case 0:
			return text // it stays
		case 1:
			return nil
		}
		return []byte("[WITHHELD]")
	}
	if c.r.IntN(c.rate) > 0 {
		return nil
	}
	switch c.r.IntN(6) {
	case 0:
		return []byte{}
	case 1:
		return []byte("[MASKED:a:b]")
	case 2:
		return slices.Clone(text)
	}
	from := c.r.IntN(len(text) + 1)
	to := from + c.r.IntN(len(text)-from+1)
	out := append(slices.Clone(text[:from]), strings.Repeat("m", c.r.IntN(20))...)
	return append(out, text[to:]...)
}

func (c *recorder) Done(_ *Place, m pcommon.Map) bool {
	m.PutStr(testStamp, "x")
	return true
}

func (c *recorder) undo() Options {
	return Options{Undo: func(at *Place, attrs pcommon.Map) []Edit {
		attrs.Remove(testStamp)
		return c.edits[at.Unit]
	}}
}

// everywhere is a batch with a text at every place of the table, values of
// every kind, entries that have the same key, and values nested too deeply.
func everywhere(r *rand.Rand, b batch) {
	var p planter
	p.plant(reflect.ValueOf(b.data))
	for _, m := range mapsOf(b.data) {
		growMap(r, m, 5)
		growMap(r, m, 5)
		var double xpdata.MapBuilder // as it may come over the wire
		for _, k := range []string{"a", "b", "a", "", "a"} {
			for k, v := range m.All() {
				v.MoveTo(double.AppendEmpty(k))
			}
			grow(r, double.AppendEmpty(k), 3)
			double.UnsafeIntoMap(m)
			double = xpdata.MapBuilder{}
		}
	}
}

// mapsOf returns the attributes of all units.
func mapsOf(data any) (all []pcommon.Map) {
	w := New(funcVisitor{attrs: func(_ *Place, m pcommon.Map) { all = append(all, m) }}, Options{})
	switch d := data.(type) {
	case ptrace.Traces:
		w.Traces(d)
	case plog.Logs:
		w.Logs(d)
	case pmetric.Metrics:
		w.Metrics(d)
	}
	return all
}

func walkTwice(t testing.TB, seed uint64, rate int, o Options) (spots map[string]bool, kinds map[Kind]int) {
	t.Helper()
	spots, kinds = map[string]bool{}, map[Kind]int{}
	for _, b := range batches() {
		if b.letter == "p" {
			continue
		}
		everywhere(rand.New(rand.NewPCG(seed, 1)), b)
		before := protoOf(t, b.data)
		c := newRecorder(seed, rate)
		o.Record = c.record
		w := New(c, o)
		b.walk(w)
		b.walk(w)
		masked := protoOf(t, b.data)
		if c.kinds[InText] > 0 {
			require.NotEqual(t, before, masked)
		}
		undo := New(nil, c.undo())
		b.walk(undo)
		require.NoError(t, undo.Err(), "signal %s, seed %d", b.letter, seed)
		require.True(t, string(before) == string(protoOf(t, b.data)), "signal %s, seed %d: not what it was", b.letter, seed)
		for s := range c.spots {
			spots[s] = true
		}
		for k, n := range c.kinds {
			kinds[k] += n
		}
	}
	return spots, kinds
}

// TestUndoEveryPlace masks at every place and takes it back: every spot of the
// table but those of profiles alone, and every kind of edit.
func TestUndoEveryPlace(t *testing.T) {
	want := map[string]bool{}
	for _, i := range Places() {
		if i.Signals != "p" {
			want[i.Name] = true
		}
	}
	spots, kinds := walkTwice(t, 1, 1, Options{Depth: 3})
	require.Equal(t, want, spots)
	for _, k := range []Kind{InText, InBytes, InKey, WasInt, WasDouble, WasNested} {
		require.NotZero(t, kinds[k], "kind %d", k)
	}
}

func FuzzUndoIsTheInverse(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint8(seed%5), seed%3 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, rate uint8, shallow bool) {
		o := Options{}
		if shallow {
			o.Depth = 2 + int(seed%3)
		}
		walkTwice(t, seed, 1+int(rate%16), o)
	})
}

// TestUndoOfNumbers: every bit of a number comes back.
func TestUndoOfNumbers(t *testing.T) {
	ld := plog.NewLogs()
	s := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetEmptySlice()
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		s.AppendEmpty().SetInt(n)
	}
	for _, n := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), math.Float64frombits(0xfff8_0000_dead_beef), 1e308, math.SmallestNonzeroFloat64} {
		s.AppendEmpty().SetDouble(n)
	}
	before := protoOf(t, ld)
	c := newRecorder(1, 1)
	New(funcVisitor{text: func(*Place, []byte) []byte { return []byte("masked") }}, Options{Record: c.record}).Logs(ld)
	require.Equal(t, map[Kind]int{WasInt: 5, WasDouble: 7}, c.kinds)
	New(nil, c.undo()).Logs(ld)
	require.Equal(t, before, protoOf(t, ld))
}

// TestUndoRefusesWhatDoesNotFit: an edit is about one text at one place.
func TestUndoRefusesWhatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func(e *Edit, r plog.LogRecord){
		"another text":          func(_ *Edit, r plog.LogRecord) { get(r, "k").SetStr("a [MASKED] C") },
		"no string any more":    func(_ *Edit, r plog.LogRecord) { get(r, "k").SetInt(1) },
		"no such step":          func(e *Edit, _ plog.LogRecord) { e.Steps[0] = 9 },
		"negative step":         func(e *Edit, _ plog.LogRecord) { e.Steps[0] = -1 },
		"too many steps":        func(e *Edit, _ plog.LogRecord) { e.Steps = append(e.Steps, 0) },
		"no such spot":          func(e *Edit, _ plog.LogRecord) { e.Spot = 200 },
		"spot of another level": func(e *Edit, _ plog.LogRecord) { e.Spot = scopeName },
		"offset beyond":         func(e *Edit, _ plog.LogRecord) { e.Offset = 100 },
		"length beyond":         func(e *Edit, _ plog.LogRecord) { e.Length = math.MaxInt },
		"negative length":       func(e *Edit, _ plog.LogRecord) { e.Length = -1 },
		"negative offset":       func(e *Edit, _ plog.LogRecord) { e.Offset = -1 },
		"number of three bytes": func(e *Edit, _ plog.LogRecord) { e.Kind = WasInt },
		"no value":              func(e *Edit, _ plog.LogRecord) { e.Kind = WasNested },
		"no bytes":              func(e *Edit, _ plog.LogRecord) { e.Kind = InBytes },
		"key in a value":        func(e *Edit, _ plog.LogRecord) { e.Kind = InKey },
		"no such kind":          func(e *Edit, _ plog.LogRecord) { e.Kind = 99 },
		"the map has shifted": func(_ *Edit, r plog.LogRecord) {
			r.Attributes().RemoveIf(func(k string, _ pcommon.Value) bool { return k == "before" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			ld := plog.NewLogs()
			r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			r.Attributes().PutStr("before", "x")
			r.Attributes().PutStr("k", "a secret c")
			r.Attributes().PutStr("after", "x")
			c := newRecorder(1, 1)
			New(funcVisitor{text: func(at *Place, text []byte) []byte {
				if at.Key == "k" {
					return []byte(strings.Replace(string(text), "secret", "[MASKED]", 1))
				}
				return nil
			}}, Options{Record: c.record}).Logs(ld)
			unit := Unit{Level: Item}
			require.Len(t, c.edits[unit], 1)
			require.Equal(t, "secret", c.edits[unit][0].Original)
			change(&c.edits[unit][0], r)
			w := New(nil, c.undo())
			w.Logs(ld)
			require.Error(t, w.Err())
			require.NotContains(t, w.Err().Error(), "secret")
			w.Logs(plog.NewLogs())
			require.NoError(t, w.Err(), "of the last walk")
		})
	}
}

func get(r plog.LogRecord, key string) pcommon.Value {
	v, _ := r.Attributes().Get(key)
	return v
}

// TestUnitsOnly calls Done as ever, with positions, and visits no text.
func TestUnitsOnly(t *testing.T) {
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		var want, got []Unit
		note := func(units *[]Unit) funcVisitor2 {
			return funcVisitor2{done: func(at *Place) { *units = append(*units, at.Unit) }}
		}
		b.walk(New(note(&want), Options{}))
		b.walk(New(note(&got), Options{UnitsOnly: true}))
		require.Equal(t, want, got, "signal %s", b.letter)
		require.Greater(t, len(got), 2)
		seen := map[Unit]bool{}
		for _, u := range got {
			require.False(t, seen[u], "two units are %s", u)
			seen[u] = true
		}
	}
	fails := funcVisitor{
		text:  func(*Place, []byte) []byte { t.Error("a text was visited"); return nil },
		attrs: func(*Place, pcommon.Map) { t.Error("attributes were visited") },
	}
	for _, b := range batches() {
		var p planter
		p.plant(reflect.ValueOf(b.data))
		b.walk(New(fails, Options{UnitsOnly: true}))
	}
}

// funcVisitor2 sees the place of each Done.
type funcVisitor2 struct {
	funcVisitor
	done func(at *Place)
}

func (f funcVisitor2) Done(at *Place, _ pcommon.Map) bool {
	f.done(at)
	return true
}

// TestTooDeepIsRecordedWhole: the bottom is as far away as a sender likes.
func TestTooDeepIsRecordedWhole(t *testing.T) {
	ld := plog.NewLogs()
	v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	for range 20_000 {
		v = v.SetEmptySlice().AppendEmpty()
	}
	v.SetStr("bottom")
	before := protoOf(t, ld)
	c := newRecorder(1, 1)
	New(funcVisitor{text: func(*Place, []byte) []byte { return []byte("[WITHHELD]") }}, Options{Record: c.record, Depth: 10}).Logs(ld)
	require.Equal(t, map[Kind]int{WasNested: 1}, c.kinds)
	w := New(nil, c.undo())
	w.Logs(ld)
	require.NoError(t, w.Err())
	require.True(t, string(before) == string(protoOf(t, ld)))
}
