package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
)

// spans is how many a trace has.
const spans = 10

// maker makes requests of one trace each; no two have the same id.
type maker struct {
	rng   *rand.Rand
	texts [][]byte
	next  uint64
	size  int
}

// newMaker makes traces with size bytes of text.
func newMaker(seed uint64, size int) *maker {
	return &maker{
		rng: rand.New(rand.NewPCG(seed, 9)), //nolint:gosec // G404: the texts of a benchmark
		// Enough that what follows is not the same all the time.
		texts: corpus.Values(seed, size/spans, 20*spans), next: seed << 32, size: size,
	}
}

// made is a request and what must come of it.
type made struct {
	td     ptrace.Traces
	secret string // "": none
	text   string // what the span with the secret says
}

// clean makes a trace without a secret, held one with one of severity critical.
func (m *maker) clean() made { return m.make("") }

func (m *maker) held() made {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	b.WriteString("django-" + "insecure-")
	for range 50 {
		b.WriteByte(letters[m.rng.IntN(len(letters))])
	}
	return m.make(b.String())
}

func (m *maker) make(secret string) made {
	m.next++
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	all := rs.ScopeSpans().AppendEmpty().Spans()
	var trace [16]byte
	binary.BigEndian.PutUint64(trace[:], 1)
	binary.BigEndian.PutUint64(trace[8:], m.next)
	text := ""
	for i := range spans {
		s := all.AppendEmpty()
		s.SetTraceID(trace)
		s.SetSpanID([8]byte{1, byte(i)})
		s.SetName("chat")
		s.Attributes().PutStr("gen_ai.operation.name", "chat")
		said := string(m.texts[m.rng.IntN(len(m.texts))])
		if i == 0 && secret != "" {
			said = fmt.Sprintf("%s\nSECRET_KEY = '%s'\n", said, secret)
			text = said
		}
		s.Attributes().PutStr(attribute, said)
	}
	return made{td: td, secret: secret, text: text}
}

const attribute = "gen_ai.output.messages"

func first(td ptrace.Traces) ptrace.Span {
	return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

// said is the text of a trace's first span.
func said(td ptrace.Traces) string {
	v, _ := first(td).Attributes().Get(attribute)
	return v.AsString()
}
