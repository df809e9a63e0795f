"""A short live campaign on servers of its own: what clients are told is what the log holds."""

import pytest

from tests.chaos.live import Plan, run
from tests.chaos.servers import Missing
from tests.conftest import missing

pytestmark = pytest.mark.enable_socket


@pytest.mark.timeout(420)
@pytest.mark.parametrize("with_bus", [True, False])
def test_clients_are_told_everything_once_whatever_dies(*, with_bus: bool) -> None:
    """With the bus and without one, while gateways, workers, Redis and the clients' sockets die."""
    try:
        report = run(Plan(with_bus=with_bus))
    except Missing as reason:
        missing(str(reason))

    assert report.broken == [], report
    assert len(report.faults) == 4
    assert report.connects > 200
