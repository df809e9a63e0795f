"""A REST client over the whole application, in process, and tasks in every status."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from api import docs, rest
from api.limit import Counter, ProcessCounter
from api.middleware import protected
from api.pages import Site
from api.session import SessionKeys
from tasks import models
from tasks.accounts import AccountService
from tasks.claim import Checkpoint, Claim
from tasks.database import Database
from tasks.errors import PlatformMissing, PlatformUnknown, SourceClosed
from tasks.export import ExportService
from tasks.ingest import IngestService
from tasks.models import CursorState, StopReason
from tasks.ports import Sleeper, Target
from tasks.receipt import Receipt
from tasks.service import TaskService
from tasks.work import WorkService

#: As in the document, where a bare id stands for a platform that the operator has chosen.
GROUP_ID = "123456789"
ADDRESS = "http://example.com"
SITE = Site(SessionKeys("secret"), values={"version": "1", "graphiql": True, "sign_up": True})


NOT_FOUND = {"status": "error", "message": "Task not found"}
LISTED_KEYS = [
    "id",
    "group_id",
    "group_name",
    "max_posts",
    "priority",
    "status",
    "created_at",
    "has_result",
    "posts_count",
]
CREATED_KEYS = LISTED_KEYS[:7]


class DocumentedCatalogue:
    """Takes bare ids, as with a default platform set, but for three that lead nowhere."""

    def resolve(self, group_id: str) -> Target:
        """Split at the first colon."""
        if group_id == "bare":
            raise PlatformMissing("Set SLUICE_DEFAULT_PLATFORM to use a bare group id.")
        platform, colon, target = group_id.partition(":")
        if platform == "mastodn":
            raise PlatformUnknown("There is no platform mastodn; did you mean mastodon?")
        if platform == "facebook":
            raise SourceClosed("Facebook closed its groups API; use push instead.")
        return Target(platform, target) if colon else Target("sandbox", group_id)


@pytest.fixture
def service(database: Database) -> TaskService:
    """Return the task service over the documented catalogue."""
    return TaskService(database, catalogue=DocumentedCatalogue(), waker=Sleeper())


@pytest.fixture
def build(
    database: Database, service: TaskService, accounts: AccountService
) -> Callable[..., ASGIApp]:
    """Return what builds the application, given what differs of its settings."""
    posts = rest.Posts(IngestService(database))
    exports = rest.Exports(ExportService(database))

    def application(
        *, counter: Counter | None = None, limit: int = 100_000, **settings: Any
    ) -> ASGIApp:
        return protected(
            Starlette(
                routes=[
                    *docs.routes(SITE),
                    *SITE.assets.routes(),
                    *rest.routes(service, posts=posts, exports=exports),
                ]
            ),
            authenticate=accounts.authenticate,
            counter=counter or ProcessCounter(),
            limit=limit,
            **settings,
        )

    return application


@pytest.fixture
def app(build: Callable[..., ASGIApp]) -> ASGIApp:
    """Return the application with its defaults."""
    return build()


def client_of(app: ASGIApp, token: str | None = None, **more: Any) -> httpx2.AsyncClient:
    """Return a client that carries the token."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=app, **more)
    return httpx2.AsyncClient(transport=transport, base_url=ADDRESS, headers=headers)


@pytest.fixture
async def token(accounts: AccountService, user: models.User) -> str:
    """Return a token of the user with the default scopes."""
    return (await accounts.create_token(user.id, "client")).token


@pytest.fixture
async def client(app: ASGIApp, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Return the user's client."""
    async with client_of(app, token) as opened:
        yield opened


@pytest.fixture
async def stranger(app: ASGIApp, accounts: AccountService) -> AsyncIterator[httpx2.AsyncClient]:
    """Return another user's client."""
    other = await accounts.create_user("eve@example.org")
    issued = await accounts.create_token(other.id, "client")
    async with client_of(app, issued.token) as opened:
        yield opened


@pytest.fixture
async def anonymous(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client without a token."""
    async with client_of(app) as opened:
        yield opened


async def create(client: httpx2.AsyncClient, **fields: Any) -> int:
    """Create a task and return its id."""
    body = {"group_id": GROUP_ID, "max_posts": 100, **fields}
    answer = await client.post("/api/tasks", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A post as a source gives it."""

    id: str
    message: str | None = None
    author: str | None = None
    url: str | None = None
    created_time: datetime | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None


class Worker:
    """Takes tasks through their statuses, as a worker does."""

    def __init__(self, work: WorkService) -> None:
        self._work = work

    async def assign(self) -> Claim:
        """Claim the next task."""
        claim = await self._work.claim("worker-1")
        assert claim is not None
        return claim

    async def start(self) -> Claim:
        """Claim the next task and ask for its first page."""
        claim = await self.assign()
        await self._work.start(claim)
        return claim

    async def complete(self, posts: int = 1) -> models.Task:
        """Complete the next task, with posts as sources bring them."""
        return await self.complete_with([post(number) for number in range(posts)])

    async def complete_with(self, collected: Sequence[Sample]) -> models.Task:
        """Complete the next task with these posts."""
        claim = await self.start()
        checkpoint = self._checkpoint(claim, len(collected))
        return await self._work.complete(claim, checkpoint, collected, StopReason.END_OF_SOURCE)

    async def fail(self, posts: int = 1) -> models.Task:
        """Fail the next task, after a page of posts."""
        claim = await self.start()
        checkpoint = self._checkpoint(claim, posts)
        await self._work.record(claim, checkpoint, [post(number) for number in range(posts)])
        return await self._work.fail(
            claim, checkpoint, error_code="SOURCE_PRIVATE", error_message="It is private."
        )

    @staticmethod
    def _checkpoint(claim: Claim, posts: int) -> Checkpoint:
        return Checkpoint(
            cursor_state=CursorState.EXHAUSTED,
            cursor=None,
            posts_count=posts,
            receipt=Receipt.of(claim.task.receipt, requested=claim.task.max_posts),
        )


@pytest.fixture
def worker(work: WorkService) -> Worker:
    """Return a worker."""
    return Worker(work)


def post(number: int) -> Sample:
    """Return a post; the second one is all but empty."""
    if number == 1:
        return Sample(id="post_1")
    return Sample(
        id=f"post_{number}",
        message="Sample post content",
        author="John Doe",
        created_time=datetime(2024, 1, 1, 9, tzinfo=UTC) - timedelta(hours=number),
        likes=25,
        comments=5,
        shares=2,
    )


def assert_invalid(answer: httpx2.Response, errors: dict[str, list[str]]) -> None:
    """Check the documented validation envelope."""
    expected = {"status": "error", "message": "Validation failed", "errors": errors}
    assert (answer.status_code, answer.json()) == (422, expected)


async def ids(client: httpx2.AsyncClient, **params: Any) -> list[int]:
    """List the ids of a page."""
    answer = await client.get("/api/tasks", params=params)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["data"]]
