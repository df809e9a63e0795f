"""A host's answer, and how to read it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import httpx2
import pydantic

from workers.errors import SourceBadReply, SourceBlocked, SourceError
from workers.refusal import error_of, is_web_page

T = TypeVar("T")

#: Up to here reading JSON takes less than a millisecond, which a thread's detour costs as well.
INLINE_BYTES: Final = 64 * 1024


def shown(url: httpx2.URL) -> str:
    """Return an address as messages show it: without query, fragment and user name.

    Keys travel in queries.
    """
    return str(url.copy_with(query=None, fragment=None, username=None, password=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, read to its end and decompressed."""

    url: str  #: Where it came from, after redirects.
    status: int
    headers: Mapping[str, str]  #: Names in lower case.
    content: bytes

    @property
    def address(self) -> str:
        """Return `url` as messages show it."""
        return shown(httpx2.URL(self.url))

    async def parse(self, shape: pydantic.TypeAdapter[T]) -> T:
        """Read the content as JSON of the given shape, off the loop if it is large.

        Raises:
            SourceBlocked: It is a page for people.
            SourceBadReply: It is not JSON, or not of that shape.
        """
        if is_web_page(self.headers, self.content):
            raise self.blocked()
        try:
            if len(self.content) <= INLINE_BYTES:
                return shape.validate_json(self.content)
            return await asyncio.to_thread(shape.validate_json, self.content)
        except pydantic.ValidationError as error:
            raise self.bad(_first(error)) from error

    def blocked(self) -> SourceBlocked:
        """Build the error for a page for people."""
        return SourceBlocked(
            f"{self.address} answered with a page for people instead of data.",
            address=self.address,
            status=self.status,
            excerpt=self.content,
        )

    def refusal(self, now: datetime) -> SourceError:
        """Build the error that the status means for most platforms.

        For a source that asked for the status (`statuses=`) and found nothing of its own in it.
        """
        return error_of(
            status=self.status,
            headers=self.headers,
            content=self.content,
            shown=self.address,
            now=now,
        )

    def bad(self, reason: str) -> SourceBadReply:
        """Build the error for an answer that breaks the source's documents."""
        return SourceBadReply(
            f"{self.address} answered with something else than its documents promise: {reason}.",
            address=self.address,
            status=self.status,
            excerpt=self.content,
        )


def _first(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].rstrip(".")
    return f"{place}: {message}" if place else message
