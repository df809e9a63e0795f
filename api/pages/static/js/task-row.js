// A row of the list of tasks.

import { field, fill, showStanding, time } from "./fields.js";
import { visible } from "./say.js";

/** What a row shows of a task. */
export const TASK = `databaseId groupId groupName platform target status stopReason postsCount maxPosts
  createdAt result { complete } waiting { reason until ahead aheadIsCapped }`;

const OPEN = ["PENDING", "ASSIGNED", "PROCESSING"];
const STATUSES = {
  open: OPEN, pending: ["PENDING"], processing: ["ASSIGNED", "PROCESSING"],
  completed: ["COMPLETED"], failed: ["FAILED"],
};

/**
 * Say whether a task belongs to a list with these filters, as the server would.
 * @param {any} task
 * @param {DOMStringMap} listing
 */
export function matches(task, { status, platform, search }) {
  if (status && !STATUSES[status].includes(task.status)) return false;
  if (platform && task.platform !== platform) return false;
  const wanted = search.toLowerCase();
  return [task.groupId, task.groupName, task.target]
    .some((text) => text?.toLowerCase().includes(wanted));
}

/**
 * @param {any} task
 * @param {number} seq
 */
export function newRow(task, seq) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("task-row"));
  const row = /** @type {HTMLElement} */ (template.content.querySelector("tr").cloneNode(true));
  const name = visible(task.groupName, visible(task.target, task.groupId));
  row.dataset.task = task.databaseId;
  const pick = field(row, "pick");
  pick.value = task.databaseId;
  pick.setAttribute("aria-label", `Select ${name}`);
  const link = field(row, "link");
  link.href = `${location.pathname.replace(/\/$/, "")}/${task.databaseId}`;
  fill(row, "name", name);
  fill(row, "platform", platformTitle(task.platform));
  fill(row, "target", visible(task.target, task.groupId));
  fill(row, "wanted", task.maxPosts);
  field(row, "created").replaceChildren(time(task.createdAt, { relative: true }));
  fillRow(row, task, seq);
  return row;
}

/**
 * Show what may have changed.
 * @param {HTMLElement} row
 * @param {any} task
 * @param {number} seq
 */
export function fillRow(row, task, seq) {
  row.dataset.revision = String(seq);
  fill(row, "name", visible(task.groupName, visible(task.target, task.groupId)));
  fill(row, "wanted", task.maxPosts);
  showStanding(row, task);
}

/** The filter's choices have the platforms' names. @param {string} name */
function platformTitle(name) {
  const options = /** @type {HTMLSelectElement} */ (document.getElementById("platform")).options;
  return [...options].find((option) => option.value === name)?.text ?? name;
}
