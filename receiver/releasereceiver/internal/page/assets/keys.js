// One-key commands. They can be switched off, since some ways to speak or
// type to a computer would set them off by accident.

import { button, h, say } from "./dom.js";
import { openDialog } from "./dialog.js";

const HELP = [
  ["j, k", "next, previous item"], ["Enter", "open the item"], ["Escape", "back to the list; close a dialog"],
  ["x", "select the item for a decision on many"], ["p", "open the masked preview (recorded as a view)"],
  ["n, N", "next, previous mask in the preview"], ["a", "approve: the selected items, else the open one"],
  ["d", "deny: the selected items, else the open one"], ["/", "search"], ["?", "this help"],
];

const off = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };

/** listenToKeys binds the commands. */
export function listenToKeys(app, list, item) {
  const acts = {
    j: () => list.step(1), k: () => list.step(-1),
    x: () => { const id = list.focused() || list.open; if (id && list.items.has(id)) list.pick(id, !list.picked.has(id)); },
    a: () => decide(true), d: () => decide(false),
    p: () => item.openPreview(), n: () => item.nextMask(1), N: () => item.nextMask(-1),
    "/": () => { const q = document.getElementById("f-q"); app.close(); q.focus(); q.select(); },
    "?": help,
  };
  const decide = (approving) => {
    if (!app.may("decide")) return say("You may not decide.");
    if (list.picked.size > 0) return list.decidePicked(approving);
    if (item.item) return item.decide(approving);
    const it = list.items.get(list.focused());
    if (it) app.open(it.id); else say("Open or select an item first.");
  };
  addEventListener("keydown", (e) => {
    if (document.querySelector("dialog[open]") || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.key === "Escape") {
      if (typing(e.target)) e.target.blur();
      else if (item.id) { const id = item.id; app.close(); list.rows.get(id)?.querySelector("a")?.focus(); }
      return;
    }
    if (typing(e.target) || off()) return;
    const act = Object.hasOwn(acts, e.key) ? acts[e.key] : null;
    if (!act) return;
    e.preventDefault();
    act();
  });
  document.querySelector(".top").append(button("?", help, { class: "quiet help", "aria-label": "Keyboard help" }));
}

function typing(el) { return el.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]"); }

function help() {
  const toggle = h("input", { type: "checkbox", on: { change: () => { try { localStorage.setItem("keys", toggle.checked ? "on" : "off"); } catch { /* only for this visit, then */ } } } });
  toggle.checked = !off();
  openDialog("Keyboard", [
    h("dl", { class: "keys" }, HELP.map(([key, what]) => [h("dt", null, key.split(", ").map((k) => h("kbd", null, k))), h("dd", null, what)])),
    h("label", { class: "check" }, toggle, " One-key commands are on"),
  ]);
}
