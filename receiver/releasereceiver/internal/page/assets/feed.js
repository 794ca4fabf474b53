// Live changes by server-sent events. A stream that breaks is opened again,
// later each time up to half a minute; what was missed is asked for anew.

import { byId } from "./dom.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;

/** follow calls change with each notice, and reset when some may be missing. */
export function follow({ change, reset }) {
  let wait = FIRST_WAIT;
  let missed = false;
  let last = "";
  const open = () => {
    const source = new EventSource(`api/v1/events${last ? `?last_event_id=${encodeURIComponent(last)}` : ""}`);
    source.addEventListener("open", () => {
      wait = FIRST_WAIT;
      show("live", "live");
      if (missed) reset();
      missed = false;
    });
    source.addEventListener("item", (e) => {
      if (e.lastEventId) last = e.lastEventId;
      try { change(JSON.parse(e.data)); } catch { reset(); }
    });
    source.addEventListener("reset", () => reset());
    source.addEventListener("error", () => {
      source.close();
      missed = true;
      show("off", "not live, reconnecting");
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
