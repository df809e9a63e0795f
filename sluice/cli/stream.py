"""A task's events from a server's own stream: `GET /api/tasks/{id}/events`.

What a server says goes through reconnects and restarts: each connection goes on after the event
that was seen last, so that every event is given once and in order.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import orjson
import typer

from sluice.errors import ServerRefused, ServerUnavailable
from tasks.errors import Unauthenticated
from tasks.watch.update import TERMINAL

#: The server says something every 15 seconds; one that is silent for this long is gone.
SILENCE_SECONDS: Final = 45.0
CONNECT_SECONDS: Final = 10.0
#: Pauses between attempts to connect: the first, and the longest.
RETRY_SECONDS: Final = (0.25, 5.0)

#: Answers of a server, or of a proxy before it, that say: later.
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_OK: Final = 200
_NO_CONTENT: Final = 204


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the stream tells it."""

    seq: int
    type: str  #: `snapshot` for the task as it stands, where the log begins later.
    at: datetime
    data: Mapping[str, Any]  #: The task after it; nothing once it is deleted.


def connect(server: str, token: str | None) -> httpx2.AsyncClient:
    """Return a client of a server; nothing is asked yet.

    Raises:
        typer.BadParameter: `server` is no address.
        Unauthenticated: There is no token, or what there is cannot be one.
    """
    _require_address(server)
    token = (token or "").strip()
    if not token:
        raise Unauthenticated("Watching a server takes a token: set SLUICE_TOKEN, or give --token.")
    if not (token.isascii() and token.isprintable()):
        raise Unauthenticated("The token holds characters that no token has; look at SLUICE_TOKEN.")
    return httpx2.AsyncClient(
        base_url=server,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
    )


async def told(
    client: httpx2.AsyncClient, task_id: int, *, tell: Callable[[str], None]
) -> AsyncGenerator[Told]:
    """Yield a task's events from the first on, each once and in order, until its end.

    A server that does not answer at first is an error; one that is lost later is asked again for
    as long as it takes, about which `tell` is given a sentence.

    Raises:
        ServerUnavailable: Nothing answers as Sluice does.
        ServerRefused: The server says why it does not show the task.
    """
    last, is_over, has_answered, is_lost = 0, False, False, False
    pause = RETRY_SECONDS[0]
    while not is_over:
        try:
            async with aclosing(_connection(client, task_id, last)) as events:
                async for event in events:
                    if is_lost:
                        tell("The server answers again.")
                    has_answered, is_lost, pause = True, False, RETRY_SECONDS[0]
                    if event is None:
                        continue
                    yield event
                    last, is_over = event.seq, event.type in TERMINAL or _has_ended(event)
        except _Over:
            return
        except (httpx2.HTTPError, _Lost) as error:
            if not has_answered:
                raise ServerUnavailable(f"{client.base_url} {_why(error)}.") from None
            if not is_lost:
                tell("The server is gone; waiting until it answers again.")
            is_lost = True
        if not is_over:
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_SECONDS[1])


class _Over(Exception):
    """There is nothing to come after what was seen."""


class _Lost(Exception):
    """The server answers, but not now."""


async def _connection(
    client: httpx2.AsyncClient, task_id: int, last: int
) -> AsyncGenerator[Told | None]:
    """Yield what one connection tells, from None on for the connection itself.

    An event counts once the blank line after it has come.
    """
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
    async with client.stream("GET", f"/api/tasks/{task_id}/events", headers=headers) as answer:
        if answer.status_code == _NO_CONTENT:
            raise _Over
        if answer.status_code in _LATER:
            raise _Lost(f"answers with status {answer.status_code} now; try again later")
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code != _OK or kind != "text/event-stream":
            raise ServerRefused(_reason(answer, await answer.aread()))
        yield None
        data: str | None = None
        async for line in answer.aiter_lines():
            name, _, text = line.partition(": ")
            if name == "data":
                data = text
            elif not line and data is not None:
                yield _event(answer, data)
                data = None


def _why(error: Exception) -> str:
    if isinstance(error, _Lost):
        return str(error)
    return f"does not answer: {str(error).rstrip('.') or type(error).__name__}"


def _require_address(server: str) -> None:
    try:
        parts = urlsplit(server)
        is_web = parts.scheme in ("http", "https") and parts.port != 0
        is_whole = bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:  # about the host or the port
        is_web = is_whole = False
    if not (is_web and is_whole and server.isprintable() and " " not in server):
        raise typer.BadParameter(
            f"{server!r} is no address of a server; write it as http://localhost:8000.",
            param_hint="--server",
        )


def _event(answer: httpx2.Response, data: str) -> Told:
    try:
        found = orjson.loads(data)
        at = datetime.fromisoformat(found["at"])
        return Told(int(found["seq"]), str(found["type"]), at, dict(found["task"] or {}))
    except (ValueError, KeyError, TypeError):
        raise ServerRefused(f"{answer.url} does not tell events as Sluice does.") from None


def _has_ended(event: Told) -> bool:
    """Say whether a snapshot shows a task that has ended."""
    return event.type == "snapshot" and event.data.get("status") in TERMINAL


def _reason(answer: httpx2.Response, body: bytes) -> str:
    """Return the server's own words, or what is odd about its answer."""
    try:
        message = orjson.loads(body)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"{answer.url} answers with status {answer.status_code}, not as Sluice does."
    return f"The server refuses ({answer.status_code}): {message}"
