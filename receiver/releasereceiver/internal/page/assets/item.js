// One item: what was found, where it stands, who voted, and what may be done.

import * as api from "./api.js";
import { badge, MEANING, stateWords, title, votesWords, yes } from "./badges.js";
import { button, byId, fill, h, say } from "./dom.js";
import { deadline } from "./countdown.js";
import { decideOne } from "./decide.js";
import { findings } from "./findings.js";
import { Preview } from "./preview.js";
import { Receipt } from "./receipt.js";
import { Book, block, inline } from "./text.js";
import { bytes, clock, count, zone } from "./words.js";

export class Item {
  constructor(app) {
    this.app = app;
    this.id = null; // "": the list alone
    this.item = null;
    this.preview = null;
    this.receipt = null;
  }

  /** show opens an item, or none. */
  async show(id) {
    if (id === this.id) return;
    this.id = id;
    this.item = null;
    this.preview = null;
    if (!id) {
      fill(byId("item"), h("p", { class: "empty" }, "Choose an item from the list. Press ? for the keys."));
      return;
    }
    fill(byId("item"), h("p", { class: "empty" }, "Loading…"));
    await this.reload();
    if (this.id === id && this.item) {
      const head = byId("item").querySelector("h2");
      if (!byId("list").contains(document.activeElement) || matchMedia("(max-width: 63.99rem)").matches) head?.focus();
      scrollTo(0, 0);
      say(`${title(this.item)}, ${stateWords(this.item)}`);
    }
  }

  /** reload asks anew. What has not changed need not be drawn: that would take buttons away under a click. */
  async reload(always = true) {
    const id = this.id;
    if (!id) return;
    try {
      const got = await api.get(id);
      if (id === this.id && (always || got.version !== this.item?.version)) this.draw(got);
    } catch (err) {
      if (id !== this.id) return;
      if (err.status === 404) fill(byId("item"), this.backLink(), h("p", { class: "notice bad" }, "There is no such item. It may have been removed after its retention."));
      else this.app.trouble(err);
    }
  }

  /** noticed hears that an item changed, from whoever changed it. */
  async noticed(notice) {
    if (notice.id !== this.id || !this.item || notice.version <= this.item.version) return;
    const before = this.item;
    await this.reload();
    if (this.item && this.item.id === before.id && this.item.state !== before.state) say(`This item is now ${stateWords(this.item)}.`);
  }

  /** draw shows what is known now; an open preview stays. */
  draw(it) {
    const old = byId("item").contains(document.activeElement) ? document.activeElement.id : "";
    this.item = it;
    if (!this.preview || this.preview.id !== it.id) this.preview = new Preview(this.app, it);
    this.preview.update(it);
    if (!this.receipt || this.receipt.id !== it.id) this.receipt = new Receipt(this.app, it.id);
    this.receipt.update(it);
    const book = new Book(it.finding_list);
    fill(byId("item"),
      this.backLink(),
      h("div", { class: "item-head" },
        h("h2", { tabindex: "-1" }, it.service ? inline(it.service) : "no service name"),
        badge("severity", it.severity), badge("state", it.state, stateWords(it))),
      h("p", { class: "meaning" }, MEANING[it.state] ?? ""),
      this.decision(it),
      this.facts(it),
      findings(it, this.preview),
      this.preview.box,
      this.votes(it, book),
      this.receipt.box,
      this.history(it, book));
    if (old) document.getElementById(old)?.focus();
    this.app.changed(it);
  }

  backLink() { return button("‹ All items", () => this.app.close(), { class: "quiet back" }); }

  decision(it) {
    if (it.state !== "pending") return null;
    const given = yes(it);
    const bar = h("span", { class: "quorum", "aria-hidden": "true" },
      Array.from({ length: Math.min(it.required_votes, 10) }, (_, i) => h("span", { class: i < given ? "given" : "" })));
    const missing = it.required_votes - given;
    return h("div", { class: "decision" },
      h("p", { class: "quorum-line" }, bar, h("b", null, votesWords(it)),
        it.required_votes > 1 ? `. ${count(missing, "further person")} must approve; one denial is enough to destroy it.`.replace("1 further person must", "One more person must").replace("persons", "people")
          : ". One denial is enough to destroy it."),
      h("p", null, deadline(it.expires_at, "Expires in"), ", which counts as denied."),
      this.app.may("decide") ? h("div", { class: "actions" },
        button("Approve…", () => this.decide(true), { class: "primary", id: "approve" }),
        button("Deny…", () => this.decide(false), { class: "danger", id: "deny" }))
        : h("p", { class: "hint" }, "You may look, but not decide."));
  }

  decide(approving) {
    if (!this.item) return;
    if (this.item.state !== "pending") { say(`This item is ${stateWords(this.item)} already.`); return; }
    decideOne(this.app, this.item, approving, (it) => (it ? this.draw({ ...this.item, ...it }) : null, this.reload()));
  }

  facts(it) {
    const fact = (name, ...value) => [h("dt", null, name), h("dd", null, value)];
    return h("dl", { class: "facts" },
      fact("Held", clock(it.held_at), ` ${zone()}`),
      fact("Expires", clock(it.expires_at), ` ${zone()}`),
      fact("Found", `${count(it.findings, "finding")}${it.secrets ? ` of ${count(it.secrets, "secret")}` : ""}`),
      fact("Content", it.signal === "traces" ? `${count(it.spans, "span")}, ` : `${it.signal}, `, bytes(it.bytes), " sealed"),
      it.trace_id ? fact("Trace", h("code", null, inline(it.trace_id))) : null,
      it.producer ? fact("Sender", h("code", { title: "Stands for the authenticated sender without naming it" }, inline(it.producer))) : null,
      it.policy ? fact("Policy", h("code", null, inline(it.policy))) : null,
      fact("Item", h("code", null, inline(it.id)), ` version ${it.version}`));
  }

  votes(it, book) {
    if (!it.votes?.length) return null;
    return h("section", { class: "votes", "aria-labelledby": "votes-h" }, h("h3", { id: "votes-h" }, "Votes"),
      h("ul", { class: "plain" }, it.votes.map((v) => h("li", { class: "ballot", data: { decision: v.decision } },
        h("p", null, badge("vote", v.decision, v.decision === "approve" ? `Approve${v.mode ? `, ${v.mode}` : ""}` : "Deny"),
          h("b", null, inline(v.by)), h("time", { datetime: v.at }, clock(v.at))),
        block(v.reason, book, { class: "text reason" })))));
  }

  history(it, book) {
    return h("section", { class: "history", "aria-labelledby": "history-h" }, h("h3", { id: "history-h" }, "History"),
      h("ol", { class: "plain" }, (it.history ?? []).map((c) => h("li", null,
        h("time", { datetime: c.at }, clock(c.at)), h("b", null, inline(c.event)),
        c.by ? h("span", null, "by ", inline(c.by)) : null,
        c.reason ? block(c.reason, book, { class: "text reason" }) : null))));
  }

  openPreview() { this.preview?.ask(); }
  nextMask(n) { this.preview?.nextMask(n); }
}
