// What was said: messages of agents, out of the attributes, events and log
// records of the dialects that are in use. A message is {role, parts, finish};
// a part is {kind: text | reasoning | call | result | media | other, ...}.

import { Pairs, plain } from "./otlp.js";
import { flat, generation, vercel } from "./dialects.js";

const asJSON = (v) => {
  if (typeof v !== "string") return v === undefined ? undefined : plain(v);
  try { return JSON.parse(v); } catch { return undefined; }
};
export const words = (v) => (typeof v === "string" ? v : v === undefined || v === null ? "" : JSON.stringify(v, null, 2));
const list = (v) => (Array.isArray(v) ? v : v === undefined || v === null ? [] : [v]);
const obj = (v) => (v !== null && typeof v === "object" ? v : {});

/** conversation collects the messages of all spans and log records, in time order. */
export function conversation({ spans, logs }) {
  const sources = [
    ...spans.map((s) => ({ at: s.start, from: s, turns: ofSpan(s) })),
    ...logs.map((l) => ({ at: l.time, from: l, turns: ofLog(l) })),
  ].filter((s) => s.turns.length > 0);
  sources.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const shown = { keys: [], runs: new Set() };
  return sources.map((s) => ({ from: s.from, at: s.at, ...unseen(s.turns, shown) })).filter((s) => s.fresh.length > 0 || s.known > 0);
}

/**
 * unseen parts what is new from the history that an agent sends along with
 * every call: messages that stand in what was shown already, in the same order.
 */
function unseen(turns, shown) {
  const fresh = [];
  let at = 0;
  for (const turn of turns) {
    const key = JSON.stringify([turn.role, turn.parts.map((p) => [p.kind, p.text ?? "", p.name ?? "", p.id ?? ""])]);
    const found = shown.keys.indexOf(key, at);
    if (found >= 0) { at = found + 1; continue; }
    // The span of a tool's run repeats the call and the answer of the messages around it.
    const runs = turn.parts.map(runKey);
    if (runs.length > 0 && runs.every((r) => r !== "" && shown.runs.has(r))) continue;
    for (const r of runs) shown.runs.add(r);
    fresh.push(turn);
    shown.keys.push(key);
  }
  return { fresh, known: turns.length - fresh.length };
}

function runKey(p) {
  if ((p.kind !== "call" && p.kind !== "result") || !p.id) return "";
  const read = asJSON(p.text);
  return JSON.stringify([p.kind, p.id, read === undefined ? p.text : read]);
}

function ofSpan(s) {
  const turns = fromAttributes(s.attributes);
  for (const e of s.events) turns.push(...fromEvent(e.name, e.attributes, e.attributes));
  return turns.length ? turns : fromTool(s.attributes);
}

function ofLog(l) {
  const name = l.event || l.attributes.text("event.name") || "";
  const body = l.body instanceof Pairs ? l.body : new Pairs([]);
  const turns = [...fromAttributes(l.attributes), ...fromAttributes(body), ...fromEvent(name, body, l.attributes)];
  return turns.length ? turns : fromTool(l.attributes);
}

/** fromAttributes reads the conventions that keep whole messages in attributes. */
function fromAttributes(a) {
  const out = [];
  const system = a.get("gen_ai.system_instructions");
  if (system !== undefined) out.push(turn("system", parts(asJSON(system) ?? system)));
  for (const key of ["gen_ai.input.messages", "pydantic_ai.all_messages", "gen_ai.output.messages"]) {
    if (a.has(key)) out.push(...messages(a.get(key), key.includes("output") ? "assistant" : "user"));
  }
  out.push(...flat(a), ...vercel(a));
  return out.length ? out : generation(a);
}

/** messages reads a list of messages, from JSON text or a structure. */
export function messages(v, role) {
  const read = asJSON(v);
  if (read === undefined) return v ? [turn(role, [{ kind: "text", text: words(plain(v)), broken: true }])] : [];
  return list(Array.isArray(read) ? read : (obj(read).messages ?? read)).map((m) => message(m, role));
}

/** message reads one message of any of the usual shapes. */
export function message(m, role) {
  if (typeof m !== "object" || m === null) return turn(role, [{ kind: "text", text: words(m) }]);
  const inner = obj(m.message);
  const from = { ...m, ...inner };
  const all = [...parts(from.parts), ...parts(from.content ?? (from.parts ? undefined : from.text))];
  const asTool = from.role === "tool" || from.tool_call_id;
  const own = asTool ? all.map((p) => (p.kind === "text" ? { ...p, kind: "result", id: from.tool_call_id ?? from.id, name: from.name } : p)) : all;
  for (const c of list(from.tool_calls ?? from.toolCalls)) own.push(call(obj(c)));
  return turn(words(from.role) || role, own, from.finish_reason);
}

function turn(role, all, finish) {
  return { role, parts: all.filter((p) => p.kind !== "text" || p.text !== ""), finish: finish ? words(finish) : "" };
}

/** call reads a tool call of the shapes of OpenAI, Anthropic and the conventions. */
export function call(c) {
  const f = obj(c.function);
  return {
    kind: "call", name: words(f.name ?? c.name ?? c.toolName ?? c.tool_name), id: words(c.id ?? c.toolCallId),
    text: words(f.arguments ?? c.arguments ?? c.input ?? c.args),
  };
}

function parts(v) {
  if (v === undefined || v === null) return [];
  return list(v).map((p) => {
    if (typeof p !== "object" || p === null) return { kind: "text", text: words(p) };
    return part(p);
  });
}

function part(p) {
  switch (words(p.type)) {
    case "text": case "input_text": case "output_text": case "":
      return { kind: "text", text: words(p.content ?? p.text ?? (p.type ? "" : p)) };
    case "reasoning": case "thinking":
      return { kind: "reasoning", text: words(p.content ?? p.thinking ?? p.text) };
    case "tool_call": case "tool_use": case "tool-call": case "function_call": case "server_tool_call":
      return call(p);
    case "tool_call_response": case "tool_result": case "tool-result": case "server_tool_call_response":
      return { kind: "result", id: words(p.id ?? p.tool_use_id ?? p.toolCallId), name: words(p.name ?? p.toolName), text: words(result(p.response ?? p.result ?? p.content ?? p.output)) };
    case "blob": case "image": case "image_url": case "file": case "uri": case "input_audio": case "media":
      return { kind: "media", name: [p.type, p.mime_type ?? p.modality].filter(Boolean).map(words).join(", "), text: words({ ...p, type: undefined }) };
    default:
      return { kind: "other", name: words(p.type), text: words({ ...p, type: undefined }) };
  }
}

/** result takes the text out of an MCP answer; anything else stays whole. */
function result(v) {
  const r = asJSON(v);
  const content = obj(r).content;
  if (Array.isArray(content) && content.length > 0 && content.every((c) => obj(c).type === "text" && Object.keys(c).length === 2)
    && Object.keys(r).every((k) => k === "content" || (k === "isError" && r[k] === false))) {
    return content.map((c) => c.text).join("\n");
  }
  return v;
}

/** fromEvent reads the older conventions: one event for each message. */
function fromEvent(name, body, attributes) {
  const kind = /^gen_ai\.(system|user|assistant|tool)\.message$/.exec(name)?.[1];
  const whole = plain(body);
  if (kind) return [message({ ...whole, content: textOr(whole.content), tool_calls: asJSON(whole.tool_calls), role: kind }, kind)];
  if (name === "gen_ai.choice") {
    const m = asJSON(whole.message) ?? whole;
    return [message({ ...obj(m), ...(typeof m === "string" ? { content: m } : {}), finish_reason: whole.finish_reason, tool_calls: asJSON(obj(m).tool_calls), role: "assistant" }, "assistant")];
  }
  if (name === "gen_ai.content.prompt") return messages(attributes.get("gen_ai.prompt"), "user");
  if (name === "gen_ai.content.completion") return messages(attributes.get("gen_ai.completion"), "assistant");
  if (body === attributes) return fromAttributes(attributes);
  for (const [suffix, key, role] of [["user_prompt", "prompt", "user"], ["assistant_response", "response", "assistant"]]) {
    if (name.endsWith(suffix) && attributes.has(key)) return [turn(role, [{ kind: "text", text: words(plain(attributes.get(key))) }])];
  }
  return [];
}

const textOr = (v) => (typeof v === "string" ? v : asJSON(v));

/** fromTool reads the span or record of a tool's run. */
function fromTool(a) {
  const pick = (...keys) => keys.map((k) => a.get(k)).find((v) => v !== undefined);
  const isTool = a.text("openinference.span.kind") === "TOOL" || a.text("traceloop.span.kind") === "tool";
  const args = pick("gen_ai.tool.call.arguments", "ai.toolCall.args", "tool.parameters", "tool_parameters", "tool_arguments")
    ?? (isTool ? pick("input.value", "traceloop.entity.input") : undefined);
  const answer = pick("gen_ai.tool.call.result", "ai.toolCall.result", "tool_response")
    ?? (isTool ? pick("output.value", "traceloop.entity.output") : undefined);
  const name = words(plain(pick("gen_ai.tool.name", "ai.toolCall.name", "tool.name", "tool_name") ?? ""));
  const id = words(plain(pick("gen_ai.tool.call.id", "ai.toolCall.id") ?? ""));
  const out = [];
  if (args !== undefined) out.push(turn("assistant", [{ kind: "call", name, id, text: words(plain(args)) }]));
  if (answer !== undefined) out.push(turn("tool", [{ kind: "result", name, id, text: words(result(plain(answer))) }]));
  return out;
}
