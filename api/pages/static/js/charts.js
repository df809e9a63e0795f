// What is drawn on the pages, and the tables that say the same.

import { drawBars } from "./bars.js";
import { isolated, time } from "./fields.js";
import { ask } from "./graphql.js";
import { fillTable } from "./poll.js";
import { band, count, number, visible } from "./say.js";

const STATISTICS = `query($databaseId: BigInt) { task(databaseId: $databaseId) { statistics {
  slotSeconds timeline { at posts } likes { least most posts } authors { name posts likes }
} } }`;

/**
 * @param {HTMLElement} page
 * @param {number} databaseId
 */
export async function showCharts(page, databaseId) {
  const { task } = await ask(STATISTICS, { databaseId });
  const found = task?.statistics;
  if (!found) return;
  const figure = (name) => /** @type {HTMLElement} */ (page.querySelector(`[data-chart="${name}"]`));
  await Promise.all([
    show(figure("timeline"), found.timeline.filter((slot) => slot.posts)
      .map(({ at, posts }) => [time(at), number(posts)]), {
      kind: "time",
      width: found.slotSeconds,
      at: found.timeline.map(({ at }) => Date.parse(at) / 1000),
      series: [{ name: "Posts", values: found.timeline.map(({ posts }) => posts), tint: "accent" }],
      said: (index) => `${time(found.timeline[index].at).textContent}: ${count(found.timeline[index].posts, "post")}`,
    }),
    show(figure("likes"), found.likes.map((each) => [band(each), number(each.posts)]), {
      kind: "names",
      names: found.likes.map(range),
      series: [{ name: "Posts", values: found.likes.map(({ posts }) => posts), tint: "accent" }],
      said: (index) => `${band(found.likes[index])} likes: ${count(found.likes[index].posts, "post")}`,
    }),
    show(figure("authors"), found.authors.map(({ name, posts, likes }) =>
      [isolated(visible(name, "No name")), number(posts), number(likes)]), {
      kind: "across",
      names: found.authors.map(({ name }) => visible(name, "No name")),
      series: [{ name: "Posts", values: found.authors.map(({ posts }) => posts), tint: "accent" }],
      said: (index) => `${visible(found.authors[index].name, "No name")}: ${count(found.authors[index].posts, "post")}`,
    }),
  ]);
}

/**
 * @param {HTMLElement} figure
 * @param {{at: string, completed: number, failed: number}[]} minutes
 */
export function drawThroughput(figure, minutes) {
  const busy = minutes.filter(({ completed, failed }) => completed || failed);
  return show(figure, busy.map(({ at, completed, failed }) => [time(at), number(completed), number(failed)]), {
    kind: "time",
    width: 60,
    at: minutes.map(({ at }) => Date.parse(at) / 1000),
    series: [
      { name: "Completed", values: minutes.map(({ completed }) => completed), tint: "accent" },
      { name: "Failed", values: minutes.map(({ failed }) => failed), tint: "bad", striped: true },
    ],
    said: (index) => `${time(minutes[index].at).textContent}: ${minutes[index].completed} completed, ${minutes[index].failed} failed`,
  });
}

/**
 * Draw a chart and fill its table; where there is nothing to draw, say so.
 * @param {HTMLElement} figure
 * @param {any[][]} rows
 * @param {import("./bars.js").Bars} bars
 */
async function show(figure, rows, bars) {
  const details = /** @type {HTMLDetailsElement} */ (figure.querySelector("[data-table]"));
  const plot = /** @type {HTMLElement} */ (figure.querySelector("[data-plot]"));
  figure.querySelector("[data-empty]").hidden = rows.length > 0;
  details.hidden = plot.hidden = rows.length === 0;
  fillTable(details.querySelector(".table-wrap"), null, rows, [], [1, 2]);
  if (!rows.length) return;
  // The table was open for those who see no chart.
  if (!figure.dataset.drawn) details.open = false;
  figure.dataset.drawn = "yes";
  await drawBars(plot, bars);
}

/** @param {{least: number | null, most: number | null}} band */
function range({ least, most }) {
  if (least === null) return "<0";
  if (most === null) return `${short(least)}+`;
  if (least === most) return short(least);
  return least < 1e3 ? `${least}–${most}` : `${short(least)}–${short(most + 1)}`;
}

/** @param {number} value */
function short(value) {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1e3 ? `${value / 1e3}k` : `${value}`;
}
