// The page's start, its two views and where they are in the address:
// #/?state=pending&q=... is the list, #/items/ID?... the list with an item.

import * as api from "./api.js";
import { button, byId, fill, h } from "./dom.js";
import { follow } from "./feed.js";
import { Item } from "./item.js";
import { listenToKeys } from "./keys.js";
import { List } from "./list.js";
import { showLog } from "./log.js";
import { ago, bytes, count } from "./words.js";

const app = {
  me: { permissions: [] },
  may(permission) { return this.me.permissions.includes(permission); },
  open(id) { go(id, list.filters); },
  close() { go("", list.filters); },
  /** trouble shows an error that belongs to no part of the page. */
  trouble(err) {
    if (err.status === 401) return signedOut(err.doc?.login_url);
    fill(byId("banner"), h("p", { class: "notice bad" }, err.message));
  },
  calm() { fill(byId("banner")); },
  changed(item) { list.put(item); refreshStats(); },
  keepPlace,
};

const list = new List(app);
const item = new Item(app);

/** go changes the address; the rest follows from that. */
function go(id, filters) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(filters)) if (v && !(k === "state" && v === "pending")) q.set(k, v);
  const query = q.size ? `?${q}` : "";
  const hash = `#/${id ? `items/${encodeURIComponent(id)}` : ""}${query}`;
  if (location.hash === hash) return;
  location.hash = hash;
}

function where() {
  const m = /^#\/(?:items\/([^?]*))?(?:\?(.*))?$/.exec(location.hash);
  const q = new URLSearchParams(m?.[2] ?? "");
  const filters = { state: "pending" };
  for (const k of ["q", "state", "severity", "service", "rule", "trace_id"]) if (q.get(k)) filters[k] = q.get(k);
  let id = "";
  try { id = decodeURIComponent(m?.[1] ?? ""); } catch { /* a broken address is the list */ }
  return { id, filters };
}

async function route() {
  const { id, filters } = where();
  byId("main").dataset.open = id ? "item" : "list";
  await Promise.all([list.show(filters, id), item.show(id)]);
}

let statsTimer = 0;

function refreshStats() {
  clearTimeout(statsTimer);
  statsTimer = setTimeout(async () => {
    try {
      const s = await api.stats();
      const pending = s.states?.pending ?? 0;
      fill(byId("stats"), h("b", null, pending.toLocaleString("en")), " pending",
        pending && s.oldest_pending ? `, oldest ${ago(s.oldest_pending, Date.now())}` : "",
        pending ? `, ${bytes(s.pending_bytes ?? 0)} sealed` : "",
        s.release_failing ? h("b", { class: "bad-text" }, ` ${count(s.release_failing, "release")} failing`) : null);
      document.title = pending ? `(${pending.toLocaleString("en")}) tracescrub review` : "tracescrub review";
    } catch (err) {
      app.trouble(err);
    }
  }, 200);
}

function signedOut(login) {
  fill(byId("banner"), h("div", { class: "notice bad" },
    h("p", null, "You are not signed in, or your sign-in has ended. What you did not send is not recorded."),
    h("a", { class: "button primary", href: login ?? "./", on: { click: () => keepPlace() } }, "Sign in")));
}

// A way through the login ends at the page without its fragment: that waits here.
function keepPlace() { try { sessionStorage.setItem("place", location.hash); } catch { /* then the list it is */ } }

function backToPlace() {
  try {
    const place = sessionStorage.getItem("place");
    sessionStorage.removeItem("place");
    if (place && !location.hash) history.replaceState(null, "", place);
  } catch { /* then the list it is */ }
}

async function leave() {
  try { await api.leave(app.me.logout_url); } catch (err) { if (err.status !== 401) return app.trouble(err); }
  location.replace(app.me.logout_url);
}

function showMe() {
  const names = { list: "see the list", preview: "open previews", decide: "approve and deny", reveal: "release originals", audit: "read receipts" };
  const can = app.me.permissions.map((p) => names[p] ?? p);
  fill(byId("who"),
    h("span", { class: "name", title: `${app.me.identity}. ${can.length ? `May ${can.join(", ")}` : "No permissions"}` }, app.me.name || app.me.identity),
    app.me.logout_url ? button("Sign out", leave, { class: "quiet" }) : null);
  if (!app.may("list")) app.trouble({ message: "You have no permission to see held items. Ask whoever configures release_gate's permissions." });
}

async function start() {
  try {
    app.me = await api.me();
  } catch (err) {
    app.trouble(err);
    if (err.status !== 401) setTimeout(start, 5000);
    return;
  }
  app.calm();
  showMe();
  if (!app.may("list")) return;
  addEventListener("hashchange", route);
  backToPlace();
  listenToKeys(app, list, item);
  follow({
    change: (notice) => { list.noticed(notice); item.noticed(notice); refreshStats(); },
    reset: () => { list.reload(true); item.reload(false); refreshStats(); },
  });
  refreshStats();
  showLog(app);
  await route();
}

start();
