// The timeline of a task: what happened last stands first.

import { field, fill, time } from "./fields.js";
import { event, note } from "./say.js";

const MOST = 200;

/**
 * @param {HTMLElement} page
 * @param {string} kind
 * @param {string} at
 * @param {any} task
 */
export function addEvent(page, kind, at, task) {
  const list = page.querySelector("[data-events]");
  const template = /** @type {HTMLTemplateElement} */ (page.querySelector("#event"));
  const entry = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
  entry.dataset.kind = kind.toLowerCase();
  entry.classList.add("arrived");
  fill(entry, "words", event(kind));
  fill(entry, "note", note(kind, task));
  field(entry, "at").replaceChildren(time(at, { relative: true }));
  list.prepend(entry);
  while (list.childElementCount > MOST) list.lastElementChild.remove();
}
