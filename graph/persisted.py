"""Automatic persisted queries: a client sends a document once, afterwards its SHA-256 alone.

The protocol is Apollo's. A document is kept when it was executed under its right hash; keeping
it forgets others, which their clients then send again.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, cast

from graph.errors import BAD_REQUEST, PERSISTED_QUERY_NOT_FOUND, RequestRefused

#: Characters of text that are kept.
KEPT_CHARS: Final = 4_000_000


class PersistedQueries:
    """Keeps documents by their hash, in this process, up to a total size."""

    def __init__(self, *, kept_chars: int = KEPT_CHARS) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._kept_chars = kept_chars
        self._chars = 0

    def find(self, query: str | None, extensions: Mapping[str, Any]) -> str | None:
        """Return the document that a request means: its own, or the one that its hash names.

        Raises:
            RequestRefused: The hash is unknown, is not that of the query, or is none.
        """
        digest = _digest(extensions)
        if digest is None:
            return query
        if query is not None:
            actual = hashlib.sha256(query.encode()).hexdigest()
            if not hmac.compare_digest(actual, digest):
                raise RequestRefused(
                    "The persistedQuery's sha256Hash is not that of the query.", code=BAD_REQUEST
                )
            return query
        kept = self._kept.get(digest)
        if kept is None:
            # The words and the status are what Apollo's and urql's clients look for.
            raise RequestRefused(
                "PersistedQueryNotFound", code=PERSISTED_QUERY_NOT_FOUND, status=200
            )
        self._kept.move_to_end(digest)
        return kept

    def keep(self, query: str, extensions: Mapping[str, Any]) -> None:
        """Remember a valid document for the hash that came with it."""
        digest = _digest(extensions)
        if digest is None or digest in self._kept:
            return
        self._kept[digest] = query
        self._chars += len(query)
        while self._chars > self._kept_chars:
            _, oldest = self._kept.popitem(last=False)
            self._chars -= len(oldest)


def _digest(extensions: Mapping[str, Any]) -> str | None:
    """Return the hash in a request's extensions, if there is one."""
    persisted: Any = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if isinstance(persisted, dict):
        fields = cast("dict[str, Any]", persisted)
        version, digest = fields.get("version"), fields.get("sha256Hash")
        if version == 1 and isinstance(digest, str) and digest.isascii():
            return digest.lower()
    raise RequestRefused(
        "A persistedQuery is {version: 1, sha256Hash: <64 hexadecimal digits>}.", code=BAD_REQUEST
    )
