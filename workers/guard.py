"""The network guard: addresses that come from users reach the public internet and nothing else.

A name is resolved here, every address it has is checked, and the connection goes to one of the
very addresses that were checked, so a name server that answers differently the second time
changes nothing. TLS still verifies the name. Administrators name the hosts that are exempt.

The networks are those of the IANA special-purpose registries, plus the clouds' metadata
services that have addresses outside of them.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, TypeAlias, cast

import httpcore2
import httpx2

from workers.errors import AddressRefused, SourceUnavailable

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

LAST_PORT: Final = 65_535
SETTING: Final = "SLUICE_ALLOW_HOSTS"

#: Public by the standard library's tables, yet no place for us.
REFUSED_V4: Final = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata is 192.0.0.192
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("168.63.129.16/32"),  # Azure's metadata and name service
)
REFUSED_V6: Final = (
    IPv6Network("2002::/16"),  # 6to4: carries any IPv4 address
    IPv6Network("2001::/32"),  # Teredo: likewise
    IPv6Network("64:ff9b:1::/48"),  # NAT64 for local use
    IPv6Network("::/96"),  # IPv4-compatible, unspecified and loopback
)
NAT64: Final = IPv6Network("64:ff9b::/96")

#: The whole of a host in a notation that resolvers take for IPv4: 127.1, 0x7f.1, 2130706433.
NUMERIC_HOST: Final = re.compile(r"(?:[^.]*\.)*(?:\d+|0x[\da-f]*)\.?")


def is_web_address(url: httpx2.URL) -> bool:
    """Say whether an address has a web scheme, a host and a port that exists."""
    # The library takes any number for a port, also 0 and 99999.
    return (
        url.scheme in {"http", "https"}
        and bool(url.host)
        and (url.port is None or 0 < url.port <= LAST_PORT)
    )


def is_public(address: str) -> bool:
    """Say whether an IP address lies on the public internet."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if (embedded := _embedded(ip)) is not None:
            return is_public(str(embedded))
        if ip.is_site_local or any(ip in network for network in REFUSED_V6):
            return False
    elif any(ip in network for network in REFUSED_V4):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that the network would really send to."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in NAT64 else None


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system for a name's addresses, in the order in which to try them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Says which hosts may be called.

    `allow_hosts` exempts hosts, each as `name`, `name:port`, an IP address, or an IP address with
    a port (`[::1]:80`). An exempt name may have any address; an exempt address any name.
    """

    def __init__(self, *, allow_hosts: Collection[str] = (), resolver: Resolver = resolve) -> None:
        self._allowed = frozenset(_entry(text) for text in allow_hosts if text.strip())
        self._resolve = resolver

    def check_url(self, url: httpx2.URL, *, shown: str) -> None:
        """Refuse what can be refused without resolving. `shown` is the address for messages.

        Raises:
            AddressRefused: No web address, one with a password, or one outside the public net.
        """
        if not is_web_address(url):
            raise AddressRefused(
                f"{shown} is not a web address; it must begin with http:// or https://.",
                address=shown,
            )
        if url.userinfo:
            raise AddressRefused(
                f"The address {shown} holds a user name or password, which is not accepted.",
                address=shown,
            )
        host = _bare(url.host)
        port = url.port or (443 if url.scheme == "https" else 80)
        if NUMERIC_HOST.fullmatch(host) or ":" in host:
            self.check_address(host, host=host, port=port)

    def check_address(self, address: str, *, host: str, port: int) -> None:
        """Refuse an address that `host` has, unless it is public or exempt.

        Raises:
            AddressRefused: It is neither.
        """
        if self._exempts(host, port) or self._exempts(address, port):
            return
        try:
            public = is_public(address)
        except ValueError:
            public = False  # an IPv4 address in octal, hexadecimal or with parts left out
        if not public:
            # The message keeps to the name: what it resolves to in here is nobody's business.
            raise AddressRefused(
                f"{host} is not on the public internet; an administrator may allow it by "
                f"{SETTING}.",
                address=host,
            )

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Resolve `host` and return its addresses, all of them checked.

        Raises:
            AddressRefused: One of them is neither public nor exempt.
            SourceUnavailable: There is no such name, or no name server.
        """
        host = _bare(host)
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise SourceUnavailable(
                f"The name {host} could not be resolved.", address=host
            ) from error
        if not found:
            raise SourceUnavailable(f"The name {host} has no address.", address=host)
        for address in found:
            self.check_address(address, host=host, port=port)
        return found

    def _exempts(self, host: str, port: int) -> bool:
        host = _bare(host)
        return (host, None) in self._allowed or (host, port) in self._allowed


def _bare(host: str) -> str:
    """Return the one way to write a host."""
    host = host.strip("[]").partition("%")[0].rstrip(".").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _entry(text: str) -> tuple[str, int | None]:
    """Read one exemption.

    Raises:
        ValueError: It is none.
    """
    text = text.strip().lower()
    try:
        return str(ip_address(text.strip("[]"))), None
    except ValueError:
        host, colon, port = text.rpartition(":")
    if not colon:
        return _bare(text), None
    if not host or "/" in host or not port.isdecimal():
        raise ValueError(f"{text!r} in {SETTING} is not a host; write name or name:port.")
    return _bare(host), int(port)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # The cast: anyio is optional to httpcore2, which hides the class's type.
        self._inner = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check, and connect to the first address that answers within `timeout`."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port)
                # Each gets its share, so that one dead address does not cost the others' time.
                share = timeout and timeout / len(addresses)
                for address in addresses[:-1]:
                    with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                        return await self._inner.connect_tcp(
                            address, port, share, local_address, socket_options
                        )
                return await self._inner.connect_tcp(
                    addresses[-1], port, share, local_address, socket_options
                )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore2's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no source lives behind a socket file."""
        del timeout, socket_options
        raise AddressRefused(f"{path} is not a web address.")

    async def sleep(self, seconds: float) -> None:
        """Wait between the pool's own tries."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport over a pool whose connections are guarded.

    Its constructor takes no network backend, so the pool is set here in place of its own; proxy
    variables and certificate variables of the environment are not looked at.
    """

    def __init__(self, guard: Guard, *, verify: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verify or httpx2.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=GuardedBackend(guard),
        )
