"""What Sluice counts about itself, for Prometheus.

The registry is injected: one a process, and a fresh one a test.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: Gives the number of tasks by state, such as `{"pending": 3, "running": 1}`.
ReadDepth: TypeAlias = Callable[[], Awaitable[Mapping[str, int]]]

# A planned query takes under 1 ms and a page of posts some 10 ms; the default buckets start at 5.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process. All but the queue's depth count what this process did."""

    def __init__(self, registry: CollectorRegistry, *, version: str = "unknown") -> None:
        self.registry = registry
        self.http_requests = Counter(
            "sluice_http_requests",
            "Answered HTTP requests.",
            ("route", "method", "status"),
            registry=registry,
        )
        self.http_request_seconds = Histogram(
            "sluice_http_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.claims = Counter("sluice_claims", "Tasks that workers took.", registry=registry)
        self.runs = Counter(
            "sluice_runs",
            "Runs of tasks that ended, by how: completed, failed, released or lost.",
            ("platform", "outcome"),
            registry=registry,
        )
        self.posts_stored = Counter(
            "sluice_posts_stored", "Posts stored.", ("platform",), registry=registry
        )
        self.leases_lost = Counter(
            "sluice_leases_lost", "Leases that ended without their worker.", registry=registry
        )
        self.queue_tasks = Gauge(
            "sluice_queue_tasks",
            "Unfinished tasks in the database, by state: pending or running.",
            ("state",),
            registry=registry,
        )
        self.held_hosts = Gauge(
            "sluice_held_hosts",
            "Hosts' budgets, for a credential each, that grant no call at this moment.",
            registry=registry,
        )
        build = Gauge(
            "sluice_build_info", "The version, as a label.", ("version",), registry=registry
        )
        build.labels(version).set(1)


class ScrapeTime(ABC):
    """Keeps a gauge true at scrape time, however often somebody scrapes."""

    def __init__(self, *, keep_seconds: float = 5.0) -> None:
        self._keep_seconds = keep_seconds
        self._next_read = 0.0
        self._lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Read again if the last reading is older than `keep_seconds`.

        Concurrent calls share one reading. When the read fails the gauge has no value, which
        says more than an old one; the error is the caller's.
        """
        async with self._lock:
            if time.monotonic() < self._next_read:
                return
            try:
                await self._set()
            except Exception:
                self._unset()
                raise
            self._next_read = time.monotonic() + self._keep_seconds

    @abstractmethod
    async def _set(self) -> None:
        """Read, and set the gauge."""

    @abstractmethod
    def _unset(self) -> None:
        """Leave the gauge without a value."""


class QueueDepth(ScrapeTime):
    """Keeps `sluice_queue_tasks` true."""

    def __init__(self, metrics: Metrics, read: ReadDepth, *, keep_seconds: float = 5.0) -> None:
        super().__init__(keep_seconds=keep_seconds)
        self._gauge = metrics.queue_tasks
        self._read = read

    async def _set(self) -> None:
        depth = await self._read()
        for state in ("pending", "running"):
            self._gauge.labels(state).set(depth.get(state, 0))

    def _unset(self) -> None:
        self._gauge.clear()


class HeldHosts(ScrapeTime):
    """Keeps `sluice_held_hosts` true."""

    def __init__(
        self, metrics: Metrics, read: Callable[[], Awaitable[int]], *, keep_seconds: float = 5.0
    ) -> None:
        super().__init__(keep_seconds=keep_seconds)
        self._gauge = metrics.held_hosts
        self._read = read

    async def _set(self) -> None:
        self._gauge.set(await self._read())

    def _unset(self) -> None:
        # A gauge without labels cannot be cleared; this is how Prometheus writes no value.
        self._gauge.set(float("nan"))
