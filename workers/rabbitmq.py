"""Wake-ups over RabbitMQ. Loaded where it is used alone: its client library is not small."""

from typing import Any

from dramatiq.broker import Consumer
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from pika.exceptions import AMQPChannelError, AMQPConnectionError


class DeclaringBroker(RabbitmqBroker):
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
