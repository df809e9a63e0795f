import asyncio
import io
import json
import logging
from datetime import UTC, datetime
from typing import Any

import structlog

from api.correlation import Served, log_access
from sluice import log
from sluice.settings import load


def test_libraries_records_come_in_the_same_json_as_ours() -> None:
    """One object a line, with time, level, logger and correlation id, whoever wrote it."""
    stream = io.StringIO()
    log.configure(load(log_format="json"), stream=stream)

    with structlog.contextvars.bound_contextvars(correlation_id="abc"):
        structlog.stdlib.get_logger("ours").info("hello", answer=42)
        logging.getLogger("uvicorn.error").warning("from %s", "uvicorn", extra={"port": 1})

    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["answer"], ours["logger"]) == ("hello", 42, "ours")
    assert (theirs["event"], theirs["level"]) == ("from uvicorn", "warning")
    assert theirs["port"] == 1
    assert ours["correlation_id"] == theirs["correlation_id"] == "abc"


def test_a_stream_that_is_no_terminal_gets_json_by_default() -> None:
    """Containers and files are read by machines."""
    stream = io.StringIO()
    log.configure(load(), stream=stream)

    structlog.stdlib.get_logger("ours").info("hello")

    assert json.loads(stream.getvalue())["event"] == "hello"


def test_a_broker_that_is_away_is_no_heap_of_tracebacks() -> None:
    """RabbitMQ's client is heard only by who asked for everything."""
    heard: dict[str, str] = {}
    for level in ("info", "debug"):
        stream = io.StringIO()
        log.configure(load(log_level=level), stream=stream)
        logging.getLogger("pika.adapters").error("lost")
        heard[level] = stream.getvalue()

    assert heard["info"] == ""
    assert "lost" in heard["debug"]


def test_passwords_never_reach_the_log() -> None:
    """Neither in a message, nor in a field, nor in an exception's text."""
    stream = io.StringIO()
    log.configure(load(log_format="json"), stream=stream)
    address = "redis://u:geheim@cache"

    structlog.stdlib.get_logger("ours").info(f"open {address}", url=address)
    error = ConnectionError(f"cannot reach {address}")
    logging.getLogger("theirs").error("failed", exc_info=error)

    assert "geheim" not in stream.getvalue()
    assert stream.getvalue().count("u:***@cache") >= 3


def test_console_lines_are_for_reading() -> None:
    """No JSON, no colours into a file, and exceptions are plain tracebacks."""
    stream = io.StringIO()
    log.configure(load(log_format="console"), stream=stream)

    structlog.stdlib.get_logger("ours").info("hello", answer=42)

    assert "hello" in stream.getvalue()
    assert "answer=42" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


async def test_an_access_line_is_the_same_whoever_writes_it() -> None:
    """It is made by hand for speed; its reader must not notice."""
    scope = {"method": "GET", "path": '/ä"\n/http://u:geheim@h', "state": {"correlation_id": "abc"}}

    async def written(write: Served, stream: io.StringIO) -> list[list[tuple[str, Any]]]:
        with structlog.contextvars.bound_contextvars(correlation_id="abc"):
            write(scope, 200, 0.01234)
            write({**scope, "path": "/healthz"}, 200, 0.01234)
            write({"path": "/", "state": scope["state"]}, None, 3.0)
        await asyncio.sleep(0)
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        times = [datetime.fromisoformat(line.pop("timestamp")) for line in lines]
        assert all(abs(datetime.now(UTC) - time).total_seconds() < 60 for time in times)
        return [list(line.items()) for line in lines]

    by_hand, records = io.StringIO(), io.StringIO()
    log.configure(load(log_format="json"), stream=by_hand)
    fast = log.access_log()
    log.configure(load(log_format="json"), stream=records)

    assert isinstance(fast, log.AccessLog)
    assert await written(fast, by_hand) == await written(log_access, records)
    assert "geheim" not in by_hand.getvalue()


def test_access_lines_are_records_where_others_listen() -> None:
    """A second handler, or one for people, gets them as it gets everything."""
    log.configure(load(log_format="console"), stream=io.StringIO())
    assert log.access_log() is log_access

    log.configure(load(log_format="json"), stream=io.StringIO())
    logging.getLogger().addHandler(logging.NullHandler())
    assert log.access_log() is log_access


def test_no_access_line_below_the_level() -> None:
    """`warning` asks for silence."""
    stream = io.StringIO()
    log.configure(load(log_format="json", log_level="warning"), stream=stream)

    log.access_log()({"method": "GET", "path": "/", "state": {}}, 200, 0.0)

    assert stream.getvalue() == ""
