// The list of held items: filters, pages, selection, and rows that change in place.

import * as api from "./api.js";
import { badge, stateWords, title, votesWords } from "./badges.js";
import { button, byId, fill, h, say } from "./dom.js";
import { decideMany } from "./bulk.js";
import { inline } from "./text.js";
import { deadline } from "./countdown.js";
import { ago, bytes, clock, count } from "./words.js";

// The most rows that are asked for one by one after a burst of changes.
const MANY = 20;

export class List {
  constructor(app) {
    this.app = app;
    this.filters = { state: "pending" };
    this.items = new Map(); // by id, in the order of the list
    this.rows = new Map();
    this.picked = new Set();
    this.fresh = new Set(); // ids of items that came since
    this.dirty = new Set(); // ids of items that changed
    this.next = "";
    this.asked = 0; // number of the last question, so that late answers are dropped
    this.loaded = "";
    const form = byId("filters");
    let timer = 0;
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => this.filter(), 250); });
    form.addEventListener("submit", (e) => { e.preventDefault(); clearTimeout(timer); this.filter(); });
  }

  filter() {
    const filters = {};
    for (const [k, v] of new FormData(byId("filters"))) if (v.trim()) filters[k] = v.trim();
    this.filters = filters;
    this.app.close();
    if (JSON.stringify(filters) !== this.loaded) this.show(filters, "");
  }

  /** show makes the list that of these filters, with one item open. */
  async show(filters, open) {
    this.open = open;
    for (const [id, row] of this.rows) row.classList.toggle("open", id === open);
    const key = JSON.stringify(filters);
    if (key === this.loaded) return;
    this.loaded = key;
    this.filters = filters;
    for (const field of byId("filters").elements) {
      if (field.name && document.activeElement !== field) field.value = filters[field.name] ?? "";
    }
    await this.reload();
  }

  async reload() {
    const asked = ++this.asked;
    byId("rows").setAttribute("aria-busy", "true");
    try {
      const page = await api.list(this.filters, "");
      if (asked !== this.asked) return;
      this.app.calm();
      this.items.clear();
      this.rows.clear();
      this.fresh.clear();
      this.dirty.clear();
      fill(byId("rows"));
      this.append(page);
      for (const id of this.picked) if (!this.items.has(id)) this.picked.delete(id);
      this.drawBulk();
      this.drawFresh();
      say(`${count(this.items.size, "item")}${this.next ? " and more" : ""}`);
    } catch (err) {
      if (asked === this.asked) this.app.trouble(err);
    } finally {
      if (asked === this.asked) byId("rows").removeAttribute("aria-busy");
    }
  }

  append(page) {
    for (const it of page.items ?? []) {
      if (this.items.has(it.id)) continue;
      this.items.set(it.id, it);
      const row = this.row(it);
      this.rows.set(it.id, row);
      byId("rows").append(row);
    }
    this.next = page.next_page_token ?? "";
    const end = byId("list-end");
    if (this.next) {
      fill(end, button("Show more", () => this.more(), { class: "wide-button" }));
    } else if (this.items.size === 0) {
      const plain = Object.keys(this.filters).every((k) => k === "state");
      fill(end, plain && this.filters.state === "pending" ? "Nothing waits for approval." : "No item matches these filters. ",
        plain ? null : button("Clear the filters", () => { byId("filters").reset(); this.filter(); }, { class: "quiet" }));
    } else {
      fill(end, `${count(this.items.size, "item")}, that is all.`);
    }
  }

  async more() {
    const asked = this.asked;
    const last = [...this.rows.values()].at(-1);
    try {
      const page = await api.list(this.filters, this.next);
      if (asked !== this.asked) return;
      this.append(page);
      last?.nextElementSibling?.querySelector("a")?.focus();
      say(`${count(page.items.length, "item")} more`);
    } catch (err) {
      this.app.trouble(err);
    }
  }

  row(it) {
    const pick = h("input", { type: "checkbox", "aria-label": `Select ${title(it)}`, on: { change: () => this.pick(it.id, pick.checked) } });
    pick.checked = this.picked.has(it.id);
    const [first, ...rest] = it.rules ?? [];
    const href = () => `#/items/${encodeURIComponent(it.id)}${location.hash.includes("?") ? location.hash.slice(location.hash.indexOf("?")) : ""}`;
    const link = h("a", { class: "row-link", href: href(), on: { click: (e) => { link.href = href(); e.stopPropagation(); } } },
      h("span", { class: "row-top" },
        badge("severity", it.severity),
        h("span", { class: "service" }, it.service ? inline(it.service) : "no service name"),
        h("span", { class: "when", title: clock(it.held_at) }, ago(it.held_at, Date.now()))),
      h("span", { class: "row-rules" }, first ? inline(first) : "no rule", rest.length ? ` and ${count(rest.length, "other")}` : ""),
      h("span", { class: "row-facts" },
        badge("state", it.state, stateWords(it)),
        it.state === "pending" ? h("span", null, votesWords(it)) : null,
        it.state === "pending" ? deadline(it.expires_at, "expires in") : null,
        h("span", null, it.signal === "traces" ? count(it.spans, "span") : it.signal),
        h("span", null, count(it.secrets ?? it.findings, "secret")),
        h("span", null, bytes(it.bytes))));
    return h("li", { class: `row${this.open === it.id ? " open" : ""}`, data: { id: it.id, severity: it.severity, state: it.state } },
      h("label", { class: "pick" }, pick), link);
  }

  /** put takes what is known now of an item. */
  put(it) {
    if (!this.items.has(it.id)) return;
    const old = this.rows.get(it.id);
    const focused = old.contains(document.activeElement) ? document.activeElement.tagName : "";
    this.items.set(it.id, it);
    const row = this.row(it);
    this.rows.set(it.id, row);
    old.replaceWith(row);
    if (focused) row.querySelector(focused)?.focus();
    if (it.state !== "pending" && this.picked.delete(it.id)) this.drawBulk();
  }

  /** noticed hears of a change; rows on the page are asked for again. */
  noticed({ id, state, version }) {
    const known = this.items.get(id);
    if (known) {
      if (known.version !== version || known.state !== state) this.dirty.add(id);
    } else if (!this.next || state === "pending") {
      if (this.wants(state)) this.fresh.add(id); else this.fresh.delete(id);
    }
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.catchUp(), 150);
  }

  wants(state) {
    const s = this.filters.state ?? "all";
    return s === "all" || s.split(",").includes(state);
  }

  async catchUp() {
    this.drawFresh();
    const ids = [...this.dirty];
    this.dirty.clear();
    if (ids.length > MANY) return this.reload();
    for (const id of ids) {
      try { this.put(await api.get(id)); } catch (err) { if (err.status !== 404) this.app.trouble(err); }
    }
  }

  drawFresh() {
    const box = byId("fresh");
    box.hidden = this.fresh.size === 0;
    if (box.hidden) return;
    fill(box, button(`${count(this.fresh.size, "new or changed item")}: show`, () => this.reload(), { class: "wide-button fresh" }));
  }

  pick(id, on) {
    if (on) this.picked.add(id); else this.picked.delete(id);
    const box = this.rows.get(id)?.querySelector("input");
    if (box) box.checked = on;
    this.drawBulk();
  }

  drawBulk() {
    const box = byId("bulk");
    const n = this.picked.size;
    box.hidden = n === 0;
    if (n === 0) return;
    const all = [...this.items.values()].filter((it) => it.state === "pending");
    const may = this.app.may("decide");
    fill(box, h("b", null, `${n} selected`),
      may ? button("Approve…", () => this.decidePicked(true), { class: "primary" }) : null,
      may ? button("Deny…", () => this.decidePicked(false), { class: "danger" }) : null,
      all.length > n ? button(`Select all ${all.length} shown`, () => { for (const it of all) this.pick(it.id, true); }, { class: "quiet" }) : null,
      button("Clear", () => { for (const id of [...this.picked]) this.pick(id, false); }, { class: "quiet" }));
  }

  decidePicked(approving) {
    const items = [...this.picked].map((id) => this.items.get(id)).filter(Boolean);
    if (items.length) decideMany(this.app, approving, items, (id) => this.pick(id, false));
  }

  /** step moves the focus n rows on; the open row, or the first, is the start. */
  step(n) {
    const ids = [...this.rows.keys()];
    if (!ids.length) return;
    const now = ids.indexOf(this.focused() || this.open);
    const id = ids[now < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, now + n))];
    const link = this.rows.get(id).querySelector("a");
    link.focus();
    link.scrollIntoView({ block: "nearest" });
    if (this.open && matchMedia("(min-width: 64rem)").matches) this.app.open(id);
  }

  focused() { return document.activeElement?.closest?.(".row")?.dataset.id ?? ""; }
}
