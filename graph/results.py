"""The results of a subscription, each encoded once for all who see the same of it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, Self

import orjson

from graph.errors import masked
from graph.feed import Feed

#: Encoded results that are kept, for the subscribers that have not come to them yet.
KEPT: Final = 256


class Rendered:
    """Encoded results by update and selection, bounded; the oldest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """Return a result that was encoded before."""
        return self._kept.get(key)

    def keep(self, key: Hashable, encoded: bytes) -> None:
        """Keep a result for those who come to it next."""
        self._kept[key] = encoded
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)


class Results:
    """A subscription's results, encoded as JSON. Iterate it, and `aclose` it in any case."""

    __slots__ = ("_failed", "_render", "_rendered", "_selection", "_source")

    def __init__(
        self,
        source: Feed[Any, Any],
        render: Callable[[Any], Awaitable[bytes]],
        rendered: Rendered,
        selection: Hashable,
    ) -> None:
        """Read the records of `source`; `render` makes an answer of one that is converted.

        `selection` names what is seen of them: the same of a record is rendered once.
        """
        self._source = source
        self._render = render
        self._rendered = rendered
        self._selection = selection
        self._failed = False

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Wait for the next result. A source that fails gives its error as the last one.

        Raises:
            StopAsyncIteration: There is no further one.
        """
        if self._failed:
            raise StopAsyncIteration
        try:
            record = await self._source.record()
        except StopAsyncIteration:
            raise
        except Exception as error:  # noqa: BLE001 - masked, and logged with its traceback
            self._failed = True
            return orjson.dumps({"data": None, "errors": [masked(error)]})
        # The record is kept in the key, so that no other can take its place in memory.
        key = (record, self._selection)
        encoded = self._rendered.get(key)
        if encoded is None:
            # A copy: orjson's own result holds on to the kilobytes that it was written into.
            encoded = bytes(bytearray(await self._render(self._source.convert(record))))
            self._rendered.keep(key, encoded)
        return encoded

    async def aclose(self) -> None:
        """End the subscription."""
        await self._source.aclose()


class Once:
    """One result that is there already, for a client that wants a query's answer as a stream."""

    def __init__(self, result: bytes) -> None:
        self._left = [result]

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the result, the first time."""
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()

    async def aclose(self) -> None:
        """Do nothing."""
