// Package agentspans makes the spans that the benchmarks send: such as agents'
// runtimes send them, 20 short attributes and perhaps two long ones.
package agentspans

import (
	"encoding/json"
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

// Turns is how many calls of a model a session has.
const Turns = 30

// Session fills a request with one agent's session, which has a trace of its own:
// a span for each call of the model, with the messages so far, as the semantic
// conventions for generative AI have them in `gen_ai.input.messages`, and the answer.
// texts are what is said, two for each turn.
func Session(to ptrace.SpanSlice, id [16]byte, texts [][]byte) error {
	var history []message
	for turn := range Turns {
		history = append(history, say("user", texts[2*turn]))
		answer := say("assistant", texts[2*turn+1])
		in, err := json.Marshal(history)
		if err != nil {
			return err
		}
		out, err := json.Marshal([]message{answer})
		if err != nil {
			return err
		}
		history = append(history, answer)
		s := to.AppendEmpty()
		s.SetName("chat")
		s.SetTraceID(id)
		s.SetSpanID([8]byte{1, byte(turn)})
		s.Attributes().PutStr("gen_ai.request.model", "model-1")
		s.Attributes().PutStr("gen_ai.input.messages", string(in))
		s.Attributes().PutStr("gen_ai.output.messages", string(out))
	}
	return nil
}

// message is one of the conventions' messages.
type message struct {
	Role  string `json:"role"`
	Parts []part `json:"parts"`
}

type part struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

func say(role string, text []byte) message {
	return message{role, []part{{"text", string(text)}}}
}
