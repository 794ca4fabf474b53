// Approving or denying one item.

import * as api from "./api.js";
import { stateWords, title, votesWords, yes } from "./badges.js";
import { button, fill, h, say } from "./dom.js";
import { openDialog, reasonField } from "./dialog.js";
import { inline } from "./text.js";
import { count } from "./words.js";

/** decideOne asks for reason and mode and sends the vote; done gets what the item is then, or null to look anew. */
export function decideOne(app, item, approving, done) {
  const reason = reasonField(approving ? "Why may this leave? For example: test account, key revoked on 3 May" : "Why must this not leave?");
  const modes = approving ? modeField(app) : null;
  const note = h("div", { role: "alert" });
  const send = button(approving ? "Approve" : "Deny and destroy", submit, { class: approving ? "primary" : "danger" });
  const last = item.required_votes - yes(item) <= 1;
  const dialog = openDialog(approving ? "Approve this item" : "Deny this item", [
    h("p", { class: "subject" }, inline(title(item))),
    h("p", null, approving
      ? (last ? "Your approval is the last one needed: the telemetry is scanned again with the current rules and sent on."
        : `Your approval is counted. ${count(item.required_votes - yes(item) - 1, "more")} by other people will be needed after it.`)
      : "The item is never sent, and its key is destroyed. This cannot be undone."),
    modes?.nodes, reason.nodes, note,
  ], { buttons: [send], closeWords: "Cancel" });

  async function submit() {
    const why = reason.read();
    if (!why) return;
    send.disabled = true;
    fill(note);
    try {
      const now = approving ? await api.approve(item.id, item.version, why, modes.read()) : await api.deny(item.id, item.version, why);
      dialog.close();
      const words = approving ? (now.state === "pending" ? `Approval recorded: ${votesWords(now)}.` : "Approved. It is on its way.") : "Denied.";
      say(words);
      toast(words);
      done(now);
    } catch (err) {
      await failed(err);
    }
  }

  async function failed(err) {
    if (err.conflict) return conflicted(err);
    send.disabled = false;
    fill(note, h("div", { class: "notice bad" }, h("p", null, err.message),
      err.doc?.login_url ? h("a", { class: "button", href: err.doc.login_url }, "Sign in again") : null));
    if (err.status === 401) app.trouble(err);
  }

  // Somebody else was faster: say what the item is now, and let the reviewer look before anything else.
  async function conflicted(err) {
    let now = null;
    try { now = await api.get(item.id); } catch { /* the words of the answer are enough */ }
    send.remove();
    dialog.end.textContent = "Look at it as it is now";
    fill(note, h("div", { class: "notice bad", data: { conflict: "true" } },
      h("p", null, h("b", null, "Somebody else was faster. "), "Your vote was not recorded."),
      now ? h("p", null, `The item is now: ${stateWords(now)}${now.state === "pending" ? `, ${votesWords(now)}` : ""}, version ${now.version}.`) : null,
      h("p", { class: "hint" }, inline(err.message))));
    dialog.end.focus();
    done(now);
  }
}

/** modeField asks whether the masked telemetry or the original is to be released. */
export function modeField(app) {
  const radio = (value, label, hint, enabled) => {
    const input = h("input", { type: "radio", name: "mode", value, id: `mode-${value}`, disabled: !enabled, "aria-describedby": `mode-${value}-hint` });
    input.checked = value === "masked";
    return { input, node: h("div", { class: "choice" }, input, h("label", { for: input.id }, label), h("p", { class: "hint", id: `mode-${value}-hint` }, hint)) };
  };
  const masked = radio("masked", "Masked", "Every secret stays replaced by its mask.", true);
  const original = radio("original", "Original", app.may("reveal")
    ? "The secrets leave in the clear. Only when the destination must have them."
    : "You lack the permission reveal.", app.may("reveal"));
  return {
    nodes: h("fieldset", { class: "modes" }, h("legend", null, "What is released"), masked.node, original.node),
    read: () => (original.input.checked ? "original" : "masked"),
  };
}

/** toast shows a line for a while; screen readers have heard it already. */
export function toast(words) {
  const el = h("p", { class: "toast", "aria-hidden": "true" }, words);
  document.body.append(el);
  setTimeout(() => el.remove(), 5000);
}
