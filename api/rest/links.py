"""Page arithmetic and the absolute links of a list, on the address that the client used."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.types import Scope

from tasks.validation import Listing

#: A name or address, and perhaps a port. Anything else in `Host` is not put into links.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Links:
    """What a list says beside its data."""

    listing: Listing
    total: int
    address: str  #: Of the list, with every query parameter but `page`; ends in `page=`.

    @classmethod
    def of(cls, scope: Scope, query: QueryParams, listing: Listing, total: int) -> "Links":
        """Prepare the links for a request, whose other query parameters they keep."""
        kept = [(name, value) for name, value in query.multi_items() if name != "page"]
        others = urlencode(kept) + "&" if kept else ""
        address = f"{origin(scope)}{scope['path']}?{others}page="
        return cls(listing, total, address)

    @property
    def last_page(self) -> int:
        """Number the last page; an empty list has one."""
        return max(1, -(-self.total // self.listing.per_page))

    def meta(self) -> dict[str, int]:
        """Count tasks and pages."""
        return {
            "total": self.total,
            "per_page": self.listing.per_page,
            "current_page": self.listing.page,
            "last_page": self.last_page,
        }

    def links(self) -> dict[str, Any]:
        """Link to the pages around this one; past the end, the page before is the last one."""
        page, last = self.listing.page, self.last_page
        return {
            "first": f"{self.address}1",
            "last": f"{self.address}{last}",
            "prev": f"{self.address}{min(page - 1, last)}" if page > 1 else None,
            "next": f"{self.address}{page + 1}" if page < last else None,
        }


def origin(scope: Scope) -> str:
    """Return the address at which the client reached this server, without a path."""
    return f"{scope['scheme']}://{_host(scope)}"


def _host(scope: Scope) -> str:
    """Return the host that the client asked for, else the one that listens."""
    for name, value in scope["headers"]:
        if name == b"host" and _HOST.fullmatch(host := value.decode("latin-1")):
            return host
    name, port = scope.get("server") or ("localhost", None)
    return name if port is None else f"{name}:{port}"
