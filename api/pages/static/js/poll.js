// For what has no subscription: asks again and again while somebody looks.

import { ask } from "./graphql.js";
import { LiveState } from "./live.js";

/**
 * @param {string} document
 * @param {number} milliseconds
 * @param {(data: any) => void} show
 */
export function poll(document, milliseconds, show) {
  const state = new LiveState();
  async function once() {
    if (!globalThis.document.hidden) {
      try {
        show(await ask(document));
        state.show("live");
      } catch {
        state.show("lost");
      }
    }
    setTimeout(once, milliseconds);
  }
  once();
}

/**
 * Put rows into a table, and show what stands for it while there are none.
 * @param {HTMLElement} wrap
 * @param {HTMLElement} none
 * @param {(string | Node)[][]} rows The first cell of each names the row.
 * @param {string[]} [labels] What a cell is called on a phone.
 * @param {number[]} [numeric] The columns with numbers.
 */
export function fillTable(wrap, none, rows, labels = [], numeric = []) {
  wrap.hidden = rows.length === 0;
  if (none) none.hidden = rows.length > 0;
  wrap.querySelector("tbody").replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((content, index) => {
      const cell = document.createElement(index ? "td" : "th");
      if (!index) cell.scope = "row";
      if (labels[index]) cell.dataset.label = labels[index];
      if (numeric.includes(index)) cell.className = "number";
      cell.append(...(Array.isArray(content) ? content : [content]));
      return cell;
    }));
    return row;
  }));
}
