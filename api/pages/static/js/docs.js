// The API documentation: the reader's token in its examples, and calls from the page.

import { TOKEN_KEY } from "./docs-token.js";

const PLACEHOLDER = "{your-api-token}";
const tokenForm = document.getElementById("token-form");
const tokenInput = document.getElementById("token");
const tokenState = document.getElementById("token-state");

// Each example as the server wrote it, for the token to be put in and taken out again.
const examples = [...document.querySelectorAll(".code code")]
  .filter((code) => code.textContent.includes(PLACEHOLDER))
  .map((code) => ({ code, text: code.textContent }));

function showTokenState() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  for (const { code, text } of examples) {
    code.textContent = text.replaceAll(PLACEHOLDER, token ?? PLACEHOLDER);
  }
  tokenState.textContent = token
    ? "Your token stands in the examples. It is kept in this browser tab only, until it is closed."
    : "No token is set. It will be kept in this browser tab only, until it is closed.";
}

tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = tokenInput.value.trim();
  if (token) {
    sessionStorage.setItem(TOKEN_KEY, token);
  }
  tokenInput.value = "";
  showTokenState();
});

document.getElementById("forget").addEventListener("click", () => {
  sessionStorage.removeItem(TOKEN_KEY);
  tokenInput.value = "";
  showTokenState();
});

// Addresses are relative to this page, so that they hold behind a proxy's path prefix too.
function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-part]")) {
    if (field.dataset.part === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(field.value.trim()));
    } else if (field.dataset.part === "query" && field.value !== "") {
      query.append(field.name, field.value);
    }
  }
  const search = query.toString();
  return `.${path}${search ? `?${search}` : ""}`;
}

function requestOf(form) {
  const headers = { Accept: "application/json" };
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const body = form.querySelector("[data-part=body]");
  if (body) {
    headers["Content-Type"] = "application/json";
  }
  return {
    method: form.dataset.method,
    headers,
    body: body ? body.value : undefined,
    credentials: "omit",
    cache: "no-store",
  };
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function show(form, good, line, text) {
  const answer = form.querySelector(".answer");
  answer.hidden = false;
  answer.classList.toggle("good", good);
  answer.classList.toggle("bad", !good);
  answer.querySelector(".line").textContent = line;
  answer.querySelector("code").textContent = text;
}

async function send(form) {
  const started = performance.now();
  try {
    const response = await fetch(addressOf(form), requestOf(form));
    const text = indented(await response.text());
    const took = Math.round(performance.now() - started);
    const left = response.headers.get("X-RateLimit-Remaining");
    const rest = left === null ? "" : `, ${left} requests left this minute`;
    show(form, response.ok, `${response.status} ${response.statusText} in ${took} ms${rest}`, text);
  } catch (error) {
    show(form, false, "The server did not answer.", String(error));
  }
}

for (const form of document.querySelectorAll("form.call")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const irreversible = form.dataset.method === "DELETE";
    if (irreversible && !window.confirm("Delete this task? This cannot be undone.")) {
      return;
    }
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    await send(form);
    button.disabled = false;
  });
}

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
}
showTokenState();
