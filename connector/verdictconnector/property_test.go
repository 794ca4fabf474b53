package verdictconnector

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// random makes a batch with stamps of all kinds at all levels, and what should
// become of each span, by its id.
func random(rng *rand.Rand) (td ptrace.Traces, held map[pcommon.SpanID]bool) {
	td = ptrace.NewTraces()
	traces := map[pcommon.TraceID]bool{}
	type place struct {
		trace pcommon.TraceID
		held  bool
	}
	spans := map[pcommon.SpanID]place{}
	stamp := func(m pcommon.Map, chance int) bool {
		switch rng.IntN(chance) {
		case 0:
			hold(m)
			return true
		case 1:
			masked(m)
		case 2:
			masked(m)
			m.PutEmptyBytes(verdict.Restore)
		}
		return false
	}
	n := byte(0)
	for range rng.IntN(5) {
		r := td.ResourceSpans().AppendEmpty()
		r.Resource().Attributes().PutStr(verdict.Policy, "p1")
		inResource := stamp(r.Resource().Attributes(), 12)
		for range rng.IntN(4) {
			s := r.ScopeSpans().AppendEmpty()
			inScope := stamp(s.Scope().Attributes(), 12)
			for range rng.IntN(5) {
				n++
				e := s.Spans().AppendEmpty()
				e.SetSpanID(pcommon.SpanID{n, 1})
				e.SetTraceID(pcommon.TraceID{byte(rng.IntN(8))})
				own := stamp(e.Attributes(), 8) || inScope || inResource
				spans[e.SpanID()] = place{e.TraceID(), own}
				if own && !e.TraceID().IsEmpty() {
					traces[e.TraceID()] = true
				}
			}
		}
	}
	held = map[pcommon.SpanID]bool{}
	for id, p := range spans {
		held[id] = p.held || traces[p.trace]
	}
	return td, held
}

// TestEverythingIsWhereItBelongs: each span arrives once, held ones and those of
// their traces in the quarantine; patches go nowhere else; an event tells of each
// item; and a second try comes to the same.
func TestEverythingIsWhereItBelongs(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		cfg := testConfig()
		cfg.Annotate = []string{annotateFull, annotateSummary, annotateNone}[rng.IntN(3)]
		h := start(t, cfg)
		td, want := random(rng)
		td.MarkReadOnly()
		require.NoError(t, h.traces.ConsumeTraces(background, td), "seed %d", seed)
		got := map[pcommon.SpanID]bool{}
		for _, pipeline := range []string{"traces/clean", "traces/held"} {
			for _, part := range took1[ptrace.Traces](h.world, pipeline) {
				for _, r := range part.ResourceSpans().All() {
					maps := []pcommon.Map{r.Resource().Attributes()}
					for _, s := range r.ScopeSpans().All() {
						maps = append(maps, s.Scope().Attributes())
						for _, e := range s.Spans().All() {
							require.NotContains(t, got, e.SpanID(), "seed %d: a span came twice", seed)
							got[e.SpanID()] = pipeline == "traces/held"
							maps = append(maps, e.Attributes())
						}
					}
					for _, m := range maps {
						_, patch := m.Get(verdict.Restore)
						require.False(t, patch && pipeline == "traces/clean", "seed %d: a patch went on", seed)
					}
				}
			}
		}
		require.Equal(t, want, got, "seed %d", seed)

		ids := idsOf(t, h)
		var told []string
		for _, e := range h.events() {
			if e.EventName() == event.Held {
				told = append(told, str(t, e.Attributes(), "tracescrub.item.id"))
			}
		}
		items := ids[len(h.events()):]
		require.True(t, slices.Equal(told, items), "seed %d", seed)
		h.reset()
		require.NoError(t, h.traces.ConsumeTraces(background, td))
		again := idsOf(t, h)
		slices.Sort(ids)
		slices.Sort(again)
		require.Equal(t, ids, again, "seed %d: a second try", seed)
	}
}
