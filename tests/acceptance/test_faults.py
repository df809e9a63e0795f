"""A short fault campaign on servers of its own; `make chaos` runs the long one."""

import pytest

from tests.chaos.campaign import Plan, run
from tests.chaos.servers import Missing
from tests.conftest import missing

pytestmark = pytest.mark.enable_socket


@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_whatever_dies() -> None:
    """Processes and servers are killed, clocks are wrong, messages vanish: all tasks end well."""
    plan = Plan(seconds=15, tasks=40, workers=2, gateways=1, broker="redis", calm_seconds=90)
    try:
        report = run(plan)
    except Missing as reason:
        missing(str(reason))

    assert report.verdict.broken == [], report.text()
    assert len(report.created) == 40
    assert report.verdict.checked["has a gapless log"] >= 40
    assert report.tracebacks == [], report.text()
