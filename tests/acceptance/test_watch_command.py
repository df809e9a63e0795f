"""`sluice task watch` on a server that is killed and comes back."""

import socket
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.acceptance.conftest import Served, Start

pytestmark = pytest.mark.enable_socket


def free_port() -> str:
    """Return a port that a server can have twice."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def send(served: Served, token: str, task_id: int, number: int) -> None:
    """Send a task of the client's own one post."""
    with served.client(token) as client:
        body = {"posts": [{"id": f"p{number}", "message": "text"}]}
        assert client.post(f"/api/tasks/{task_id}/posts", json=body).is_success


def test_watching_goes_on_over_a_killed_server(start: Start, run: Callable[..., Any]) -> None:
    """Every event once and in order: before the kill, while the server is gone, and after it."""
    port = free_port()
    served = Served(start("up", "--port", port))
    token = served.token()
    with served.client(token) as client:
        made = client.post("/api/tasks", json={"group_id": "push:mine", "max_posts": 3}).json()
    task_id = made["data"]["id"]
    arguments = ("task", "watch", str(task_id), "--server", served.address, "--json")

    watching = start(*arguments, SLUICE_TOKEN=token)
    send(served, token, task_id, 1)
    watching.line_with('"posts_count":1')
    served.process.kill()
    run("task", "list")  # The log can be read, and the watcher is without a server meanwhile.
    served = Served(start("up", "--port", port))
    send(served, token, task_id, 2)
    send(served, token, task_id, 3)

    assert watching.wait() == 0
    watching.kill()
    log = [orjson.loads(line) for line in run(*arguments[:3], "--json").stdout.splitlines()]
    told = [orjson.loads(line) for line in watching.told()]
    assert [(e["seq"], e["type"]) for e in told] == [(e["seq"], e["type"]) for e in log]
    assert watching.err().splitlines() == [
        "The server is gone; waiting until it answers again.",
        "The server answers again.",
    ]


@pytest.mark.parametrize(
    ("token", "task_id", "sentence"),
    [
        ("", "1", "set SLUICE_TOKEN"),
        ("slc_unknown", "1", "The server refuses (401)"),
        ("own", "999", "The server refuses (404)"),
    ],
)
def test_what_a_server_refuses_is_one_sentence(
    start: Start, run: Callable[..., Any], token: str, task_id: str, sentence: str
) -> None:
    """With the server's own reason, and without trying again."""
    served = Served(start("up", "--port", "0"))
    token = served.token() if token == "own" else token

    ended = run("task", "watch", task_id, "--server", served.address, env={"SLUICE_TOKEN": token})

    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_server_that_is_not_there_is_one_sentence(run: Callable[..., Any]) -> None:
    """Nothing is waited for that never answered."""
    address = f"http://127.0.0.1:{free_port()}"

    ended = run("task", "watch", "1", "--server", address, env={"SLUICE_TOKEN": "slc_x"})

    assert ended.returncode == 1
    assert f"{address} does not answer" in ended.stderr
