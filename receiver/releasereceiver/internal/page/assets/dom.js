// Elements are made here and nowhere else. Text goes in as text nodes, never
// as markup: the page's policy (Trusted Types) refuses anything else.

/**
 * h makes an element. props: attributes, `on` (listeners), `class`, `data`;
 * null and false leave one out. Children: nodes, strings, arrays, null.
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) el.addEventListener(event, listener);
    } else if (name === "data") {
      for (const [key, v] of Object.entries(value)) el.dataset[key] = v;
    } else {
      el.setAttribute(name, value === true ? "" : String(value));
    }
  }
  add(el, children);
  return el;
}

/** add appends children as h takes them. */
export function add(el, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) el.append(child);
  }
  return el;
}

/** fill replaces what is in an element. */
export function fill(el, ...children) {
  el.replaceChildren();
  return add(el, children);
}

/** button makes a button that acts. */
export function button(label, act, props) {
  return h("button", { type: "button", ...props, on: { click: act } }, label);
}

/** byId finds a part of index.html, which must be there. */
export function byId(id) {
  const el = document.getElementById(id);
  if (!el) throw new Error(`the page has no #${id}`);
  return el;
}

/** say tells screen readers what changed; the same words twice are said twice. */
export function say(words) {
  const live = byId("live");
  live.textContent = "";
  setTimeout(() => { live.textContent = words; }, 50);
}
