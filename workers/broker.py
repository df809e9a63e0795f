"""Which Dramatiq broker carries the wake-ups. Its messages say "there is work" and no more.

So nothing rests on the broker's order or memory: a lost, doubled or late message costs seconds
(the sweeper sends another), and none of Dramatiq's retries, time limits or results are used.
"""

from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import dramatiq
from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware
from pika.exceptions import AMQPChannelError, AMQPConnectionError
from redis import Redis

QUEUE: Final = "sluice"
ACTOR: Final = "work"
MEMORY: Final = "memory"


def open_broker(
    url: str, *, middleware: Sequence[Middleware] = (), namespace: str = "sluice"
) -> dramatiq.Broker:
    """Return the broker at `url` with our queue declared. It connects when it is first used.

    `memory://` reaches this process alone. `namespace` keeps installations that share a Redis or
    a RabbitMQ virtual host apart.

    Raises:
        ValueError: `url` is of no kind that we know.
    """
    scheme = urlsplit(url).scheme
    chosen = list(middleware)
    broker: dramatiq.Broker
    if scheme == MEMORY:
        broker = StubBroker(middleware=chosen)
    elif scheme in {"redis", "rediss"}:
        broker = RedisBroker(url=url, middleware=chosen, namespace=namespace)
    elif scheme in {"amqp", "amqps"}:
        broker = _RabbitmqBroker(url=url, middleware=chosen)
    else:
        raise ValueError(f"{scheme}:// is no broker; use redis://, amqp:// or memory://.")
    broker.declare_queue(queue_name(namespace))
    return broker


class _RabbitmqBroker(RabbitmqBroker):
    """Declares the queue before each use: it may have gone with a server that was made anew.

    Dramatiq's declares it once, and then publishes into the void and consumes from nothing.
    """

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Declare, then consume."""
        self.queues_pending.add(q_name(queue_name))
        return super().consume(queue_name, prefetch, timeout)

    def waiting(self, queue_name: str) -> int:
        """Declare, which also tells how many messages wait."""
        try:
            declared: Any = self._declare_queue(queue_name)  # pyright: ignore[reportUnknownMemberType] - Dramatiq leaves it open
        except (AMQPConnectionError, AMQPChannelError) as error:
            # The next use opens another; a connection that was idle is closed by the server.
            del self.connection
            raise ConnectionClosed(error) from None
        return declared.method.message_count


def waiting(broker: dramatiq.Broker, queue: str) -> int:
    """Return how many messages wait in a queue for a process that has room."""
    if isinstance(broker, _RabbitmqBroker):
        return broker.waiting(queue)
    if isinstance(broker, RedisBroker):
        client = cast("Redis", broker.client)  # pyright: ignore[reportUnknownMemberType] - untyped in Dramatiq
        return client.llen(f"{broker.namespace}:{queue}")
    return broker.queues[queue].qsize() if isinstance(broker, StubBroker) else 0


def queue_name(namespace: str) -> str:
    """Return the queue's name; RabbitMQ has no other way to keep installations apart."""
    return QUEUE if namespace == QUEUE else f"{QUEUE}-{namespace}"


def wake_up(namespace: str = "sluice") -> "dramatiq.Message[None]":
    """Return the one message that we send."""
    return dramatiq.Message(
        queue_name=queue_name(namespace), actor_name=ACTOR, args=(), kwargs={}, options={}
    )
