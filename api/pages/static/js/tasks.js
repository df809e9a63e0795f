// The list of tasks, kept as it stands; and the form above it.

import { LiveState, watch } from "./live.js";
import { enhanceSelection } from "./selection.js";
import { fillRow, matches, newRow, TASK } from "./task-row.js";
import { enhanceWish } from "./wish.js";

const TASKS_UPDATED = `subscription($since: String) { tasksUpdated(since: $since) {
  position reset update { taskId seq type task { ${TASK} } }
} }`;

const list = /** @type {HTMLElement} */ (document.querySelector("[data-list]"));
const body = list.querySelector("tbody");
const listing = list.dataset;
/** Rows by their task's global id, which is all that is known of a deleted one. */
const rows = new Map();
/** What came since the last frame: of each task the latest. */
let pending = new Map();

enhanceWish(document.querySelector("[data-wish]"));
const selection = enhanceSelection(document.querySelector("[data-selected]"), body);

watch({
  document: TASKS_UPDATED,
  variables: {},
  next: ({ tasksUpdated: { position, update } }) => {
    if (update) {
      if (!pending.size) requestAnimationFrame(showAll);
      pending.set(update.taskId, update);
    }
    return { since: position };
  },
}, new LiveState());
// Frames stop in a tab that nobody looks at; what came meanwhile must not pile up.
setInterval(() => { if (document.hidden) showAll(); }, 2_000);

function showAll() {
  const updates = pending;
  pending = new Map();
  for (const update of updates.values()) show(update);
  selection.refresh();
}

/** @param {{taskId: string, seq: number, type: string | null, task: any}} update */
function show({ taskId, seq, type, task }) {
  const row = rows.get(taskId) ?? (task && body.querySelector(`[data-task="${task.databaseId}"]`));
  if (!task) {
    if (row) remove(row);
    rows.delete(taskId);
    return;
  }
  if (row) {
    rows.set(taskId, row);
    if (Number(row.dataset.revision) < seq) fillRow(row, task, seq);
  } else if ("first" in listing && isNewer(task) && matches(task, listing)) {
    add(taskId, task, seq, type);
  }
}

/** @param {any} task */
function isNewer(task) {
  const first = body.querySelector("[data-task]");
  return !first || task.databaseId > Number(first.dataset.task);
}

function add(taskId, task, seq, type) {
  const row = newRow(task, seq);
  body.prepend(row);
  rows.set(taskId, row);
  if (type === "CREATED") row.classList.add("arrived");
  change(1);
}

/** @param {HTMLElement} row */
function remove(row) {
  row.remove();
  change(-1);
}

/** @param {number} difference */
function change(difference) {
  const total = document.querySelector("[data-total]");
  // The server writes thin spaces between thousands.
  total.textContent = String(Number(total.textContent.replace(/\D/g, "")) + difference);
  const none = !body.querySelector("[data-task]");
  list.hidden = none;
  document.querySelector("[data-selected]").hidden = none;
  document.querySelector("[data-none]").hidden = !none;
}
