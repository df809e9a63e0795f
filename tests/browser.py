"""A browser without scripts: it keeps cookies, reads pages, and sends the forms on them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx2
from selectolax.lexbor import LexborHTMLParser, LexborNode


@dataclass
class Browser:
    """One reader, and the page that they look at."""

    client: httpx2.AsyncClient
    answer: httpx2.Response = field(init=False)
    page: LexborHTMLParser = field(init=False)

    async def open(self, path: str) -> httpx2.Response:
        """Open an address, and follow where it leads."""
        return self._shown(await self.client.get(path, follow_redirects=True))

    async def send(self, action: str, **fields: Any) -> httpx2.Response:
        """Fill in the form on the page that goes to `action`, send it, and follow on.

        A field that the form does not have fails, as a person could not have filled it in. A list
        ticks several boxes; None presses no such button.
        """
        form = self.form(action)
        values = _defaults(form)
        for name, value in fields.items():
            # A control may stand elsewhere, and name its form.
            own = f'[form="{form.attributes.get("id")}"][name="{name}"]'
            found = form.css(f'[name="{name}"]') or self.page.css(own)
            assert found, f"the form to {action} has no {name}"
            values[name] = value
        target = urljoin(str(self.answer.url), form.attributes["action"] or "")
        origin = str(self.client.base_url).rstrip("/")
        return self._shown(
            await self.client.post(
                target, data=values, headers={"origin": origin}, follow_redirects=True
            )
        )

    def form(self, action: str) -> LexborNode:
        """Return the form on the page that goes to `action`."""
        for form in self.page.css("form"):
            if (form.attributes.get("action") or "").partition("?")[0] == action:
                return form
        raise AssertionError(f"no form to {action} on {self.answer.url}: {self.text}")

    def one(self, selector: str) -> LexborNode:
        """Return the first element that a selector finds."""
        found = self.page.css_first(selector)
        assert found is not None, f"no {selector} on {self.answer.url}: {self.text}"
        return found

    def has_form(self, action: str) -> bool:
        """Say whether the page has such a form."""
        return any(form.attributes.get("action") == action for form in self.page.css("form"))

    @property
    def text(self) -> str:
        """What the page's main part says."""
        main = self.page.css_first("main")
        return " ".join(main.text(separator=" ").split()) if main else ""

    @property
    def path(self) -> str:
        """Where the browser has ended up."""
        return self.answer.url.raw_path.decode()

    def _shown(self, answer: httpx2.Response) -> httpx2.Response:
        self.answer = answer
        self.page = LexborHTMLParser(answer.text)
        return answer


def _defaults(form: LexborNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for control in form.css("input[name], textarea[name], select[name]"):
        name = control.attributes["name"] or ""
        kind = control.attributes.get("type")
        if kind in ("checkbox", "radio"):
            if "checked" in control.attributes:
                values.setdefault(name, []).append(control.attributes.get("value") or "on")
        elif control.tag == "select":
            chosen = control.css_first("option[selected]") or control.css_first("option")
            values[name] = "" if chosen is None else chosen.attributes.get("value") or ""
        elif control.tag == "textarea":
            values[name] = control.text()
        else:
            values[name] = control.attributes.get("value") or ""
    return values
