package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// fields are attributes, or an object of JSON.
type fields map[string]any

func (f fields) with(key string, v any) fields {
	if f = maps.Clone(f); f == nil {
		f = fields{}
	}
	f[key] = v
	return f
}

func object(m pcommon.Map) fields { return inert(m.AsRaw()).(map[string]any) }

// inert says in the place of bytes how many they are.
func inert(v any) any {
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("(%d bytes)", len(v))
	case []any:
		for i := range v {
			v[i] = inert(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = inert(v[k])
		}
	}
	return v
}

func object0(v any) fields {
	m, _ := v.(map[string]any)
	return m
}

func firstOf(values ...any) any {
	for _, v := range values {
		if v != nil && v != "" {
			return v
		}
	}
	return nil
}

// read parses text that is JSON; anything else stays as it is.
func read(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber() // ids must not become fractions
	var parsed any
	if d.Decode(&parsed) != nil {
		return v
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v // something stands behind it
	}
	switch parsed.(type) {
	case map[string]any, []any:
		return parsed
	}
	return v
}

// words is a value as text.
func words(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(v) != nil { // a number that JSON has no word for
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// call reads a tool call of the shapes of OpenAI, Anthropic and the conventions.
func call(c fields) Part {
	f := object0(c["function"])
	return Part{
		Kind: kindCall, Name: words(firstOf(f["name"], c["name"])), ID: words(c["id"]),
		Text: words(firstOf(f["arguments"], c["arguments"], c["input"], c["args"])),
	}
}

func parts(v any) (all []Part) {
	for _, x := range list(v) {
		p := Part{Kind: kindText, Text: words(x)}
		if m, ok := x.(map[string]any); ok {
			p = part(m)
		}
		if p.Kind != kindText || p.Text != "" {
			all = append(all, p)
		}
	}
	return all
}

func part(m fields) Part {
	switch kind := words(m["type"]); kind {
	case "text", "input_text", "output_text":
		return Part{Kind: kindText, Text: words(firstOf(m["content"], m["text"]))}
	case "":
		return Part{Kind: kindText, Text: words(firstOf(m["content"], m["text"], map[string]any(m)))}
	case "reasoning", "thinking":
		return Part{Kind: kindReasoning, Text: words(firstOf(m["content"], m["thinking"], m["text"]))}
	case "tool_call", "tool_use", "function_call", "server_tool_call":
		return call(m)
	case "tool_call_response", "tool_result", "server_tool_call_response":
		return Part{
			Kind: kindResult, Name: words(m["name"]), ID: words(firstOf(m["id"], m["tool_use_id"])),
			Text: words(answer(firstOf(m["response"], m["result"], m["content"], m["output"]))),
		}
	case "blob", "image", "image_url", "file", "uri", "input_audio", "media":
		return Part{Kind: kindMedia, Name: kind, Text: words(map[string]any(m))}
	default:
		return Part{Kind: kindOther, Name: kind, Text: words(map[string]any(m))}
	}
}

// answer takes the text out of an MCP answer; anything else stays whole.
func answer(v any) any {
	m, ok := read(v).(map[string]any)
	if !ok {
		return v
	}
	content, _ := m["content"].([]any)
	var texts []string
	for _, c := range content {
		p := object0(c)
		if text, ok := p["text"].(string); ok && p["type"] == "text" && len(p) == 2 {
			texts = append(texts, text)
		}
	}
	if failed, more := m["isError"]; len(texts) == 0 || len(texts) != len(content) || len(m) > 2 || len(m) == 2 && (!more || failed != false) {
		return v
	}
	return strings.Join(texts, "\n")
}

// flattened are the prefixes of dialects that spread messages over numbered keys:
//
//	OpenInference: llm.input_messages.0.message.tool_calls.1.tool_call.function.name
//	OpenLLMetry:   gen_ai.prompt.0.tool_calls.1.name
var flattened = []struct{ prefix, role string }{
	{"llm.input_messages.", "user"}, {"gen_ai.prompt.", "user"}, {"llm.output_messages.", "assistant"}, {"gen_ai.completion.", "assistant"},
}

// wraps are the words that only wrap others in OpenInference.
var wraps = map[string]bool{"message": true, "message_content": true, "tool_call": true}

// deepest is how deep keys may be nested; those that are deeper are no messages.
const deepest = 12

// flat puts messages together again that were spread over numbered keys.
func (a fields) flat() (turns []Turn) {
	for _, f := range flattened {
		root := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(a)) {
			if rest, ok := strings.CutPrefix(key, f.prefix); ok {
				place(root, strings.Split(rest, "."), a[key])
			}
		}
		for _, m := range numbered(root) {
			if fields := object0(m); fields != nil {
				for _, k := range []string{"contents", "content", "tool_calls"} {
					if inner, ok := fields[k].(map[string]any); ok {
						fields[k] = numbered(inner)
					}
				}
				if v, ok := fields["contents"]; ok {
					fields["content"] = v
				}
				turns = append(turns, message(fields, f.role))
			}
		}
	}
	return turns
}

func place(node map[string]any, path []string, v any) {
	path = slices.DeleteFunc(path, func(w string) bool { return wraps[w] })
	if len(path) == 0 || len(path) > deepest {
		return
	}
	for _, word := range path[:len(path)-1] {
		next, ok := node[word].(map[string]any)
		if !ok {
			next = map[string]any{}
			node[word] = next
		}
		node = next
	}
	node[path[len(path)-1]] = v
}

// numbered are the values of an object whose keys are numbers, in their order.
func numbered(m map[string]any) []any {
	var keys []int
	for k := range m {
		if n, err := strconv.Atoi(k); err == nil && n >= 0 && strconv.Itoa(n) == k {
			keys = append(keys, n)
		}
	}
	slices.Sort(keys)
	all := make([]any, len(keys))
	for i, n := range keys {
		all[i] = m[strconv.Itoa(n)]
	}
	return all
}
