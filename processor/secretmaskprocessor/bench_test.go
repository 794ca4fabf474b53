package secretmaskprocessor

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules"
)

// BenchmarkSpans is the processor over batches of 200 spans: clean ones, and
// ones with a secret in one value of 200. The copy that each round needs is in
// the time of both.
func BenchmarkSpans(b *testing.B) {
	for _, long := range []int{0, 1 << 10, 16 << 10} {
		for _, secrets := range []bool{false, true} {
			b.Run(fmt.Sprintf("20x64+2x%d/secrets=%v", long, secrets), func(b *testing.B) {
				cfg := testConfig(b)
				cfg.Annotate = annotateNone
				p := &instance{core: start(b, cfg).core}
				td := agentSpans(200, long)
				if secrets {
					plantSpans(b, td, 200)
				}
				td.MarkReadOnly()
				for b.Loop() {
					copied := ptrace.NewTraces()
					td.CopyTo(copied)
					if _, err := p.traces(context.Background(), copied); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/span")
			})
		}
	}
}

// BenchmarkCopy is what the copy alone takes.
func BenchmarkCopy(b *testing.B) {
	for _, long := range []int{0, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("20x64+2x%d", long), func(b *testing.B) {
			td := agentSpans(200, long)
			for b.Loop() {
				td.CopyTo(ptrace.NewTraces())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/span")
		})
	}
}

// plantSpans puts a secret into every n-th attribute.
func plantSpans(b *testing.B, td ptrace.Traces, n int) {
	b.Helper()
	i := 0
	for _, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		for _, v := range s.Attributes().All() {
			if i++; i%n == n/2 {
				text := v.Str()
				v.SetStr(text[:len(text)/3] + " " + secret(b, uint64(i)) + " " + text[2*len(text)/3:])
			}
		}
	}
}

// agentSpans makes clean spans of 20 short attributes, and two long ones.
func agentSpans(n, long int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	short := corpus.Values(4, 64, 20*n)
	var texts [][]byte
	if long > 0 {
		texts = corpus.Values(5, long, 2*n)
	}
	for i := range n {
		s := spans.AppendEmpty()
		s.SetName("chat")
		s.SetTraceID([16]byte{1, byte(i), byte(i >> 8)})
		s.SetSpanID([8]byte{1, byte(i), byte(i >> 8)})
		for a := range 20 {
			s.Attributes().PutStr(fmt.Sprintf("app.field_%02d", a), string(short[i*20+a]))
		}
		if long > 0 {
			s.Attributes().PutStr("gen_ai.input.messages", string(texts[2*i]))
			s.Attributes().PutStr("gen_ai.output.messages", string(texts[2*i+1]))
		}
	}
	return td
}

// nopEngine finds nothing, at once: what is left is the cost of everything around an engine.
type nopEngine struct{ fakeEngine }

func (nopEngine) Scan(dst []rules.Finding, _ []byte, _ rules.Context) []rules.Finding { return dst }

// BenchmarkSpansWithoutEngine is what the processor costs besides the scan.
func BenchmarkSpansWithoutEngine(b *testing.B) {
	cfg := testConfig(b)
	cfg.Annotate = annotateNone
	h := start(b, cfg)
	h.engine(nopEngine{})
	p := &instance{core: h.core}
	td := agentSpans(200, 0)
	for b.Loop() {
		if _, err := p.traces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/span")
}
