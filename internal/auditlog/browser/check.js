"use strict";
// Checks a receipt of the audit log: that an entry is in the log whose checkpoint a
// trusted key has signed. It uses nothing but WebCrypto, so that a page, a report and
// a reader of this file can all run the same check. docs/format/audit.md has the rules.
// A step that fails ends the check: what follows would rest on it.
globalThis.tracescrubCheck = (() => {
  const utf8 = new TextEncoder();
  const maxPath = 63;
  const like = (form) => (x) => typeof x === "string" && form.test(x);
  const kept = { // the fields of an entry: whether it must be there, and its form
    v: [true, (x) => x === 1],
    seq: [true, (x) => Number.isSafeInteger(x) && x >= 0],
    id: [true, like(/^[0-9a-f]{32}$/)],
    kind: [true, like(/^(?=.{1,128}$)tracescrub(\.[a-z0-9_]+)+$/)],
    time: [true, isTime],
    logged: [true, isTime],
    trace_id: [false, like(/^[0-9a-f]{32}$/)],
    span_id: [false, like(/^[0-9a-f]{16}$/)],
    severity_number: [false, (x) => Number.isSafeInteger(x) && x >= 1 && x <= 24],
    component: [false, (x) => typeof x === "string" && x !== ""],
    instance: [false, (x) => typeof x === "string" && x !== ""],
    attributes: [false, (x) => typeof x === "object" && !Array.isArray(x) && Object.keys(x).length > 0],
    cut: [false, (x) => Array.isArray(x) && x.length > 0 && x.every((s) => typeof s === "string")],
  };

  function isTime(x) {
    const m = typeof x === "string" && /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{9}Z$/.exec(x);
    const at = m ? new Date(`${m[1]}Z`) : NaN;
    return !Number.isNaN(+at) && at.toISOString().startsWith(m[1]);
  }

  class Wrong extends Error {}
  const wrong = (why) => { throw new Wrong(why); };

  /** unbase64 takes only what a strict encoder writes. */
  function unbase64(s) {
    let raw = "";
    try { raw = atob(s); } catch { wrong("no base64"); }
    if (btoa(raw) !== s) wrong("no base64 in its only form");
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  }

  const base64 = (b) => btoa(String.fromCharCode(...b));
  const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

  async function sha256(...parts) {
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => (all.set(p, at), at + p.length), 0);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  }

  function number(s, what) {
    const n = /^(0|[1-9]\d*)$/.test(s) ? Number(s) : NaN;
    return Number.isSafeInteger(n) ? n : wrong(`${what} is no number`);
  }

  function hash(s) {
    const h = unbase64(s);
    return h.length === 32 ? h : wrong("a hash does not have 32 bytes");
  }

  /** parseReceipt reads a C2SP tlog-proof. */
  function parseReceipt(text) {
    const end = text.indexOf("\n\n");
    const lines = text.slice(0, Math.max(end, 0)).split("\n");
    if (lines.shift() !== "c2sp.org/tlog-proof@v1") wrong("it does not begin as a tlog-proof of version 1");
    if (!lines[0]?.startsWith("extra ")) wrong("it has no entry in it");
    const line = unbase64(lines.shift().slice(6));
    if (!lines[0]?.startsWith("index ")) wrong("it has no index");
    const index = number(lines.shift().slice(6), "the index");
    if (lines.length > maxPath) wrong("its path is longer than any can be");
    return { line, index, path: lines.map(hash), checkpoint: text.slice(end + 2) };
  }

  /** canonical writes a value the one way it may be written. */
  function canonical(v, depth) {
    if (typeof v === "string") return /\p{Cs}/u.test(v) ? wrong("a text has half a character") : JSON.stringify(v);
    if (typeof v === "boolean" || Number.isSafeInteger(v)) return JSON.stringify(v);
    if (typeof v !== "object" || v === null) wrong("it has a value that an entry cannot have");
    if (depth > 8) wrong("it nests too deep");
    if (Array.isArray(v)) return `[${v.map((x) => canonical(x, depth + 1)).join()}]`;
    return `{${Object.keys(v).sort().map((k) => {
      if (!/^[a-z0-9_.]{1,128}$/.test(k)) wrong("a name is not one that an entry can have");
      return `${JSON.stringify(k)}:${canonical(v[k], depth + 1)}`;
    }).join()}}`;
  }

  function parseEntry(line) {
    if (line.length > 65535) wrong("it is longer than an entry may be");
    let text = "", e = null;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
      e = JSON.parse(text);
    } catch { wrong("it is no JSON"); }
    if (canonical(e, 1) !== text) wrong("it is not written in the canonical form");
    if (typeof e !== "object" || Array.isArray(e)) wrong("it is no object");
    for (const k of Object.keys(e)) if (!Object.hasOwn(kept, k) || !kept[k][1](e[k])) wrong(`its field ${k} is not one of an entry`);
    for (const k of Object.keys(kept)) if (kept[k][0] && !Object.hasOwn(e, k)) wrong(`it has no ${k}`);
    return e;
  }

  /** parseCheckpoint reads a C2SP tlog-checkpoint, a signed note. */
  function parseCheckpoint(signed) {
    const split = signed.lastIndexOf("\n\n");
    if (split < 0 || !signed.endsWith("\n") || /[\0-\x09\x0b-\x1f]/.test(signed)) wrong("it is no signed note");
    const text = signed.slice(0, split + 1), lines = text.split("\n");
    if (lines.length !== 4 || lines[0] === "") wrong("it does not have three lines");
    const sigs = signed.slice(split + 2, -1).split("\n").map((l) => {
      const m = /^\u2014 ([^\s+]+) (\S+)$/u.exec(l) ?? wrong("a signature is not in its form");
      const b = unbase64(m[2]);
      return b.length > 4 ? { name: m[1], id: b.slice(0, 4), value: b.slice(4) } : wrong("a signature is too short");
    });
    if (sigs.length > 100) wrong("it has too many signatures");
    return { text, origin: lines[0], size: number(lines[1], "the number of entries"), root: hash(lines[2]), rootText: lines[2], sigs };
  }

  /** rootOf climbs from a leaf to the root, by RFC 9162, section 2.1.3.2. */
  async function rootOf(leaf, index, size, path) {
    let h = leaf, fn = index, sn = size - 1;
    for (const p of path) {
      if (sn === 0) wrong("the path is too long for a log of this size");
      if (fn % 2 === 1 || fn === sn) {
        h = await sha256([1], p, h);
        while (fn % 2 === 0 && fn !== 0) { fn /= 2; sn = Math.floor(sn / 2); }
      } else {
        h = await sha256([1], h, p);
      }
      fn = Math.floor(fn / 2);
      sn = Math.floor(sn / 2);
    }
    return sn === 0 ? h : wrong("the path is too short for a log of this size");
  }

  const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");

  /** parseKey reads a verifier key: NAME+ID+KEY, the ID being derived from the other two. */
  async function parseKey(s) {
    const m = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(s) ?? wrong("a public key is not in its form");
    const key = unbase64(m[3]);
    if (key.length !== 33 || key[0] !== 1) wrong("a public key is not one for Ed25519");
    const id = (await sha256(utf8.encode(`${m[1]}\n`), key)).slice(0, 4);
    if (hex(id) !== m[2]) wrong(`the id ${m[2]} of a public key is not the one that the key has`);
    return { name: m[1], id, key: key.slice(1) };
  }

  /** verify says whether a signature of an Ed25519 key is one of a text. */
  async function verify(key, text, signature) {
    let k = null;
    try {
      k = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    } catch { wrong("this browser cannot use an Ed25519 key: nothing is known about the signature"); }
    return signature.length === 64 && crypto.subtle.verify({ name: "Ed25519" }, k, signature, utf8.encode(text));
  }

  /** pick returns the signature that is to be checked, and the trusted key that it names. */
  async function pick(checkpoint, publicKeys) {
    const keys = await Promise.all(publicKeys.map(parseKey));
    if (keys.length === 0) wrong("no public key was given");
    const found = checkpoint.sigs.map((s) => ({ s, k: keys.find((k) => k.name === s.name && equal(k.id, s.id)) })).filter((f) => f.k);
    if (found.length === 0) wrong("none of the given keys is named by a signature of the checkpoint");
    if (!found.some((f) => f.k.name === checkpoint.origin)) wrong("the key is not named as the log is");
    return found;
  }

  /** check does the steps in their order, and stops at the first that fails. */
  return async function tracescrubCheck(receipt, publicKeys) {
    const result = { ok: false, steps: [], entry: null, index: null, size: null, root: null, origin: null, keys: [] };
    const step = async (what, f) => {
      const s = { what, ok: false, detail: "" };
      result.steps.push(s);
      s.detail = await f();
      s.ok = true;
    };
    let r, c, leaf, found;
    try {
      await step("This browser can compute hashes", () => (globalThis.crypto?.subtle ? "WebCrypto is there"
        : wrong("WebCrypto is missing: browsers have it only on https and on this machine itself")));
      await step("The receipt is a C2SP tlog-proof", () => {
        r = parseReceipt(String(receipt));
        result.index = r.index;
        return `for entry ${r.index}, with ${r.path.length} hashes`;
      });
      await step("The receipt holds an entry in its canonical form", () => {
        const e = parseEntry(r.line);
        result.entry = e;
        return `${e.kind}, logged ${e.logged}`;
      });
      await step("The entry is the one that the receipt is for", () => (result.entry.seq === r.index
        ? `seq is ${r.index}, and so is the index` : wrong(`seq is ${result.entry.seq}, the index ${r.index}`)));
      await step("The checkpoint covers the entry", () => {
        c = parseCheckpoint(r.checkpoint);
        Object.assign(result, { origin: c.origin, size: c.size, root: c.rootText });
        return r.index < c.size ? `${c.size} entries, root ${c.rootText}` : wrong(`it covers ${c.size} entries only`);
      });
      await step("The hash of the entry is a leaf of the log's tree", async () => {
        leaf = await sha256([0], r.line);
        return `SHA-256 of a zero byte and the entry: ${base64(leaf)}`;
      });
      await step("The path leads from the leaf to the root", async () => {
        const root = await rootOf(leaf, r.index, c.size, r.path);
        return equal(root, c.root) ? `RFC 6962: ${base64(root)}` : wrong(`it leads to ${base64(root)}, which is not the root that was signed`);
      });
      await step("A trusted key is named by the checkpoint", async () => {
        found = await pick(c, Array.from(publicKeys ?? [], String));
        result.keys = found.map((f) => `${f.k.name}+${hex(f.k.id)}`);
        return result.keys.join(", ");
      });
      await step("The signature of the checkpoint is of that key", async () => {
        for (const f of found) if (!await verify(f.k.key, c.text, f.s.value)) wrong("the signature is not one of this key over this checkpoint");
        return "Ed25519";
      });
      result.ok = true;
    } catch (err) {
      if (!(err instanceof Wrong)) throw err;
      result.steps.at(-1).detail = err.message;
    }
    return result;
  };
})();
