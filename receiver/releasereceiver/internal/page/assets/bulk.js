// One decision on many items, with a result for each.

import * as api from "./api.js";
import { stateWords, title, votesWords } from "./badges.js";
import { button, fill, h, say } from "./dom.js";
import { openDialog, reasonField } from "./dialog.js";
import { inline } from "./text.js";
import { count } from "./words.js";

const MOST = 500; // of one request

/** decideMany asks for a reason and sends all; unpick is called for each item that is done. */
export function decideMany(app, approving, all, unpick) {
  const items = all.slice(0, MOST);
  const reason = reasonField(approving ? "Why may all of these leave?" : "Why must none of these leave?");
  const results = h("ul", { class: "plain results" }, items.map((it) => h("li", { data: { id: it.id } }, inline(title(it)))));
  const note = h("div", { role: "alert" });
  const verb = approving ? "Approve" : "Deny";
  const send = button(`${verb} ${count(items.length, "item")}`, submit, { class: approving ? "primary" : "danger" });
  const dialog = openDialog(`${verb} ${count(items.length, "item")}`, [
    h("p", null, approving ? "All are released masked, once each has the approvals it needs. Rules that apply to one item apply here as well."
      : "None of them is ever sent; their keys are destroyed. This cannot be undone."),
    all.length > MOST ? h("p", { class: "notice" }, `Only the first ${MOST} are taken.`) : null,
    reason.nodes, note, results,
  ], { buttons: [send], closeWords: "Cancel" });

  async function submit() {
    const why = reason.read();
    if (!why) return;
    send.disabled = true;
    fill(note);
    try {
      const answer = await api.batch(approving, items.map((it) => it.id), why);
      finish(answer.results ?? []);
    } catch (err) {
      send.disabled = false;
      fill(note, h("p", { class: "notice bad" }, err.message));
      if (err.status === 401) app.trouble(err);
    }
  }

  function finish(list) {
    const by = new Map(list.map((r) => [r.id, r]));
    let good = 0;
    fill(results, items.map((it) => {
      const r = by.get(it.id);
      const ok = r && r.item;
      if (ok) { good++; unpick(it.id); app.changed(r.item); }
      const words = ok ? `${stateWords(r.item)}${r.item.state === "pending" ? `, ${votesWords(r.item)}` : ""}`
        : (r?.error?.detail ?? r?.error?.title ?? "no answer for this item");
      return h("li", { class: ok ? "done" : "failed", data: { id: it.id } },
        h("b", null, ok ? "Recorded" : "Not recorded"), " ", inline(title(it)), ": ", inline(words));
    }));
    const words = `${good} of ${count(items.length, "decision")} recorded.`;
    fill(note, h("p", { class: `notice${good === items.length ? "" : " bad"}` }, words));
    say(words);
    send.remove();
    reason.nodes.remove();
    dialog.end.textContent = "Close";
    dialog.end.focus();
  }
}
