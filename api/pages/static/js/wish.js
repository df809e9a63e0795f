// The box for a new task: it says what was pasted as it is written, and previews without leaving.

import { isolated } from "./fields.js";
import { ask, Refusal } from "./graphql.js";
import { count, visible } from "./say.js";

const PAUSE_MS = 250;

const RESOLVE = `query($groupId: String!) { resolveTarget(groupId: $groupId) {
  platform { title state } target error { message }
} }`;
const PREVIEW = `query($groupId: String!, $maxPosts: Int!) {
  previewTask(groupId: $groupId, maxPosts: $maxPosts) {
    platform target isReadable error { message } available calls seconds
  }
}`;

/** @param {HTMLFormElement} form */
export function enhanceWish(form) {
  const box = /** @type {HTMLInputElement} */ (form.elements.namedItem("group_id"));
  const said = /** @type {HTMLElement} */ (form.querySelector("[data-resolved]"));
  const help = [...said.childNodes];
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  /** @type {AbortController | undefined} */
  let asking;

  async function resolve() {
    asking?.abort();
    const groupId = box.value.trim();
    said.classList.remove("error");
    if (!groupId) return said.replaceChildren(...help);
    asking = new AbortController();
    try {
      const { resolveTarget: found } = await ask(RESOLVE, { groupId }, asking.signal);
      if (found.error) {
        said.classList.add("error");
        said.replaceChildren(found.error.message);
      } else {
        said.replaceChildren(badge(found.platform?.title ?? "Known"), " ", isolated(found.target));
      }
    } catch (problem) {
      if (problem.name !== "AbortError") said.replaceChildren(...help);
    }
  }

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(resolve, PAUSE_MS);
  });
  if (box.value && !form.querySelector(".error")) resolve();
  form.addEventListener("submit", (event) => {
    if (/** @type {any} */ (event.submitter)?.value !== "preview") return;
    event.preventDefault();
    preview(form, event.submitter);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {any} button
 */
async function preview(form, button) {
  const place = form.parentElement.querySelector("[data-preview]");
  const values = new FormData(form);
  button.disabled = true;
  place.replaceChildren(notice("info", "Asking the platform…"));
  try {
    const { previewTask: found } = await ask(PREVIEW, {
      groupId: values.get("group_id"), maxPosts: Number(values.get("max_posts")) || 0,
    });
    place.replaceChildren(shown(found));
  } catch (problem) {
    const words = problem instanceof Refusal ? problem.message : "The server cannot be reached.";
    place.replaceChildren(notice("bad", words));
  } finally {
    button.disabled = false;
  }
}

/** @param {any} found */
function shown({ platform, target, isReadable, error, available, calls, seconds }) {
  const words = [];
  if (isReadable === null) words.push("Nobody needs to be asked.");
  else words.push(isReadable ? "It can be read." : error?.message ?? "It cannot be read.");
  if (available !== null) words.push(`It holds ${count(available, "post")}.`);
  if (calls !== null) {
    const long = seconds === null ? "" : `, ${Math.round(seconds)} seconds`;
    words.push(`About ${count(calls, "call")} to the platform${long}.`);
  }
  const tone = isReadable === null ? "info" : isReadable ? "good" : "bad";
  const element = notice(tone, ` ${words.join(" ")}`);
  const name = document.createElement("strong");
  name.append(`${platform} · `, isolated(visible(target, "target")));
  element.firstElementChild.prepend(name);
  return element;
}

/**
 * @param {string} tone
 * @param {string} words
 */
function notice(tone, words) {
  const element = document.createElement("div");
  element.className = `notice ${tone}`;
  const paragraph = document.createElement("p");
  paragraph.append(words);
  element.append(paragraph);
  return element;
}

/** @param {string} text */
function badge(text) {
  const element = document.createElement("span");
  element.className = "badge dot good";
  element.textContent = text;
  return element;
}
