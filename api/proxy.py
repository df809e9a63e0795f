"""Takes the client's view of a request from the headers of trusted proxies, and of nobody else.

uvicorn's own middleware knows the scheme and the client's address, but not the host, which
absolute links need; run it with `proxy_headers=False` and this instead.
"""

from collections.abc import Awaitable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

#: How a WebSocket's scheme is called when the client's is `http` or `https`.
_WEBSOCKET_SCHEMES: Final = {"http": "ws", "https": "wss"}

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """Rewrites scheme, host and client when the peer is a trusted proxy.

    Reads `X-Forwarded-For`, `-Proto` and `-Host`. Of a list, the entries from the right count as
    long as they were written by trusted proxies; what stands before them the client wrote.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        """Trust addresses and networks such as `127.0.0.1` and `10.0.0.0/8`.

        Raises:
            ValueError: An entry is neither; the message names it.
        """
        self._app = app
        self._trusted = [ip_network(entry, strict=False) for entry in trusted]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, as its client sent it."""
        if scope["type"] in ("http", "websocket") and self._trusts(_peer(scope)):
            scope = self._as_sent(scope)
        return self._app(scope, receive, send)

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)

    def _as_sent(self, scope: Scope) -> Scope:
        forwarded = _forwarded(scope)
        changes: Scope = {}
        hops = 1
        if addresses := forwarded.get(b"x-forwarded-for"):
            hops = next(
                (n for n, hop in enumerate(reversed(addresses), 1) if not self._trusts(hop)),
                len(addresses),
            )
            changes["client"] = (addresses[-hops], 0)
        if schemes := forwarded.get(b"x-forwarded-proto"):
            scheme = schemes[-min(hops, len(schemes))].lower()
            if scheme in _WEBSOCKET_SCHEMES:
                websocket = scope["type"] == "websocket"
                changes["scheme"] = _WEBSOCKET_SCHEMES[scheme] if websocket else scheme
        if hosts := forwarded.get(b"x-forwarded-host"):
            host = hosts[-min(hops, len(hosts))].encode("latin-1")
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            changes["headers"] = [(b"host", host), *others]
        return {**scope, **changes}


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _forwarded(scope: Scope) -> dict[bytes, list[str]]:
    """Collect the forwarding headers' values, split at commas, in order."""
    found: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        if name.startswith(b"x-forwarded-"):
            entries = (entry.strip() for entry in value.decode("latin-1").split(","))
            found.setdefault(name, []).extend(entry for entry in entries if entry)
    return found
