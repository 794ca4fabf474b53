// What is left until an item expires, kept up to date.

import { h } from "./dom.js";
import { clock, span } from "./words.js";

const SOON = 24 * 3600 * 1000;

/** deadline shows how long until then; it counts down while it is on the page. */
export function deadline(when, words) {
  const at = new Date(when).getTime();
  const left = h("time", { datetime: when, title: `expires ${clock(when)}`, class: "deadline" });
  const draw = () => {
    const ms = at - Date.now();
    left.textContent = ms > 0 ? `${words} ${span(ms)}` : "expiring now";
    left.classList.toggle("soon", ms < SOON);
  };
  draw();
  // The clock starts once the element is on the page, and ends when it is gone.
  setTimeout(function tick() {
    if (!left.isConnected) return;
    draw();
    const ms = at - Date.now();
    if (ms > -60000) setTimeout(tick, ms < 3700e3 ? 1000 : 30000);
  }, 1000);
  return left;
}
