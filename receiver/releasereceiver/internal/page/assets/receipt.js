// The receipt of an item's decision: where it stands in the audit log, and the
// proof of that, checked here. check.js does the steps and knows nothing of this page.

import * as api from "./api.js";
import { badge } from "./badges.js";
import { button, fill, h, say } from "./dom.js";
import { inline } from "./text.js";
import { clock, zone } from "./words.js";

const DECISIONS = { "tracescrub.approved": "Approved", "tracescrub.denied": "Denied", "tracescrub.expired": "Expired" };

// How far a check comes that was given no keys, if all before holds.
const KEYS = "A trusted key is named by the checkpoint";

export class Receipt {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    this.version = 0;
    this.text = "";
    this.asked = false; // whether somebody wants to know that the receipt holds
    this.box = h("section", { class: "receipt", "aria-labelledby": "receipt-h", hidden: true });
    this.told = h("div");
    this.keys = h("textarea", { id: "receipt-keys", rows: 2, spellcheck: "false", autocomplete: "off", "aria-describedby": "receipt-keys-note" });
    this.result = h("div", { class: "checked" });
    this.form = h("div", null,
      h("details", null, h("summary", null, "Keys to check it with"),
        h("div", { class: "field" }, h("label", { for: "receipt-keys" }, "Public keys of the log, one a line"), this.keys,
          h("p", { class: "hint", id: "receipt-keys-note" }, "Left empty: those that the gate names. That shows that nothing is damaged. ",
            "To trust nobody, put the key here that you got from elsewhere, and check the saved receipt with ",
            h("code", null, "tracescrub audit check-proof"), " as well: this page comes from the gate."))),
      h("div", { class: "actions" },
        button("Verify in this browser", () => this.check(), { class: "primary", id: "check-receipt" }),
        h("a", { class: "button", href: api.receiptFile(this.id), download: `${this.id}.tlog-proof` }, "Save the receipt")),
      this.result);
  }

  /** update hears how the item is now: once it is decided there is a receipt. */
  update(it) {
    const decided = it.state !== "pending" && this.app.may("audit");
    this.box.hidden = !decided;
    if (!decided || it.version === this.version) return;
    this.version = it.version;
    this.load();
  }

  async load() {
    const version = this.version;
    try {
      const text = await api.receipt(this.id);
      if (version !== this.version || text === this.text) return;
      // What the receipt says is shown as far as it can be read; whether that is so is for the check.
      const read = await globalThis.tracescrubCheck(text, []);
      if (version === this.version) this.draw(text, read);
    } catch (err) {
      if (version !== this.version) return;
      this.text = "";
      if (err.status === 501) this.box.hidden = true;
      else if (err.status === 404) this.none("There is no receipt yet: no checkpoint of the audit log covers the decision, or it has been pruned.");
      else this.none(`The receipt cannot be had now. ${err.message}`);
    }
  }

  none(words) {
    fill(this.box, this.head(), h("p", { class: "hint" }, words), h("div", { class: "actions" }, button("Ask again", () => this.load())));
  }

  head() { return h("h3", { id: "receipt-h" }, "Receipt"); }

  /**
   * draw shows a receipt. One that takes another's place, as when the item
   * went on, leaves the keys that were typed and is checked if that one was.
   */
  draw(text, read) {
    this.text = text;
    fill(this.told, this.facts(read));
    if (!this.box.contains(this.form)) fill(this.box, this.head(), this.told, this.form);
    if (this.asked) this.check();
  }

  facts(read) {
    const reached = read.steps.at(-1);
    if (reached.what !== KEYS) return h("p", { class: "notice bad" }, `What the gate sent does not hold, or cannot be checked here: ${reached.detail}.`);
    return h("p", { class: "receipt-facts" },
      badge("state", DECISIONS[read.entry.kind]?.toLowerCase() ?? "", DECISIONS[read.entry.kind] ?? read.entry.kind), " is entry ",
      h("b", null, read.index.toLocaleString("en")), ` of the ${read.size.toLocaleString("en")} that the log `, h("code", null, inline(read.origin)),
      " had signed, written ", h("time", { datetime: read.entry.logged }, clock(read.entry.logged)), ` ${zone()}.`);
  }

  /** check does all steps, and the one that only this page can: that it is this item's. */
  async check() {
    this.asked = true;
    const text = this.text;
    let result, given;
    try {
      given = this.keys.value.split(/\s+/).filter(Boolean);
      const keys = given.length ? given : (await api.audit()).keys;
      result = await globalThis.tracescrubCheck(text, keys);
    } catch (err) {
      fill(this.result, h("p", { class: "notice bad", role: "alert" }, `The receipt could not be checked. ${err.message}`));
      return;
    }
    if (result.ok) {
      const own = result.entry.attributes?.["tracescrub.item.id"] === this.id && Object.hasOwn(DECISIONS, result.entry.kind);
      result.steps.push({ what: "The entry is a decision about this item", ok: own, detail: own ? `${result.entry.kind}, item ${this.id}` : "it is another entry: this receipt belongs elsewhere" });
      result.ok = own;
    }
    if (text === this.text) this.show(result, given.length > 0);
  }

  show(result, own) {
    const failed = result.steps.at(-1);
    const words = result.ok ? `The receipt holds${own ? ", by the keys that you gave" : ", by the keys that the gate names"}.` : `The receipt does not hold: ${failed.detail}.`;
    fill(this.result,
      h("p", { class: result.ok ? "notice good" : "notice bad", id: "check-result" }, h("b", null, words)),
      h("ol", { class: "plain steps" }, result.steps.map((s) => h("li", { data: { ok: s.ok } },
        h("b", null, h("span", { class: "sign", "aria-hidden": "true" }, s.ok ? "✓" : "✗"), h("span", { class: "unseen" }, s.ok ? "Holds: " : "Fails: "), s.what),
        h("span", { class: "detail" }, inline(s.detail))))));
    say(words);
  }
}
