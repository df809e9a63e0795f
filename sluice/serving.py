"""Serves the application with uvicorn, in this process or in several."""

import contextlib
import functools
import signal
import socket
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, Final, TypeAlias

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from sluice import log as logging
from sluice import workforce
from sluice.app import Gateway
from sluice.errors import ServingFailed
from sluice.http import Protocol
from sluice.instruments import new_metrics
from sluice.listening import BACKLOG
from sluice.settings import Settings
from sluice.websocket import WebSockets

#: How long answers that are under way may take after a signal; live streams end at once.
GRACE_SECONDS: Final = 3
#: Of a WebSocket's message; the documents' own limits are well below it.
_MAX_MESSAGE_BYTES: Final = 1024 * 1024
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

SignalHandler: TypeAlias = Callable[[int, FrameType | None], Any]

log = structlog.stdlib.get_logger(__name__)


def serve(gateway: Gateway, listener: socket.socket, *, on_start: Callable[[], None]) -> None:
    """Serve in this process until SIGINT or SIGTERM, then return; close the listener.

    `on_start` is called when requests are answered.

    Raises:
        ServingFailed: The application could not start; the log has said why.
    """
    server = _Server(configured(lambda: gateway), on_start)
    with _handled(server.handle_exit):
        try:
            server.run(sockets=[listener])
        except SystemExit as end:
            raise ServingFailed("The server could not start.") from end


def serve_in_processes(settings: Settings, listener: socket.socket, *, processes: int) -> None:
    """Serve in `processes` child processes until SIGINT or SIGTERM; one that dies is replaced.

    Raises:
        ServingFailed: The application could not start; the log has said why.
    """
    config = configured(functools.partial(_in_child, settings))
    config.workers = processes
    supervisor = Multiprocess(config, sockets=[listener])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise ServingFailed("The server could not start.")


def _in_child(settings: Settings) -> Gateway:
    """Begin a child process, which inherits nothing but the settings."""
    logging.configure(settings)
    return Gateway(
        settings,
        open_waker=functools.partial(workforce.waking, settings),
        metrics=new_metrics(),
    )


def configured(factory: Callable[[], ASGIApp]) -> uvicorn.Config:
    """Return how uvicorn serves what `factory` makes."""
    # uvicorn calls it as it would a protocol's class.
    sockets: Any = WebSockets(max_message_bytes=_MAX_MESSAGE_BYTES)
    return uvicorn.Config(
        factory,
        factory=True,
        interface="asgi3",
        lifespan="on",
        log_config=None,  # Records go to the root logger, which `sluice.log` has set up.
        access_log=False,  # `api.correlation` writes a line that knows the request's id.
        server_header=False,
        backlog=BACKLOG,
        http=Protocol,
        ws=sockets,
        proxy_headers=False,  # `api.proxy` does it, and knows the host as well.
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says when it has started, which uvicorn only logs."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if not self.should_exit:
            self._on_start()


@contextlib.contextmanager
def _handled(handler: SignalHandler) -> Generator[None]:
    """Let `handler` have the signals that end a server.

    uvicorn raises each again when it has shut down, by which the default handlers would kill
    the process before the rest of it, such as the worker beside the server, has ended well.
    """
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
