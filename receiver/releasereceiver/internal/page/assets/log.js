// How the audit log is: its size and root, its keys, and where checkpoints went.

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { button, byId, fill, h } from "./dom.js";
import { inline } from "./text.js";
import { ago, clock, count, zone } from "./words.js";

/** showLog puts a button at the top, if the gate knows the log. */
export async function showLog(app) {
  let log = null;
  try {
    log = await api.audit();
  } catch (err) {
    if (err.status === 501 || err.status === 404) return;
    if (err.status === 401) return app.trouble(err);
  }
  fill(byId("log"), button(log ? ["Audit log: ", h("b", null, count(log.size, "entry").replace("entrys", "entries"))] : "Audit log", () => open(app), { class: "quiet", id: "open-log" }));
}

async function open(app) {
  const body = h("div", { class: "log-facts" }, h("p", { class: "hint" }, "Loading…"));
  openDialog("Audit log", body);
  try {
    fill(body, facts(await api.audit()));
    showLog(app);
  } catch (err) {
    fill(body, h("p", { class: "notice bad" }, `The audit log cannot be asked now. ${err.message}`));
  }
}

function facts(log) {
  const fact = (name, ...value) => [h("dt", null, name), h("dd", null, value)];
  return [
    h("dl", { class: "facts" },
      fact("Log", h("code", null, inline(log.origin))),
      fact("Entries", h("b", { id: "log-size" }, log.size.toLocaleString("en")), ", all signed"),
      fact("Root", h("code", { id: "log-root" }, inline(log.root))),
      fact(log.keys.length > 1 ? "Keys" : "Key", log.keys.map((k, i) => h("div", null, h("code", null, inline(k)),
        log.keys.length > 1 && i === log.keys.length - 1 ? " signs now" : null)))),
    copies(log),
    h("p", { class: "hint" }, "Who holds the log's private key could write another log. Compare root and size with a checkpoint that was copied elsewhere: ",
      h("code", null, "tracescrub audit verify --checkpoint FILE"), "."),
  ];
}

/** copies says where checkpoints went: nothing else shows a log that was written anew. */
function copies(log) {
  if (!log.published?.length) {
    return h("p", { class: "notice bad", id: "log-copies" }, "No checkpoint has been copied to another place. Until one is, whoever has this machine could replace the log without a trace.");
  }
  const last = [...log.published].sort((a, b) => new Date(b.at) - new Date(a.at));
  return h("section", { id: "log-copies", "aria-labelledby": "log-copies-h" }, h("h3", { id: "log-copies-h" }, "Checkpoints copied off this machine"),
    h("ul", { class: "plain" }, last.map((p) => h("li", { class: "copy" },
      h("b", null, inline(p.to)),
      p.size > 0 ? h("span", null, ` ${p.size.toLocaleString("en")} entries, `, h("time", { datetime: p.at, title: `${clock(p.at)} ${zone()}` }, ago(p.at, Date.now()))) : h("span", null, " nothing yet"),
      p.error ? h("p", { class: "bad-text" }, "The last attempt failed: ", inline(p.error)) : null))));
}
