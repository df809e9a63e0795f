"""What a subscription reads: a watch, and how its records become objects of the schema."""

from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")


class Watch(Protocol[R_co]):
    """Gives records until it is left, which it must be in any case."""

    async def __anext__(self) -> R_co:
        """Wait for the next record."""
        ...

    async def aclose(self) -> None:
        """Leave."""
        ...


class Feed(Generic[R, T]):
    """A watch whose records are converted when somebody needs them to be.

    Most subscribers of a busy task do not: what they are sent was rendered for another before.
    """

    __slots__ = ("_watch", "convert", "record")

    def __init__(self, watch: Watch[R], convert: Callable[[R], T]) -> None:
        self.convert = convert
        self.record = watch.__anext__  #: Waits for the next record.
        self._watch = watch

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> T:
        """Wait for the next record, converted."""
        return self.convert(await self.record())

    async def aclose(self) -> None:
        """Leave."""
        await self._watch.aclose()
