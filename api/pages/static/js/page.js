// What every page does where scripts run. Each page is complete without it.

import { enhanceCopyButtons } from "./copy.js";
import { enhanceTheme } from "./theme.js";
import { enhanceTimes } from "./time.js";

enhanceTheme();
enhanceCopyButtons(document);
enhanceTimes(document);

// On a phone the navigation is wider than the screen: begin where the reader is.
for (const link of document.querySelectorAll("nav [aria-current]")) {
  const nav = link.closest("nav");
  nav.scrollLeft = link.offsetLeft - (nav.clientWidth - link.offsetWidth) / 2;
}

// A form that is under way is not sent twice. A page that comes back from the cache may send again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
