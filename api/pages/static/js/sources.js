// The budgets of hosts, as they stand.

import { isolated, time } from "./fields.js";
import { fillTable, poll } from "./poll.js";

const BUDGETS = "{ budgets { host hasCredential calls windowSeconds heldUntil usedAt } }";
const EVERY_MS = 5_000;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

poll(BUDGETS, EVERY_MS, ({ budgets }) => {
  fillTable(
    document.querySelector("[data-budgets]"),
    document.querySelector("[data-none]"),
    budgets.map((budget) => [
      isolated(budget.host),
      budget.hasCredential ? "credential" : "visitor",
      `${budget.calls} in ${span(Math.round(budget.windowSeconds))}`,
      budget.heldUntil
        ? [badge("Held", "warn"), " ", time(budget.heldUntil, { relative: true })]
        : badge("Now", "good"),
      time(budget.usedAt, { relative: true }),
    ]),
    ["", "As", "Calls", "Next call", "Last call"],
  );
});

/** @param {number} seconds */
function span(seconds) {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each && seconds % each === 0) ?? ["second", 1];
  const count = seconds / length;
  return count === 1 && length > 1 ? unit : `${count} ${unit}s`;
}

/**
 * @param {string} text
 * @param {string} tone
 */
function badge(text, tone) {
  const element = document.createElement("span");
  element.className = `badge dot ${tone}`;
  element.textContent = text;
  return element;
}
