// What was found, by secret: the same fingerprint is the same secret.

import { badge } from "./badges.js";
import { button, h } from "./dom.js";
import { inline } from "./text.js";
import { count } from "./words.js";

const FIRST = 5; // fields of one secret that are shown at once

/** findings shows the secrets of an item and where each stood. */
export function findings(it, preview) {
  const groups = new Map();
  for (const f of it.finding_list ?? []) {
    if (!groups.has(f.fingerprint)) groups.set(f.fingerprint, []);
    groups.get(f.fingerprint).push(f);
  }
  const rank = ["critical", "high", "medium", "low"];
  const order = (g) => (rank.indexOf(g[0].severity) + 5) % 5;
  const sorted = [...groups.values()].sort((a, b) => order(a) - order(b) || b.length - a.length);
  const listed = (it.finding_list ?? []).length;
  return h("section", { class: "findings", "aria-labelledby": "findings-h" },
    h("h3", { id: "findings-h" }, "Findings"),
    listed < it.findings ? h("p", { class: "hint" }, `${count(it.findings, "finding")}; the first ${listed} are listed.`) : null,
    h("ul", { class: "plain" }, sorted.map((g) => secret(g, preview))));
}

function secret(group, preview) {
  const [f] = group;
  const rest = group.slice(FIRST);
  const fields = h("ul", { class: "fields" }, group.slice(0, FIRST).map(field));
  const lengths = [...new Set(group.map((x) => x.length))];
  const show = button("Show in preview", () => preview.goTo(f.fingerprint), { class: "quiet in-preview", "aria-label": `Show in preview: ${f.rule} ${f.fingerprint}` });
  const more = rest.length ? button(`and ${count(rest.length, "more place")}`, () => { fields.append(...rest.map(field)); more.remove(); }, { class: "quiet" }) : null;
  return h("li", { class: "finding", data: { fingerprint: f.fingerprint } },
    h("p", { class: "finding-top" }, badge("severity", f.severity), h("b", null, inline(f.rule)), h("code", { title: "Fingerprint: the same secret has the same one" }, inline(f.fingerprint))),
    h("p", { class: "hint" }, `${group.length > 1 ? `${group.length} places` : "1 place"}, ${lengths.length > 3 ? "different lengths" : `${lengths.join(" or ")} bytes`} long`),
    fields, more, show);
}

function field(f) { return h("li", null, h("code", null, inline(f.field))); }
