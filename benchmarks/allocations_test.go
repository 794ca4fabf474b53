package benchmarks

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// TestScanAllocatesNothing: the engine on clean text of every size.
func TestScanAllocatesNothing(t *testing.T) {
	all, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := rules.Compile(rules.Limits{}, all...)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{64, 1 << 10, 16 << 10} {
		values := corpus.Values(1, size, 1+(1<<20)/size/4)
		found := make([]rules.Finding, 0, 8)
		ctx := rules.Context{Key: "gen_ai.output.messages"}
		n := testing.AllocsPerRun(5, func() {
			for _, v := range values {
				found = e.Scan(found[:0], v, ctx)
			}
		})
		// AllocsPerRun rounds down: a stray one of the run time is none of ours.
		if perValue := n / float64(len(values)); perValue >= 0.01 {
			t.Errorf("%d B: %.2f allocations per value", size, perValue)
		}
	}
}

// TestProcessorAllocatesNothingPerSpan: a batch costs the same whether it has
// ten spans or a thousand.
func TestProcessorAllocatesNothingPerSpan(t *testing.T) {
	f := secretmaskprocessor.NewFactory()
	cfg := f.CreateDefaultConfig().(*secretmaskprocessor.Config)
	cfg.Fingerprint.Key = "the key of the benchmarks"
	cfg.Annotate = "none"
	p, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(f.Type()), cfg, consumertest.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	perBatch := func(spans int) float64 {
		td := batch(spans)
		return testing.AllocsPerRun(20, func() {
			if err := p.ConsumeTraces(context.Background(), td); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := perBatch(10), perBatch(1000)
	if many > few+50 {
		t.Errorf("a batch of 10 spans costs %.0f allocations, one of 1000 spans %.0f", few, many)
	}
	if few > 100 {
		t.Errorf("a batch of 10 clean spans costs %.0f allocations", few)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// batch makes clean spans with attributes of every kind, an event and a link each.
func batch(spans int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	ss := rs.ScopeSpans().AppendEmpty()
	texts := corpus.Values(1, 200, spans*5)
	for i := range spans {
		s := ss.Spans().AppendEmpty()
		s.SetName("chat")
		for a := range 4 {
			s.Attributes().PutStr(fmt.Sprintf("app.field_%d", a), string(texts[i*5+a]))
		}
		s.Attributes().PutInt("gen_ai.usage.input_tokens", int64(i))
		s.Attributes().PutEmptySlice("list").AppendEmpty().SetStr("one")
		s.Attributes().PutEmptyMap("map").PutStr("k", "v")
		s.Attributes().PutEmptyBytes("bytes").FromRaw([]byte("plain"))
		s.Events().AppendEmpty().Attributes().PutStr("message", string(texts[i*5+4]))
		s.Links().AppendEmpty().TraceState().FromRaw("vendor=1")
		s.Status().SetMessage("fine")
	}
	return td
}
