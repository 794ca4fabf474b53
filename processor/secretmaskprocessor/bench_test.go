package secretmaskprocessor

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/agentspans"
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
				cfg.Memory.CleanBytes = 0 // the same batch comes again and again
				p := &instance{core: start(b, cfg).core}
				td := agentspans.Clean(200, long)
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

// BenchmarkSession is the processor over agents' sessions, each new, with and
// without a memory of clean texts.
func BenchmarkSession(b *testing.B) {
	var all []ptrace.Traces
	size := 0
	for i := range 60 { // more than is remembered
		td := ptrace.NewTraces()
		if err := agentspans.Session(agentspans.Of(td), [16]byte{1, byte(i)}, corpus.Values(uint64(20+i), 1500, 2*agentspans.Turns)); err != nil {
			b.Fatal(err)
		}
		size += (&ptrace.ProtoMarshaler{}).TracesSize(td)
		all = append(all, td)
	}
	for _, remembered := range []int{0, 2 << 20} {
		b.Run(fmt.Sprintf("clean_bytes=%d", remembered), func(b *testing.B) {
			cfg := testConfig(b)
			cfg.Annotate = annotateNone
			cfg.Memory.CleanBytes = remembered
			p := &instance{core: start(b, cfg).core}
			b.SetBytes(int64(size))
			for b.Loop() {
				for _, td := range all {
					if _, err := p.traces(context.Background(), td); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkCopy is what the copy alone takes.
func BenchmarkCopy(b *testing.B) {
	for _, long := range []int{0, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("20x64+2x%d", long), func(b *testing.B) {
			td := agentspans.Clean(200, long)
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
	td := agentspans.Clean(200, 0)
	for b.Loop() {
		if _, err := p.traces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/span")
}
