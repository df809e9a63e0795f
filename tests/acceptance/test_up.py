"""`sluice up` as a person meets it: a real process, real HTTP, a real Ctrl-C."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Process, Served, Start

pytestmark = pytest.mark.enable_socket

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_from_an_empty_directory_to_a_result(start: Start, run: Run, data_dir: Path) -> None:
    """What the README shows: start, create with the printed token, watch, read the posts."""
    served = Served(start("up", "--port", "0"))
    token = served.token()
    with served.client(token) as client:
        created = client.post("/api/tasks", json={"group_id": "1234", "max_posts": 30})
        watched = run("task", "watch", "1", "--json")
        result = client.get("/api/tasks/1/result")
        ready = client.get("/readyz")
        metrics = client.get("/metrics")

    assert created.status_code == 201
    assert watched.returncode == 0
    seqs = [json.loads(line)["seq"] for line in watched.stdout.splitlines()]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(result.json()["posts"]) == 30
    assert all(post["author"] == "Sluice sandbox" for post in result.json()["posts"])
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert 'sluice_runs_total{outcome="completed",platform="sandbox"} 1.0' in metrics.text
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_the_printed_commands_work_when_pasted(start: Start, data_dir: Path) -> None:
    """With the shell's own eyes, quoting included."""
    served = Served(start("up", "--port", "0"))
    served.process.line_with("Stop with")
    lines = served.process.out
    pasted = "\n".join(
        line for line in lines if line.startswith(("export ", "curl ")) and "feed:" not in line
    )

    answer = subprocess.run(  # noqa: S603 - our own words
        ("/bin/sh", "-c", pasted), capture_output=True, text=True, check=True, timeout=20
    )

    assert '"message":"Task created successfully"' in answer.stdout
    assert str(data_dir) in "\n".join(lines)


def test_a_second_start_keeps_everything_but_the_token(start: Start, run: Run) -> None:
    """The first token still works, is not shown again, and the platform is still named."""
    first = Served(start("up", "--port", "0"))
    token = first.token()
    with first.client(token) as client:
        client.post("/api/tasks", json={"group_id": "sandbox:instant", "max_posts": 1})
    assert first.process.signal(signal.SIGTERM) == 0

    second = Served(start("up", "--port", "0"))
    second.process.line_with("Stop with")

    with second.client(token) as client:
        assert client.get("/api/tasks/1").status_code == 200
    shown = "\n".join(second.process.out)
    assert "slc_" not in shown
    assert "sandbox, which invents its posts" in shown
    assert "token create" in shown
    assert len(json.loads(run("user", "list", "--json").stdout)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_running_tasks_back_and_ends_well(
    start: Start, run: Run, number: signal.Signals
) -> None:
    """Code 0, no traceback, and the task waits for the next start without a failure counted."""
    served = Served(start("up", "--port", "0"))
    with served.client(served.token()) as client:
        client.post("/api/tasks", json={"group_id": "sandbox:slow", "max_posts": 500})
    watcher = start("task", "watch", "1", "--json")
    watcher.line_with('"progress"')

    code = served.process.signal(number)

    task = json.loads(run("task", "show", "1", "--json").stdout)
    assert code == 0
    assert "Traceback" not in served.process.err()
    assert (task["status"], task["failures"]) == ("pending", 0)
    assert task["posts_count"] > 0


def test_a_port_in_use_is_one_sentence(start: Start, data_dir: Path) -> None:
    """Found out before anything is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        process = start("up", "--port", str(port))

        assert process.wait() == 1
    assert process.err().startswith(f"sluice: Port {port} on 127.0.0.1 is in use;")
    assert not (data_dir / "sluice.db").exists()


def test_two_servers_on_one_directory_are_refused(start: Start) -> None:
    """SQLite is for one serving process."""
    Served(start("up", "--port", "0"))

    second = start("up", "--port", "0")

    assert second.wait() == 1
    assert "serves from" in second.err()


def test_a_file_in_place_of_the_directory_is_one_sentence(start: Start, data_dir: Path) -> None:
    """It names the path and the settings."""
    data_dir.touch()

    process = start("up", "--port", "0")

    assert process.wait() == 1
    _assert_one_sentence(process, str(data_dir), "--data-dir", "SLUICE_DATA_DIR")


def test_a_file_that_is_no_database_is_one_sentence(start: Start, data_dir: Path) -> None:
    """Somebody's file is neither overwritten nor answered with a traceback."""
    data_dir.mkdir()
    (data_dir / "sluice.db").write_text("Not a database, but a letter.\n" * 100)

    process = start("up", "--port", "0")

    assert process.wait() == 1
    _assert_one_sentence(process, str(data_dir / "sluice.db"))


def test_a_database_of_a_newer_version_is_one_sentence(
    start: Start, run: Run, data_dir: Path
) -> None:
    """Past a migration that this version cannot work with, nothing is touched."""
    assert run("migrate").returncode == 0
    connection = sqlite3.connect(data_dir / "sluice.db")
    connection.execute("INSERT INTO schema_contract VALUES ('9999_future')")
    connection.commit()
    connection.close()

    process = start("up", "--port", "0")

    assert process.wait() == 1
    _assert_one_sentence(process, "9999_future")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SLUICE_ENV", "prod"), ("SLUICE_DATABASE_URL", "mysql://x"), ("SLUICE_LEASE_SECONDS", "1")],
)
def test_wrong_settings_are_one_sentence(start: Start, variable: str, value: str) -> None:
    """Code 2, with the variable's name."""
    process = start("up", "--port", "0", **{variable: value})

    assert process.wait() == 2
    _assert_one_sentence(process, variable)


def test_a_misspelt_variable_is_named_at_the_start(start: Start) -> None:
    """With the nearest setting; it is no reason not to start."""
    served = Served(start("up", "--port", "0", SLUICE_LOG_LEVL="debug"))

    served.process.signal(signal.SIGTERM)

    assert "did you mean SLUICE_LOG_LEVEL?" in served.process.err()


def test_a_default_platform_that_is_set_is_not_replaced(start: Start, data_dir: Path) -> None:
    """The choice of a new directory is for those who made none."""
    served = Served(start("up", "--port", "0", SLUICE_DEFAULT_PLATFORM="feed"))

    assert served.process.line_with("without a platform").endswith("goes to feed.")
    assert not (data_dir / "choices.json").exists()


@pytest.mark.parametrize("sink", ["head -c 1", "true"])
def test_a_closed_pipe_is_no_error_to_read_about(sink: str) -> None:
    """`sluice source list | head` must not end in a traceback."""
    script = f'"$0" -m sluice source list | {sink}'

    ended = subprocess.run(  # noqa: S603 - our own words
        ("/bin/sh", "-c", script, sys.executable),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def _assert_one_sentence(process: Process, *parts: str) -> None:
    """Check that an ended process wrote one line to standard error, with these parts."""
    written = process.err()
    assert written.startswith("sluice: ")
    assert written.count("\n") == 1
    for part in parts:
        assert part in written
