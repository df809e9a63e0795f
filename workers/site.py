"""A site that runs software which many sites run: the part of a target that names it.

Written as short as it goes: `mastodon.social`, `example.org:8443`; with `http://` in front only
for a site that has no https. The scheme is otherwise https, whatever was pasted.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

import httpx2

from workers.guard import is_web_address

LONGEST: Final = 253
#: A name with a dot at least, an IPv4 address, an IPv6 address, or localhost.
HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9]|localhost")
SCHEME: Final = re.compile(r"(https?)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site's scheme, host and port."""

    scheme: str
    host: str  #: In lower case, an international name in its ASCII form.
    port: int | None = None

    @classmethod
    def of(cls, written: str) -> Self:
        """Read `host`, `host:port`, or either after a scheme.

        Raises:
            ValueError: It is none of them.
        """
        scheme = SCHEME.match(written)
        rest = written[scheme.end() :] if scheme else written
        if not rest.isprintable() or set(rest) & set("/?#@\\ %"):
            raise ValueError(f"{written[:200]!r} is not a site.")
        try:
            url = httpx2.URL(f"{scheme[1].lower() if scheme else 'https'}://{rest}")
        except (httpx2.InvalidURL, ValueError) as error:
            raise ValueError(f"{written[:200]!r} is not a site.") from error
        host = url.raw_host.decode("ascii").lower()
        if not is_web_address(url) or not _is_host(host):
            raise ValueError(f"{written[:200]!r} is not a site.")
        return cls(scheme=url.scheme, host=host, port=url.port)

    @property
    def base(self) -> str:
        """Return the site's address, without a slash at its end."""
        return f"{self.scheme}://{self._authority}"

    @property
    def written(self) -> str:
        """Return the one short way to write it."""
        return self._authority if self.scheme == "https" else self.base

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A pasted address of a page: whose site it is, and which page."""

    site: Site
    path: str  #: Begins with a slash, as it was written but for one at its end.
    query: httpx2.QueryParams

    @classmethod
    def of(cls, pasted: str) -> Self | None:
        """Read a web address; None if it is none, or holds a user name."""
        if not SCHEME.match(pasted) or not pasted.isprintable():
            return None
        try:
            url = httpx2.URL(pasted.strip())
            # People paste http for sites that have had https for years; a port is meant.
            scheme = "https" if url.port is None else url.scheme
            if url.userinfo:
                return None
            site = Site.of(f"{scheme}://{url.netloc.decode('ascii')}")
        except (httpx2.InvalidURL, ValueError):
            return None
        return cls(site=site, path=url.path.rstrip("/") or "/", query=url.params)


def split(target: str) -> tuple[Site, str]:
    """Part `site/rest` into the site and the rest, which has no slash in front.

    Raises:
        ValueError: It does not begin with a site.
    """
    scheme = SCHEME.match(target)
    start = scheme.end() if scheme else 0
    host, _, rest = target[start:].partition("/")
    return Site.of(target[:start] + host), rest


def _is_host(host: str) -> bool:
    if len(host) > LONGEST:
        return False
    try:
        return bool(ip_address(host))
    except ValueError:
        return HOST.fullmatch(host) is not None
