// The installation's figures, as they stand.

import { drawThroughput } from "./charts.js";
import { time } from "./fields.js";
import { fillTable, poll } from "./poll.js";
import { number } from "./say.js";

const OPERATIONS = `{ operations {
  workers { workerId tasks since }
  queue { ready oldestReadyAt waiting nextDueAt running fed }
  throughput { at completed failed } failures { reason tasks }
} }`;
const EVERY_MS = 5_000;
const SINCE = { oldestReadyAt: ", the oldest since ", nextDueAt: ", the next " };

poll(OPERATIONS, EVERY_MS, ({ operations: { workers, queue, throughput, failures } }) => {
  for (const element of document.querySelectorAll("[data-figure]")) {
    element.textContent = number(queue[element.dataset.figure]);
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    const name = element.dataset.since;
    element.replaceChildren(...(queue[name] ? [SINCE[name], time(queue[name], { relative: true })] : []));
  }
  fillTable(document.querySelector("[data-workers]"), document.querySelector("[data-none=workers]"),
    workers.map(({ workerId, tasks, since }) =>
      [code(workerId), number(tasks), since ? time(since, { relative: true }) : "unknown"]), [], [1]);
  fillTable(document.querySelector("[data-failures]"), document.querySelector("[data-none=failures]"),
    failures.map(({ reason, tasks }) => [code(reason), number(tasks)]), [], [1]);
  drawThroughput(document.querySelector("[data-chart=throughput]"), throughput);
});

/** @param {string} text */
function code(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}
