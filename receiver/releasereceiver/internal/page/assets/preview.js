// The masked content of an item. It is fetched only when the reviewer asks,
// since the gate records each look.

import * as api from "./api.js";
import { button, fill, h, say } from "./dom.js";
import { conversation } from "./chat.js";
import { read } from "./otlp.js";
import { records } from "./records.js";
import { talk } from "./talk.js";
import { Book } from "./text.js";
import { timeline } from "./timeline.js";
import { count } from "./words.js";

export class Preview {
  constructor(app, it) {
    this.app = app;
    this.id = it.id;
    this.at = -1;
    this.body = h("div", { class: "preview-body" });
    this.box = h("section", { class: "preview", "aria-labelledby": "preview-h" }, h("h3", { id: "preview-h" }, "Masked content"), this.body);
    this.loaded = false;
  }

  /** update takes the item as it is now. */
  update(it) {
    const drawn = this.item?.state === it.state && this.item?.version === it.version;
    this.item = it;
    this.book = new Book(it.finding_list);
    if (!this.loaded && !drawn && !this.loading) this.offer();
  }

  offer() {
    const gone = ["denied", "expired", "shredded"].includes(this.item.state);
    fill(this.body,
      gone ? h("p", { class: "hint" }, "The key of this item is destroyed: its content cannot be shown.")
        : this.app.may("preview") ? [
          button("Open the masked preview", () => this.ask(), { id: "open-preview", "aria-describedby": "preview-note" }),
          h("p", { class: "hint", id: "preview-note" }, "Opening it is recorded as a view under your name. Secrets are masked in it.")]
          : h("p", { class: "hint" }, "You may not open previews."));
  }

  /** ask fetches the preview, once. */
  async ask() {
    if (this.loaded || this.loading || !this.body.querySelector("button")) return;
    this.loading = true;
    fill(this.body, h("p", { class: "hint" }, "Opening…"));
    try {
      const doc = await api.preview(this.id);
      this.loaded = true;
      this.draw(read(doc));
      say("The preview is open.");
    } catch (err) {
      this.offer();
      this.body.append(h("p", { class: "notice bad", role: "alert" }, err.message));
      if (err.status === 401) this.app.trouble(err);
    } finally {
      this.loading = false;
    }
  }

  draw(content) {
    const tabs = [];
    const said = conversation(content);
    if (said.length) tabs.push(["Conversation", () => talk(said, this.book, (span) => this.openSpan(span))]);
    if (content.spans.length) tabs.push([`Timeline (${count(content.spans.length, "span")})`, () => (this.timeline = timeline(content.spans, this.book)).node]);
    if (content.logs.length) tabs.push([`Log records (${content.logs.length})`, () => records.logs(content.logs, this.book)]);
    if (content.metrics.length) tabs.push([`Metrics (${content.metrics.length})`, () => records.metrics(content.metrics, this.book)]);
    if (!tabs.length) { fill(this.body, h("p", { class: "hint" }, "There is nothing in it.")); return; }
    this.tabs = new Tabs(tabs);
    fill(this.body, this.tabs.node);
    this.tabs.choose(0);
    this.tabs.node.querySelector("[role=tab]")?.focus();
  }

  openSpan(span) {
    const i = this.tabs.labels.findIndex((l) => l.startsWith("Timeline"));
    if (i < 0) return;
    this.tabs.choose(i);
    this.timeline.open(span);
  }

  /** goTo shows the first place of a secret; again, the next. */
  async goTo(fingerprint) {
    if (!this.loaded) {
      say("Open the masked preview first.");
      document.getElementById("open-preview")?.focus();
      return;
    }
    this.nextMask(1, fingerprint.slice(0, 8));
  }

  /** nextMask moves to the next mask, of one secret or of any; folded parts are opened where one is hidden in them. */
  nextMask(step, fingerprint) {
    if (!this.loaded) return;
    const panel = this.tabs.panel();
    const match = (m) => !fingerprint || m.dataset.fingerprint.startsWith(fingerprint);
    let all = [...panel.querySelectorAll("mark.mask")].filter(match);
    if (!all.length && this.tabs.labels.some((l) => l.startsWith("Timeline"))) {
      this.tabs.choose(this.tabs.labels.findIndex((l) => l.startsWith("Timeline")));
      this.timeline.openWith(fingerprint);
      all = [...this.tabs.panel().querySelectorAll("mark.mask")].filter(match);
    }
    if (!all.length) { say("No mask is shown in this view; parts may be folded."); return; }
    const now = all.findIndex((m) => m.classList.contains("here"));
    for (const m of this.body.querySelectorAll(".here")) m.classList.remove("here");
    const mark = all[now < 0 ? (step > 0 ? 0 : all.length - 1) : (now + step + all.length) % all.length];
    for (let d = mark.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    mark.classList.add("here");
    mark.tabIndex = -1;
    mark.focus({ preventScroll: true });
    mark.scrollIntoView({ block: "center" });
    say(`${mark.title}, ${all.indexOf(mark) + 1} of ${all.length}`);
  }
}

/** Tabs are views of one thing; each is made when it is first chosen. */
class Tabs {
  constructor(tabs) {
    this.labels = tabs.map(([label]) => label);
    this.made = tabs.map(() => null);
    this.make = tabs.map(([, make]) => make);
    this.buttons = this.labels.map((label, i) => button(label, () => this.choose(i), { role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}` }));
    this.panels = this.labels.map((_, i) => h("div", { role: "tabpanel", id: `panel-${i}`, "aria-labelledby": `tab-${i}`, tabindex: "0", hidden: true }));
    const bar = h("div", { role: "tablist", class: "tabs", "aria-label": "Views of the content" }, this.buttons);
    bar.addEventListener("keydown", (e) => {
      const n = this.buttons.length;
      const to = { ArrowRight: this.now + 1, ArrowLeft: this.now - 1, Home: 0, End: n - 1 }[e.key];
      if (to === undefined) return;
      e.preventDefault();
      this.choose((to + n) % n);
      this.buttons[this.now].focus();
    });
    this.node = h("div", null, bar, this.panels);
  }

  choose(i) {
    this.now = i;
    if (!this.made[i]) { this.made[i] = this.make[i](); this.panels[i].append(this.made[i]); }
    this.buttons.forEach((b, j) => {
      b.setAttribute("aria-selected", String(i === j));
      b.tabIndex = i === j ? 0 : -1;
      this.panels[j].hidden = i !== j;
    });
  }

  panel() { return this.panels[this.now]; }
}
