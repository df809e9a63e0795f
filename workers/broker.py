"""Which Dramatiq broker carries the wake-ups. Its messages say "there is work" and no more.

So nothing rests on the broker's order or memory: a lost, doubled or late message costs seconds
(the sweeper sends another), and none of Dramatiq's retries, time limits or results are used.
"""

from collections.abc import Sequence
from typing import Final, Protocol, cast, runtime_checkable
from urllib.parse import urlsplit

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware
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
        from workers.rabbitmq import DeclaringBroker  # noqa: PLC0415 - it loads pika, 1.5 MB

        broker = DeclaringBroker(url=url, middleware=chosen)
    else:
        raise ValueError(f"{scheme}:// is no broker; use redis://, amqp:// or memory://.")
    broker.declare_queue(queue_name(namespace))
    return broker


@runtime_checkable
class Counting(Protocol):
    """A broker that knows how many messages wait."""

    def waiting(self, queue_name: str) -> int:
        """Return how many messages wait in a queue."""
        ...


def waiting(broker: dramatiq.Broker, queue: str) -> int:
    """Return how many messages wait in a queue for a process that has room."""
    if isinstance(broker, Counting):
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
