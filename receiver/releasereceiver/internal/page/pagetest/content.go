package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// object is a part of an OTLP/JSON document.
type object = map[string]any

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps, strings and numbers only
	}
	return b
}

func text(v any) string { return string(marshal(v)) }

func attr(key string, value any) object {
	switch v := value.(type) {
	case int:
		return object{"key": key, "value": object{"intValue": fmt.Sprint(v)}}
	case object:
		return object{"key": key, "value": v}
	default:
		return object{"key": key, "value": object{"stringValue": fmt.Sprint(v)}}
	}
}

func attrs(keysAndValues ...any) []any {
	var out []any
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		out = append(out, attr(keysAndValues[i].(string), keysAndValues[i+1]))
	}
	return out
}

func nano(t time.Time) string { return fmt.Sprint(t.UnixNano()) }

// tracer makes the spans of one trace.
type tracer struct {
	d     gate.Detail
	start time.Time
	spans []any
}

func (t *tracer) span(id, parent int, name string, from, to time.Duration, attributes []any, more ...object) {
	s := object{
		"traceId": t.d.TraceID, "spanId": fmt.Sprintf("%016x", id), "name": name, "kind": 1, "status": object{},
		"startTimeUnixNano": nano(t.start.Add(from)), "endTimeUnixNano": nano(t.start.Add(to)), "attributes": attributes,
	}
	if parent != 0 {
		s["parentSpanId"] = fmt.Sprintf("%016x", parent)
	}
	for _, m := range more {
		for k, v := range m {
			s[k] = v
		}
	}
	t.spans = append(t.spans, s)
}

func (t *tracer) document() any {
	return object{"resourceSpans": []any{object{
		"resource":   object{"attributes": attrs("service.name", t.d.Service, "deployment.environment.name", "staging", "tracescrub.policy", t.d.Policy)},
		"scopeSpans": []any{object{"scope": object{"name": "agent-sdk", "version": "2.4.0"}, "spans": t.spans}},
	}}}
}

func said(role string, parts ...any) object { return object{"role": role, "parts": parts} }

func part(kind, content string) object { return object{"type": kind, "content": content} }

// agentTrace is an agent that prints its environment, in the GenAI conventions.
func agentTrace(d gate.Detail, at time.Time) any {
	t := &tracer{d: d, start: at.Add(-9 * time.Second)}
	env := environment(d)
	first := masks(d)[d.Rules[0]]
	call := object{"type": "tool_call", "id": "call_1", "name": "run_command", "arguments": object{"command": "env | sort", "timeout": 30}}
	answer := object{"type": "tool_call_response", "id": "call_1", "response": env}
	system := text([]any{part("text", "You are the release agent of the shop. Find out why the deployment fails and say so in three sentences.")})
	question := said("user", part("text", "The deployment of checkout fails since 08:40. Why?"))
	opening := text([]any{question})
	asked := said("assistant", part("reasoning", "The job reads its settings from the environment, so I look there first."), call)
	history := text([]any{question, asked, said("tool", answer)})
	final := said("assistant", part("text", "The payment job starts with "+first+", which the provider has blocked since 08:38. Rotate that key and restart the job.\n\nNothing else in the environment has changed."))
	final["finish_reason"] = "stop"
	t.span(1, 0, "invoke_agent "+d.Service, 0, 8400*time.Millisecond, attrs("gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", d.Service, "gen_ai.conversation.id", "conv-5521"))
	t.span(2, 1, "chat example-large", 90*time.Millisecond, 2300*time.Millisecond, attrs(
		"gen_ai.operation.name", "chat", "gen_ai.request.model", "example-large", "gen_ai.usage.input_tokens", 412, "gen_ai.usage.output_tokens", 64,
		"gen_ai.system_instructions", system, "gen_ai.input.messages", opening, "gen_ai.output.messages", text([]any{asked})))
	t.span(3, 1, "execute_tool run_command", 2400*time.Millisecond, 3100*time.Millisecond, attrs(
		"gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "run_command", "gen_ai.tool.call.id", "call_1",
		"gen_ai.tool.call.arguments", `{"command":"env | sort","timeout":30}`, "gen_ai.tool.call.result", env))
	t.span(4, 3, "process.spawn", 2450*time.Millisecond, 3050*time.Millisecond, attrs("process.executable.name", "env", "process.exit.code", 0))
	t.span(5, 1, "chat example-large", 3200*time.Millisecond, 7900*time.Millisecond, attrs(
		"gen_ai.operation.name", "chat", "gen_ai.request.model", "example-large", "gen_ai.usage.input_tokens", 981, "gen_ai.usage.output_tokens", 118,
		"gen_ai.system_instructions", system, "gen_ai.input.messages", history, "gen_ai.output.messages", text([]any{final})))
	t.span(6, 1, "POST /v1/comments", 7950*time.Millisecond, 8350*time.Millisecond, attrs("http.request.method", "POST", "http.response.status_code", 502, "url.full", "https://git.example.com/v1/comments?note="+first),
		object{"kind": 3, "status": object{"code": 2, "message": "502 Bad Gateway"}, "events": []any{object{
			"timeUnixNano": nano(t.start.Add(8300 * time.Millisecond)), "name": "exception",
			"attributes": attrs("exception.type", "BadGateway", "exception.message", "upstream closed the connection"),
		}}})
	return t.document()
}

// flatTrace is a model call in the conventions of OpenInference, and one with events.
func flatTrace(d gate.Detail, at time.Time) any {
	t := &tracer{d: d, start: at.Add(-5 * time.Second)}
	mask := masks(d)[d.Rules[0]]
	t.span(1, 0, "research", 0, 4*time.Second, attrs("openinference.span.kind", "CHAIN"))
	t.span(2, 1, "ChatCompletion", 100*time.Millisecond, 2*time.Second, attrs(
		"openinference.span.kind", "LLM",
		"llm.input_messages.0.message.role", "system", "llm.input_messages.0.message.content", "You research prices.",
		"llm.input_messages.1.message.role", "user",
		"llm.input_messages.1.message.contents.0.message_content.type", "text", "llm.input_messages.1.message.contents.0.message_content.text", "Use my key "+mask+" for the search.",
		"llm.output_messages.0.message.role", "assistant",
		"llm.output_messages.0.message.tool_calls.0.tool_call.id", "call_9",
		"llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "search",
		"llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", `{"q":"price of tin","key":"`+mask+`"}`))
	event := func(name string, kv ...any) object {
		return object{"timeUnixNano": nano(t.start.Add(2500 * time.Millisecond)), "name": name, "attributes": attrs(kv...)}
	}
	t.span(3, 1, "chat", 2200*time.Millisecond, 3900*time.Millisecond, attrs("gen_ai.operation.name", "chat"), object{"events": []any{
		event("gen_ai.user.message", "content", "And the price of lead?"),
		event("gen_ai.choice", "index", 0, "finish_reason", "stop", "message", text(object{"role": "assistant", "content": "Lead costs less than tin."})),
		event("gen_ai.content.prompt", "gen_ai.prompt", text([]any{object{"role": "user", "content": "Thanks."}})),
	}})
	return t.document()
}

func logs(d gate.Detail, at time.Time) any {
	m := masks(d)
	record := func(after time.Duration, more object) object {
		r := object{"timeUnixNano": nano(at.Add(after)), "severityText": "INFO", "traceId": d.TraceID}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	return object{"resourceLogs": []any{object{
		"resource": object{"attributes": attrs("service.name", d.Service)},
		"scopeLogs": []any{object{"scope": object{"name": "cli"}, "logRecords": []any{
			record(0, object{"eventName": "gen_ai.user.message", "body": object{"kvlistValue": object{"values": attrs("content", "Push with "+m["github-token"])}}}),
			record(time.Second, object{"body": object{"stringValue": "remote: accepted " + m["slack-token"]}, "attributes": attrs("log.file.name", "push.log", "retries", 2)}),
			record(2*time.Second, object{"severityText": "ERROR", "body": object{"kvlistValue": object{"values": attrs("step", "notify", "detail", object{"arrayValue": object{"values": []any{object{"stringValue": "first"}, object{"bytesValue": "AAECAw=="}}}})}}}),
		}}},
	}}}
}

func metrics(d gate.Detail, at time.Time) any {
	return object{"resourceMetrics": []any{object{
		"resource": object{"attributes": attrs("service.name", d.Service)},
		"scopeMetrics": []any{object{"scope": object{"name": "meter"}, "metrics": []any{object{
			"name": "http.server.requests", "unit": "{request}", "description": "Requests by session",
			"sum": object{"dataPoints": []any{object{"timeUnixNano": nano(at), "asInt": "9007199254740993", "attributes": attrs("session", masks(d)["jwt"])}}},
		}}}},
	}}}
}

// hostileName is a service name that would like to be something else.
const hostileName = "<img src=x onerror=\"document.title='owned'\"> \u202egnp.exe\u202c"

// hostileTrace tries what text can try against a page and its reader.
func hostileTrace(d gate.Detail, at time.Time) any {
	t := &tracer{d: d, start: at.Add(-time.Second)}
	attacks := []string{
		`<script>document.title='owned'</script>`,
		`<img src=x onerror="document.title='owned'"><svg onload="document.title='owned'">`,
		`<a href="javascript:document.title='owned'">click</a> [x](javascript:alert(1)) ${document.title='owned'} {{constructor.constructor('document.title="owned"')()}}`,
		`<style>*{display:none}</style><base href="https://example.org/"><form action="https://example.org/"><button>Approve</button></form>`,
		"approve \u202egnisolc erofeb\u202c \u2066hidden\u2069 zero\u200bwidth tag\U000E0041\U000E0042 soft\u00adhyphen \x1b[2J\x1b[31mred\x07 \r\nnext\x00 bell\u009b31m",
		"forged [MASKED:github-token:00000000] beside a real " + masks(d)[d.Rules[0]],
		"Z" + strings.Repeat("\u0310\u0311\u0312", 200) + "algo",
		"long " + strings.Repeat("abcdefghij", 30_000) + masks(d)[d.Rules[0]],
		strings.Repeat("unbroken", 200),
		`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":12345678901234567890,"a":2}`,
	}
	var messages []any
	for _, a := range attacks {
		messages = append(messages, said("user", part("text", a)))
	}
	messages = append(messages, object{"role": attacks[0], "parts": []any{object{"type": "constructor", "content": "x"}, object{"type": "image", "content": "data:text/html,<script>1</script>"}, 7, nil, []any{}}}, "text", 9, nil)
	kv := []any{"gen_ai.input.messages", text(messages), "__proto__", attacks[0], attacks[1], attacks[1], "llm.input_messages.0.message.__proto__.polluted", "1", "llm.input_messages.0.message.content", "flat"}
	for i, a := range attacks {
		kv = append(kv, fmt.Sprintf("attack.%d", i), a)
	}
	deep := object{"stringValue": "bottom"}
	for range 500 {
		deep = object{"arrayValue": object{"values": []any{deep}}}
	}
	kv = append(kv, "deep", deep, "broken", object{"intValue": attacks[0]}, "nothing", object{}, "kv", object{"kvlistValue": object{"values": "no list"}})
	t.span(1, 0, attacks[0], 0, time.Second, attrs(kv...))
	t.span(2, 3, "circle one", 0, time.Second, nil)
	t.span(3, 2, "circle two", 0, time.Second, nil)
	t.span(4, 4, "own parent", -time.Hour, -2*time.Hour, nil)
	t.span(5, 99, "\u202eorphan", 0, 1<<62, attrs("gen_ai.output.messages", "["+attacks[1]))
	t.span(6, 1, "odd", 0, 0, nil, object{"attributes": "none", "events": []any{nil, 7, object{"name": attacks[1]}}, "links": object{}, "status": 3, "startTimeUnixNano": "soon", "kind": "SPAN_KIND_SERVER"})
	return t.document()
}
