// The first page of a task's posts, taken anew while they come.

import { field, fill, time } from "./fields.js";
import { ask } from "./graphql.js";
import { number, visible } from "./say.js";

const POSTS = `query($databaseId: BigInt, $first: Int, $search: String, $orderBy: PostOrder, $length: Int!) {
  task(databaseId: $databaseId) {
    posts(first: $first, search: $search, orderBy: $orderBy) {
      nodes { author createdTime excerpt(characters: $length) messageCharacters likes comments shares url }
    }
  }
}`;
const PAGE_SIZE = 20;
const ORDERS = {
  stored: ["POSITION", "ASC"], newest: ["TIME", "DESC"], oldest: ["TIME", "ASC"],
  likes: ["LIKES", "DESC"], comments: ["COMMENTS", "DESC"], shares: ["SHARES", "DESC"],
};

/**
 * @param {HTMLElement} page
 * @param {number} databaseId
 * @returns {() => Promise<void>}
 */
export function postsRefresher(page, databaseId) {
  const place = /** @type {HTMLElement} */ (page.querySelector("[data-posts]"));
  const list = place.querySelector("ol");
  const template = /** @type {HTMLTemplateElement} */ (page.querySelector("#post"));
  const length = Number(place.dataset.length);
  const [by, direction] = ORDERS[place.dataset.sort];

  return async function refresh() {
    if (!("first" in place.dataset)) return;
    const { task } = await ask(POSTS, {
      databaseId, length, first: PAGE_SIZE, search: place.dataset.search || null,
      orderBy: { field: by, direction },
    });
    const posts = task?.posts?.nodes ?? [];
    // What is read or focused just now stays where it is.
    const same = posts.length === list.childElementCount && list.contains(document.activeElement);
    if (!same) list.replaceChildren(...posts.map((post) => entry(template, post)));
    list.hidden = posts.length === 0;
    place.querySelector("[data-none]").hidden = posts.length > 0;
  };
}

/**
 * @param {HTMLTemplateElement} template
 * @param {any} post
 */
function entry(template, post) {
  const element = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
  fill(element, "author", visible(post.author, "No name"));
  field(element, "at").replaceChildren(post.createdTime ? time(post.createdTime) : "No date");
  fill(element, "text", post.excerpt || "No text");
  const rest = (post.messageCharacters ?? 0) - [...(post.excerpt ?? "")].length;
  const more = field(element, "more");
  more.hidden = rest <= 0;
  more.textContent = `${number(rest)} more characters, which the export has.`;
  for (const name of ["likes", "comments", "shares"]) fill(element, name, number(post[name]));
  const link = field(element, "url");
  if (/^https?:\/\//i.test(post.url ?? "")) link.href = post.url;
  else link.remove();
  return element;
}
