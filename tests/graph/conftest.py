"""A GraphQL client over the whole application, in process, and a database that counts."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date
from typing import Any, ParamSpec, TypeVar

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from api.limit import ProcessCounter
from api.middleware import protected
from graph.application import GraphQLSettings, routes
from graph.context import Services
from tasks import models
from tasks.access import TokenService
from tasks.accounts import AccountService
from tasks.budget import BudgetService
from tasks.bus import ProcessBus
from tasks.claim import Checkpoint, Limits
from tasks.database import Call, Database, Row, Steps
from tasks.ingest import IngestService
from tasks.models import CursorState, StopReason
from tasks.operation import OperationService
from tasks.ports import Platform, PlatformState, Sleeper
from tasks.principal import ADMIN, SCOPES
from tasks.publication import PublishingDatabase
from tasks.query import QueryService
from tasks.receipt import Receipt
from tasks.resolution import ResolutionService
from tasks.schedules import ScheduleService
from tasks.service import TaskService
from tasks.statistics import StatisticsService
from tasks.store.queue import Caps
from tasks.watch import WatchService
from tasks.work import WorkService
from tests.conftest import AnyTarget
from tests.tasks.test_service import Sample

P = ParamSpec("P")
T = TypeVar("T")


class TwoPlatforms:
    """A catalogue's list: one that is open, one that is closed."""

    def platforms(self) -> Sequence[Platform]:
        """Return them."""
        known: Any = {"documentation": "https://example.org/", "read_on": date(2026, 1, 31)}
        return [
            Platform(
                name="sandbox",
                title="Sandbox",
                state=PlatformState.OPEN,
                target_help="Any word.",
                examples=["sandbox:happy"],
                has_credential=False,
                **known,
            ),
            Platform(
                name="closed",
                title="Closed",
                state=PlatformState.CLOSED,
                target_help="None.",
                examples=[],
                has_credential=False,
                closed_since=date(2024, 4, 22),
                closed_reason="It closed its API",
                **known,
            ),
        ]


def services_on(
    database: Database,
    accounts: AccountService,
    *,
    tasks: TaskService | None = None,
    bus: ProcessBus | None = None,
    caps: Caps | None = None,
) -> Services:
    """Return what the schema stands on, on one database."""
    catalogue = AnyTarget()
    return Services(
        tasks=tasks or TaskService(database, catalogue=catalogue, waker=Sleeper()),
        query=QueryService(database, caps=caps),
        tokens=TokenService(accounts),
        platforms=TwoPlatforms(),
        schedules=ScheduleService(database, catalogue=catalogue, waker=Sleeper()),
        watch=WatchService(database, bus or ProcessBus()),
        ingest=IngestService(database),
        budgets=BudgetService(database, catalogue),
        statistics=StatisticsService(database),
        operations=OperationService(database),
        resolution=ResolutionService(catalogue),
    )


class CountingDatabase(Database):
    """Passes everything on, and counts the statements."""

    def __init__(self, database: Database) -> None:
        self.dialect = database.dialect
        self._database = database
        self.statements = 0

    async def write(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Count and pass on."""
        return await self._database.write(self._counted, steps, args, kwargs)

    async def read(self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Count and pass on."""
        return await self._database.read(self._counted, steps, args, kwargs)

    async def snapshot(
        self, steps: Callable[P, Steps[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Count and pass on."""
        return await self._database.snapshot(self._counted, steps, args, kwargs)

    async def execute(self, call: Call) -> Sequence[Row]:
        """Count and pass on."""
        self.statements += 1
        return await self._database.execute(call)

    def lead(self, name: str) -> Any:
        """Pass on."""
        return self._database.lead(name)

    def session(self, *, writes: bool) -> Any:
        """Pass on, uncounted."""
        return self._database.session(writes=writes)

    async def close(self) -> None:
        """Leave the database open: whoever opened it closes it."""

    def _counted(
        self, steps: Callable[..., Steps[T]], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Steps[T]:
        inner = steps(*args, **kwargs)
        try:
            call = next(inner)
            while True:
                self.statements += 1
                call = inner.send((yield call))
        except StopIteration as end:
            return end.value


class Client:
    """Sends documents with one user's token."""

    def __init__(self, http: httpx2.AsyncClient, user: models.User) -> None:
        self.http = http
        self.user = user

    async def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the whole answer, whatever it is."""
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables})
        return answer.json()

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer without errors."""
        answer = await self.send(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def create(self, count: int = 1, **values: Any) -> list[str]:
        """Create tasks and return their global ids."""
        wish = {"groupId": "sandbox:happy", "maxPosts": 10, **values}
        data = await self.data(
            "mutation($input: CreateTasksInput!) "
            "{ createTasks(input: $input) { tasks { id } userErrors { message } } }",
            input={"tasks": [wish] * count},
        )
        assert data["createTasks"]["userErrors"] == []
        return [task["id"] for task in data["createTasks"]["tasks"]]


@pytest.fixture
def counting(database: Database) -> CountingDatabase:
    """Return the test's database, counting."""
    return CountingDatabase(database)


@pytest.fixture
def bus() -> ProcessBus:
    """Return a bus."""
    return ProcessBus()


@pytest.fixture
def service(database: Database, bus: ProcessBus) -> TaskService:
    """Return the task service, whose events go out on the bus."""
    publishing = PublishingDatabase(database, bus)
    return TaskService(publishing, catalogue=AnyTarget(), waker=Sleeper())


@pytest.fixture
def work(database: Database, bus: ProcessBus) -> WorkService:
    """Return the worker's side of the service, whose events go out on the bus."""
    return WorkService(PublishingDatabase(database, bus), waker=Sleeper(), limits=Limits())


@pytest.fixture
def services(
    counting: CountingDatabase,
    service: TaskService,
    accounts: AccountService,
    bus: ProcessBus,
) -> Services:
    """Return what the schema stands on."""
    return services_on(counting, accounts, tasks=service, bus=bus)


@pytest.fixture
def build(services: Services, accounts: AccountService) -> Callable[..., ASGIApp]:
    """Return what builds the application, given what differs of its settings."""

    def application(**settings: Any) -> ASGIApp:
        return protected(
            Starlette(routes=list(routes(services, GraphQLSettings(**settings)))),
            authenticate=accounts.authenticate,
            counter=ProcessCounter(),
        )

    return application


@pytest.fixture
def app(build: Callable[..., ASGIApp]) -> ASGIApp:
    """Return the application with its defaults."""
    return build()


@pytest.fixture
async def connect(app: ASGIApp, accounts: AccountService) -> AsyncIterator[Callable[..., Any]]:
    """Return what makes a client of a user, by e-mail address."""
    opened: list[httpx2.AsyncClient] = []

    async def connected(
        email: str, *, scopes: Sequence[str] = SCOPES, of: ASGIApp | None = None
    ) -> Client:
        known = {user.email: user for user in await accounts.users()}
        user = known.get(email) or await accounts.create_user(email)
        issued = await accounts.create_token(user.id, "client", scopes=scopes)
        http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=of or app),
            base_url="http://example.com",
            headers={"Authorization": f"Bearer {issued.token}"},
        )
        opened.append(http)
        return Client(http, user)

    yield connected
    for http in opened:
        await http.aclose()


@pytest.fixture
async def client(connect: Callable[..., Any]) -> Client:
    """Return a client of one user, who may do all but administer."""
    return await connect("ada@example.org", scopes=[s for s in SCOPES if s != ADMIN])


@pytest.fixture
async def stranger(connect: Callable[..., Any]) -> Client:
    """Return a client of another user, who may do everything."""
    return await connect("eve@example.org")


class Worker:
    """Takes tasks to their end, as a worker does."""

    def __init__(self, work: WorkService) -> None:
        self._work = work

    async def complete(self, posts: Sequence[Sample] = ()) -> models.Task:
        """Complete the next task with these posts."""
        claim = await self._work.claim("worker-1")
        assert claim is not None
        await self._work.start(claim)
        checkpoint = Checkpoint(
            cursor_state=CursorState.EXHAUSTED,
            cursor=None,
            posts_count=len(posts),
            receipt=Receipt(requested=claim.task.max_posts, collected=len(posts)).ended(
                StopReason.END_OF_SOURCE
            ),
        )
        return await self._work.complete(claim, checkpoint, posts, StopReason.END_OF_SOURCE)


@pytest.fixture
def worker(work: WorkService) -> Worker:
    """Return a worker."""
    return Worker(work)
