"""Separate processes on PostgreSQL and Redis: two HTTP processes and a worker."""

import json
import signal
import subprocess
from collections.abc import Callable

import httpx2
import pytest

from tests.acceptance.conftest import Start

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.parametrize("backend", ["postgresql"], indirect=True),
]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_task_made_at_a_gateway_is_run_by_a_worker_elsewhere(
    start: Start, run: Run, environment: dict[str, str]
) -> None:
    """The README's commands, with the same settings for each; all end well on a signal."""
    run("user", "create", "ada@example.org", env=environment)
    token = run("token", "create", "--name", "ci", "--quiet", env=environment).stdout.strip()
    worker = start("worker", **environment)
    gateway = start("serve", "--workers", "2", "--port", "0", **environment)
    address = gateway.line_with("http://").split()[-1]
    worker.line_with("takes tasks")

    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=address, headers=headers, trust_env=False, timeout=20) as client:
        created = client.post("/api/tasks", json={"group_id": "sandbox:instant", "max_posts": 5})
        ready = client.get("/readyz")
    watched = run("task", "watch", str(created.json()["data"]["id"]), "--json", env=environment)

    assert created.status_code == 201
    assert ready.json()["status"] == "ok"
    assert watched.returncode == 0
    assert json.loads(watched.stdout.splitlines()[-1])["task"]["posts_count"] == 5
    assert gateway.signal(signal.SIGTERM) == 0
    assert worker.signal(signal.SIGTERM) == 0
    assert "Traceback" not in gateway.err() + worker.err()
