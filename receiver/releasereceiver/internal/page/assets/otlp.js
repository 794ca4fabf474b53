// OTLP/JSON as plain objects. Nothing is trusted: any part may be missing, of
// another type, nested without end or in a circle.

const DEEPEST = 64;

/** A Bytes value keeps its base64 form; what is in it is not shown as text. */
export class Bytes {
  constructor(base64) { this.base64 = String(base64); }
  get length() { return Math.floor((this.base64.replace(/=+$/, "").length * 3) / 4); }
}

const list = (v) => (Array.isArray(v) ? v : []);
const obj = (v) => (v !== null && typeof v === "object" && !Array.isArray(v) ? v : {});
const str = (v) => (v === undefined || v === null ? "" : String(v));

/** value turns an AnyValue into a string, number text, boolean, Bytes, array or [key, value] pairs (Pairs). */
export function value(v, depth = 0) {
  v = obj(v);
  if (depth > DEEPEST) return "(nested deeper than is shown)";
  if ("stringValue" in v) return str(v.stringValue);
  if ("intValue" in v) return new Num(v.intValue);
  if ("doubleValue" in v) return new Num(v.doubleValue);
  if ("boolValue" in v) return new Num(v.boolValue);
  if ("bytesValue" in v) return new Bytes(v.bytesValue);
  if ("arrayValue" in v) return list(obj(v.arrayValue).values).map((x) => value(x, depth + 1));
  if ("kvlistValue" in v) return pairs(obj(v.kvlistValue).values, depth + 1);
  return null;
}

/** Num is a number or boolean as it was written: int64 does not fit a JS number. */
export class Num {
  constructor(text) { this.text = str(text); }
  toString() { return this.text; }
}

/** Pairs are attributes or a map, in their order, with repeated keys kept. */
export class Pairs {
  constructor(entries) { this.entries = entries; }
  get(key) { return this.entries.find(([k]) => k === key)?.[1]; }
  has(key) { return this.entries.some(([k]) => k === key); }
  text(key) {
    const v = this.get(key);
    return typeof v === "string" ? v : v instanceof Num ? v.text : undefined;
  }
}

function pairs(kvs, depth = 0) {
  return new Pairs(list(kvs).map((kv) => [str(obj(kv).key), value(obj(kv).value, depth)]));
}

/** plain turns a value into what JSON.parse would give, for reading messages. */
export function plain(v) {
  if (v instanceof Num) return v.text;
  if (v instanceof Bytes) return `(${v.length} bytes)`;
  if (Array.isArray(v)) return v.map(plain);
  if (v instanceof Pairs) return Object.fromEntries(v.entries.map(([k, x]) => [k, plain(x)]));
  return v;
}

function nanos(v) {
  try { return BigInt(str(v) || "0"); } catch { return 0n; }
}

const KINDS = ["", "internal", "server", "client", "producer", "consumer"];

/** read takes the preview's document: spans in tree order, log records, metrics. */
export function read(doc) {
  doc = obj(doc);
  const spans = [];
  const logs = [];
  const metrics = [];
  each(doc.resourceSpans, "scopeSpans", "spans", (s, place) => spans.push(readSpan(s, place)));
  each(doc.resourceLogs, "scopeLogs", "logRecords", (r, place) => logs.push(readLog(r, place)));
  each(doc.resourceMetrics, "scopeMetrics", "metrics", (m, place) => metrics.push(readMetric(m, place)));
  return { spans: tree(spans), logs, metrics };
}

function each(resources, scopes, items, visit) {
  for (const r of list(resources)) {
    const resource = pairs(obj(obj(r).resource).attributes);
    for (const s of list(obj(r)[scopes])) {
      const scope = obj(obj(s).scope);
      const place = {
        resource,
        service: resource.text("service.name") ?? "",
        scope: { name: str(scope.name), version: str(scope.version), attributes: pairs(scope.attributes) },
        schemas: [str(obj(r).schemaUrl), str(obj(s).schemaUrl)].filter(Boolean),
      };
      for (const x of list(obj(s)[items])) visit(obj(x), place);
    }
  }
}

function readSpan(s, place) {
  const start = nanos(s.startTimeUnixNano);
  const end = nanos(s.endTimeUnixNano);
  return {
    place,
    id: str(s.spanId), parent: str(s.parentSpanId), trace: str(s.traceId), state: str(s.traceState),
    name: str(s.name), kind: KINDS[s.kind] ?? str(s.kind), start, end,
    status: obj(s.status).code === 2 || obj(s.status).code === "STATUS_CODE_ERROR" ? "error" : obj(s.status).code === 1 ? "ok" : "",
    message: str(obj(s.status).message),
    attributes: pairs(s.attributes),
    events: list(s.events).map((e) => ({
      name: str(obj(e).name), time: nanos(obj(e).timeUnixNano), attributes: pairs(obj(e).attributes),
    })),
    links: list(s.links).map((l) => ({
      trace: str(obj(l).traceId), span: str(obj(l).spanId), state: str(obj(l).traceState), attributes: pairs(obj(l).attributes),
    })),
    dropped: Number(s.droppedAttributesCount ?? 0) + Number(s.droppedEventsCount ?? 0) + Number(s.droppedLinksCount ?? 0),
  };
}

/** tree orders spans parents first and gives each its depth; circles and orphans become roots. */
function tree(spans) {
  spans.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const known = new Set(spans.map((s) => s.id));
  const below = new Map();
  for (const s of spans) {
    if (!below.has(s.parent)) below.set(s.parent, []);
    below.get(s.parent).push(s);
  }
  const out = [];
  const seen = new Set();
  const walk = (root) => {
    const stack = [[root, 0]];
    while (stack.length) {
      const [s, depth] = stack.pop();
      if (seen.has(s)) continue;
      seen.add(s);
      s.depth = depth;
      s.orphan = depth === 0 && s.parent !== "";
      out.push(s);
      const next = s.id === "" ? [] : (below.get(s.id) ?? []);
      for (let i = next.length - 1; i >= 0; i--) stack.push([next[i], depth + 1]);
    }
  };
  for (const s of spans) if (s.parent === "" || !known.has(s.parent)) walk(s);
  for (const s of spans) walk(s);
  return out;
}

function readLog(r, place) {
  return {
    place,
    time: nanos(r.timeUnixNano) || nanos(r.observedTimeUnixNano),
    severity: str(r.severityText) || (r.severityNumber ? `severity ${str(r.severityNumber)}` : ""),
    event: str(r.eventName), body: value(r.body), attributes: pairs(r.attributes),
    trace: str(r.traceId), span: str(r.spanId),
  };
}

function readMetric(m, place) {
  const type = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"].find((t) => m[t]) ?? "";
  return {
    place, type, name: str(m.name), description: str(m.description), unit: str(m.unit), metadata: pairs(m.metadata),
    points: list(obj(m[type]).dataPoints).map((p) => readPoint(obj(p))),
  };
}

function readPoint(p) {
  const parts = [];
  for (const [key, label] of [["asInt", ""], ["asDouble", ""], ["count", "count "], ["sum", "sum "], ["min", "min "], ["max", "max "]]) {
    if (p[key] !== undefined) parts.push(label + str(p[key]));
  }
  return {
    time: nanos(p.timeUnixNano), value: parts.join(", "), attributes: pairs(p.attributes),
    exemplars: list(p.exemplars).map((e) => ({
      time: nanos(obj(e).timeUnixNano), value: str(obj(e).asInt ?? obj(e).asDouble),
      trace: str(obj(e).traceId), span: str(obj(e).spanId), attributes: pairs(obj(e).filteredAttributes),
    })),
  };
}
