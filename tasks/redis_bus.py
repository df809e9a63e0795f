"""The bus over Redis: publish and subscribe, one channel an owner.

A process subscribes to an owner only while that owner watches something in it. Redis keeps
nothing for who is away, so after every new connection all listeners are told to catch up.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tasks.bus import Listener, MakeEvent, Subscription, decode, encode
from tasks.ending import end

#: Events that wait to be sent; beyond it the oldest go, which watchers find in the log.
QUEUE_SIZE: Final = 10_000
#: Events that go out in one round trip.
PIPELINE: Final = 500
#: How long a watcher waits for the confirmation before it relies on the comparison.
CONFIRM_SECONDS: Final = 1.0
#: How long events of owners whom nobody heard a moment ago wait for others before Redis is asked
#: about them: a question an event cost the gateway a fifth of its time. Whoever is known to be
#: heard does not wait.
QUIET_SECONDS: Final = 0.005
#: Pauses between attempts to connect: the first, and the longest.
RETRY_SECONDS: Final = (0.1, 2.0)
#: A connection that is silent for so long is asked whether it is there.
SILENCE_SECONDS: Final = 10.0
_TIMEOUT_SECONDS: Final = 2.0
#: One command and one answer for many messages: a third of what as many commands cost us. The
#: answer says how many heard each.
_PUBLISH: Final = """
local heard = {}
for i = 1, #ARGV, 2 do heard[#heard + 1] = redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
return heard
"""
#: Owners of whom it is remembered that they are heard. Whoever is forgotten is asked about anew.
MOST_HEARD: Final = 100_000

_log = logging.getLogger(__name__)


class _Channel:
    """An owner's channel in this process."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.unconfirmed = 0  #: Subscriptions that were sent and not answered.
        self.confirmed = asyncio.Event()
        self.has_missed = False  #: Whether something was published that nobody here was told.


class _Subscription:
    """A listener on a channel."""

    __slots__ = ("_bus", "_channel", "_listener", "_user_id")

    def __init__(
        self, bus: "RedisBus", user_id: int, channel: _Channel, listener: Listener
    ) -> None:
        self._bus = bus
        self._user_id = user_id
        self._channel = channel
        self._listener = listener

    async def confirmed(self) -> None:
        """Wait for Redis to confirm the channel, within reason."""
        channel = self._channel
        if channel.confirmed.is_set():
            return
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await channel.confirmed.wait()
        except TimeoutError:
            channel.has_missed = True

    def end(self) -> None:
        """Leave the channel, if nobody else is left on it."""
        self._channel.listeners.remove(self._listener)
        self._bus.leave(self._user_id, self._channel)


class RedisBus:
    """Publishes and subscribes. Belongs to the event loop that it was opened on."""

    def __init__(self, url: str, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._redis: Redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its **kwargs
            url,
            protocol=2,  # In it, what is pushed is an answer like any other.
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # Whoever asks decides when to ask again.
        )
        pool: Any = self._redis.connection_pool
        # Redis does not divide channels by database, but those who share one by number do.
        self._prefix = f"sluice:{pool.connection_kwargs.get('db') or 0}:events:"
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[tuple[int, MakeEvent]] = deque(maxlen=QUEUE_SIZE)
        self._heard: set[int] = set()  # owners whose last event was heard somewhere
        self._to_send = asyncio.Event()
        self._quiet_seconds = quiet_seconds
        self._quiet: asyncio.TimerHandle | None = None  # until when nobody is asked about
        self._channels: dict[int, _Channel] = {}
        self._listening: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._wishes: set[int] = set()  # owners whose channel is to be joined, or left
        self._asking: asyncio.Task[None] | None = None
        self._is_away = False  # whether the log says so already

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, quiet_seconds: float = QUIET_SECONDS
    ) -> AsyncGenerator["RedisBus"]:
        """Open the bus. Redis need not be there yet."""
        bus = cls(url, quiet_seconds=quiet_seconds)
        sending = asyncio.create_task(bus._send_for_ever())
        try:
            yield bus
        finally:
            await bus._close(sending)

    def publish(self, user_id: int, make: MakeEvent) -> None:
        """Queue an event; it is made and goes out off the caller's path."""
        self._outgoing.append((user_id, make))
        if self._quiet is None:
            self._to_send.set()
        elif user_id in self._heard:
            self._quiet.cancel()
            self._end_quiet()

    def _end_quiet(self) -> None:
        self._quiet = None
        if self._outgoing:
            self._to_send.set()

    def subscribe(self, user_id: int, listener: Listener) -> Subscription:
        """Listen to an owner's channel."""
        channel = self._channels.get(user_id)
        if channel is None:
            channel = self._channels[user_id] = _Channel()
            self._join(user_id)
        channel.listeners.append(listener)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen_for_ever())
        return _Subscription(self, user_id, channel, listener)

    def leave(self, user_id: int, channel: _Channel) -> None:
        """Leave a channel that nobody listens to any more."""
        if not channel.listeners and self._channels.get(user_id) is channel:
            del self._channels[user_id]
            self._join(user_id)

    def _join(self, user_id: int) -> None:
        """Join or leave an owner's channel with the others of this moment, in one command."""
        self._wishes.add(user_id)
        if self._asking is None:
            self._asking = self._loop.create_task(self._ask_all())

    async def _ask_all(self) -> None:
        """Make what Redis carries to us what is wanted, until nothing has changed meanwhile."""
        try:
            while self._wishes:
                wishes = [self._wishes.pop() for _ in range(min(PIPELINE, len(self._wishes)))]
                await self._ask("UNSUBSCRIBE", [u for u in wishes if u not in self._channels])
                await self._ask("SUBSCRIBE", [u for u in wishes if u in self._channels])
        finally:
            self._asking = None

    async def _ask(self, command: str, user_ids: Iterable[int]) -> None:
        """Send a command on the listening connection; without one, a new one will make up."""
        connection = self._connection
        names = [f"{self._prefix}{user_id}" for user_id in user_ids]
        if connection is None or not names:
            return
        if command == "SUBSCRIBE":
            for user_id in user_ids:
                if (channel := self._channels.get(user_id)) is not None:
                    channel.unconfirmed += 1
        with contextlib.suppress(RedisError, OSError):  # The reader meets the same error.
            await connection.send_command(command, *names, check_health=False)

    async def _listen_for_ever(self) -> None:
        pause = RETRY_SECONDS[0]
        while True:
            try:
                async with self._connected() as connection:
                    pause = RETRY_SECONDS[0]
                    self._is_away = False
                    await self._read(connection)
            except (RedisError, OSError) as error:
                self._miss(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS[1])

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Any]:
        """Connect, and subscribe to every channel that is wanted."""
        pool: Any = self._redis.connection_pool
        connection: Any = pool.make_connection()
        try:
            await connection.connect()
            for channel in self._channels.values():
                channel.unconfirmed = 0
            self._connection = connection
            wanted = list(self._channels)
            for start in range(0, len(wanted), PIPELINE):
                await self._ask("SUBSCRIBE", wanted[start : start + PIPELINE])
            yield connection
        finally:
            self._connection = None
            for channel in self._channels.values():
                channel.confirmed.clear()
                channel.has_missed = True
            await connection.disconnect(nowait=True)

    async def _read(self, connection: Any) -> None:
        """Take what Redis says until the connection breaks."""
        is_silent = False
        while True:
            answer = await connection.read_response(
                timeout=SILENCE_SECONDS, disconnect_on_error=False
            )
            if answer is None:
                if is_silent:
                    raise ConnectionError("Redis has fallen silent")
                is_silent = True
                await connection.send_command("PING", check_health=False)
                continue
            is_silent = False
            if isinstance(answer, list):
                self._take(answer)  # pyright: ignore[reportUnknownArgumentType] - as Redis sends it

    def _take(self, answer: list[Any]) -> None:
        kind = answer[0]
        if kind == b"message":
            self._hand_over(answer[2])
        elif kind == b"subscribe":
            channel = self._channels.get(int(answer[1].rpartition(b":")[2]))
            if channel is None:
                return
            channel.unconfirmed -= 1
            if channel.unconfirmed <= 0 and not channel.confirmed.is_set():
                channel.confirmed.set()
                if channel.has_missed:
                    channel.has_missed = False
                    for listener in channel.listeners:
                        listener.catch_up()

    def _hand_over(self, message: bytes) -> None:
        try:
            event = decode(message)
        except ValueError as error:
            _log.warning("the bus carried a message that is not ours: %s", error)
            return
        channel = self._channels.get(event.user_id)
        for listener in channel.listeners if channel is not None else ():
            listener.receive(event)

    async def _send_for_ever(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            while self._outgoing and self._quiet is None:
                heard = await self._send(min(PIPELINE, len(self._outgoing)))
                if not heard and self._heard.isdisjoint(user_id for user_id, _ in self._outgoing):
                    self._quiet = self._loop.call_later(self._quiet_seconds, self._end_quiet)

    async def _send(self, count: int) -> bool:
        """Send the oldest events; says whether somebody may have heard one.

        What cannot be sent is dropped: watchers find it in the log.
        """
        waiting = [self._outgoing.popleft() for _ in range(count)]
        heard: list[tuple[int, MakeEvent]] = []
        try:
            await self._find_heard({user_id for user_id, _ in waiting} - self._heard)
            if heard := [each for each in waiting if each[0] in self._heard]:
                await self._send_heard(heard)
        except (RedisError, OSError) as error:
            self._miss(error)
            await asyncio.sleep(RETRY_SECONDS[0])
        else:
            self._is_away = False
        if len(self._heard) > MOST_HEARD:
            self._heard.clear()
        return bool(heard)

    async def _find_heard(self, user_ids: Iterable[int]) -> None:
        """Ask Redis to which of these owners somebody listens.

        Whoever joins a channel after the answer reads the database after that, and so after the
        commit of what is not sent to them.
        """
        asked = list(user_ids)
        if not asked:
            return
        channels = [f"{self._prefix}{user_id}" for user_id in asked]
        # Channels and the numbers of their listeners in turn.
        counts = (await self._command("PUBSUB", "NUMSUB", *channels))[1::2]
        self._heard.update(owner for owner, count in zip(asked, counts, strict=True) if count)

    async def _send_heard(self, heard: Sequence[tuple[int, MakeEvent]]) -> None:
        pairs: list[str | bytes] = []
        for user_id, make in heard:
            pairs += (f"{self._prefix}{user_id}", encode(make()))
        counts = await self._command("EVAL", _PUBLISH, 0, *pairs)
        for (user_id, _), count in zip(heard, counts, strict=True):
            if not count:
                self._heard.discard(user_id)

    async def _command(self, *words: Any) -> list[Any]:
        redis: Any = self._redis
        return await redis.execute_command(*words)

    def _miss(self, error: Exception) -> None:
        """Log an outage, once."""
        if not self._is_away:
            _log.warning("the bus is away; watchers rely on the database: %s", error)
        self._is_away = True

    async def _close(self, sending: "asyncio.Task[None]") -> None:
        """Send what is queued, then leave."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._end_quiet()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                while self._outgoing:
                    self._to_send.set()
                    await asyncio.sleep(0.01)
        await end(*(each for each in (sending, self._listening, self._asking) if each))
        await self._redis.aclose()
