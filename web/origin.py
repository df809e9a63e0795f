"""Whose page makes a browser send a request: what decides whether its cookie counts."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_foreign(headers: Headers, *, needs_origin: bool = False) -> bool:
    """Say whether another site's page makes a browser send this.

    Browsers send `Origin` with every POST and WebSocket, and `Sec-Fetch-Site` with everything;
    old ones lack the second. `needs_origin` takes what lacks the first for foreign as well.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return True
    if origin is None:
        return needs_origin
    return not _leads_to(origin, headers.get("host"))


def _leads_to(origin: str, host: str | None) -> bool:
    """Say whether an origin names this host; what is no address names none."""
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:
        return False
