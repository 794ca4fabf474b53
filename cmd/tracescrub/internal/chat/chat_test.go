package chat

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type attrs map[string]any

func say(role, text string) Turn {
	return Turn{Role: role, Parts: []Part{{Kind: kindText, Text: text}}}
}

func called(name, id, text string) Turn {
	return Turn{Role: "assistant", Parts: []Part{{kindCall, name, id, text}}}
}

func answered(name, id, text string) Turn {
	return Turn{Role: "tool", Parts: []Part{{kindResult, name, id, text}}}
}

func TestOfSpan(t *testing.T) {
	for name, c := range map[string]struct {
		attributes attrs
		want       []Turn
	}{
		"none": {attrs{"http.method": "GET", "input.value": "{}"}, nil},
		"GenAI, as JSON": {attrs{
			"gen_ai.system_instructions": `[{"type":"text","content":"Be kind."}]`,
			"gen_ai.input.messages":      `[{"role":"user","parts":[{"type":"text","content":"Hi"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":"ok"}]}]`,
			"gen_ai.output.messages":     `[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","id":"2","name":"ls","arguments":{"big":9007199254740993}}],"finish_reason":"stop"}]`,
		}, []Turn{
			say("system", "Be kind."), say("user", "Hi"), answered("", "1", "ok"),
			{Role: "assistant", Finish: "stop", Parts: []Part{{Kind: kindReasoning, Text: "hm"}, {kindCall, "ls", "2", "{\n  \"big\": 9007199254740993\n}"}}},
		}},
		"GenAI, as a structure": {attrs{"gen_ai.input.messages": []any{map[string]any{"role": "user", "parts": []any{map[string]any{"type": "text", "content": "Hi"}}}}}, []Turn{say("user", "Hi")}},
		"GenAI, broken":         {attrs{"gen_ai.input.messages": `[{"role":"us`}, []Turn{say("user", `[{"role":"us`)}},
		"parts of other kinds": {attrs{"gen_ai.output.messages": `[{"role":"assistant","parts":[{"type":"blob","data":"x"},{"type":"new","x":1}]}]`}, []Turn{{Role: "assistant", Parts: []Part{
			{Kind: kindMedia, Name: "blob", Text: "{\n  \"data\": \"x\",\n  \"type\": \"blob\"\n}"}, {Kind: kindOther, Name: "new", Text: "{\n  \"type\": \"new\",\n  \"x\": 1\n}"},
		}}}},
		"OpenAI": {attrs{"gen_ai.prompt": `{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"ls","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"a b"}]}`}, []Turn{
			say("user", "Hi"), called("ls", "1", "{}"), answered("", "1", "a b"),
		}},
		"OpenInference": {attrs{
			"llm.input_messages.10.message.role": "user", "llm.input_messages.10.message.content": "second",
			"llm.input_messages.9.message.role": "system", "llm.input_messages.9.message.contents.0.message_content.type": "text", "llm.input_messages.9.message.contents.0.message_content.text": "first",
			"llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "ls", "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
		}, []Turn{say("system", "first"), say("user", "second"), called("ls", "", "{}")}},
		"OpenLLMetry": {attrs{"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi", "gen_ai.completion.0.content": "Ho", "gen_ai.completion.0.finish_reason": "stop"}, []Turn{
			say("user", "Hi"), {Role: "assistant", Finish: "stop", Parts: []Part{{Kind: kindText, Text: "Ho"}}},
		}},
		"input and output of a model": {attrs{"openinference.span.kind": "LLM", "input.value": "Hi", "output.value": "Ho"}, []Turn{say("user", "Hi"), say("assistant", "Ho")}},
		"the run of a tool": {attrs{"gen_ai.tool.name": "ls", "gen_ai.tool.call.id": "1", "gen_ai.tool.call.arguments": `{}`, "gen_ai.tool.call.result": `{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"isError":false}`}, []Turn{
			called("ls", "1", "{}"), answered("ls", "1", "a\nb"),
		}},
		"an answer that failed stays whole":  {attrs{"gen_ai.tool.call.result": `{"content":[{"type":"text","text":"a"}],"isError":true}`}, []Turn{answered("", "", `{"content":[{"type":"text","text":"a"}],"isError":true}`)}},
		"keys without end":                   {attrs{"gen_ai.prompt.0." + strings.Repeat("a.", 100): "x"}, nil},
		"a key that is a text and an object": {attrs{"gen_ai.prompt.0": "x", "gen_ai.prompt.0.content": "Hi"}, []Turn{say("user", "Hi")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := ptrace.NewSpan()
			require.NoError(t, s.Attributes().FromRaw(c.attributes))
			require.Equal(t, c.want, OfSpan(s))
		})
	}
}

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event string
		body  attrs
		want  []Turn
	}{
		"message":            {"gen_ai.user.message", attrs{"content": "Hi"}, []Turn{say("user", "Hi")}},
		"message of a tool":  {"gen_ai.tool.message", attrs{"content": "ok", "id": "1"}, []Turn{answered("", "1", "ok")}},
		"choice":             {"gen_ai.choice", attrs{"finish_reason": "stop", "message": map[string]any{"content": "Ho"}}, []Turn{{Role: "assistant", Finish: "stop", Parts: []Part{{Kind: kindText, Text: "Ho"}}}}},
		"choice, as JSON":    {"gen_ai.choice", attrs{"message": `{"content":"Ho"}`}, []Turn{say("assistant", "Ho")}},
		"choice, as a text":  {"gen_ai.choice", attrs{"message": "Ho"}, []Turn{say("assistant", "Ho")}},
		"operation details":  {"gen_ai.client.inference.operation.details", attrs{"gen_ai.output.messages": `[{"role":"assistant","parts":[{"type":"text","content":"Ho"}]}]`}, []Turn{say("assistant", "Ho")}},
		"something else":     {"exception", attrs{"content": "Hi"}, nil},
		"bytes are not text": {"gen_ai.user.message", attrs{"content": []byte("abc")}, []Turn{say("user", "(3 bytes)")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := ptrace.NewSpan()
			e := s.Events().AppendEmpty()
			e.SetName(c.event)
			require.NoError(t, e.Attributes().FromRaw(c.body))
			require.Equal(t, c.want, OfSpan(s), "of a span")
			r := plog.NewLogRecord()
			r.SetEventName(c.event)
			require.NoError(t, r.Body().SetEmptyMap().FromRaw(c.body))
			require.Equal(t, c.want, OfRecord(r), "of a record")
			r.SetEventName("")
			r.Attributes().PutStr("event.name", c.event)
			require.Equal(t, c.want, OfRecord(r), "of a record that has its name as an attribute")
		})
	}
}

// FuzzOfSpan: whatever stands in attributes and however its keys are nested, it
// is read the same each time, and what is no JSON comes out as it is.
func FuzzOfSpan(f *testing.F) {
	f.Add("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]`)
	f.Add("gen_ai.input.messages", `{"role":"user"}]`)
	f.Add("gen_ai.prompt.0.content", "Hi")
	f.Add("llm.input_messages.0.message.contents.0.message_content", `{"a":[]}`)
	f.Add("gen_ai.tool.call.result", `{"content":[]}`)
	f.Fuzz(func(t *testing.T, key, value string) {
		s := ptrace.NewSpan()
		s.Attributes().PutStr(key, value)
		s.Attributes().PutStr("gen_ai.prompt.1.content", value)
		first := OfSpan(s)
		require.Equal(t, first, OfSpan(s))
		if value != "" && !json.Valid([]byte(value)) {
			s.Attributes().Clear()
			s.Attributes().PutStr("gen_ai.input.messages", value)
			require.Equal(t, []Turn{say("user", value)}, OfSpan(s))
		}
	})
}
