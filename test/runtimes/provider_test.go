//go:build e2e

package runtimes

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// delta is how many bytes of an answer come at a time.
const delta = 7

// provider stands in for the providers of models, and for the service that
// the tool asks. It calls the tool until it has been told what that said.
type provider struct {
	url  string
	plan *plan

	mu   sync.Mutex
	made maker // guarded by mu: ids
}

func newProvider(t *testing.T, p *plan) *provider {
	t.Helper()
	s := &provider{plan: p, made: maker{rand.New(rand.NewPCG(1, 8))}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.answers(s.chat))
	mux.HandleFunc("POST /v1/responses", s.answers(s.responses))
	mux.HandleFunc("POST /v1/messages", s.answers(s.messages))
	mux.HandleFunc("POST /v1/embeddings", s.answers(s.embeddings))
	mux.HandleFunc("GET /tool", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session="+p.texts["cookie"])
		fmt.Fprint(w, "{}")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// object is JSON to be written.
type object = map[string]any

// ask is what the APIs have in common of a request.
type ask struct {
	Model    string
	Stream   bool
	Messages []struct {
		Role    string
		Content json.RawMessage
	}
	Input json.RawMessage
}

// told says how often the request holds what the tool said.
func (a ask) told() int {
	n := strings.Count(string(a.Input), `"function_call_output"`)
	for _, m := range a.Messages {
		n += strings.Count(string(m.Content), `"tool_result"`)
		if m.Role == "tool" {
			n++
		}
	}
	return n
}

// turn is what the model does next: it calls the tool twice, then it answers.
func (s *provider) turn(a ask) (answers bool, text string) {
	if len(a.Messages) == 0 && !strings.HasPrefix(string(a.Input), "[") { // a question without tools
		return true, s.plan.texts["answer"]
	}
	switch a.told() {
	case 0:
		return false, s.plan.texts["arguments"]
	case 1:
		return false, `{"command": "cat go.sum package-lock.json requirements.txt", "attempt": 2}`
	}
	return true, s.plan.texts["answer"]
}

// id is one that a provider gave a call: another for each.
func (s *provider) id(prefix string) string { return prefix + s.random(24) }

func (s *provider) random(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made.random(base62, n)
}

// answers refuses, with the key in the text as providers do, or lets api answer.
func (s *provider) answers(api func(w writer, a ask)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var a ask
		if err == nil {
			err = json.Unmarshal(body, &a)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if a.Model == "refuse" {
			key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.Header.Get("X-Api-Key")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			writer{w}.json(object{"type": "error", "error": object{
				"type": "authentication_error", "code": "invalid_api_key", "param": nil,
				"message": "Incorrect API key provided: " + key + ", formerly " + s.plan.decoys["masked by others"] + ". You can find your API key in your account."}})
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if a.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		api(writer{w}, a)
	}
}

// writer writes JSON and server-sent events. Who has gone away hears nothing.
type writer struct{ http.ResponseWriter }

func (w writer) json(v any) { _ = json.NewEncoder(w).Encode(v) }

func (w writer) event(name string, v object) {
	if name != "" {
		fmt.Fprintf(w, "event: %s\n", name)
		v["type"] = name
	}
	text, _ := json.Marshal(v)
	fmt.Fprintf(w, "data: %s\n\n", text)
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// pieces is a text as it streams.
func pieces(text string) (all []string) {
	for len(text) > delta {
		all = append(all, text[:delta])
		text = text[delta:]
	}
	return append(all, text)
}

func (s *provider) embeddings(w writer, a ask) {
	w.json(object{"object": "list", "model": a.Model, "usage": object{"prompt_tokens": 3, "total_tokens": 3},
		"data": []object{{"object": "embedding", "index": 0, "embedding": base64.StdEncoding.EncodeToString([]byte(s.random(1024)))}}})
}

// logprobs are what models say of each of their tokens, which are no tokens of ours.
func logprobs(tokens ...string) object {
	var all []object
	for _, token := range tokens {
		all = append(all, object{"token": token, "logprob": -0.25, "bytes": []byte(token), "top_logprobs": []any{}})
	}
	return object{"content": all, "refusal": nil}
}

// chat is OpenAI's chat completions.
func (s *provider) chat(w writer, a ask) {
	whole := func(choice object) object {
		return object{"id": s.plan.decoys["response id"], "created": 1760000000, "model": a.Model, "system_fingerprint": "fp_a1b2c3d4e5",
			"object": "chat.completion", "choices": []object{choice}}
	}
	usage := object{"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
	answers, text := s.turn(a)
	call := object{"index": 0, "id": s.plan.decoys["call id"], "type": "function", "function": object{"name": "shell", "arguments": text}}
	if a.told() > 0 {
		call["id"] = s.id("call_")
	}
	reason, message := "tool_calls", object{"role": "assistant", "content": nil, "tool_calls": []object{call}}
	if answers {
		reason, message = "stop", object{"role": "assistant", "content": text}
	}
	if !a.Stream {
		answer := whole(object{"index": 0, "finish_reason": reason, "message": message, "logprobs": logprobs("Deploy", "_keys", "9f8Zq", " is")})
		answer["usage"] = usage
		w.json(answer)
		return
	}
	send := func(d object, reason any) {
		c := whole(object{"index": 0, "delta": d, "finish_reason": reason})
		c["object"] = "chat.completion.chunk"
		w.event("", c)
	}
	if answers {
		send(object{"role": "assistant", "content": ""}, nil)
		for _, p := range pieces(text) {
			send(object{"content": p}, nil)
		}
	} else {
		call["function"] = object{"name": "shell", "arguments": ""}
		send(message, nil)
		for _, p := range pieces(text) {
			send(object{"tool_calls": []object{{"index": 0, "function": object{"arguments": p}}}}, nil)
		}
	}
	send(object{}, reason)
	last := whole(nil)
	last["object"], last["choices"], last["usage"] = "chat.completion.chunk", []object{}, usage
	w.event("", last)
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// responses is OpenAI's responses.
func (s *provider) responses(w writer, a ask) {
	thought := object{"type": "reasoning", "id": s.id("rs_"), "encrypted_content": s.plan.texts["decoy_encrypted"],
		"summary": []object{{"type": "summary_text", "text": s.plan.texts["thought"]}}}
	answers, text := s.turn(a)
	item := object{"type": "function_call", "id": s.id("fc_"), "call_id": s.id("call_"), "name": "shell",
		"arguments": text, "status": "completed"}
	event := "response.function_call_arguments"
	if answers {
		event = "response.output_text"
		item = object{"type": "message", "id": s.id("msg_"), "role": "assistant", "status": "completed",
			"content": []object{{"type": "output_text", "text": text, "annotations": []any{}}}}
	}
	whole := object{"id": s.id("resp_"), "object": "response", "created_at": 1760000000, "status": "completed", "model": a.Model,
		"output": []object{thought, item}, "parallel_tool_calls": true, "tool_choice": "auto", "tools": []any{},
		"usage": object{"input_tokens": 11, "output_tokens": 7, "total_tokens": 18,
			"input_tokens_details": object{"cached_tokens": 0}, "output_tokens_details": object{"reasoning_tokens": 0}}}
	if !a.Stream {
		w.json(whole)
		return
	}
	w.event("response.created", object{"response": object{"id": whole["id"], "created_at": 1760000000, "model": a.Model}})
	start := object{"type": item["type"], "id": item["id"], "call_id": item["call_id"], "name": item["name"], "arguments": "", "role": "assistant", "content": []any{}}
	w.event("response.output_item.added", object{"output_index": 0, "item": start})
	for _, p := range pieces(text) {
		w.event(event+".delta", object{"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": p})
	}
	w.event("response.output_item.done", object{"output_index": 0, "item": item})
	w.event("response.completed", object{"response": whole})
}

// messages is Anthropic's.
func (s *provider) messages(w writer, a ask) {
	thinking := object{"type": "thinking", "thinking": s.plan.texts["thought"], "signature": s.plan.texts["decoy_signature"]}
	answers, text := s.turn(a)
	reason, block := "tool_use", object{"type": "tool_use", "id": s.id("toolu_"), "name": "shell", "input": json.RawMessage(text)}
	kind, field := "input_json_delta", "partial_json"
	if answers {
		reason, block = "end_turn", object{"type": "text", "text": text}
		kind, field = "text_delta", "text"
	}
	usage := object{"input_tokens": 11, "output_tokens": 7}
	whole := object{"id": s.id("msg_"), "type": "message", "role": "assistant", "model": a.Model, "stop_sequence": nil, "usage": usage}
	if !a.Stream {
		whole["content"], whole["stop_reason"] = []object{thinking, block}, reason
		w.json(whole)
		return
	}
	whole["content"], whole["stop_reason"] = []any{}, nil
	w.event("message_start", object{"message": whole})
	w.event("content_block_start", object{"index": 0, "content_block": object{"type": "thinking", "thinking": "", "signature": ""}})
	for _, p := range pieces(s.plan.texts["thought"]) {
		w.event("content_block_delta", object{"index": 0, "delta": object{"type": "thinking_delta", "thinking": p}})
	}
	w.event("content_block_delta", object{"index": 0, "delta": object{"type": "signature_delta", "signature": s.plan.texts["decoy_signature"]}})
	w.event("content_block_stop", object{"index": 0})
	if answers {
		block["text"] = ""
	} else {
		block["input"] = object{}
	}
	w.event("content_block_start", object{"index": 1, "content_block": block})
	for _, p := range pieces(text) {
		w.event("content_block_delta", object{"index": 1, "delta": object{"type": kind, field: p}})
	}
	w.event("content_block_stop", object{"index": 1})
	w.event("message_delta", object{"delta": object{"stop_reason": reason, "stop_sequence": nil}, "usage": usage})
	w.event("message_stop", object{})
}
