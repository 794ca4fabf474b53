// The words for states, severities and votes, in one place.

import { h } from "./dom.js";
import { count } from "./words.js";

const STATES = {
  pending: "Pending", approved: "Approved", releasing: "Being released", released: "Released",
  denied: "Denied", expired: "Expired", shredded: "Shredded",
};

/** What each state means, for the item's view. */
export const MEANING = {
  pending: "Held sealed. Nothing leaves before it is approved.",
  approved: "Approved. It is scanned again and then sent on.",
  releasing: "Approved. It is being scanned again and sent on.",
  released: "Sent on to its destination.",
  denied: "Denied. It will never be sent; its key is being destroyed.",
  expired: "Nobody decided in time, which counts as denied. Its key is being destroyed.",
  shredded: "Its key has been destroyed. Nobody can read it any more.",
};

/** badge is a word in a coloured box; the word says it all without the colour. */
export function badge(kind, value, words) {
  return h("span", { class: `badge ${kind}`, data: { [kind]: value ?? "" } }, words ?? value ?? "unknown");
}

export function stateWords(it) { return STATES[it.state] ?? it.state; }

/** yes counts who has approved. */
export function yes(it) { return (it.votes ?? []).filter((v) => v.decision === "approve").length; }

export function votesWords(it) { return `${yes(it)} of ${count(it.required_votes, "approval")}`; }

/** title names an item in a few words, for labels. */
export function title(it) { return `${it.service || "no service name"}, ${it.severity}, ${it.id.slice(0, 8)}`; }
