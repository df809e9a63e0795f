// Takes parts of the page anew from the server: those with forms and sentences that it alone writes.

import { enhanceTimes } from "./time.js";

/** @param {HTMLElement} page */
export async function refreshParts(page) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of page.querySelectorAll("[data-part]")) {
    const found = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!found) continue;
    part.replaceWith(found);
    enhanceTimes(found);
  }
}
