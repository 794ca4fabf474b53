// The admin API. Every answer that is not a success becomes a Problem (RFC 9457).

const BASE = "api/v1/";

/** A Problem is what the server, or the way to it, says went wrong. */
export class Problem extends Error {
  constructor(status, doc) {
    super(doc.detail || doc.title || `the server answered ${status}`);
    this.status = status;
    this.doc = doc;
  }
  /** conflict says that somebody else was faster. */
  get conflict() { return this.status === 409 || this.status === 412; }
}

let csrf = "";

async function call(path, { method = "GET", body, version, base = BASE, plain = false } = {}) {
  const headers = { Accept: plain ? "text/plain, application/problem+json" : "application/json, application/problem+json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let answer;
  try {
    answer = await fetch(base + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin", cache: "no-store", redirect: "error",
    });
  } catch {
    throw new Problem(0, { detail: "The server cannot be reached." });
  }
  const text = await answer.text();
  if (plain && answer.ok) return text;
  let doc = {};
  try { doc = JSON.parse(text); } catch { if (answer.ok && text) throw new Problem(answer.status, { detail: "The server's answer is not JSON." }); }
  if (!answer.ok) throw new Problem(answer.status, doc ?? {});
  return doc;
}

/** me answers who the reviewer is and what they may do. */
export async function me() {
  const who = await call("me");
  csrf = who.csrf_token ?? "";
  return who;
}

/** leave ends the session. */
export const leave = (url) => call(url, { method: "POST", base: "" });

/** list asks for a page of items. */
export function list(filters, token, size) {
  const q = new URLSearchParams();
  for (const [name, v] of Object.entries(filters)) {
    if (v && !(name === "state" && v === "all")) q.set(name, v);
  }
  q.set("page_size", size);
  if (token) q.set("page_token", token);
  return call(`items?${q}`);
}

const item = (id) => `items/${encodeURIComponent(id)}`;

export const get = (id) => call(item(id));
export const preview = (id) => call(`${item(id)}/preview`);
export const receipt = (id) => call(`${item(id)}/receipt`, { plain: true });
export const receiptFile = (id) => `${BASE}${item(id)}/receipt`;
export const audit = () => call("audit");
export const stats = () => call("stats");
export const approve = (id, version, reason, mode) => call(`${item(id)}:approve`, { method: "POST", version, body: { reason, mode } });
export const deny = (id, version, reason) => call(`${item(id)}:deny`, { method: "POST", version, body: { reason } });
export const batch = (approving, ids, reason) => call(`items:${approving ? "batchApprove" : "batchDeny"}`, { method: "POST", body: { ids, reason } });
