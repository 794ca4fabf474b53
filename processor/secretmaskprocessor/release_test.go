package secretmaskprocessor

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// out sends a batch as release_gate does.
func out(t *testing.T, h *harness, r *release.Release, td ptrace.Traces) ptrace.Traces {
	t.Helper()
	h.traceSink.Reset()
	require.NoError(t, h.traces.ConsumeTraces(release.With(context.Background(), r), td))
	require.True(t, r.Scanned())
	return h.traceSink.AllTraces()[0]
}

// viewOf is the view of the only item, as the gate has it, with the digests that approve its original.
func viewOf(t *testing.T, v *vault, td ptrace.Traces) (ptrace.Traces, map[uint64]struct{}) {
	t.Helper()
	items, err := item.Of(shape.Traces, td)
	require.NoError(t, err)
	require.Len(t, items, 1)
	view, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(items[0].View)
	require.NoError(t, err)
	digests, err := restore.Apply(view, restore.Of(&items[0]), v.ring.OpenPacked)
	require.NoError(t, err)
	return view, digests
}

// TestReleaseOfAnything: whatever was held goes out as it came, but for the
// marks at its resources, when it was approved; and as it was held, when not.
func TestReleaseOfAnything(t *testing.T) {
	cfg := holdAll(t)
	cfg.Memory.Traces = 100 // what is remembered of its traces must not keep it back
	v := newVault(t, cfg)
	h := start(t, cfg)
	for seed := range uint64(40) {
		p := &planted{t: t, r: rand.New(rand.NewPCG(seed, 12)), seed: seed<<16 + 1}
		td := p.traces()
		held := h.trace(td)
		items, err := item.Of(shape.Traces, held)
		require.NoError(t, err)
		for i := range items {
			read := func() ptrace.Traces {
				view, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(items[i].View)
				require.NoError(t, err)
				return view
			}
			original := read()
			digests, err := restore.Apply(original, restore.Of(&items[i]), v.ring.OpenPacked)
			require.NoError(t, err)
			want := copyOf(t, shape.Traces, original, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
			unstamp(shape.Traces, want)
			got := out(t, h, &release.Release{Item: "an id", Mode: release.ModeOriginal, Attempt: 2, Approved: digests}, original)
			for _, what := range whatsOf(t, got) {
				require.Equal(t, "-", what, "seed %d: it is held, or masked, again", seed)
			}
			unstamp(shape.Traces, got)
			require.True(t, bytes.Equal(protoOf(t, shape.Traces, want), protoOf(t, shape.Traces, got)), "seed %d: not what it was", seed)

			masked := out(t, h, &release.Release{Item: "an id", Mode: release.ModeMasked}, read())
			want = read()
			unstamp(shape.Traces, want)
			unstamp(shape.Traces, masked)
			require.True(t, bytes.Equal(protoOf(t, shape.Traces, want), protoOf(t, shape.Traces, masked)), "seed %d, masked: not the view", seed)
		}
	}
	require.Positive(t, h.sum(metricPrefix+"items_released"))
	require.Zero(t, h.sum(metricPrefix+"forged_stamps"))
}

// TestReleaseIsMarked: whose it is, what it is, and still who sent it.
func TestReleaseIsMarked(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	h.traceSink.Reset()
	require.NoError(t, h.traces.ConsumeTraces(from("somebody"), newSpans(t).resource("mask").span(1, "hold").span(1, "mask").td))
	view, digests := viewOf(t, v, h.traceSink.AllTraces()[0])
	require.Len(t, digests, 3)
	again := copyOf(t, shape.Traces, view, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 2, Approved: digests}, view)
	attrs := got.ResourceSpans().At(0).Resource().Attributes().AsRaw()
	delete(attrs, "mask")
	require.Equal(t, map[string]any{
		verdict.Policy: h.core.state.Load().policy, verdict.Producer: verdict.Commit([]byte(cfg.Fingerprint.Key), "somebody"),
		release.AttrItem: "0123", release.AttrMode: "original", release.AttrAttempt: int64(2),
	}, attrs)

	// Nobody approved these: they are held again, sent by whom they were sent.
	got = out(t, h, &release.Release{Item: "0123", Mode: release.ModeMasked}, again)
	require.Equal(t, []string{"masked+", "-", "held+", "held+"}, whatsOf(t, got))
	require.Equal(t, attrs[verdict.Producer], get(t, got.ResourceSpans().At(0).Resource().Attributes(), verdict.Producer).Str())
	require.NotContains(t, jsonOf(t, got), "ghp_")
	viewOf(t, v, got) // it can be restored again
}

// TestReleaseFindsWhatIsNew: rules change between holding and release.
func TestReleaseFindsWhatIsNew(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	b := newSpans(t).resource("").span(1, "hold").span(1, "")
	b.last().ScopeSpans().At(0).Spans().At(1).Attributes().PutStr("hold", "a SECRET of next week")
	view, digests := viewOf(t, v, h.trace(b.td))
	h.fake()
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}, view)
	require.Equal(t, []string{"-", "-", "-", "held+"}, whatsOf(t, got), "what was approved goes, what is new is held")
	require.Contains(t, jsonOf(t, got), "ghp_")
	require.NotContains(t, jsonOf(t, got), "SECRET")

	// In a trace that is remembered as held, what is new and only masked is masked.
	td, s := oneSpan()
	s.SetTraceID(pcommon.TraceID{1})
	s.Attributes().PutStr("mask", "SECRET")
	require.Equal(t, []string{"-", "-", "masked"}, whatsOf(t, out(t, h, &release.Release{Mode: release.ModeMasked}, td)))
}

// TestHeldAnewIsHeldWhole: if something new is held in what was approved as
// original, nothing of it goes in the clear, neither on nor into the new item,
// and the new item's approval names all of it.
func TestHeldAnewIsHeldWhole(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	want := newSpans(t).resource("").span(1, "hold").span(1, "mask").td
	view, digests := viewOf(t, v, h.trace(want))
	require.Len(t, digests, 2)
	newSpans(t).put(view.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes(), "hold") // today's rules know this
	original := copyOf(t, shape.Traces, view, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
	unstamp(shape.Traces, original)
	r := release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}
	got := out(t, h, &r, view)
	require.Equal(t, []string{"-", "-", "held+", "held+"}, whatsOf(t, got))
	require.NotContains(t, jsonOf(t, got), "ghp_")

	again, all := viewOf(t, v, got)
	require.Len(t, all, 3)
	got = out(t, h, &release.Release{Item: "4567", Mode: release.ModeOriginal, Attempt: 1, Approved: all}, again)
	require.Equal(t, []string{"-", "-", "-", "-"}, whatsOf(t, got), "held for ever")
	unstamp(shape.Traces, got)
	require.True(t, bytes.Equal(protoOf(t, shape.Traces, original), protoOf(t, shape.Traces, got)))
}

// TestApprovedIsNotLearned: what was approved in one place says nothing about
// what stands elsewhere in the item, nor in later batches.
func TestApprovedIsNotLearned(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	pw := password(t, 31)
	b := newSpans(t).resource("").span(0, "hold").td
	b.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("hold", "password="+pw)
	view, digests := viewOf(t, v, h.trace(b))
	view.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("other", "say "+pw)
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}, view)
	require.Equal(t, 2, strings.Count(jsonOf(t, got), pw))
	require.NotContains(t, session(h, 9, "password="+pw)[0], pw, "approved in one item, not for ever")
}

// TestApprovedPieces: a secret that was cut is approved as one, and whoever
// scans it for the release remembers nothing of it.
func TestApprovedPieces(t *testing.T) {
	cfg := holdAll(t)
	cfg.Memory.Traces = 100
	v := newVault(t, cfg)
	b := newSpans(t).resource("").span(1, "").td
	cut := secret(t, 5600)
	chunks := b.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutEmptySlice("llm.chunks")
	chunks.AppendEmpty().SetStr(cut[:17])
	chunks.AppendEmpty().SetStr(cut[17:])
	want := protoOf(t, shape.Traces, b)
	view, digests := viewOf(t, v, start(t, cfg).trace(b))
	require.Len(t, digests, 1)

	other := *cfg // the gate is another process
	h := start(t, &other)
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}, view)
	unstamp(shape.Traces, got)
	require.True(t, bytes.Equal(want, protoOf(t, shape.Traces, got)))
	require.Zero(t, h.core.store.Len())
}

// TestReleaseIsNotCounted: that a trace had many secrets is why it was held.
func TestReleaseIsNotCounted(t *testing.T) {
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "hold"}, {Action: "mask"}}
	v := newVault(t, cfg)
	h := start(t, cfg)
	view, digests := viewOf(t, v, h.trace(newSpans(t).resource("").span(1, "a").span(1, "b").span(1, "c").td))
	newSpans(t).put(view.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), "new")
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}, view)
	require.Equal(t, []string{"-", "-", "masked", "-", "-"}, whatsOf(t, got))
}

// TestReleaseOfWithheld: a text that could not be scanned and was approved goes out as it is.
func TestReleaseOfWithheld(t *testing.T) {
	cfg := holdAll(t)
	cfg.Limits.MaxValueBytes = 1000
	v := newVault(t, cfg)
	h := start(t, cfg)
	b := newSpans(t).resource("").span(1, "hold").td
	a := b.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	a.PutStr("long", strings.Repeat("word ", 500))
	nest := func(m pcommon.Map, key, bottom string) {
		deep := m.PutEmpty(key)
		for range 20 {
			deep = deep.SetEmptySlice().AppendEmpty()
		}
		deep.SetStr(bottom)
	}
	nest(a, "deep", "a")
	want := protoOf(t, shape.Traces, b)
	view, digests := viewOf(t, v, h.trace(b))
	nest(view.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), "deeper", "b") // nobody has approved this one
	got := out(t, h, &release.Release{Item: "0123", Mode: release.ModeOriginal, Attempt: 1, Approved: digests}, view)
	attrs := got.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	require.Contains(t, get(t, attrs, "deeper").AsString(), "[WITHHELD:depth:")
	unstamp(shape.Traces, got)
	attrs.RemoveIf(func(k string, _ pcommon.Value) bool { return k == "deeper" })
	require.True(t, bytes.Equal(want, protoOf(t, shape.Traces, got)))
}

// TestRefusedReleaseIsNotScanned: verdict must not let it out.
func TestRefusedReleaseIsNotScanned(t *testing.T) {
	cfg := byName(t)
	newVault(t, cfg)
	h := start(t, cfg)
	var bad sealer = failing{errors.New("no entropy")}
	h.core.seal.Store(&bad)
	r := &release.Release{Item: "0123", Mode: release.ModeMasked}
	err := h.traces.ConsumeTraces(release.With(context.Background(), r), newSpans(t).resource("").span(1, "hold").td)
	require.ErrorIs(t, err, errSeal)
	require.False(t, r.Scanned())
}

// TestSendersCannotRelease: attributes alone do nothing.
func TestSendersCannotRelease(t *testing.T) {
	h := start(t, testConfig(t))
	b := newSpans(t).resource("a").span(1, "a").td
	attrs := b.ResourceSpans().At(0).Resource().Attributes()
	attrs.PutStr(release.AttrItem, "0123")
	attrs.PutStr(verdict.Producer, "somebody else")
	got := h.trace(b)
	require.NotContains(t, jsonOf(t, got), "ghp_")
	for _, key := range []string{release.AttrItem, release.AttrMode, verdict.Producer} {
		_, ok := attrs.Get(key)
		require.False(t, ok, key)
	}
	require.Equal(t, int64(2), h.sum(metricPrefix+"forged_stamps"))
}

// TestEventsPassUntouched: our own audit events are no telemetry.
func TestEventsPassUntouched(t *testing.T) {
	cfg := byName(t)
	newVault(t, cfg)
	h := start(t, cfg)
	ld, r := oneLog()
	r.Body().SetStr(secret(t, 5500)) // there is none in an event; this one says that nobody looks
	r.Attributes().PutStr("tracescrub.findings", "x")
	before := protoOf(t, shape.Logs, ld)
	ld.MarkReadOnly()
	require.NoError(t, h.records.ConsumeLogs(release.WithEvent(context.Background()), ld))
	require.Equal(t, before, protoOf(t, shape.Logs, h.logSink.AllLogs()[0]))
	require.Zero(t, h.sum(metricPrefix+"items_scanned"))

	// Nor are they held up by a policy: other signals are no different.
	td, md := ptrace.NewTraces(), pmetric.NewMetrics()
	td.MarkReadOnly()
	md.MarkReadOnly()
	require.NoError(t, h.traces.ConsumeTraces(release.WithEvent(context.Background()), td))
	require.NoError(t, h.metrics.ConsumeMetrics(release.WithEvent(context.Background()), md))
	require.NoError(t, h.records.ConsumeLogs(context.Background(), plog.NewLogs()))
}
