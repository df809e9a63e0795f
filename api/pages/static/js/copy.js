// Copy buttons: `data-copy` copies the text of the <pre> beside it.

const SHOWN_MS = 2000;

export function enhanceCopyButtons(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const source = button.parentElement.querySelector("pre");
  const label = button.querySelector("[data-copy-label]");
  const said = await write(source.textContent, source) ? "Copied" : "Press Ctrl-C";
  label.textContent = said;
  announce(said);
  setTimeout(() => { label.textContent = "Copy"; }, SHOWN_MS);
}

// The clipboard is for secure contexts alone: over plain HTTP the text is selected instead.
async function write(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return false;
  }
}

// Tells a screen reader, which does not notice that a button's name has changed.
function announce(text) {
  let region = document.getElementById("announcements");
  if (!region) {
    region = document.createElement("div");
    region.id = "announcements";
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  region.textContent = text;
}
