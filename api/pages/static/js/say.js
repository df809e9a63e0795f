// Sentences for what the API answers in codes; `words.py` makes the same ones on the server.

import WORDS from "./words.js";

const NUMBER = new Intl.NumberFormat("en", { useGrouping: true });
const UNSEEN = /^[\p{C}\p{Z}\p{Mn}\p{Me}]*$/u;

/**
 * @param {{status: string, stopReason?: string | null, result?: {complete: boolean} | null}} task
 * @returns {[label: string, tone: string]}
 */
export function status(task) {
  let name = task.status.toLowerCase();
  if (name === "failed" && task.stopReason === "CANCELLED") name = "cancelled";
  if (name === "completed" && task.result && !task.result.complete) name = "partial";
  return WORDS.status[name];
}

/** @param {{reason: string, ahead: number | null, aheadIsCapped: boolean}} waiting */
export function waiting({ reason, ahead, aheadIsCapped }) {
  const words = WORDS.waiting[reason.toLowerCase()];
  return ahead ? `${words}, ${ahead}${aheadIsCapped ? "+" : ""} of yours before it` : words;
}

/** @param {string} kind */
export const event = (kind) => WORDS.event[kind.toLowerCase()];

/**
 * Say more of an event: how far, by whom, or why.
 * @param {string} kind
 * @param {any} task
 */
export function note(kind, task) {
  const error = task.error?.message;
  switch (kind) {
    case "PROGRESS": return `${task.postsCount} of ${task.maxPosts}`;
    case "ASSIGNED": return task.workerId ?? "";
    case "WAITING": return error ?? "";
    case "COMPLETED": case "FAILED": case "RELEASED": return error ?? count(task.postsCount, "post");
    default: return "";
  }
}

/**
 * @param {number} number
 * @param {string} noun
 */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** @param {number | null} value */
export const number = (value) => value === null ? "–" : NUMBER.format(value).replaceAll(",", "\u202f");

/**
 * Return a stranger's text, unless nothing of it could be seen.
 * @param {string | null | undefined} text
 * @param {string} otherwise
 */
export const visible = (text, otherwise) => text && !UNSEEN.test(text) ? text : otherwise;

/** @param {{least: number | null, most: number | null}} band */
export function band({ least, most }) {
  if (least === null) return "below 0";
  if (most === null) return `${least} or more`;
  return least === most ? `${least}` : `${least} to ${most}`;
}

/** @param {{status: string, postsCount: number, maxPosts: number}} task */
export function percent({ status: name, postsCount, maxPosts }) {
  return name === "COMPLETED" ? 100 : Math.min(100, Math.floor(postsCount * 100 / maxPosts));
}
