// The messages of an agent as a conversation.

import { text } from "./attributes.js";
import { button, h } from "./dom.js";
import { block, inline, layOut } from "./text.js";
import { clock, count } from "./words.js";

const PAGE = 100; // turns that are drawn at once

const ROLES = {
  system: "System", developer: "Developer", user: "User", human: "User", assistant: "Assistant", model: "Assistant", ai: "Assistant", tool: "Tool",
};

/** talk draws what was said, by the span or record in which it was said. */
export function talk(sources, book, openSpan) {
  const box = h("div", { class: "talk" });
  let n = 0;
  const grow = () => {
    more.remove();
    for (let drawn = 0; n < sources.length && drawn < PAGE; n++) {
      const s = sources[n];
      if (!s.fresh.length) continue;
      drawn += s.fresh.length;
      box.append(source(s, book, openSpan));
    }
    if (n < sources.length) box.append(more);
  };
  const more = button("Show more of the conversation", grow, { class: "wide-button" });
  grow();
  return box;
}

function source({ from, at, fresh, known }, book, openSpan) {
  const name = from.name || from.event || "log record";
  return h("section", { class: "source" },
    h("p", { class: "source-top" },
      h("time", null, at ? clock(Number(at / 1000000n)) : ""),
      from.id !== undefined ? button(inline(name, book), () => openSpan(from), { class: "quiet", title: "Show this span in the timeline" }) : h("b", null, inline(name, book)),
      known ? h("span", { class: "hint" }, `${count(known, "earlier message")} sent again, shown above`) : null),
    fresh.map((t) => turn(t, book)));
}

function turn(t, book) {
  const key = String(t.role).toLowerCase();
  const role = Object.hasOwn(ROLES, key) ? ROLES[key] : t.role;
  return h("article", { class: "turn", data: { role: Object.hasOwn(ROLES, key) ? ROLES[key].toLowerCase() : "other" } },
    h("p", { class: "role" }, inline(role, book), t.finish ? h("span", { class: "hint" }, " finished: ", inline(t.finish, book)) : null),
    t.parts.length ? t.parts.map((p) => part(p, book)) : h("p", { class: "hint" }, "nothing in it"));
}

function part(p, book) {
  switch (p.kind) {
    case "text":
      return p.broken ? [h("p", { class: "part-name" }, "Not readable as messages; the text as it is"), text(p.text, book)] : prose(p.text, book);
    case "reasoning":
      return h("div", { class: "reasoning" }, h("p", { class: "part-name" }, "Reasoning"), prose(p.text, book));
    case "call":
      return h("div", { class: "call" }, h("p", { class: "part-name" }, "Calls the tool ", h("b", null, inline(p.name || "without a name", book))), p.text ? text(p.text, book) : null);
    case "result":
      return h("div", { class: "call" }, h("p", { class: "part-name" }, "Answer of the tool ", p.name ? h("b", null, inline(p.name, book)) : null), p.text ? text(p.text, book) : null);
    case "media":
      return h("div", { class: "call" }, h("p", { class: "part-name" }, "Medium, not shown: ", inline(p.name, book)), h("details", null, h("summary", null, "Its text"), block(p.text, book)));
    default:
      return h("div", { class: "call" }, h("p", { class: "part-name" }, "Part of type ", inline(p.name || "unknown", book)), text(p.text, book));
  }
}

const prose = (s, book) => block(layOut(s) ?? s, book, { class: "text prose" });
