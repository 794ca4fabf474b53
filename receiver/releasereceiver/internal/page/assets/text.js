// Foreign text as nodes: masks are marked, characters that hide or reorder
// others are made visible, and what is long is folded. Everything a sender
// could have written goes through here.

import { h, button } from "./dom.js";
import { count } from "./words.js";

const MASK = /\[(MASKED|WITHHELD):([A-Za-z0-9._-]{1,128}):([0-9a-f]{8,64})\]/;

// Controls except tab and newline, format and bidi characters, invisible
// fillers, variation selectors of the second kind, tags, private use, and
// halves of pairs. A zero-width joiner may stay between two pictures.
const HIDDEN = new RegExp([
  "\\r(?!\\n)|[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5",
  "\\u180b-\\u180f\\u200b\\u200c\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0",
  "\\ufff0-\\ufffb\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]|\\p{Co}|\\p{Cs}",
  "|(?<!\\p{Extended_Pictographic}\\ufe0f?|\\p{Emoji_Modifier})\\u200d|\\u200d(?!\\p{Extended_Pictographic})",
].join(""), "u");

const TOKEN = new RegExp(`${MASK.source}|(?<hidden>${HIDDEN.source})`, "gu");

const NAMES = {
  0x1b: "ESC", 0x0d: "CR", 0x00: "NUL", 0x08: "BS", 0x7f: "DEL", 0xad: "soft hyphen",
  0x200b: "zero-width space", 0x200c: "zero-width non-joiner", 0x200d: "zero-width joiner",
  0x200e: "left-to-right mark", 0x200f: "right-to-left mark", 0x202a: "left-to-right embedding",
  0x202b: "right-to-left embedding", 0x202c: "end of direction", 0x202d: "left-to-right override",
  0x202e: "right-to-left override", 0x2066: "left-to-right isolate", 0x2067: "right-to-left isolate",
  0x2068: "first-strong isolate", 0x2069: "end of isolate", 0x2060: "word joiner", 0xfeff: "byte order mark",
};

/** What is longer than this is folded; one more click shows STEP more. */
export const FOLD = 700;
const STEP = 20000;

/** A book knows the findings of the item that is shown, by fingerprint. */
export class Book {
  constructor(findings = []) {
    this.findings = new Map(findings.map((f) => [f.fingerprint, f]));
  }
  of(fingerprint) {
    return this.findings.get(fingerprint) ?? this.findings.get(fingerprint.slice(0, 8));
  }
}

/** inline returns nodes for a short text such as a name. */
export function inline(text, book) {
  return h("span", { class: "foreign" }, nodes(clip(String(text ?? ""), 300), book));
}

/** block returns a folded block for a text of any length. */
export function block(text, book, props) {
  const whole = String(text ?? "");
  const body = h("span", { class: "foreign" });
  const box = h("div", { class: "text", ...props }, body);
  if (whole.length <= FOLD * 1.3) {
    body.append(...nodes(whole, book));
    return box;
  }
  unfold(box, body, whole, 0, FOLD, book);
  return box;
}

function unfold(box, body, whole, from, size, book) {
  const to = boundary(whole, from + size);
  body.append(...nodes(whole.slice(from, to), book));
  if (to >= whole.length) return;
  const rest = whole.slice(to);
  const masks = rest.match(new RegExp(MASK.source, "g"))?.length ?? 0;
  const left = `${count(rest.length, "more character")}${masks ? `, ${count(masks, "mask")} in them` : ""}`;
  const more = button(`Show ${rest.length > STEP ? `${STEP.toLocaleString("en")} of ` : ""}${left}`, () => {
    more.remove();
    const mark = body.childNodes.length;
    unfold(box, body, whole, to, STEP, book);
    const first = body.childNodes[mark];
    (box.querySelector(":scope > .more") ?? box).focus?.();
    first?.scrollIntoView?.({ block: "nearest" });
  }, { class: "more", "data-masks": masks });
  box.append(more);
}

/** boundary moves a cut so that it splits neither a mask nor a pair. */
function boundary(text, at) {
  if (at >= text.length) return text.length;
  const open = text.lastIndexOf("[", at);
  if (open >= 0 && at - open < 220) {
    const m = MASK.exec(text.slice(open, open + 220));
    if (m && m.index === 0 && open + m[0].length > at) return open + m[0].length;
  }
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}

function clip(text, n) {
  return text.length > n ? `${text.slice(0, boundary(text, n))}…` : text;
}

/** nodes turns text into text nodes, marks and visible controls. */
export function nodes(text, book) {
  const out = [];
  let done = 0;
  for (const m of text.matchAll(TOKEN)) {
    if (m.index > done) out.push(text.slice(done, m.index));
    out.push(m.groups.hidden === undefined ? mask(m, book) : visible(m[0]));
    done = m.index + m[0].length;
  }
  if (done < text.length) out.push(text.slice(done));
  return out.map((n) => (typeof n === "string" ? document.createTextNode(n) : n));
}

function mask(m, book) {
  const [, kind, rule, fingerprint] = m;
  const finding = book?.of(fingerprint);
  const known = book ? (finding ? finding.severity : "unlisted") : "plain";
  const what = kind === "MASKED" ? "masked" : "withheld";
  const title = {
    unlisted: `Text in the form of a mask, not in the list of findings: ${rule}, fingerprint ${fingerprint}`,
    plain: `${what}: rule ${rule}, fingerprint ${fingerprint}`,
  }[known] ?? `${what}: rule ${rule}, severity ${known}, fingerprint ${fingerprint}`;
  return h("mark", { class: "mask", title, data: { severity: known, fingerprint } },
    h("span", { class: "unseen" }, known === "unlisted" ? "mask-like text " : `${what} `), rule,
    h("span", { class: "fp" }, ` ${fingerprint.slice(0, 8)}`));
}

function visible(char) {
  const code = char.codePointAt(0);
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return h("span", { class: "hidden-char", title: `${hex} ${NAMES[code] ?? "control or invisible character"}` },
    NAMES[code]?.length <= 3 ? NAMES[code] : hex);
}

/**
 * layOut puts JSON text on lines without changing a byte between the spaces:
 * repeated keys, long numbers and escapes stay as they are. null: not JSON.
 */
export function layOut(text) {
  if (!/^\s*[[{]/.test(text) || text.length > 2_000_000) return null;
  try { JSON.parse(text); } catch { return null; }
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.min(depth, 20))}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs)) {
    if (token === "{" || token === "[") {
      depth++;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      out = /[{[]\n *$/.test(out) ? out.trimEnd() + token : out + line() + token;
    } else if (token === ",") {
      out += token + line();
    } else {
      out += token === ":" ? ": " : token;
    }
  }
  return out;
}
