// The ticked rows: how many, and all of them at once.

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} body
 */
export function enhanceSelection(form, body) {
  const all = /** @type {HTMLInputElement} */ (form.querySelector("#all"));
  const said = form.querySelector("[data-picked]");
  const buttons = [...form.querySelectorAll("button[name=do], button[popovertarget]")];
  form.querySelector("[data-pick-all]").hidden = false;

  /** @returns {HTMLInputElement[]} */
  const boxes = () => [...body.querySelectorAll("input[name=task]")];

  function refresh() {
    const every = boxes();
    const ticked = every.filter((box) => box.checked).length;
    all.checked = ticked > 0 && ticked === every.length;
    all.indeterminate = ticked > 0 && ticked < every.length;
    const words = ticked ? `${ticked} ticked` : "";
    if (said.textContent !== words) said.textContent = words;
    for (const button of buttons) button.disabled = ticked === 0;
  }

  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    refresh();
  });
  body.addEventListener("change", refresh);
  // Browsers keep ticks over a reload.
  addEventListener("pageshow", refresh);
  refresh();
  return { refresh };
}
