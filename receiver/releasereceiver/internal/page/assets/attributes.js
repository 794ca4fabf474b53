// Attributes and values, whole and in their order.

import { button, h } from "./dom.js";
import { Bytes, Num, Pairs } from "./otlp.js";
import { block, inline, layOut } from "./text.js";
import { bytes, count } from "./words.js";

const FIRST = 100; // attributes that are shown at once

/** attributes shows key and value of each; null if there are none. */
export function attributes(heading, pairs, book) {
  const shown = pairs.entries.filter(([k]) => !k.startsWith("tracescrub."));
  if (!shown.length) return null;
  const rows = h("dl", { class: "attributes" });
  const grow = (from) => {
    for (const [k, v] of shown.slice(from, from + FIRST)) rows.append(h("dt", null, inline(k, book)), h("dd", null, value(v, book)));
    const next = from + FIRST;
    if (next < shown.length) {
      const more = button(`Show ${count(shown.length - next, "more attribute")}`, () => { more.remove(); grow(next); }, { class: "more" });
      rows.append(h("dd", { class: "all" }, more));
    }
  };
  grow(0);
  return h("div", null, heading ? h("p", { class: "part-name" }, heading) : null, rows);
}

/** value shows a value of any type. */
export function value(v, book, depth = 0) {
  if (typeof v === "string") return text(v, book);
  if (v instanceof Num) return h("span", { class: "number" }, inline(v.text, book));
  if (v instanceof Bytes) return h("span", { class: "number" }, `${bytes(v.length)} of bytes, not shown as text`);
  if (v === null || v === undefined) return h("span", { class: "hint" }, "empty");
  if (depth > 40) return h("span", { class: "hint" }, "nested deeper than is shown");
  const entries = v instanceof Pairs ? v.entries : v.map((x, i) => [String(i), x]);
  if (!entries.length) return h("span", { class: "hint" }, "empty");
  const rows = h("dl", { class: "attributes nested" });
  const grow = (from) => {
    for (const [k, x] of entries.slice(from, from + FIRST)) rows.append(h("dt", null, inline(k, book)), h("dd", null, value(x, book, depth + 1)));
    if (from + FIRST >= entries.length) return;
    const more = button(`Show ${count(entries.length - from - FIRST, "more value")}`, () => { more.remove(); grow(from + FIRST); }, { class: "more" });
    rows.append(h("dd", { class: "all" }, more));
  };
  grow(0);
  return rows;
}

/** text shows a string; JSON is laid out on lines, with every character kept. */
export function text(s, book) {
  if (s === "") return h("span", { class: "hint" }, "empty text");
  const laid = s.length > 60 ? layOut(s) : null;
  return block(laid ?? s, book, laid === null ? {} : { class: "text json" });
}

/** facts shows names of ours with short values; empty ones are left out. */
export function facts(rows, book) {
  const shown = rows.filter(([, v]) => v);
  return shown.length ? h("dl", { class: "attributes" }, shown.map(([k, v]) => [h("dt", null, k), h("dd", null, h("code", null, inline(v, book)))])) : null;
}
