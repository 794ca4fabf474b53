// A trace as a tree of spans against time. A span opens to all it holds.

import { attributes, facts } from "./attributes.js";
import { button, h } from "./dom.js";
import { block, inline } from "./text.js";
import { count, duration } from "./words.js";

const PAGE = 300; // rows that are added at once
const DEEPEST = 12; // levels that are indented

/** timeline draws spans, which are in tree order. */
export function timeline(spans, book) {
  const begin = spans.reduce((t, s) => (s.start < t ? s.start : t), spans[0].start);
  const end = spans.reduce((t, s) => (s.end > t ? s.end : t), spans[0].end);
  const whole = Number(end - begin) || 1;
  const rows = h("ol", { class: "spans" });
  const boxes = new Map();
  const grow = (n) => {
    more?.remove();
    for (const s of spans.slice(boxes.size, boxes.size + n)) {
      const box = row(s, begin, whole, book);
      boxes.set(s, box);
      rows.append(h("li", null, box));
    }
    if (boxes.size < spans.length) rows.after(more);
  };
  const more = button("Show more spans", () => grow(PAGE), { class: "wide-button" });
  const node = h("div", { class: "timeline" },
    h("p", { class: "hint" }, `${count(spans.length, "span")} in ${duration(end - begin)}. Open one to see everything in it.`), rows);
  grow(PAGE);
  return {
    node,
    open(span) {
      while (!boxes.has(span) && boxes.size < spans.length) grow(PAGE);
      const box = boxes.get(span);
      if (!box) return;
      box.open = true;
      box.fillNow();
      box.querySelector("summary").focus();
      box.scrollIntoView({ block: "nearest" });
    },
    /** openWith opens every span that has a mask, of one secret if it is named. */
    openWith(fingerprint) {
      while (boxes.size < spans.length && boxes.size < 5000) grow(PAGE);
      for (const [s, box] of boxes) {
        if (!holds(s, fingerprint)) continue;
        box.open = true;
        box.fillNow();
      }
    },
  };
}

/** holds looks for a mask in all texts of a span. */
function holds(span, fingerprint) {
  const want = fingerprint ? `:${fingerprint}` : "[MASKED:";
  const seek = (v, depth) => {
    if (typeof v === "string") return v.includes(want);
    if (v === null || typeof v !== "object" || depth > 70) return false;
    return (Array.isArray(v) ? v : Object.values(v)).some((x) => seek(x, depth + 1));
  };
  return seek({ ...span, start: "", end: "" }, 0);
}

function row(s, begin, whole, book) {
  const bar = h("span", { class: "bar", data: { status: s.status } });
  const left = Math.min(99.5, Math.max(0, (Number(s.start - begin) / whole) * 100));
  bar.style.left = `${left}%`;
  bar.style.width = `${Math.max(0.5, Math.min(100 - left, (Number(s.end - s.start) / whole) * 100))}%`;
  const body = h("div", { class: "span-body" });
  const name = h("span", { class: "span-name" },
    s.depth > DEEPEST ? h("span", { class: "hint" }, `level ${s.depth} `) : null,
    h("b", null, s.name ? inline(s.name, book) : "unnamed span"),
    s.status === "error" ? h("span", { class: "badge status", data: { status: "error" } }, "error") : null,
    h("span", { class: "span-from" }, inline([operation(s), s.kind, s.place.service].filter(Boolean).join(", "))));
  name.style.setProperty("--depth", Math.min(s.depth, DEEPEST));
  const masks = holds(s) ? h("span", { class: "has-mask", title: "holds masked values" }, "masked") : null;
  const box = h("details", { class: "span-row", data: { depth: s.depth } },
    h("summary", null, name, masks, h("span", { class: "took" }, duration(s.end - s.start)), h("span", { class: "track", "aria-hidden": "true" }, bar)), body);
  let filled = false;
  box.fillNow = () => {
    if (filled) return;
    filled = true;
    body.append(...inside(s, begin, book));
  };
  box.addEventListener("toggle", () => { if (box.open) box.fillNow(); });
  return box;
}

function operation(s) {
  return s.attributes.text("gen_ai.operation.name") ?? s.attributes.text("openinference.span.kind")?.toLowerCase() ?? "";
}

function inside(s, begin, book) {
  const out = [];
  if (s.message) out.push(h("p", { class: "part-name" }, "Status message"), block(s.message, book));
  out.push(attributes("Attributes", s.attributes, book));
  for (const e of s.events) {
    out.push(h("div", { class: "event" },
      h("p", { class: "part-name" }, "Event ", h("b", null, inline(e.name, book)), ` after ${duration(e.time - begin)}`), attributes("", e.attributes, book)));
  }
  for (const l of s.links) {
    out.push(h("div", { class: "event" }, h("p", { class: "part-name" }, "Link"),
      facts([["trace", l.trace], ["span", l.span], ["state", l.state]], book), attributes("", l.attributes, book)));
  }
  out.push(h("details", { class: "origin" }, h("summary", null, "Ids, resource and scope"),
    facts([["span", s.id], ["parent", s.orphan ? `${s.parent} (not in this item)` : s.parent], ["trace", s.trace], ["trace state", s.state],
      ["scope", [s.place.scope.name, s.place.scope.version].join(" ").trim()], ["schema", s.place.schemas.join(", ")],
      ["dropped by the sender", s.dropped ? String(s.dropped) : ""]], book),
    attributes("Resource", s.place.resource, book), attributes("Scope", s.place.scope.attributes, book)));
  return out.filter(Boolean);
}
