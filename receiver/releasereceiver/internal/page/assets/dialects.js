// Dialects that spread messages over many attributes, or keep a whole run in one.

import { plain } from "./otlp.js";
import { call, message, messages, words } from "./chat.js";

// OpenInference: llm.input_messages.0.message.tool_calls.1.tool_call.function.name
// OpenLLMetry:   gen_ai.prompt.0.tool_calls.1.name
const FLAT = [
  { prefix: "llm.input_messages.", role: "user" },
  { prefix: "gen_ai.prompt.", role: "user" },
  { prefix: "llm.output_messages.", role: "assistant" },
  { prefix: "gen_ai.completion.", role: "assistant" },
];

// The words that only wrap others in OpenInference.
const WRAPS = new Set(["message", "message_content", "tool_call"]);

/** flat puts messages together again that were spread over numbered keys. */
export function flat(attributes) {
  const out = [];
  for (const { prefix, role } of FLAT) {
    const root = Object.create(null);
    for (const [key, v] of attributes.entries) {
      if (key.startsWith(prefix)) place(root, key.slice(prefix.length).split(".").filter((w) => !WRAPS.has(w)), plain(v));
    }
    for (const i of Object.keys(root).filter((k) => /^\d+$/.test(k)).sort((a, b) => a - b)) {
      out.push(message(normal(root[i]), role));
    }
  }
  return out;
}

function place(node, path, v) {
  for (const [i, word] of path.entries()) {
    if (i > 12) return;
    if (i === path.length - 1) {
      node[word] = v;
    } else {
      if (typeof node[word] !== "object" || node[word] === null) node[word] = Object.create(null);
      node = node[word];
    }
  }
}

function normal(m) {
  if (typeof m !== "object" || m === null) return m;
  const numbered = (v) => (v && typeof v === "object" && !Array.isArray(v)
    ? Object.keys(v).sort((a, b) => a - b).map((k) => v[k]) : v);
  return {
    role: m.role, content: numbered(m.contents) ?? m.content, name: m.name, tool_call_id: m.tool_call_id,
    finish_reason: m.finish_reason, tool_calls: numbered(m.tool_calls),
  };
}

/** vercel reads the AI SDK's attributes. */
export function vercel(a) {
  const out = a.has("ai.prompt.messages") ? messages(a.get("ai.prompt.messages"), "user") : [];
  const said = [];
  if (a.text("ai.response.reasoning")) said.push({ type: "reasoning", content: a.text("ai.response.reasoning") });
  if (a.text("ai.response.text")) said.push({ type: "text", content: a.text("ai.response.text") });
  let calls = [];
  try { calls = JSON.parse(a.text("ai.response.toolCalls") ?? "[]"); } catch { said.push({ type: "tool calls", content: a.text("ai.response.toolCalls") }); }
  if (said.length || calls.length) {
    const turn = message({ role: "assistant", parts: said }, "assistant");
    for (const c of Array.isArray(calls) ? calls : []) turn.parts.push(call(c ?? {}));
    out.push(turn);
  }
  return out;
}

/** generation reads spans that keep input and output of a model as one text each. */
export function generation(a) {
  const kind = a.text("openinference.span.kind") ?? a.text("langfuse.observation.type") ?? "";
  const model = kind === "LLM" || kind === "generation";
  const out = [];
  for (const [key, role, only] of [
    ["gen_ai.prompt", "user", false], ["gen_ai.completion", "assistant", false],
    ["input.value", "user", true], ["output.value", "assistant", true],
    ["langfuse.observation.input", "user", true], ["langfuse.observation.output", "assistant", true],
  ]) {
    if (a.has(key) && (model || !only)) out.push(...messages(typeof a.get(key) === "string" ? a.get(key) : words(plain(a.get(key))), role));
  }
  return out;
}
