"""No-op messages through Dramatiq and Redis: one worker process with 8 threads, its default.

Prints messages a second, enqueued to done. Runs in an environment of its own.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

URL = os.environ.get("PEER_REDIS") or sys.argv[2]
COUNT = "peer:done"
dramatiq.set_broker(RedisBroker(url=URL))
client = redis.Redis.from_url(URL)


@dramatiq.actor(max_retries=0)
def nothing() -> None:
    """Do nothing but count."""
    client.incr(COUNT)


def main(messages: int) -> None:
    """Measure."""
    command = [sys.executable, "-m", "dramatiq", "dramatiq_peer", "--processes", "1"]
    folder = str(Path(__file__).resolve().parent)
    with subprocess.Popen(
        [*command, "--path", folder],
        env={**os.environ, "PEER_REDIS": URL},
        stderr=subprocess.DEVNULL,
    ) as worker:
        nothing.send()
        while int(client.get(COUNT) or 0) < 1:
            time.sleep(0.01)
        begun = time.monotonic()
        for _ in range(messages):
            nothing.send()
        while int(client.get(COUNT) or 0) < messages + 1:
            time.sleep(0.02)
        seconds = time.monotonic() - begun
        worker.terminate()
    print(messages / seconds)


if __name__ == "__main__":
    main(int(sys.argv[3]))
