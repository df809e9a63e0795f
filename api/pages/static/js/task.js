// One task, kept as it stands: its progress, its timeline, its posts and what they show.

import { showCharts } from "./charts.js";
import { showStanding } from "./fields.js";
import { ask } from "./graphql.js";
import { LiveState, watch } from "./live.js";
import { refreshParts } from "./parts.js";
import { postsRefresher } from "./posts.js";
import { addEvent } from "./timeline.js";

const IDENTITY = "query($databaseId: BigInt) { task(databaseId: $databaseId) { id } }";
const TASK_UPDATED = `subscription($id: ID!, $since: BigInt) { taskUpdated(id: $id, since: $since) {
  seq type at task {
    status stopReason postsCount maxPosts workerId error { message } result { complete }
    waiting { reason until ahead aheadIsCapped }
  }
} }`;
/** Posts and charts are asked for again at most so often. */
const PAUSE_MS = 1_500;

const page = /** @type {HTMLElement} */ (document.querySelector("[data-page]"));
const databaseId = Number(page.dataset.task);
const state = new LiveState();
const refreshPosts = postsRefresher(page, databaseId);
const refresh = paused(async () => {
  await Promise.allSettled([refreshPosts(), showCharts(page, databaseId)]);
});

showCharts(page, databaseId);
if ("ended" in page.dataset) state.show("ended");
else start();

async function start() {
  state.show("connecting");
  try {
    const { task } = await ask(IDENTITY, { databaseId });
    if (task) follow(task.id);
  } catch {
    state.show("lost");
    setTimeout(start, PAUSE_MS);
  }
}

/** @param {string} id */
function follow(id) {
  watch({
    document: TASK_UPDATED,
    variables: { id, since: Number(page.dataset.revision) },
    next: ({ taskUpdated: update }) => {
      if (!update.task) location.assign(new URL("../tasks", location.href));
      else show(update);
      return { since: update.seq };
    },
    complete: () => refreshParts(page),
  }, state);
}

/** @param {{seq: number, type: string | null, at: string, task: any}} update */
function show({ type, at, task }) {
  showStanding(page, task);
  if (type) addEvent(page, type, at, task);
  if (type === "PROGRESS" || type === "COMPLETED" || type === "FAILED") refresh();
  if (type === "RESET" || type === "RESUMED") refreshParts(page).then(refresh);
}

/**
 * Let what is called often happen seldom: at once, and again after a pause if it was called then.
 * @param {() => Promise<void>} work
 */
function paused(work) {
  let busy = false;
  let again = false;
  return async function call() {
    if (busy) { again = true; return; }
    busy = true;
    await work();
    setTimeout(() => {
      busy = false;
      if (again) { again = false; call(); }
    }, PAUSE_MS);
  };
}
