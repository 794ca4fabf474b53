// Live changes by server-sent events. A stream that breaks is opened again,
// later each time up to half a minute. The server says `reset` first, unless
// it can tell everything that happened since.

import { byId } from "./dom.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;
const HIDDEN_WAIT = 60000;

/** follow calls change with each notice, and reset when some may be missing. */
export function follow({ change, reset }) {
  let wait = FIRST_WAIT;
  let source = null;
  let timer = 0;
  const open = () => {
    clearTimeout(timer);
    if (source && source.readyState !== EventSource.CLOSED) return;
    const mine = new EventSource("api/v1/events");
    source = mine;
    mine.addEventListener("open", () => { wait = FIRST_WAIT; show("live", "live"); });
    mine.addEventListener("item", (e) => {
      try { change(JSON.parse(e.data)); } catch { reset(); }
    });
    mine.addEventListener("reset", () => reset());
    mine.addEventListener("error", () => {
      show("off", "not live, reconnecting");
      // The browser tries again by itself, and says what it has seen last,
      // unless the server refused: then it has given up.
      if (mine.readyState !== EventSource.CLOSED || mine !== source) return;
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  };
  const close = () => { clearTimeout(timer); source?.close(); };
  // A browser has few connections to one server: pages that nobody sees give theirs back.
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(close, HIDDEN_WAIT); else open();
  });
  open();
}

function show(state, words) {
  const feed = byId("feed");
  if (feed.dataset.state === state) return;
  feed.dataset.state = state;
  byId("feed-words").textContent = words;
}
