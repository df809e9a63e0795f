"""The watch service: joins watchers, the bus and the log. One belongs to one event loop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from typing import Final, TypeVar

from tasks import models
from tasks.bus import Bus
from tasks.coalescing import Coalesced
from tasks.database import Database
from tasks.ending import end
from tasks.errors import StorageError
from tasks.position import Position
from tasks.principal import RESULTS_READ, TASKS_READ, Principal
from tasks.store import watch as store
from tasks.watch.owner import OwnerStream, Wanted
from tasks.watch.posts import Place, PostWatch
from tasks.watch.task import TaskWatch, Topic

#: How often what is watched is compared with the database: the delay of a lost message.
COMPARE_SECONDS: Final = 2.0
#: Tasks, or owners, that one statement of a comparison asks for: few enough that neither its rows
#: nor what they are compared with holds up the loop.
CHUNK: Final = 500

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Owner:
    """What is watched of one owner in this process, behind one subscription to the bus."""

    def __init__(self, bus: Bus, user_id: int, urge: Callable[[], None]) -> None:
        self.topics: dict[int, Topic] = {}
        self.streams: set[OwnerStream] = set()
        self.users = 0  #: Watches that hold the subscription.
        self.subscription = bus.subscribe(user_id, self)
        self._urge = urge

    def receive(self, event: models.TaskEvent) -> None:
        """Take an event from the bus."""
        topic = self.topics.get(event.task_id)
        if topic is not None:
            topic.offer(event)
        for stream in self.streams:
            stream.wake()

    def catch_up(self) -> None:
        """Look into the log as soon as possible."""
        for stream in self.streams:
            stream.wake()
        self._urge()


class WatchService:
    """What can be watched. Errors are those of `tasks/errors.py`, raised before the first item."""

    def __init__(self, database: Database, bus: Bus, *, retention: timedelta | None = None) -> None:
        """Take what to watch; `retention` says how long the log keeps events, None for ever."""
        self._database = database
        self._bus = bus
        self._retention = retention
        self._owners: dict[int, Owner] = {}
        self._standings = Coalesced[int, models.Task](
            lambda task_ids: database.read(store.standings, task_ids)
        )
        self._urgent = asyncio.Event()
        self._compared: Position | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, bus: Bus, *, retention: timedelta | None = None
    ) -> AsyncGenerator["WatchService"]:
        """Open the service, with the comparison that makes up for what the bus loses."""
        service = cls(database, bus, retention=retention)
        comparing = asyncio.create_task(service._compare_for_ever())
        try:
            yield service
        finally:
            await end(comparing)

    async def task(
        self, principal: Principal, task_id: int, *, since: int | None = None
    ) -> TaskWatch:
        """Watch a task: as it stands, then every event once and in order, to the terminal one.

        With `since`, the `seq` of the update that the client has seen last, the events after it
        come in place of the standing; unless the log does not go back that far.

        Raises:
            ScopeMissing: The token may not read tasks.
            TaskNotFound: There is none with this id.
            NotOwner: It is somebody else's.
        """
        principal.require(TASKS_READ)
        owner = await self._join(principal.user_id)
        topic = owner.topics.get(task_id)
        if topic is None:
            topic = Topic(task_id, self._database, on_empty=lambda t: _forget_topic(owner, t))
            owner.topics[task_id] = topic
        watch = TaskWatch(topic, self._database, release=lambda: self._leave(principal.user_id))
        topic.watches[watch] = None
        try:
            await watch.begin(principal, since, self._standings)
        except BaseException:
            await watch.aclose()
            raise
        return watch

    async def tasks(
        self, principal: Principal, *, wanted: Wanted = lambda _: True, since: str | None = None
    ) -> OwnerStream:
        """Watch all of the principal's tasks, without an end.

        Deleted tasks are told of whatever is `wanted`.

        Raises:
            ScopeMissing: The token may not read tasks.
            ValidationFailed: `since` is no position of a stream.
        """
        principal.require(TASKS_READ)
        owner = await self._join(principal.user_id)
        user_id = principal.user_id

        def release() -> None:
            owner.streams.discard(stream)
            self._leave(user_id)

        stream = OwnerStream(user_id, self._database, wanted=wanted, release=release)
        owner.streams.add(stream)
        try:
            await stream.begin(since, retention=self._retention)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def posts(
        self, principal: Principal, task_id: int, *, after: str | None = None
    ) -> PostWatch:
        """Watch a task's posts in batches as they are stored, until it ends.

        Raises:
            ScopeMissing, TaskNotFound, NotOwner: As they say.
            ValidationFailed: `after` is no position of a batch.
        """
        principal.require(RESULTS_READ)
        place = None if after is None else Place.parse(after)
        watch = PostWatch(task_id, self._database, await self.task(principal, task_id))
        try:
            await watch.begin(place)
        except BaseException:
            await watch.aclose()
            raise
        return watch

    async def _join(self, user_id: int) -> Owner:
        """Hold the owner's subscription, and wait until the bus has confirmed it."""
        owner = self._owners.get(user_id)
        if owner is None:
            owner = self._owners[user_id] = Owner(self._bus, user_id, self._urgent.set)
        owner.users += 1
        try:
            await owner.subscription.confirmed()
        except BaseException:
            self._leave(user_id)
            raise
        return owner

    def _leave(self, user_id: int) -> None:
        owner = self._owners[user_id]
        owner.users -= 1
        if not owner.users:
            del self._owners[user_id]
            owner.subscription.end()
            del owner.subscription  # It leads back to the owner.

    async def _compare_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMPARE_SECONDS):
                    await self._urgent.wait()
            self._urgent.clear()
            try:
                await self.compare()
            except StorageError as error:
                _log.warning("watched tasks cannot be compared with the database: %s", error)

    async def compare(self) -> None:
        """Compare what is watched with the database, and fetch what is missing."""
        # A copy, which takes no time; who leaves meanwhile is compared in vain.
        for owners in _chunks(list(self._owners.values())):
            topics = [topic for owner in owners for topic in owner.topics.values()]
            for chunk in _chunks(topics):
                await self._compare_topics(chunk)
                await asyncio.sleep(0)  # SQLite answers without letting others have the loop.
        await self._compare_streams()

    async def _compare_topics(self, topics: Sequence[Topic]) -> None:
        found = await self._database.read(store.revisions, [topic.task_id for topic in topics])
        for topic in topics:
            if topic.watches:
                topic.compare(found.get(topic.task_id))

    async def _compare_streams(self) -> None:
        """Wake the streams of owners whose log has something since the last comparison."""
        user_ids = [user_id for user_id, owner in self._owners.items() if owner.streams]
        if not user_ids:
            self._compared = None
            return
        # The position is read first: what comes in between is seen twice and not never.
        position = await self._database.read(store.position_now, self._database.dialect[0])
        since = self._compared
        if since is None:
            # Streams that began before it have read further than this comparison will.
            for user_id in user_ids:
                for stream in self._owners[user_id].streams:
                    stream.wake()
        else:
            for chunk in _chunks(user_ids):
                for event_id, xid, user_id in await self._database.read(store.news, chunk, since):
                    owner = self._owners.get(user_id)
                    for stream in owner.streams if owner is not None else ():
                        stream.hear_of(event_id, xid)
        self._compared = position


def _forget_topic(owner: Owner, topic: Topic) -> None:
    if owner.topics.get(topic.task_id) is topic:
        del owner.topics[topic.task_id]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
