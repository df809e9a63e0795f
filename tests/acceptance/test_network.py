"""The way out over real sockets: what a twin of the network cannot show."""

import asyncio
import gzip
import shutil
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import missing
from workers import errors
from workers.guard import Guard
from workers.http import HttpClient, Limits

Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.enable_socket


@asynccontextmanager
async def server(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """Run a server on loopback that reads a request's head and then does as told."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client gave up, as it should
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def hello(writer: asyncio.StreamWriter) -> None:
    """Answer shortly."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    await writer.drain()


def client(*, guard: Guard | None = None, limits: Limits | None = None) -> HttpClient:
    """Return a client that may call loopback."""
    return HttpClient(version="0", guard=guard or Guard(allow_hosts=["127.0.0.1"]), limits=limits)


async def test_an_exempt_address_is_reached() -> None:
    """The guard lets through what the administrator named."""
    async with server(hello) as port, client() as http:
        reply = await http.run().get(f"http://127.0.0.1:{port}/")

    assert reply.content == b"hello"


async def test_loopback_is_refused_by_address_and_by_name() -> None:
    """Nothing is sent to it."""
    reached: list[bool] = []

    async def note(writer: asyncio.StreamWriter) -> None:
        reached.append(True)
        await hello(writer)

    async with server(note) as port, client(guard=Guard()) as http:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(errors.AddressRefused):
                await http.run().get(f"http://{host}:{port}/")

    assert reached == []


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name is resolved once for a connection: a second answer would not be looked at."""
    asked: list[str] = []

    async def resolver(host: str, port: int) -> Sequence[str]:
        del port
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    guard = Guard(allow_hosts=["127.0.0.1"], resolver=resolver)
    async with server(hello) as port, client(guard=guard) as http:
        reply = await http.run().get(f"http://rebinding.example:{port}/")

    assert reply.content == b"hello"
    assert asked == ["rebinding.example"]


async def test_a_name_that_turns_private_is_refused() -> None:
    """A public name server may point anywhere."""

    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        return ["127.0.0.1"]

    async with server(hello) as port, client(guard=Guard(resolver=resolver)) as http:
        with pytest.raises(errors.AddressRefused):
            await http.run().get(f"http://innocent.example:{port}/")


async def test_a_dead_address_does_not_hide_a_living_one() -> None:
    """The next of a name's addresses is tried."""

    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        return ["127.0.0.2", "127.0.0.1"]

    guard = Guard(allow_hosts=["two.example"], resolver=resolver)
    async with server(hello) as port, client(guard=guard) as http:
        reply = await http.run().get(f"http://two.example:{port}/")

    assert reply.content == b"hello"


async def test_a_server_that_drips_is_cut() -> None:
    """Each byte arrives in time, the whole never would."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = time.perf_counter()
    async with server(drip) as port, client(limits=Limits(total_seconds=0.3)) as http:
        with pytest.raises(errors.SourceUnavailable, match=r"longer than 0\.3 seconds"):
            await http.run().get(f"http://127.0.0.1:{port}/")

    assert time.perf_counter() - started < 3


async def test_a_compression_bomb_stops_early() -> None:
    """A hundred megabytes in a hundred kilobytes: read until the limit, and no further."""
    bomb = gzip.compress(bytes(100_000_000), compresslevel=6)

    async def explode(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        writer.write(head.encode() + bomb)
        await writer.drain()

    async with server(explode) as port, client() as http:
        with pytest.raises(errors.ReplyTooLarge):
            await http.run().get(f"http://127.0.0.1:{port}/")


async def test_garbage_in_http_s_place_is_unavailable() -> None:
    """A server of another kind is told from one that is down."""

    async def garbage(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    limits = Limits(retries=0)
    async with server(garbage) as port, client(limits=limits) as http:
        with pytest.raises(errors.SourceUnavailable, match="does not speak HTTP"):
            await http.run().get(f"http://127.0.0.1:{port}/")


async def test_a_closed_port_is_unavailable() -> None:
    """With the address, so that a typing error shows."""
    async with server(hello) as port:
        pass

    async with client(limits=Limits(retries=0)) as http:
        with pytest.raises(errors.SourceUnavailable, match=f"127.0.0.1:{port}.*reached"):
            await http.run().get(f"http://127.0.0.1:{port}/")


async def certificate(folder: Path, name: str) -> Path:
    """Write a certificate for `name`, with its key, and return where."""
    if (openssl := shutil.which("openssl")) is None:
        missing("openssl")
        raise AssertionError
    path = folder / "certificate.pem"
    process = await asyncio.create_subprocess_exec(
        openssl,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2"),
        *("-keyout", str(path), "-out", str(folder / "public.pem")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    public = (folder / "public.pem").read_text(encoding="ascii")
    path.write_text(path.read_text(encoding="ascii") + public, encoding="ascii")
    return path


async def test_tls_verifies_the_name(tmp_path: Path) -> None:
    """Though the connection goes to an address, the certificate must be the name's."""

    async def resolver(host: str, port: int) -> Sequence[str]:
        del host, port
        return ["127.0.0.1"]

    pem = await certificate(tmp_path, "right.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    guard = Guard(allow_hosts=["127.0.0.1"], resolver=resolver)
    trusting = ssl.create_default_context(cafile=str(pem))

    async with (
        server(hello, tls=serving) as port,
        HttpClient(version="0", guard=guard, verify=trusting) as http,
        HttpClient(version="0", guard=guard) as strict,
    ):
        reply = await http.run().get(f"https://right.example:{port}/")
        with pytest.raises(errors.SourceUnavailable, match="certificate"):
            await http.run().get(f"https://wrong.example:{port}/")
        with pytest.raises(errors.SourceUnavailable, match="certificate"):
            await strict.run().get(f"https://right.example:{port}/")

    assert reply.content == b"hello"


async def test_proxy_variables_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect to addresses that nobody checked."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with server(hello) as port, client() as http:
        reply = await http.run().get(f"http://127.0.0.1:{port}/")

    assert reply.content == b"hello"
