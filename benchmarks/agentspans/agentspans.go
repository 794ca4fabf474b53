// Package agentspans makes the spans that the benchmarks send: such as agents'
// runtimes send them, 20 short attributes and perhaps two long ones.
package agentspans

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
)

const (
	// Short is how many attributes of 64 bytes a span has.
	Short = 20
	// Long is how many long ones it has, if it has any.
	Long = 2
)

// Fill gives a span its name and the first Short and, unless long is empty, Long
// texts as attributes.
func Fill(s ptrace.Span, short, long [][]byte) {
	s.SetName("chat")
	for a, text := range short[:Short] {
		s.Attributes().PutStr(fmt.Sprintf("app.field_%02d", a), string(text))
	}
	if len(long) > 0 {
		s.Attributes().PutStr("gen_ai.input.messages", string(long[0]))
		s.Attributes().PutStr("gen_ai.output.messages", string(long[1]))
	}
}

// Clean makes a request of so many spans without secrets, whose long attributes
// have long bytes; with 0 they have none. Each has a trace of its own.
func Clean(count, long int) ptrace.Traces {
	td := ptrace.NewTraces()
	to := Of(td)
	short := corpus.Values(4, 64, Short*count)
	var texts [][]byte
	if long > 0 {
		texts = corpus.Values(5, long, Long*count)
	}
	for i := range count {
		s := to.AppendEmpty()
		s.SetTraceID([16]byte{1, byte(i), byte(i >> 8)})
		s.SetSpanID([8]byte{1, byte(i), byte(i >> 8)})
		Fill(s, short[Short*i:], texts[min(Long*i, len(texts)):])
	}
	return td
}

// Of adds a resource to td and returns its spans.
func Of(td ptrace.Traces) ptrace.SpanSlice {
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	return rs.ScopeSpans().AppendEmpty().Spans()
}
