"use strict";
// Checks the receipts of the page, and the lines of the period, with the
// browser's own cryptography. It loads nothing and sends nothing.
(() => {
  const form = document.getElementById("checker");
  if (typeof tracescrubCheck !== "function" || !globalThis.crypto?.subtle) return;
  form.hidden = false;
  form.addEventListener("submit", (e) => e.preventDefault());
  const keys = () => document.getElementById("keys").value.split(/\s+/).filter(Boolean);
  const say = (at, ok, text) => { at.textContent = text; at.dataset.ok = ok ? "yes" : "no"; };
  const failed = (r) => r.steps.filter((s) => !s.ok).map((s) => `${s.what}: ${s.detail}`).join("; ") || "not checked";

  /** receipt checks one; the place of its entry must be the one that it stands beside. */
  async function receipt(pre) {
    const r = await tracescrubCheck(pre.textContent, keys());
    if (r.ok && String(r.index) !== pre.dataset.seq) {
      r.ok = false;
      r.steps.push({ what: "The entry", ok: false, detail: `it is entry ${r.index}` });
    }
    say(pre.closest("details").querySelector(".checked"), r.ok, r.ok ? `proven: entry ${r.index} of ${r.size}` : `NOT proven: ${failed(r)}`);
    return r;
  }

  document.getElementById("run").addEventListener("click", async () => {
    const all = [...document.querySelectorAll("pre.receipt")], out = document.getElementById("result");
    let good = 0;
    for (const pre of all) good += (await receipt(pre)).ok ? 1 : 0;
    say(out, good === all.length && good > 0, `${good} of ${all.length} receipts proven`);
  });

  const bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const base64 = (b) => btoa(String.fromCharCode(...b));
  const sha256 = async (...parts) => {
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => (all.set(p, at), at + p.length), 0);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  };
  const node = (a, b) => sha256(Uint8Array.of(1), a, b);

  /** grow puts the hash of a subtree on the stack, and joins what is complete. */
  async function grow(stack, at, level, hash) {
    let size = 2 ** level;
    while (stack.length && stack.at(-1).size === size && (at / size) % 2 === 1) {
      const left = stack.pop();
      hash = await node(left.hash, hash);
      at = left.at;
      size *= 2;
    }
    stack.push({ at, size, hash });
  }

  /** root is the root of the log, of the hashes before and after the period and its lines. */
  async function root(proof, file, progress) {
    const stack = [];
    for (const h of proof.before) await grow(stack, h.index * 2 ** h.level, h.level, bytes(h.hash));
    let n = 0, start = 0;
    const data = new Uint8Array(await file.arrayBuffer());
    while (start < data.length) {
      const end = data.indexOf(10, start);
      if (end < 0) throw new Error("the last line is not whole");
      await grow(stack, proof.first + n, 0, await sha256(Uint8Array.of(0), data.subarray(start, end)));
      start = end + 1;
      if (++n % 2000 === 0) progress(n);
    }
    if (n !== proof.entries) throw new Error(`${n} lines, and not ${proof.entries}`);
    for (const h of proof.after) await grow(stack, h.index * 2 ** h.level, h.level, bytes(h.hash));
    let hash = stack.pop()?.hash ?? await sha256();
    while (stack.length) hash = await node(stack.pop().hash, hash);
    return base64(hash);
  }

  document.getElementById("lines").addEventListener("change", async (e) => {
    const out = document.getElementById("lines-result"), file = e.target.files[0], anchor = document.getElementById("anchor");
    if (!file) return;
    try {
      const proof = JSON.parse(document.getElementById("range").textContent);
      if (!anchor) throw new Error("the page has no receipt to compare with");
      const state = await receipt(anchor);
      if (!state.ok) throw new Error(failed(state));
      const got = await root(proof, file, (n) => say(out, true, `${n} of ${proof.entries} …`));
      const ok = got === state.root && proof.size === state.size;
      say(out, ok, ok ? `proven: these are entries ${proof.first} to ${proof.first + proof.entries - 1} of the log, all of them`
        : "NOT proven: these lines are not those that were signed");
    } catch (err) {
      say(out, false, `NOT proven: ${err.message}`);
    }
  });
})();
