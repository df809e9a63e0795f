"""What every live transport needs beside the execution."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

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
