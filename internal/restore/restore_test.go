package restore

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
)

// TestExamples: the document shows what the code writes.
func TestExamples(t *testing.T) {
	doc, err := os.ReadFile("../../docs/format/restore.md")
	require.NoError(t, err)
	var examples [][]byte
	for _, block := range regexp.MustCompile("(?s)```\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		var digits strings.Builder
		for line := range strings.Lines(block[1]) {
			digits.WriteString(strings.ReplaceAll(regexp.MustCompile(`^ *[0-9a-f]+( [0-9a-f]+)*`).FindString(line), " ", ""))
		}
		b, err := hex.DecodeString(digits.String())
		require.NoError(t, err)
		examples = append(examples, b)
	}
	require.Len(t, examples, 2)

	var edits []walk.Edit
	ld := plog.NewLogs()
	body := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	body.SetStr("pin 1234")
	walk.New(masker{}, walk.Options{Record: func(_ *walk.Place, e walk.Edit) { edits = append(edits, e) }}).Logs(ld)
	require.Equal(t, "pin [X]", body.Str())
	p := &Patch{Digests: []uint64{0xff, 0xff}, Edits: edits}
	require.Equal(t, hex.EncodeToString(examples[0]), hex.EncodeToString(p.Marshal()))
	list := []Sealed{{Unit: walk.Unit{Level: walk.Item, Scope: 1, Item: 2}, Blob: []byte{0xa1, 0xb2}}}
	require.Equal(t, hex.EncodeToString(examples[1]), hex.EncodeToString(MarshalList(list)))
}

// masker masks digits in texts, and replaces what is too deep.
type masker struct{}

func (masker) Attributes(*walk.Place, pcommon.Map)       {}
func (masker) Done(*walk.Place, pcommon.Map) (keep bool) { return true }
func (masker) Text(at *walk.Place, text []byte) []byte {
	if at.TooDeep {
		return []byte("[WITHHELD]")
	}
	if m := regexp.MustCompile(`[0-9]+`); m.Match(text) && !strings.Contains(string(text), "[X]") {
		return m.ReplaceAll(text, []byte("[X]"))
	}
	return nil
}

// seals stands for packages seal and unseal: what it makes opens only with
// the binding that it was made with.
type seals struct{ aead cipher.AEAD }

func newSeals(t testing.TB) seals {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return seals{aead}
}

func (s seals) pack(b envelope.Binding, plain []byte) []byte {
	return s.aead.Seal(nil, make([]byte, 12), plain, fmt.Append(nil, b))
}

func (s seals) open(b envelope.Binding, packed []byte) ([]byte, error) {
	return s.aead.Open(nil, make([]byte, 12), packed, fmt.Append(nil, b))
}

const policy = "0123456789abcdef"

// hold masks data, stamps and seals all of it as secret_mask does.
func hold[T Telemetry](s seals, data T) {
	edits := map[walk.Unit][]walk.Edit{}
	w := walk.New(masker{}, walk.Options{Depth: 4, Record: func(at *walk.Place, e walk.Edit) {
		edits[at.Unit] = append(edits[at.Unit], e)
	}})
	_ = run(w, data)
	_ = run(walk.New(stamper{func(at *walk.Place, attrs pcommon.Map) {
		if at.Unit.Level == walk.Resource {
			attrs.PutStr(verdict.Policy, policy)
		}
		if e := edits[at.Unit]; len(e) > 0 {
			verdict.Stamp(attrs, verdict.Held, nil, false)
			p := Patch{Digests: []uint64{uint64(len(e)), 1 << 63}, Edits: e}
			blob := s.pack(Binding(Signal(data), policy, at.Trace, at.Span), p.Marshal())
			attrs.PutEmptyBytes(verdict.Restore).FromRaw(blob)
		}
	}}, walk.Options{UnitsOnly: true}), data)
}

type stamper struct {
	done func(at *walk.Place, attrs pcommon.Map)
}

func (stamper) Attributes(*walk.Place, pcommon.Map)    {}
func (stamper) Text(*walk.Place, []byte) (none []byte) { return nil }
func (s stamper) Done(at *walk.Place, attrs pcommon.Map) bool {
	s.done(at, attrs)
	return true
}

func strip[T Telemetry](data T) {
	_ = run(walk.New(stamper{func(_ *walk.Place, attrs pcommon.Map) { verdict.Strip(attrs) }}, walk.Options{UnitsOnly: true}), data)
}

// fill puts texts with digits, keys with digits, numbers and deep values into m.
func fill(r *rand.Rand, m pcommon.Map) {
	for i := range r.IntN(4) {
		m.PutStr(fmt.Sprintf("key %d", r.IntN(1000)), fmt.Sprintf("text %d and %d", r.IntN(1000), i))
		m.PutInt(fmt.Sprint("i", i), r.Int64())
		m.PutDouble(fmt.Sprint("d", i), r.NormFloat64())
		m.PutEmptyBytes(fmt.Sprint("b", i)).FromRaw([]byte{byte(r.Uint32()), '7', 0xff})
		m.PutEmptySlice(fmt.Sprint("s", i)).AppendEmpty().SetEmptyMap().PutEmptySlice("1").AppendEmpty().SetEmptySlice().AppendEmpty().SetStr("9")
		m.PutBool("clean", true)
	}
}

func someTraces(r *rand.Rand) ptrace.Traces {
	td := ptrace.NewTraces()
	for range 1 + r.IntN(3) {
		rs := td.ResourceSpans().AppendEmpty()
		fill(r, rs.Resource().Attributes())
		for range r.IntN(3) {
			ss := rs.ScopeSpans().AppendEmpty()
			fill(r, ss.Scope().Attributes())
			ss.Scope().SetName("scope 1")
			for i := range r.IntN(4) {
				s := ss.Spans().AppendEmpty()
				s.SetTraceID(pcommon.TraceID{1, byte(r.Uint32())})
				s.SetSpanID(pcommon.SpanID{2, byte(i)})
				s.SetName("span 1")
				fill(r, s.Attributes())
				fill(r, s.Events().AppendEmpty().Attributes())
			}
		}
	}
	return td
}

func someLogs(r *rand.Rand) plog.Logs {
	ld := plog.NewLogs()
	for range 1 + r.IntN(3) {
		rl := ld.ResourceLogs().AppendEmpty()
		fill(r, rl.Resource().Attributes())
		for range r.IntN(3) {
			sl := rl.ScopeLogs().AppendEmpty()
			fill(r, sl.Scope().Attributes())
			for range r.IntN(4) {
				lr := sl.LogRecords().AppendEmpty()
				lr.SetTraceID(pcommon.TraceID{byte(r.IntN(2))})
				lr.Body().SetStr("body 1")
				fill(r, lr.Attributes())
			}
		}
	}
	return ld
}

func someMetrics(r *rand.Rand) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for range 1 + r.IntN(3) {
		rm := md.ResourceMetrics().AppendEmpty()
		fill(r, rm.Resource().Attributes())
		for range r.IntN(3) {
			sm := rm.ScopeMetrics().AppendEmpty()
			fill(r, sm.Scope().Attributes())
			for range r.IntN(3) {
				m := sm.Metrics().AppendEmpty()
				m.SetName("metric 1")
				fill(r, m.Metadata())
				for range r.IntN(3) {
					p := m.SetEmptyGauge().DataPoints().AppendEmpty()
					fill(r, p.Attributes())
					fill(r, p.Exemplars().AppendEmpty().FilteredAttributes())
				}
			}
		}
	}
	return md
}

// thereAndBack holds data, makes items of it, stores their patches, and restores.
func thereAndBack[B Telemetry, R, S, U any](t *testing.T, sh *shape.Shape[B, R, S, U], data B, read func([]byte) (B, error)) {
	t.Helper()
	s := newSeals(t)
	before := map[string]int{}
	for i := range sh.Resources(data) {
		r := sh.Resource(data, i)
		for j := range sh.Scopes(r) {
			sc := sh.Scope(r, j)
			for k := range sh.Units(sc) {
				before[string(one(t, sh, r, sc, sh.Unit(sc, k)))]++
			}
		}
	}
	hold(s, data)
	items, err := item.Of(sh, data)
	require.NoError(t, err)
	after := map[string]int{}
	for i := range items {
		view, err := read(items[i].View)
		require.NoError(t, err)
		list, err := UnmarshalList(MarshalList(Of(&items[i])))
		require.NoError(t, err)
		require.Len(t, list, len(items[i].Patches))
		digests, err := Apply(view, list, s.open)
		require.NoError(t, err)
		if len(list) > 0 {
			require.Contains(t, digests, uint64(1<<63))
		}
		strip(view)
		for i := range sh.Resources(view) {
			r := sh.Resource(view, i)
			for j := range sh.Scopes(r) {
				sc := sh.Scope(r, j)
				for k := range sh.Units(sc) {
					after[string(one(t, sh, r, sc, sh.Unit(sc, k)))]++
				}
			}
		}
	}
	require.True(t, maps.Equal(before, after), "not what it was")
}

// one is a unit with its scope and resource.
func one[B, R, S, U any](t *testing.T, sh *shape.Shape[B, R, S, U], r R, sc S, u U) []byte {
	t.Helper()
	b := sh.New()
	toR := sh.AddResource(b)
	sh.CopyResource(r, toR)
	toS := sh.AddScope(toR)
	sh.CopyScope(sc, toS)
	sh.CopyUnit(u, sh.AddUnit(toS))
	raw, err := sh.Marshal(b)
	require.NoError(t, err)
	return raw
}

func FuzzThereAndBack(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		thereAndBack(t, shape.Traces, someTraces(r), (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
		thereAndBack(t, shape.Logs, someLogs(r), (&plog.ProtoUnmarshaler{}).UnmarshalLogs)
		thereAndBack(t, shape.Metrics, someMetrics(r), (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics)
	})
}

// held masks, seals and stores two spans of a trace, and returns the view and the patches.
func held(t *testing.T, s seals) (ptrace.Traces, []Sealed) {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("k", "secret 1")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range byte(2) {
		s := spans.AppendEmpty()
		s.SetName("secret 2")
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{i})
	}
	hold(s, td)
	items, err := item.Of(shape.Traces, td)
	require.NoError(t, err)
	require.Len(t, items, 1)
	view, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(items[0].View)
	require.NoError(t, err)
	list := Of(&items[0])
	require.Len(t, list, 3)
	return view, list
}

// TestApplyRefuses: a patch belongs to one unit of one item under one policy.
func TestApplyRefuses(t *testing.T) {
	for name, change := range map[string]func(td ptrace.Traces, list []Sealed) []Sealed{
		"none": func(_ ptrace.Traces, list []Sealed) []Sealed { return list[:len(list)-1] },
		"one too many": func(_ ptrace.Traces, list []Sealed) []Sealed {
			return append(list, Sealed{Unit: walk.Unit{Resource: 7}})
		},
		"two exchanged": func(_ ptrace.Traces, list []Sealed) []Sealed {
			list[1].Blob, list[2].Blob = list[2].Blob, list[1].Blob
			return list
		},
		"changed": func(_ ptrace.Traces, list []Sealed) []Sealed { list[1].Blob[0] ^= 1; return list },
		"another policy": func(td ptrace.Traces, list []Sealed) []Sealed {
			td.ResourceSpans().At(0).Resource().Attributes().PutStr(verdict.Policy, "x")
			return list
		},
		"another trace": func(td ptrace.Traces, list []Sealed) []Sealed {
			span(td, 0).SetTraceID(pcommon.TraceID{9})
			return list
		},
		"another span": func(td ptrace.Traces, list []Sealed) []Sealed { span(td, 0).SetSpanID(pcommon.SpanID{9}); return list },
		"another text": func(td ptrace.Traces, list []Sealed) []Sealed { span(td, 0).SetName("x"); return list },
		"what is none": func(td ptrace.Traces, list []Sealed) []Sealed {
			list[0].Blob = newSeals(t).pack(Binding("traces", policy, pcommon.TraceID{}, pcommon.SpanID{}), []byte("\x01\x00\x00 secret"))
			return list
		},
		"nothing at all of one": func(_ ptrace.Traces, list []Sealed) []Sealed { list[0].Blob = nil; return list },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeals(t)
			td, list := held(t, s)
			_, err := Apply(td, change(td, list), s.open)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func span(td ptrace.Traces, i int) ptrace.Span {
	return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(i)
}
