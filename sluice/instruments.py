"""The metrics of this process: ours, and the interpreter's own."""

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from tasks.metrics import Metrics

VERSION: Final = version("sluice")


def new_metrics() -> Metrics:
    """Return metrics on a registry of their own, for a process to share among its parts."""
    disable_created_metrics()  # Each counter's birth, as a series of its own, helps nobody.
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return Metrics(registry, version=VERSION)
