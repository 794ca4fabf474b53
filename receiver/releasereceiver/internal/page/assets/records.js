// Log records and metrics of an item.

import { attributes, facts, value } from "./attributes.js";
import { button, h } from "./dom.js";
import { inline } from "./text.js";
import { clock, count } from "./words.js";

const PAGE = 100;

const when = (ns) => (ns ? clock(Number(ns / 1000000n)) : "no time");

/** paged shows entries PAGE at a time. */
function paged(list, noun, draw) {
  const rows = h("ol", { class: "records" });
  const box = h("div", null, rows);
  let n = 0;
  const grow = () => {
    more.remove();
    for (const x of list.slice(n, n + PAGE)) rows.append(h("li", null, draw(x)));
    n += PAGE;
    if (n < list.length) {
      more.textContent = `Show more of ${count(list.length - n, `further ${noun}`)}`;
      box.append(more);
    }
  };
  const more = button("", grow, { class: "wide-button" });
  grow();
  return box;
}

function origin(place, rows, book) {
  return h("details", { class: "origin" }, h("summary", null, "Ids, resource and scope"),
    facts([...rows, ["scope", [place.scope.name, place.scope.version].join(" ").trim()], ["schema", place.schemas.join(", ")]], book),
    attributes("Resource", place.resource, book), attributes("Scope", place.scope.attributes, book));
}

export const records = {
  logs: (logs, book) => paged(logs, "record", (l) => h("article", { class: "record", "aria-label": `Log record of ${when(l.time)}` },
    h("p", { class: "record-top" }, h("time", null, when(l.time)), l.severity ? h("b", null, inline(l.severity, book)) : null,
      l.event ? h("span", null, inline(l.event, book)) : null, h("span", { class: "span-from" }, inline(l.place.service, book))),
    l.body === null ? null : value(l.body, book),
    attributes("Attributes", l.attributes, book),
    origin(l.place, [["trace", l.trace], ["span", l.span]], book))),

  metrics: (metrics, book) => paged(metrics, "metric", (m) => h("article", { class: "record", "aria-label": "Metric" },
    h("p", { class: "record-top" }, h("b", null, inline(m.name, book)), h("span", null, inline([m.type, m.unit].filter(Boolean).join(", "), book)),
      h("span", { class: "span-from" }, inline(m.place.service, book))),
    m.description ? value(m.description, book) : null,
    attributes("Metadata", m.metadata, book),
    paged(m.points, "data point", (p) => h("div", { class: "event" },
      h("p", { class: "part-name" }, `${when(p.time)}: `, h("b", null, inline(p.value, book))), attributes("", p.attributes, book),
      p.exemplars.map((e) => h("div", null, facts([["exemplar", e.value], ["trace", e.trace], ["span", e.span]], book), attributes("", e.attributes, book))))),
    origin(m.place, [], book))),
};
