"""Wake-ups are sent while nobody has one, and no more of them than are worth sending."""

from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker

from tests.tasks.watch.world import until
from workers.broker import ACTOR, QUEUE, open_broker, waiting, wake_up
from workers.waker import BrokerWaker


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    """Return a broker whose messages nobody takes."""
    broker = open_broker("memory://")
    assert isinstance(broker, StubBroker)
    yield broker
    broker.close()


@pytest.fixture
def waker(broker: StubBroker) -> Iterator[BrokerWaker]:
    """Return a waker over the broker."""
    waker = BrokerWaker(broker, wake_up)
    yield waker
    waker.close()


async def test_a_message_that_waits_stands_for_later_wishes(
    broker: StubBroker, waker: BrokerWaker
) -> None:
    """Whoever takes it claims after all of them; one more message would find nothing more."""
    waker.wake()
    await until(lambda: waiting(broker, QUEUE) == 1)

    for _ in range(20):
        waker.wake()
    waker.close()

    assert waiting(broker, QUEUE) == 1


async def test_a_wish_after_the_message_was_taken_is_sent(
    broker: StubBroker, waker: BrokerWaker
) -> None:
    """The claim of who took it may have come before the wish."""
    waker.wake()
    await until(lambda: waiting(broker, QUEUE) == 1)
    taken = broker.queues[QUEUE].get_nowait()

    waker.wake()

    await until(lambda: waiting(broker, QUEUE) == 1)
    assert ACTOR.encode() in taken
