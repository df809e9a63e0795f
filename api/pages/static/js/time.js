// Times in the reader's own zone. The server writes UTC: <time datetime="…">; with `data-relative`
// it writes how long ago that was, which is kept up to date here.

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60]];
const WEEKS_SECONDS = 14 * 86_400;
const REFRESH_MS = 20_000;

export function enhanceTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) enhanceTime(element);
  if (root === document) setInterval(refresh, REFRESH_MS);
}

// Also for elements that a script adds.
export function enhanceTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  if ("relative" in element.dataset) {
    element.title = EXACT.format(at);
    element.textContent = relative(at);
  } else {
    element.textContent = FULL.format(at);
    element.title = element.dateTime;
  }
}

export function relative(at, now = Date.now()) {
  const seconds = (at.getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return seconds <= 0 ? "just now" : "in a moment";
  if (size >= WEEKS_SECONDS) return DAY.format(at);
  const [unit, length] = UNITS.find(([, each]) => size >= each);
  return RELATIVE.format(Math.trunc(seconds / length), unit);
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) enhanceTime(element);
}
