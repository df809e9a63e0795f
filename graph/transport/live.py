"""What every live transport needs beside the execution."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from tasks.connections import LiveConnections
from tasks.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Who may connect, and within which limits."""

    #: Turns a token into who holds it, or raises `Unauthenticated`.
    authenticate: Callable[[str], Awaitable[Principal]]
    connections: LiveConnections
    init_seconds: float = 3.0  #: Until a WebSocket must have said who it is.
    operations: int = 100  #: That one WebSocket may have open.
    heartbeat_seconds: float = 12.0  #: Between signs of life on an answer that is silent.


def is_foreign(headers: Headers, *, safe: bool) -> bool:
    """Say whether another site's page makes a browser send this with the session's cookie.

    Browsers send `Origin` with every POST and WebSocket, and `Sec-Fetch-Site` with everything.
    `safe` says that a request without either may be ours.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None:
        return not (safe and site in (None, "same-origin", "none"))
    return urlsplit(origin).netloc != headers.get("host") or site not in (None, "same-origin")
