// Dialogs: the browser's own modal ones, which keep the focus inside and give
// it back at the end.

import { button, h } from "./dom.js";

let number = 0;

/** openDialog shows content under a heading; buttons come before Close. Returns { close, element }. */
export function openDialog(heading, content, { buttons = [], closeWords = "Close", onClose } = {}) {
  const id = `dialog-${++number}`;
  const back = document.activeElement;
  const end = button(closeWords, () => element.close(), { class: "quiet" });
  const element = h("dialog", { "aria-labelledby": id },
    h("h2", { id }, heading), content, h("div", { class: "actions" }, buttons, end));
  element.addEventListener("close", () => {
    element.remove();
    onClose?.();
    if (back?.isConnected) back.focus();
  });
  document.body.append(element);
  element.showModal();
  return { close: () => element.close(), element, end };
}

/** reasonField asks why; a decision without a reason is not sent. */
export function reasonField(hint) {
  const note = h("p", { class: "hint bad-text", id: `reason-note-${++number}`, hidden: true }, "Say why: the reason is recorded with the decision.");
  const box = h("textarea", {
    rows: 3, maxlength: 1000, required: true, id: `reason-${number}`, "aria-describedby": note.id, placeholder: hint, autofocus: true,
  });
  return {
    nodes: h("div", { class: "field" }, h("label", { for: box.id }, "Reason (required, is recorded)"), box, note),
    /** read returns the reason, or "" after showing that it is missing. */
    read() {
      const reason = box.value.trim();
      note.hidden = reason !== "";
      box.setAttribute("aria-invalid", String(reason === ""));
      if (reason === "") box.focus();
      return reason;
    },
  };
}
