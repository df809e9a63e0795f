// Switches the colours without loading the page again. The server reads the same cookie.

const COOKIE = "sluice_theme";
const YEAR_SECONDS = 365 * 24 * 3600;

export function enhanceTheme() {
  const form = document.querySelector("[data-theme-switch]");
  form?.addEventListener("submit", (event) => {
    const chosen = event.submitter?.value ?? "";
    event.preventDefault();
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    const age = chosen ? YEAR_SECONDS : 0;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${chosen}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === chosen));
    }
    // Charts and the like draw with the colours of the moment.
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}
