// Live changes by server-sent events. A stream that breaks is opened again,
// later each time up to half a minute. The server says `reset` first, unless
// it can tell everything that happened since.

import { byId } from "./dom.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;

/** follow calls change with each notice, and reset when some may be missing. */
export function follow({ change, reset }) {
  let wait = FIRST_WAIT;
  const open = () => {
    const source = new EventSource("api/v1/events");
    source.addEventListener("open", () => { wait = FIRST_WAIT; show("live", "live"); });
    source.addEventListener("item", (e) => {
      try { change(JSON.parse(e.data)); } catch { reset(); }
    });
    source.addEventListener("reset", () => reset());
    source.addEventListener("error", () => {
      show("off", "not live, reconnecting");
      // The browser tries again by itself, and says what it has seen last,
      // unless the server refused: then it has given up.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  };
  open();
}

function show(state, words) {
  const feed = byId("feed");
  if (feed.dataset.state === state) return;
  feed.dataset.state = state;
  byId("feed-words").textContent = words;
}
