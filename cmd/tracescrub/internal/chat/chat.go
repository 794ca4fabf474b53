// Package chat reads what was said to and by agents out of their spans and log
// records: the GenAI conventions of OpenTelemetry, with messages as attributes
// or as events, and those of OpenInference and OpenLLMetry. The review page
// reads the same, in its own language.
package chat

import (
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Turn is one message. Nothing in it is safe for a terminal or a page.
type Turn struct {
	Role   string `json:"role"`
	Parts  []Part `json:"parts"`
	Finish string `json:"finish_reason,omitempty"`
}

// Part is a piece of a message.
type Part struct {
	// Kind is text, reasoning, call, result, media or other.
	Kind string `json:"kind"`
	// Name is that of the tool, or the type of a part of another kind.
	Name string `json:"name,omitempty"`
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

// The kinds of parts.
const (
	kindText      = "text"
	kindReasoning = "reasoning"
	kindCall      = "call"
	kindResult    = "result"
	kindMedia     = "media"
	kindOther     = "other"
)

// OfSpan returns the messages of a span and its events.
func OfSpan(s ptrace.Span) []Turn {
	a := object(s.Attributes())
	turns := a.messages()
	for _, e := range s.Events().All() {
		ea := object(e.Attributes())
		if said := fromEvent(e.Name(), ea); len(said) > 0 {
			turns = append(turns, said...)
		} else {
			turns = append(turns, ea.messages()...)
		}
	}
	if len(turns) == 0 {
		turns = a.tool()
	}
	return turns
}

// OfRecord returns the messages of a log record.
func OfRecord(r plog.LogRecord) []Turn {
	a := object(r.Attributes())
	turns := a.messages()
	body := fields{}
	if r.Body().Type() == pcommon.ValueTypeMap {
		body = object(r.Body().Map())
		turns = append(turns, body.messages()...)
	}
	name := r.EventName()
	if name == "" {
		name = words(a["event.name"])
	}
	if said := fromEvent(name, body); len(said) > 0 {
		turns = append(turns, said...)
	}
	if len(turns) == 0 {
		turns = a.tool()
	}
	return turns
}

// messages reads the conventions that keep whole messages in attributes.
func (a fields) messages() (turns []Turn) {
	if v, ok := a["gen_ai.system_instructions"]; ok {
		if p := parts(read(v)); len(p) > 0 {
			turns = append(turns, Turn{Role: "system", Parts: p})
		}
	}
	for _, at := range []struct{ key, role string }{{"gen_ai.input.messages", "user"}, {"gen_ai.output.messages", "assistant"}} {
		if v, ok := a[at.key]; ok {
			turns = append(turns, messages(v, at.role)...)
		}
	}
	if turns = append(turns, a.flat()...); len(turns) > 0 {
		return turns
	}
	llm := words(a["openinference.span.kind"]) == "LLM"
	for _, at := range []struct {
		key, role string
		only      bool
	}{{"gen_ai.prompt", "user", false}, {"gen_ai.completion", "assistant", false}, {"input.value", "user", true}, {"output.value", "assistant", true}} {
		if v, ok := a[at.key]; ok && (llm || !at.only) {
			turns = append(turns, messages(v, at.role)...)
		}
	}
	return turns
}

var eventName = regexp.MustCompile(`^gen_ai\.(system|user|assistant|tool)\.message$`)

// fromEvent reads the older conventions: one event for each message.
func fromEvent(name string, body fields) []Turn {
	if m := eventName.FindStringSubmatch(name); m != nil {
		return []Turn{message(body.with("role", m[1]), m[1])}
	}
	if name != "gen_ai.choice" {
		return nil
	}
	inner, ok := read(body["message"]).(map[string]any)
	if !ok {
		inner = body.with("content", firstOf(body["message"], body["content"]))
	}
	return []Turn{message(fields(inner).with("role", "assistant").with("finish_reason", body["finish_reason"]), "assistant")}
}

// tool reads the span or record of a tool's run.
func (a fields) tool() (turns []Turn) {
	is := words(a["openinference.span.kind"]) == "TOOL" || words(a["traceloop.span.kind"]) == "tool"
	pick := func(key string, others ...string) any {
		v := a[key]
		for _, k := range others {
			if v == nil && is {
				v = a[k]
			}
		}
		return v
	}
	name, id := words(firstOf(a["gen_ai.tool.name"], a["tool.name"])), words(a["gen_ai.tool.call.id"])
	if v := pick("gen_ai.tool.call.arguments", "input.value", "traceloop.entity.input"); v != nil {
		turns = append(turns, Turn{Role: "assistant", Parts: []Part{{kindCall, name, id, words(v)}}})
	}
	if v := pick("gen_ai.tool.call.result", "output.value", "traceloop.entity.output"); v != nil {
		turns = append(turns, Turn{Role: "tool", Parts: []Part{{kindResult, name, id, words(answer(v))}}})
	}
	return turns
}

// messages reads a list of messages, from JSON or a structure.
func messages(v any, role string) (turns []Turn) {
	v = read(v)
	if m, ok := v.(map[string]any); ok && m["messages"] != nil {
		v = m["messages"]
	}
	for _, m := range list(v) {
		if t := message(m, role); len(t.Parts) > 0 || t.Finish != "" {
			turns = append(turns, t)
		}
	}
	return turns
}

// message reads one message of any of the usual shapes.
func message(v any, role string) Turn {
	var m fields
	switch v := v.(type) {
	case fields:
		m = v
	case map[string]any:
		m = v
	default:
		return Turn{Role: role, Parts: parts(v)}
	}
	if inner, ok := m["message"].(map[string]any); ok {
		for k, x := range inner {
			m = m.with(k, x)
		}
	}
	t := Turn{Role: words(firstOf(m["role"], role)), Finish: words(m["finish_reason"])}
	all := append(parts(read(m["parts"])), parts(structure(m["content"]))...)
	if m["parts"] == nil && m["content"] == nil {
		all = append(all, parts(m["text"])...)
	}
	for _, p := range all {
		if p.Kind == kindText && (t.Role == "tool" || m["tool_call_id"] != nil) {
			p.Kind, p.Name, p.ID = kindResult, words(m["name"]), words(firstOf(m["tool_call_id"], m["id"]))
		}
		t.Parts = append(t.Parts, p)
	}
	for _, c := range list(read(m["tool_calls"])) {
		t.Parts = append(t.Parts, call(object0(c)))
	}
	return t
}

// structure is a content that is a list or an object, and not only looks like one.
func structure(v any) any {
	if s, ok := v.(string); ok && !strings.HasPrefix(strings.TrimSpace(s), `[{"type"`) {
		return s
	}
	return read(v)
}
