// Fills in the elements that a template marks with `data-field`. Everything is text, never HTML.

import { enhanceTime } from "./time.js";
import { percent, status, waiting } from "./say.js";

/**
 * @param {ParentNode} root
 * @param {string} name
 * @returns {any}
 */
export const field = (root, name) => root.querySelector(`[data-field="${name}"]`);

/**
 * @param {ParentNode} root
 * @param {string} name
 * @param {string | number} text
 */
export function fill(root, name, text) {
  const element = field(root, name);
  if (element && element.textContent !== String(text)) element.textContent = String(text);
}

/**
 * Keep a stranger's writing direction within their own words.
 * @param {string} text
 */
export function isolated(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

/**
 * Make a `<time>` as the server does.
 * @param {string} at
 * @param {{relative?: boolean}} [how]
 */
export function time(at, { relative = false } = {}) {
  const element = document.createElement("time");
  element.dateTime = at;
  if (relative) element.dataset.relative = "";
  enhanceTime(element);
  return element;
}

/**
 * Show where a task stands: its status, why it waits, and how far it has got.
 * @param {ParentNode} root
 * @param {any} task
 */
export function showStanding(root, task) {
  const [label, tone] = status(task);
  const badge = field(root, "status");
  badge.className = `badge dot ${tone}`;
  fill(root, "status", label);
  const why = field(root, "why");
  why.hidden = !task.waiting;
  why.replaceChildren();
  if (task.waiting) {
    why.append(waiting(task.waiting));
    if (task.waiting.until) why.append(", until ", time(task.waiting.until));
  }
  fill(root, "count", task.postsCount);
  field(root, "bar").value = percent(task);
}
