"""Live subscriptions: memory, connects a second, and the delay from commit to client.

`python bench/live/run.py [SUBSCRIPTIONS]` prints the figures. The server runs in one process and
the clients in this one; with two cores or more, pin them with taskset for figures that compare.
`SLUICE_DATABASE_URL` and `SLUICE_REDIS_URL` choose what the server stands on.
"""

import asyncio
import base64
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import orjson

RATE = 500
SECONDS = 20
#: Connects that are under way at a time.
AT_ONCE = 64
FANOUT = 1_000
WATCH = "subscription($id: ID!) { taskUpdated(id: $id) { seq type task { status priority } } }"


class Client(asyncio.Protocol):
    """The leanest client that speaks the protocol: it knows no frames but unmasked texts."""

    def __init__(self, token: str, task_id: str, ready: "asyncio.Future[None]") -> None:
        self._token = token
        self._task_id = task_id
        self._ready = ready
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.told: list[tuple[str, int, int]] = []

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Read frames, and note when each update came."""
        now = time.monotonic_ns()
        self._buffer += data
        if not self._upgraded:
            _, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._upgraded, self._buffer = True, rest
            self._say("connection_init", payload={"Authorization": f"Bearer {self._token}"})
        while (frame := self._frame()) is not None:
            self._take(frame, now)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _frame(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, at = buffer[1], 2
        if size == 126:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < at + size:
            return None
        self._buffer = buffer[at + size :]
        return buffer[at : at + size] if buffer[0] == 0x81 else b""

    def _take(self, frame: bytes, now: int) -> None:
        if not frame:
            return
        message = orjson.loads(frame)
        if message["type"] == "connection_ack":
            payload = {"query": WATCH, "variables": {"id": self._task_id}}
            self._say("subscribe", id="1", payload=payload)
        elif message["type"] == "next":
            seq = message["payload"]["data"]["taskUpdated"]["seq"]
            self.told.append((self._task_id, seq, now))
            if not self._ready.done():
                self._ready.set_result(None)

    def _say(self, kind: str, **parts: Any) -> None:
        data = orjson.dumps({"type": kind, **parts})
        short = len(data) < 126
        size = bytes([0x80 | len(data)]) if short else b"\xfe" + len(data).to_bytes(2, "big")
        if self._transport is not None:
            self._transport.write(b"\x81" + size + bytes(4) + data)  # masked with zeros


async def connect(port: int, whom: Sequence[tuple[str, str]]) -> list[Client]:
    """Open a subscription for each, and return when all have their first update."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def one(token: str, task_id: str) -> Client:
        async with gate:
            ready: asyncio.Future[None] = loop.create_future()
            _, client = await loop.create_connection(
                lambda: Client(token, task_id, ready), "127.0.0.1", port
            )
            await ready
            return client

    return list(await asyncio.gather(*(one(*each) for each in whom)))


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(name: str, commits: Sequence[Any], clients: Sequence[Client]) -> None:
    """Print the delays, and what was lost."""
    came: dict[tuple[str, int], list[int]] = {}
    for client in clients:
        for task_id, seq, at in client.told:
            came.setdefault((task_id, seq), []).append(at)
    delays = [
        (at - committed) / 1e6
        for task_id, seq, committed in commits
        for at in came.get((task_id, seq), ())
    ]
    lost = sum((task_id, seq) not in came for task_id, seq, _ in commits)
    p50, p99, most = (percentile(delays, share) for share in (0.5, 0.99, 1.0))
    print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, most {most:.1f} ms, lost {lost}")


async def owners(http: httpx2.AsyncClient, port: int, count: int, *, of: int) -> None:
    """Measure subscriptions on own tasks, of so many owners."""
    made = (await http.get("/bench/prepare", params={"tasks": count, "owners": of})).json()
    before = int((await http.get("/bench/memory", params={"freeze": 1})).text)
    begun = time.monotonic()
    clients = await connect(port, made)
    seconds = time.monotonic() - begun
    after = int((await http.get("/bench/memory", params={"freeze": 1})).text)
    print(
        f"{count} subscriptions, {of} owners: {count / seconds:.0f} connects/s, "
        f"{(after - before) / count / 1024:.1f} KiB each"
    )
    params = {"rate": RATE, "seconds": SECONDS}
    commits = (await http.get("/bench/change", params=params)).json()
    await asyncio.sleep(3)
    report(f"{RATE} changes/s for {SECONDS} s", commits, clients)
    for client in clients:
        client.close()


async def fanout(http: httpx2.AsyncClient, port: int) -> None:
    """Measure one task with many subscribers."""
    made = (await http.get("/bench/prepare", params={"tasks": 1, "owners": 1})).json()
    clients = await connect(port, made * FANOUT)
    await http.get("/bench/memory", params={"freeze": 1})
    reached: list[float] = []
    for _ in range(10):
        known = [len(client.told) for client in clients]
        changed = await http.get("/bench/change", params={"rate": 1, "seconds": 1, "last": 1})
        ((_, _, committed),) = changed.json()
        await asyncio.sleep(0.5)
        last = max(c.told[-1][2] for c, n in zip(clients, known, strict=True) if len(c.told) > n)
        reached.append((last - committed) / 1e6)
    print(f"one change to {FANOUT} subscribers: all within {percentile(reached, 0.5):.1f} ms")


async def measure(port: int, count: int) -> None:
    """Measure everything."""
    timeout = httpx2.Timeout(600)
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=timeout
    ) as http:
        for _ in range(200):
            try:
                await http.get("/healthz")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
        await fanout(http, port)
    for of in (1, count):
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=timeout
        ) as http:
            await owners(http, port, count, of=of)


def main() -> None:
    """Start the server, measure, and stop it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            (sys.executable, "-m", "bench.live.server", str(port)),
            cwd=Path(__file__).parents[2],
            env={"SLUICE_DATA_DIR": folder, **os.environ},
        )
        try:
            asyncio.run(measure(port, count))
        finally:
            server.terminate()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
