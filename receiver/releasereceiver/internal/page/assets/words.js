// Numbers and times in words.

/** count writes "1 vote", "3 votes". */
export function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/** bytes writes a size in decimal units. */
export function bytes(n) {
  const units = ["B", "KB", "MB", "GB"];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
  return `${n < 9.95 && i > 0 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

/** span writes a length of time in its two largest units. */
export function span(ms) {
  const s = Math.floor(Math.abs(ms) / 1000);
  const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0).map(([n, u]) => `${n} ${u}`).join(" ");
}

/** duration writes nanoseconds (BigInt) as a profiler does. */
export function duration(ns) {
  const n = Number(ns);
  if (n < 0) return `−${duration(-n)}`;
  if (n < 1e3) return `${n} ns`;
  if (n < 1e6) return `${trim(n / 1e3)} µs`;
  if (n < 1e9) return `${trim(n / 1e6)} ms`;
  if (n < 120e9) return `${trim(n / 1e9)} s`;
  return span(n / 1e6);
}

function trim(n) {
  return n >= 100 ? Math.round(n).toString() : n.toPrecision(3).replace(/\.?0+$/, "");
}

/** clock writes a time of day and date, in the reader's zone. */
export function clock(when) {
  const d = new Date(when);
  if (Number.isNaN(d.getTime())) return "unknown time";
  const two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** ago writes how long something is past. */
export function ago(when, now) {
  const ms = now - new Date(when).getTime();
  return ms < 5000 ? "just now" : `${span(ms)} ago`;
}
