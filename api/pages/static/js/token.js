// A new token, put where the API documentation and GraphiQL look for one: in this tab alone.

import { TOKEN_KEY } from "./docs-token.js";

for (const button of document.querySelectorAll("[data-use-token]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    sessionStorage.setItem(TOKEN_KEY, document.getElementById("token").textContent);
    location.assign(button.dataset.useToken);
  });
}
